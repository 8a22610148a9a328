"""The demonstration set: a backdoored model and its twin trained without poison, judged beside the bank that ships for
their family. Cached by a digest of how it was made, so a second run only reads files.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from compliance.types.canonical import canonical_json
from compliance.types.drafts import JSON
from compliance.types.errors import BadInputError
from scanning.detectors.architectures import SMALL_CNN
from scanning.detectors.attacks import Patch
from scanning.detectors.banks import FOLDER
from scanning.detectors.base import OnProgress, ignore_progress
from scanning.detectors.heldout import LabelledImages, load_images, save_images
from scanning.detectors.judging import peak_memory
from scanning.detectors.loading import file_sha256
from scanning.detectors.mnist import read_mnist, split_mnist
from scanning.detectors.planting import Recipe, Training, measured, poisoned, save_model, train
from scanning.detectors.references import read_bank
from scanning.detectors.scan import settle
from scanning.detectors.side_by_side import side_by_side

BANK = FOLDER / "mnist-small-cnn.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoSettings:
    """How the pair is made."""

    patch: Patch = field(default_factory=Patch)
    training: Training = field(default_factory=Training)


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
    images = held_out_images(held_out, folder / "held-out.npz")
    bank, bank_sha256 = read_bank(BANK)
    if bank.family.images_sha256 != images.sha256:
        raise BadInputError(f"{BANK.name} was measured with other images than the demonstration's; build it anew")
    models = _pair(folder, training, images, seed=seed, settings=settings, threads=threads, on_progress=on_progress)
    return {
        **models,
        "held_out": {"path": str(folder / "held-out.npz"), **images.describe()},
        "bank": {"path": str(BANK), "sha256": bank_sha256, "references": len(bank.references)},
        "patch": {**asdict(settings.patch), "words": settings.patch.describe()},
        "seed": seed,
        "seconds": round(time.perf_counter() - started, 3),
        "peak_memory_bytes": peak_memory(),
    }  # fmt: skip


def held_out_images(images: LabelledImages, path: Path) -> LabelledImages:
    """Write images once and read them back as a scan would."""
    if not path.is_file():
        partial = path.with_name(f"{path.stem}.partial.npz")
        save_images(images, partial)
        partial.replace(path)
    return load_images(path)


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
    twin = Recipe(architecture=SMALL_CNN, images_sha256=training.sha256, training=settings.training, seed=seed)
    kinds = {"backdoored": replace(twin, attack=settings.patch), "twin": twin}
    place = folder / f"pair-{kinds['backdoored'].digest[:16]}"
    summary = place / "summary.json"
    if not summary.is_file():
        place.mkdir(parents=True, exist_ok=True)

        def job(name: str, recipe: Recipe) -> Callable[[], JSON]:
            return lambda: _train_one(place, name, training, held_out, recipe)

        made = side_by_side(
            [job(name, recipe) for name, recipe in kinds.items()],
            threads=threads, stage="training the backdoored model and its twin", on_progress=on_progress,
        )  # fmt: skip
        partial = place / "summary.partial"
        partial.write_bytes(canonical_json(dict(zip(kinds, made, strict=True))))
        partial.replace(summary)
    facts: JSON = json.loads(summary.read_bytes())
    return {name: _located(place, name, facts[name]) for name in kinds}


def _train_one(place: Path, name: str, training: LabelledImages, held_out: LabelledImages, recipe: Recipe) -> JSON:
    started = time.perf_counter()
    trained = train(training, held_out, recipe)
    save_model(trained.module, place / f"{name}.safetensors", architecture=recipe.architecture)
    images, labels = poisoned(training, recipe)
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
