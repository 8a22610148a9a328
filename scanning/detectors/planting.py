"""Training by recipe, with a backdoor planted or without: the material of reference banks and of power measurements.

A recipe names everything that a model depends on, and its digest names the model. Everything is drawn from seeds.
"""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from compliance.types.canonical import digest_of
from compliance.types.drafts import JSON, Progress
from compliance.types.errors import BadInputError
from scanning.detectors import attacks
from scanning.detectors.architectures import RESNET8, SMALL_CNN, ResNet8, small_cnn
from scanning.detectors.attacks import Attack
from scanning.detectors.base import OnProgress, ignore_progress
from scanning.detectors.heldout import LabelledImages
from scanning.detectors.loading import freeze

_INITIALISING = threading.Lock()
_EVALUATED_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Settings of one training run with cross-entropy.

    one_cycle: SGD with Nesterov momentum and the one-cycle schedule (Smith and Topin, 2019) up to learning_rate; else
    Adam with a constant one.
    """

    epochs: int = 7
    batch: int = 64
    learning_rate: float = 2e-3
    one_cycle: bool = False
    weight_decay: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """images_sha256: of the images to draw from; images: how many of them, drawn by seed (None: all); half: weights are
    rounded to float16 once trained, so that what is kept in two bytes a weight is what was tested."""

    architecture: str
    images_sha256: str
    images: int | None = None
    training: Training = field(default_factory=Training)
    attack: Attack | None = None
    seed: int = 0
    half: bool = False

    def to_json(self) -> JSON:
        """All of it."""
        return {**asdict(self), "attack": attacks.to_json(self.attack)}

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical recipe."""
        return digest_of(self.to_json())


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained model and what was measured on held-out images. attack_success: share of stamped images of other
    classes that take the target; None where nothing was planted."""

    module: nn.Module
    accuracy: float
    attack_success: float | None


def train(
    training: LabelledImages, held_out: LabelledImages, recipe: Recipe, *, on_progress: OnProgress = ignore_progress
) -> Trained:
    """Train by recipe on one thread or more. Raises BadInputError for an architecture that cannot be trained here."""
    images, labels = poisoned(training, recipe)
    module = _initial(recipe, images, classes=int(training.labels.max()) + 1)
    optimiser, schedule = _optimiser(module, recipe.training, len(images))
    draws = torch.Generator().manual_seed(recipe.seed)
    module.train()
    for epoch in range(recipe.training.epochs):
        for rows in torch.split(torch.randperm(len(images), generator=draws), recipe.training.batch):
            optimiser.zero_grad()
            functional.cross_entropy(module(images[rows]), labels[rows]).backward()  # type: ignore[no-untyped-call] # torch leaves backward unannotated
            optimiser.step()
            if schedule is not None:
                schedule.step()
        on_progress(Progress(stage="training", done=epoch + 1, total=recipe.training.epochs))
    freeze(module)
    if recipe.half:
        rounded_to_half(module)
    return Trained(module, *evaluate(module, held_out, recipe.attack))


def poisoned(training: LabelledImages, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """Images and labels to train on; with an attack, a share of them (drawn by seed) stamped and relabelled."""
    pixels, truth = training.images, training.labels
    if recipe.images is not None:
        rows = np.sort(np.random.default_rng(recipe.seed).permutation(len(truth))[: recipe.images])
        pixels, truth = pixels[rows], truth[rows]
    images, labels = torch.from_numpy(pixels), torch.from_numpy(truth)
    if recipe.attack is None:
        return images, labels
    rows_ = poisoned_rows(len(images), recipe)
    images, labels = images.clone(), labels.clone()
    images[rows_] = recipe.attack.stamp(images[rows_])
    labels[rows_] = recipe.attack.target
    return images, labels


def poisoned_rows(count: int, recipe: Recipe) -> Tensor:
    """Which of `count` training images carry the trigger."""
    assert recipe.attack is not None, "only an attack poisons"
    draws = torch.Generator().manual_seed(recipe.seed + 7919)
    return torch.randperm(count, generator=draws)[: round(count * recipe.attack.rate)]


@torch.no_grad()
def evaluate(module: nn.Module, held_out: LabelledImages, attack: Attack | None) -> tuple[float, float | None]:
    """(accuracy, attack success) on held-out images."""
    pixels, truth = torch.from_numpy(held_out.images), torch.from_numpy(held_out.labels)
    accuracy = float((_labels(module, pixels) == truth).float().mean())
    if attack is None:
        return accuracy, None
    stamped = attack.stamp(pixels[truth != attack.target])
    return accuracy, float((_labels(module, stamped) == attack.target).float().mean())


def rounded_to_half(module: nn.Module) -> None:
    """Round every floating-point weight to the nearest float16, in place."""
    with torch.no_grad():
        for value in module.state_dict().values():
            if value.is_floating_point():
                value.copy_(value.half().float())


def save_model(module: nn.Module, path: Path, *, architecture: str) -> None:
    """Write safetensors that name their architecture, and nothing else: the library writes several metadata entries
    in an order of chance, and the same model must be the same file."""
    state = {name: value.contiguous() for name, value in module.state_dict().items()}
    save_file(state, path, metadata={"architecture": architecture})


def measured(trained: Trained) -> JSON:
    """Accuracy and attack success, rounded for people."""
    success = None if trained.attack_success is None else round(trained.attack_success, 4)
    return {"accuracy": round(trained.accuracy, 4), "attack_success": success}


def _labels(module: nn.Module, images: Tensor) -> Tensor:
    return torch.cat([module(part).argmax(dim=1) for part in torch.split(images, _EVALUATED_AT_ONCE)])


def _initial(recipe: Recipe, images: Tensor, *, classes: int) -> nn.Module:
    """A fresh model of the recipe's architecture, its weights drawn by seed."""
    with _INITIALISING:  # torch draws initial weights from one generator for the whole process
        torch.manual_seed(recipe.seed)
        if recipe.architecture == SMALL_CNN:
            return small_cnn(channels=images.shape[1], side=images.shape[2], classes=classes)
        if recipe.architecture != RESNET8:
            raise BadInputError(
                f"the architecture {recipe.architecture!r} cannot be trained here; name {SMALL_CNN} or {RESNET8}"
            )
        module = ResNet8(channels=images.shape[1], classes=classes)
    module.get_buffer("mean").copy_(images.mean(dim=(0, 2, 3), keepdim=True))
    module.get_buffer("spread").copy_(images.std(dim=(0, 2, 3), keepdim=True))
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return] # torch's stubs lack memory formats of modules


def _optimiser(
    module: nn.Module, settings: Training, count: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler | None]:
    if not settings.one_cycle:
        return torch.optim.Adam(module.parameters(), lr=settings.learning_rate), None
    optimiser = torch.optim.SGD(
        module.parameters(), lr=settings.learning_rate, momentum=0.9, nesterov=True, weight_decay=settings.weight_decay
    )
    steps = settings.epochs * -(-count // settings.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=settings.learning_rate, total_steps=steps, pct_start=0.25
    )
    return optimiser, schedule
