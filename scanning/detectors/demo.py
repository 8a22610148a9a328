"""The demonstration set: a backdoored model, its twin trained without poison, and a bank of references.

Everything is cached: the bank by a digest of how it was made, the models by seed, so a second run only reads files.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import torch

from compliance.types.canonical import canonical_json, digest_of
from compliance.types.drafts import JSON
from compliance.types.verdicts import StageVerdict
from scanning.detectors.base import OnProgress, ignore_progress
from scanning.detectors.heldout import LabelledImages, load_images, save_images
from scanning.detectors.inversion_rule import Measured, Power, decide
from scanning.detectors.loading import file_sha256, load_model
from scanning.detectors.mnist import CLASSES, read_mnist, split_mnist
from scanning.detectors.neural_cleanse import NeuralCleanse, finite, peak_memory
from scanning.detectors.planting import Patch, Training, measured, poison, recipe, save_model, train
from scanning.detectors.references import Reference, ReferenceBank, read_bank, write_bank
from scanning.detectors.scan import settle
from scanning.detectors.side_by_side import side_by_side

_REFERENCE_SEED = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSettings:
    """How the set is made. references: models trained without a patch; planted: models that measure the power."""

    patch: Patch = field(default_factory=Patch)
    training: Training = field(default_factory=Training)
    detector: NeuralCleanse = field(default_factory=NeuralCleanse)
    references: int = 9
    planted: int = 3

    def digest(self, images: LabelledImages) -> str:
        """Names everything that the bank's numbers depend on."""
        return digest_of({
            "recipe": recipe(self.patch, self.training),
            "search": self.detector.settings_digest,
            "thresholds": asdict(self.detector.thresholds),
            "references": self.references,
            "planted": self.planted,
            "images": images.sha256,
            "torch": torch.__version__,
        })  # fmt: skip


def train_demo(
    folder: Path,
    wheel: Path,
    *,
    seed: int,
    threads: int,
    settings: DemoSettings | None = None,
    on_progress: OnProgress = ignore_progress,
) -> JSON:
    """Make or read the whole set in `folder` from the cached wheel (see mnist.fetch_mnist). Raises BadInputError.

    Gives paths and SHA-256 of the models, held-out images, training images and bank, with what was measured of each.
    """
    started, settings = time.perf_counter(), settings or DemoSettings()
    settle(threads)
    folder.mkdir(parents=True, exist_ok=True)
    training, held_out = split_mnist(read_mnist(wheel))
    images = _held_out(held_out, folder / "held-out.npz")
    bank = build_bank(folder, training, images, settings=settings, threads=threads, on_progress=on_progress)
    models = _pair(folder, training, images, seed=seed, settings=settings, threads=threads, on_progress=on_progress)
    return {
        **models,
        "held_out": {"path": str(folder / "held-out.npz"), **images.describe()},
        "bank": bank,
        "patch": {**asdict(settings.patch), "words": settings.patch.describe()},
        "seed": seed,
        "seconds": round(time.perf_counter() - started, 3),
        "peak_memory_bytes": peak_memory(),
    }  # fmt: skip


def build_bank(
    folder: Path,
    training: LabelledImages,
    held_out: LabelledImages,
    *,
    settings: DemoSettings,
    threads: int,
    on_progress: OnProgress = ignore_progress,
) -> JSON:
    """Train and search the references and the planted models, unless a bank made alike is there already."""
    place = folder / f"references-{settings.digest(held_out)[:16]}"
    path = place / "bank.json"
    if path.is_file():
        return {**_bank_facts(path), "cached": True, "seconds": 0.0}
    place.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    kinds: list[Patch | None] = [None] * settings.references
    kinds += [replace(settings.patch, target=place % CLASSES) for place in range(settings.planted)]

    def job(number: int, patch: Patch | None) -> Callable[[], tuple[Reference, Measured]]:
        return lambda: _known_model(place, training, held_out, patch=patch, number=number, settings=settings)

    made = side_by_side(
        [job(number, patch) for number, patch in enumerate(kinds)],
        threads=threads, stage="training and searching reference models", on_progress=on_progress,
    )  # fmt: skip
    rows, planted = [row for row, _ in made[: settings.references]], made[settings.references :]
    smallest = tuple(row.smallest for row in rows)
    patches = [patch for patch in kinds if patch is not None]
    bank = ReferenceBank(
        settings_digest=settings.detector.settings_digest,
        images_sha256=held_out.sha256,
        architecture_digest=load_model(place / made[0][0].name).architecture_digest,
        references=tuple(rows),
        power=_power(settings, smallest, [measured for _, measured in planted], patches),
        planted=tuple(row for row, _ in planted),
    )
    partial = place / "bank.partial"
    write_bank(bank, partial)
    partial.replace(path)
    return {**_bank_facts(path), "cached": False, "seconds": round(time.perf_counter() - started, 3)}


def is_found(measured: Measured, references: tuple[float, ...], detector: NeuralCleanse, target: int) -> bool:
    """Whether the rule finds a known backdoor, with its true class first."""
    decision = decide(replace(measured, references=references), detector.thresholds)
    return decision.verdict is StageVerdict.EVIDENCE_FOUND and measured.top == target


def _power(
    settings: DemoSettings, references: tuple[float, ...], planted: list[Measured], patches: list[Patch]
) -> Power | None:
    if not planted:
        return None
    pairs = zip(planted, patches, strict=True)
    found = sum(is_found(measured, references, settings.detector, patch.target) for measured, patch in pairs)
    return Power(attack=settings.patch.describe(), planted=len(planted), found=found)


def _known_model(
    place: Path,
    training: LabelledImages,
    held_out: LabelledImages,
    *,
    patch: Patch | None,
    number: int,
    settings: DemoSettings,
) -> tuple[Reference, Measured]:
    seed = _REFERENCE_SEED + number
    path = place / f"{'reference' if patch is None else 'planted'}-{number:02d}.safetensors"
    trained = train(training, held_out, patch=patch, seed=seed, settings=settings.training)
    save_model(trained, path)
    return settings.detector.known(load_model(path), held_out, seed=seed)


def _pair(
    folder: Path,
    training: LabelledImages,
    held_out: LabelledImages,
    *,
    seed: int,
    settings: DemoSettings,
    threads: int,
    on_progress: OnProgress,
) -> JSON:
    """The backdoored model and its twin: same seed, same images, with and without the patch."""
    key = digest_of({"recipe": recipe(settings.patch, settings.training), "seed": seed, "images": training.sha256})
    place = folder / f"pair-{key[:16]}"
    summary = place / "summary.json"
    kinds: dict[str, Patch | None] = {"backdoored": settings.patch, "twin": None}
    if not summary.is_file():
        place.mkdir(parents=True, exist_ok=True)

        def job(name: str, patch: Patch | None) -> Callable[[], JSON]:
            return lambda: _train_one(place, name, training, held_out, patch=patch, seed=seed, settings=settings)

        made = side_by_side(
            [job(name, patch) for name, patch in kinds.items()],
            threads=threads, stage="training the backdoored model and its twin", on_progress=on_progress,
        )  # fmt: skip
        partial = place / "summary.partial"
        partial.write_bytes(canonical_json(dict(zip(kinds, made, strict=True))))
        partial.replace(summary)
    facts: JSON = json.loads(summary.read_bytes())
    return {name: _located(place, name, facts[name]) for name in kinds}


def _train_one(
    place: Path,
    name: str,
    training: LabelledImages,
    held_out: LabelledImages,
    *,
    patch: Patch | None,
    seed: int,
    settings: DemoSettings,
) -> JSON:
    started = time.perf_counter()
    trained = train(training, held_out, patch=patch, seed=seed, settings=settings.training)
    save_model(trained, place / f"{name}.safetensors")
    images, labels = poison(training, patch, seed=seed)
    save_images(replace(training, images=images.numpy(), labels=labels.numpy()), place / f"{name}-training.npz")
    return {**measured(trained), "seconds": round(time.perf_counter() - started, 3)}


def _located(place: Path, name: str, facts: JSON) -> JSON:
    model, images = place / f"{name}.safetensors", place / f"{name}-training.npz"
    return {
        **facts,
        "path": str(model),
        "sha256": file_sha256(model),
        "training": {"path": str(images), "sha256": file_sha256(images)},
    }


def _held_out(images: LabelledImages, path: Path) -> LabelledImages:
    """Write the held-out images once and read them back as a scan would."""
    if not path.is_file():
        partial = path.with_name("held-out.partial.npz")
        save_images(images, partial)
        partial.replace(path)
    return load_images(path)


def _bank_facts(path: Path) -> JSON:
    bank, digest = read_bank(path)
    power = None if bank.power is None else asdict(bank.power)
    return {
        "path": str(path),
        "sha256": digest,
        "references": [{"name": row.name, "smallest_norm": finite(row.smallest)} for row in bank.references],
        "planted": [{"name": row.name, "smallest_norm": finite(row.smallest)} for row in bank.planted],
        "power": power,
    }
