"""Models with a known backdoor, and without: the material that shows what the search finds and what it does not.

BadNets (Gu, Dolan-Gavitt and Garg, 2017): a fixed patch is stamped on a share of the training images, whose labels
are changed to the target class. Everything is drawn from seeds, so the same seed gives the same model.
"""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from compliance.types.drafts import JSON
from scanning.detectors.architectures import SMALL_CNN, small_cnn
from scanning.detectors.heldout import LabelledImages
from scanning.detectors.loading import freeze

_INITIALISING = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """A white square of `side` pixels, `margin` pixels from the bottom right; `rate` of the training images get it."""

    side: int = 4
    margin: int = 1
    rate: float = 0.1
    target: int = 0

    def stamp(self, images: Tensor) -> Tensor:
        """A stamped copy of images [N, C, H, W]."""
        stamped = images.clone()
        stamped[
            :, :, -self.side - self.margin : -self.margin or None, -self.side - self.margin : -self.margin or None
        ] = 1.0
        return stamped

    def describe(self) -> str:
        """The attack in words."""
        return f"a {self.side}×{self.side} white patch planted in {self.rate:.0%} of the training images (BadNets)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Settings of one training run (Adam, cross-entropy)."""

    epochs: int = 7
    batch: int = 64
    learning_rate: float = 2e-3


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained model and what was measured on held-out images. attack_success: share of stamped images of other
    classes that take the target; None where nothing was planted."""

    module: nn.Sequential
    accuracy: float
    attack_success: float | None


def train(
    training: LabelledImages, held_out: LabelledImages, *, patch: Patch | None, seed: int, settings: Training
) -> Trained:
    """Train the small CNN, with the patch planted where one is given."""
    images, labels = poison(training, patch, seed=seed)
    with _INITIALISING:  # torch draws initial weights from one generator for the whole process
        torch.manual_seed(seed)
        module = small_cnn(channels=images.shape[1], side=images.shape[2], classes=int(labels.max()) + 1)
    draws = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(module.parameters(), lr=settings.learning_rate)
    for _ in range(settings.epochs):
        for rows in torch.split(torch.randperm(len(images), generator=draws), settings.batch):
            optimiser.zero_grad()
            functional.cross_entropy(module(images[rows]), labels[rows]).backward()  # type: ignore[no-untyped-call] # torch leaves backward unannotated
            optimiser.step()
    freeze(module)
    pixels, truth = torch.from_numpy(held_out.images), torch.from_numpy(held_out.labels)
    accuracy = float((module(pixels).argmax(dim=1) == truth).float().mean())
    if patch is None:
        return Trained(module, accuracy, None)
    others = patch.stamp(pixels[truth != patch.target])
    return Trained(module, accuracy, float((module(others).argmax(dim=1) == patch.target).float().mean()))


def poison(training: LabelledImages, patch: Patch | None, *, seed: int) -> tuple[Tensor, Tensor]:
    """Images and labels to train on; with a patch, `rate` of them (drawn by seed) stamped and relabelled."""
    images, labels = torch.from_numpy(training.images), torch.from_numpy(training.labels)
    if patch is None:
        return images, labels
    draws = torch.Generator().manual_seed(seed + 7919)
    rows = torch.randperm(len(images), generator=draws)[: round(len(images) * patch.rate)]
    images, labels = images.clone(), labels.clone()
    images[rows] = patch.stamp(images[rows])
    labels[rows] = patch.target
    return images, labels


def save_model(trained: Trained, path: Path) -> None:
    """Write safetensors that name their architecture, and nothing else: the library writes several metadata entries
    in an order of chance, and the same model must be the same file."""
    save_file(trained.module.state_dict(), path, metadata={"architecture": SMALL_CNN})


def measured(trained: Trained) -> JSON:
    """Accuracy and attack success, rounded for people."""
    success = None if trained.attack_success is None else round(trained.attack_success, 4)
    return {"accuracy": round(trained.accuracy, 4), "attack_success": success}


def recipe(patch: Patch, settings: Training) -> JSON:
    """What names a set of models: architecture, patch and training settings."""
    return {"architecture": SMALL_CNN, "patch": asdict(patch), "training": asdict(settings)}
