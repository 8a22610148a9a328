"""Neural Cleanse (Wang et al., IEEE S&P 2019) as one stage, judged against reference models instead of "MAD > 2".

For each class the smallest trigger that sends images there is searched; a backdoor shows as a class whose trigger is
far smaller than those of comparable models, and which also works on images that the search never saw.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import TypeVar

from torch import Tensor, nn

from compliance.types.canonical import digest_of
from compliance.types.drafts import JSON, StageReport
from scanning.detectors.base import Confirmation, Measurement, ScanContext, SeedScores, medians
from scanning.detectors.chance_triggers import most_by_chance
from scanning.detectors.folding import prepare_for_search
from scanning.detectors.inversion import InversionSettings, flips
from scanning.detectors.inversion_checks import SPLIT_SEED, Part, accuracy, runnable, split_images
from scanning.detectors.inversion_rounds import Found, invert
from scanning.detectors.judging import examined
from scanning.detectors.png import png_base64
from scanning.detectors.provenance import tensors_sha256
from scanning.detectors.side_by_side import side_by_side
from scanning.detectors.stats import clopper_pearson

_PICTURE_SIDE = 224
_FEW_CLASSES = 4
T = TypeVar("T")

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
    """Parameters of the stage. images: how many of the given images the search may use; confirming: how many of the
    rest, at most, try the recovered trigger."""

    settings: InversionSettings = field(default_factory=InversionSettings)
    images: int = 300
    confirming: int = 1000
    name: str = "neural_cleanse"
    version: str = "2"

    @property
    def settings_digest(self) -> str:
        """Names what must be equal for mask norms to be compared."""
        return digest_of({"version": self.version, "images": self.images, **asdict(self.settings)})

    @property
    def needs_images(self) -> bool:
        """Masks depend on the images that they are searched on."""
        return True

    @property
    def limits(self) -> tuple[str, ...]:
        """What it cannot see, in sentences."""
        return LIMITS

    def examine(self, context: ScanContext) -> StageReport:
        """Search, confirm, compare, decide: see `judging`."""
        return examined(self, context)

    def measure(self, context: ScanContext) -> Measurement:
        """Search all classes once with each seed on one part of the images, and try the smallest trigger on the others.

        A class's score is -log of its mask's L1 norm. Raises NotApplicableError or UnreliableError.
        """
        started = time.process_time()
        classifier, images = runnable(context)
        search, held_out = split_images(images, self.images)
        search = search.first(self.images, device=context.device)
        held_out = held_out.first(self.confirming, device=context.device)
        right = _alone(lambda: accuracy(classifier, held_out))
        found = invert(
            prepare_for_search(classifier.logits), search.pixels, classifier.classes, settings=self.settings,
            seeds=context.seeds, threads=context.threads, on_progress=context.on_progress,
        )  # fmt: skip
        runs = tuple(SeedScores(seed=row.seed, scores=row.scores) for row in found)
        measured = Measurement(runs=runs, words="no trigger worked for any class")
        facts = self._facts(found, measured.top) | {
            "accuracy": {"correct": right, "images": len(held_out.labels)},
            "split": {"seed": SPLIT_SEED, "searched": len(search.labels), "held_out": len(held_out.labels)},
        }
        confirmation, pictures = None, {}
        if (top := measured.top) is not None:
            trigger = typical(found, top)
            confirmation = _alone(lambda: _confirmed(classifier.logits, held_out, trigger, top))
            facts |= {"held_out": _held_out(confirmation), "trigger_sha256": tensors_sha256(*trigger)}
            pictures = _pictures(*trigger)
        facts |= {"cpu_seconds": round(time.process_time() - started, 2)}
        words = _words(facts["smallest_norm"], classifier.classes)
        return Measurement(runs=runs, words=words, confirmation=confirmation, facts=facts, images=pictures)

    def _facts(self, found: tuple[Found, ...], top: int | None) -> JSON:
        """Raw figures: medians over the seeds, and each seed's own."""
        norms = medians(tuple(SeedScores(seed=row.seed, scores=row.norms) for row in found))
        return {
            "norms": list(norms),
            "first_ranked_class": top,
            "smallest_norm": None if top is None else norms[top],
            "held_out": None,
            "steps": [int(median(steps)) for steps in zip(*(row.search.steps.tolist() for row in found), strict=True)],
            "image_passes": sum(row.passes for row in found),
            "precision": self.settings.precision,
            "seeds": [
                {
                    "seed": row.seed,
                    "norms": list(row.norms),
                    "steps": row.search.steps.tolist(),
                    "budgets": list(row.budgets),
                    "image_passes": row.passes,
                }
                for row in found
            ],
        }


def typical(found: tuple[Found, ...], label: int) -> tuple[Tensor, Tensor]:
    """The trigger (mask [1, H, W], pattern [C, H, W]) of a class from the seed whose mask norm is the middle one."""
    worked = sorted((norm, place) for place, row in enumerate(found) if (norm := row.norms[label]) is not None)
    search = found[worked[(len(worked) - 1) // 2][1]].search
    return search.best_mask[label], search.best_pattern[label]


def _alone(job: Callable[[], T]) -> T:
    """Result of a job on one thread, whatever the number that the process may use: its sums stay the same."""
    return side_by_side([job], threads=1)[0]


def _confirmed(model: nn.Module, held_out: Part, trigger: tuple[Tensor, Tensor], label: int) -> Confirmation:
    """The trigger, and triggers of its size, on images that the search never saw."""
    pixels, labels = held_out.pixels, held_out.labels
    flipped, tried = flips(model, pixels, labels, trigger, label)
    return Confirmation(flipped=flipped, tried=tried, by_chance=most_by_chance(model, pixels, labels, trigger, label))


def _held_out(confirmation: Confirmation) -> JSON:
    return {
        "flipped": confirmation.flipped,
        "tried": confirmation.tried,
        "by_chance": confirmation.by_chance,
        "flip_rate": confirmation.rate if confirmation.tried else None,
        "interval_95": list(clopper_pearson(confirmation.flipped, confirmation.tried)),
    }


def _words(norm: float | None, classes: int) -> str:
    if norm is None:
        return "no trigger worked for any class"
    said = f"mask norm {norm:.1f} pixels"
    if classes < _FEW_CLASSES:
        return f"{said}, and with {classes} classes only reference models can say whether that is little"
    return said


def _pictures(mask: Tensor, pattern: Tensor) -> dict[str, str]:
    """The recovered trigger: how much of each pixel it takes, in which colours, and both together."""
    if pattern.shape[0] not in (1, 3):
        pattern = pattern.mean(dim=0, keepdim=True)
    scale = max(1, _PICTURE_SIDE // mask.shape[-1])
    shown = {"trigger_mask": mask, "trigger_pattern": pattern, "trigger": mask * pattern}
    return {name: png_base64(value.float().cpu().numpy(), scale=scale) for name, value in shown.items()}
