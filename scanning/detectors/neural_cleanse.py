"""Neural Cleanse (Wang et al., IEEE S&P 2019) as one stage, judged against reference models instead of "MAD > 2".

For each class the smallest trigger that sends images there is searched; a backdoor shows as a class whose trigger is
far smaller than those of comparable models, and which also works on images that the search never saw.
"""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace

import numpy as np
import torch
from torch import Tensor

from compliance.types.canonical import digest_of
from compliance.types.drafts import JSON, StageReport
from compliance.types.errors import BadInputError
from compliance.types.verdicts import StageVerdict
from scanning.detectors.base import OnProgress, ScanContext, at_once, ignore_progress
from scanning.detectors.classifier import Classifier, NotAClassifierError, as_classifier, correct
from scanning.detectors.heldout import LabelledImages
from scanning.detectors.inversion import Inversion, InversionSettings, flips, invert, merge
from scanning.detectors.inversion_rule import Measured, Thresholds, decide
from scanning.detectors.loading import LoadedModel, load_model
from scanning.detectors.png import png_base64
from scanning.detectors.references import Reference, ReferenceBank, read_bank
from scanning.detectors.registry import entry_of
from scanning.detectors.side_by_side import shared_progress, side_by_side
from scanning.detectors.stats import clopper_pearson, conformal_p, resolution

_SPLIT_SEED = 20_190_519
_FEWEST_IMAGES = 60
_PICTURE_SIDE = 224

LIMITS = (
    (
        "The search looks for one small, fixed patch that sends any image to one class. Large, blended, warped or "
        "image-dependent triggers, triggers for chosen source classes only, and several targets at once can escape it."
    ),
    (
        "A model without a planted backdoor can have a naturally small trigger; a positive says that a small working "
        "trigger exists, not who put it there."
    ),
    "The result holds for the images and the reference models named here, and for this search with these settings.",
    "It says nothing of changes to the model's architecture or of code hidden in the file.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NeuralCleanse:
    """Parameters of the stage. images: how many of the given images the search may use; the rest confirm the trigger."""

    settings: InversionSettings = field(default_factory=InversionSettings)
    thresholds: Thresholds = field(default_factory=Thresholds)
    images: int = 300
    name: str = "neural_cleanse"
    version: str = "1"

    @property
    def settings_digest(self) -> str:
        """Names what must be equal for norms to be compared."""
        return digest_of({"version": self.version, "images": self.images, **asdict(self.settings)})

    def examine(self, context: ScanContext) -> StageReport:
        """Search, confirm, compare, decide. See `decide` for the rule."""
        started = time.perf_counter()
        if context.model.module is None:
            return self._not_applicable(context, context.model.not_runnable)
        if context.images is None:
            return self._not_applicable(context, "No labelled images were handed in, and this search needs some.")
        if len(context.images.labels) < _FEWEST_IMAGES:
            return self._not_applicable(context, f"Fewer than {_FEWEST_IMAGES} labelled images were handed in.")
        try:
            classifier = as_classifier(context.model.module, torch.from_numpy(context.images.images))
        except NotAClassifierError as error:
            return self._not_applicable(context, f"The search cannot run on this model: {error}.")
        if context.images.labels.max() >= classifier.classes:
            reason = (
                f"The images have labels up to {context.images.labels.max()}, the model {classifier.classes} classes."
            )
            return self._not_applicable(context, reason)
        bank, bank_facts = self._bank(context, classifier)
        report = self._search(context, classifier, bank, bank_facts)
        return replace(report, seconds=round(time.perf_counter() - started, 3), peak_memory_bytes=peak_memory())

    def known(self, model: LoadedModel, images: LabelledImages, *, seed: int) -> tuple[Reference, Measured]:
        """Search a model of known making alike, for a bank. Raises NotAClassifierError."""
        assert model.module is not None, "a known model is one that runs"
        classifier = as_classifier(model.module, torch.from_numpy(images.images))
        measured, found = self.measure(classifier, images, None, seed=seed)
        norms = tuple(map(finite, found.norms.tolist()))
        return Reference(name=model.name, sha256=model.sha256, norms=norms), measured

    def _reference(self, model: LoadedModel, images: LabelledImages, *, seed: int) -> Reference:
        try:
            return self.known(model, images, seed=seed)[0]
        except NotAClassifierError as error:
            raise BadInputError(f"{model.name}: cannot serve as a reference model, because {error}")

    def measure(
        self, classifier: Classifier, images: LabelledImages, bank: ReferenceBank | None, *, seed: int,
        threads: int = 1, on_progress: OnProgress = ignore_progress,
    ) -> tuple[Measured, Inversion]:  # fmt: skip
        """Search all classes on one part of the images and try the first-ranked trigger on the other part."""
        search, held_out = split_images(images, self.images)
        found = self._invert(classifier, search, seed=seed, threads=threads, on_progress=on_progress)
        norms = tuple(float(norm) for norm in found.norms.tolist())
        top = min(range(len(norms)), key=norms.__getitem__)
        flipped, tried = flips(classifier.logits, held_out.pixels, held_out.labels, found, top, top)
        measured = Measured(
            norms=norms,
            flipped=flipped,
            tried=tried,
            correct=correct(classifier.logits, held_out.pixels, held_out.labels),
            images=len(held_out.labels),
            references=() if bank is None else bank.smallest,
            power=None if bank is None else bank.power,
        )
        return measured, found

    def _invert(
        self, classifier: Classifier, search: Part, *, seed: int, threads: int, on_progress: OnProgress
    ) -> Inversion:
        """Search all classes, dealt out to as many threads as there are, and to more where memory asks for it."""
        fit = max(1, at_once(tuple(search.pixels.shape[1:])) // self.settings.batch)
        count = min(classifier.classes, max(threads, -(-classifier.classes // fit)))
        hands = [tuple(range(first, classifier.classes, count)) for first in range(count)]

        def job(labels: tuple[int, ...], report: OnProgress) -> Callable[[], Inversion]:
            return lambda: invert(
                classifier.logits, search.pixels, classifier.classes,
                settings=self.settings, seed=seed, only=labels, on_progress=report,
            )  # fmt: skip

        jobs = [job(*pair) for pair in zip(hands, shared_progress(on_progress, len(hands)), strict=True)]
        parts = [jobs[0]()] if len(jobs) == 1 else side_by_side(jobs, threads=threads)
        return merge(list(zip(hands, parts, strict=True)))

    def _search(
        self, context: ScanContext, classifier: Classifier, bank: ReferenceBank | None, bank_facts: JSON
    ) -> StageReport:
        assert context.images is not None
        measured, found = self.measure(
            classifier,
            context.images,
            bank,
            seed=context.seed,
            threads=context.threads,
            on_progress=context.on_progress,
        )
        decision = decide(measured, self.thresholds)
        statement = decision.statement
        if reason := bank_facts.get("not_used", ""):
            statement = f"{statement} References were handed in, but {reason}."
        return self._report(
            context, decision.verdict, statement,
            facts={**_facts(measured, found, context.seed), "reference_bank": bank_facts},
            images={} if math.isinf(measured.norms[measured.top]) else _pictures(found, measured.top),
        )  # fmt: skip

    def _bank(self, context: ScanContext, classifier: Classifier) -> tuple[ReferenceBank | None, JSON]:
        """The comparable references, and what is to be recorded of them."""
        if not context.references:
            return None, {}
        assert context.images is not None
        if len(context.references) == 1 and context.references[0].suffix == ".json":
            bank, digest = read_bank(context.references[0])
        else:
            bank, digest = self._bank_of_models(context), ""
        facts: JSON = {"name": context.references[0].name if digest else "", "sha256": digest}
        if context.model.sha256 in {reference.sha256 for reference in bank.references}:
            return None, {**facts, "not_used": "the model under test is itself among the references"}
        different = bank.difference(
            settings_digest=self.settings_digest,
            images_sha256=context.images.sha256,
            architecture_digest=context.model.architecture_digest,
        )
        if different:
            return None, {**facts, "not_used": different}
        return bank, {**facts, **_bank_facts(bank)}

    def _bank_of_models(self, context: ScanContext) -> ReferenceBank:
        """Search reference models now, as many at a time as there are threads."""
        assert context.images is not None
        images = context.images
        named = context.model.architecture if context.model.format != "onnx" else None
        models = [load_model(path, architecture=named) for path in context.references]
        first = models[0].architecture_digest
        alike = all(model.architecture_digest == first and model.module is not None for model in models)

        def search(model: LoadedModel) -> Callable[[], Reference]:
            return lambda: self._reference(model, images, seed=context.seed)

        done = side_by_side(
            [search(model) for model in models] if alike else [],
            threads=context.threads, stage="reference models", on_progress=context.on_progress,
        )  # fmt: skip
        return ReferenceBank(
            settings_digest=self.settings_digest,
            images_sha256=images.sha256,
            architecture_digest=first if alike else "",
            references=tuple(done),
        )

    def _not_applicable(self, context: ScanContext, reason: str) -> StageReport:
        return self._report(context, StageVerdict.NOT_APPLICABLE, reason, facts={}, images={})

    def _report(
        self, context: ScanContext, verdict: StageVerdict, statement: str, *, facts: JSON, images: dict[str, str]
    ) -> StageReport:
        parameters = {**asdict(self), "seed": context.seed, "threads": context.threads, "repr": repr(self)}
        return StageReport(
            detector=self.name, detector_version=self.version, parameters=parameters, verdict=verdict,
            statement=statement, speaks_to=entry_of(self.name).speaks_to, limits=LIMITS, facts=facts, images=images,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the images: pixels [N, C, H, W], labels [N]."""

    pixels: Tensor
    labels: Tensor


def split_images(images: LabelledImages, wanted: int) -> tuple[Part, Part]:
    """(search, held-out): a fixed draw, the same for a model and its references; at most half go to the search."""
    count = min(wanted, len(images.labels) // 2)
    order = np.random.default_rng(_SPLIT_SEED).permutation(len(images.labels))
    pixels, labels = torch.from_numpy(images.images), torch.from_numpy(images.labels)
    first, second = torch.from_numpy(order[:count]), torch.from_numpy(order[count:])
    return Part(pixels[first], labels[first]), Part(pixels[second], labels[second])


def finite(value: float) -> float | None:
    """JSON has no infinity: None stands for "no trigger worked"."""
    return value if math.isfinite(value) else None


def peak_memory() -> int:
    """Largest resident size of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _facts(measured: Measured, found: Inversion, seed: int) -> JSON:
    """Raw statistics, JSON-shaped."""
    smallest = measured.norms[measured.top]
    lower, upper = clopper_pearson(measured.flipped, measured.tried)
    count = len(measured.references)
    comparable = count > 0 and math.isfinite(smallest)
    return {
        "norms": [finite(norm) for norm in measured.norms],
        "first_ranked_class": measured.top,
        "smallest_norm": finite(smallest),
        "held_out": {
            "flipped": measured.flipped,
            "tried": measured.tried,
            "flip_rate": measured.flipped / measured.tried if measured.tried else None,
            "interval_95": [lower, upper],
        },
        "accuracy": {"correct": measured.correct, "images": measured.images},
        "references": count,
        "reference_smallest_norms": [finite(norm) for norm in measured.references],
        "p_value": conformal_p(smallest, measured.references) if comparable else None,
        "p_value_resolution": resolution(count) if count else None,
        "steps": [int(steps) for steps in found.steps.tolist()],
        "image_passes": found.passes,
        "seed": seed,
    }


def _bank_facts(bank: ReferenceBank) -> JSON:
    facts: JSON = {
        "references": [
            {"name": row.name, "sha256": row.sha256, "smallest_norm": finite(row.smallest)} for row in bank.references
        ]
    }
    if bank.power is not None:
        lower, upper = clopper_pearson(bank.power.found, bank.power.planted)
        facts["power"] = {**asdict(bank.power), "interval_95": [lower, upper]}
    return facts


def _pictures(found: Inversion, row: int) -> dict[str, str]:
    """The recovered trigger: how much of each pixel it takes, in which colours, and both together."""
    mask, pattern = found.masks[row], found.patterns[row]
    if pattern.shape[0] not in (1, 3):
        pattern = pattern.mean(dim=0, keepdim=True)
    scale = max(1, _PICTURE_SIDE // mask.shape[-1])
    shown = {"trigger_mask": mask, "trigger_pattern": pattern, "trigger": mask * pattern}
    return {name: png_base64(value.to(torch.float32).numpy(), scale=scale) for name, value in shown.items()}
