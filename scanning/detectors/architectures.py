"""Architectures that a file of weights may name. Each is rebuilt from the shapes of its own tensors, so no code is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isqrt

from torch import nn

from scanning.detectors.base import ModelLoadError

Shapes = Mapping[str, tuple[int, ...]]

SMALL_CNN = "assay-small-cnn"
SMALL_MLP = "assay-small-mlp"


def small_cnn(*, channels: int = 1, side: int = 28, classes: int = 10) -> nn.Sequential:
    """Two strided 3×3 convolutions (16, 32) and two linear layers; images [B, channels, side, side] -> logits."""
    flat = 32 * (-(-side // 4)) ** 2
    return nn.Sequential(
        nn.Conv2d(channels, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(flat, 64),
        nn.ReLU(),
        nn.Linear(64, classes),
    )


def small_mlp(*, inputs: int, hidden: int, classes: int) -> nn.Sequential:
    """One hidden layer; images [B, C, H, W] with C·H·W = inputs -> logits."""
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, classes))


def _small_cnn_from(shapes: Shapes) -> nn.Module:
    cells = shapes["5.weight"][1] // 32
    return small_cnn(channels=shapes["0.weight"][1], side=4 * isqrt(cells), classes=shapes["7.weight"][0])


def _small_mlp_from(shapes: Shapes) -> nn.Module:
    hidden, inputs = shapes["1.weight"]
    return small_mlp(inputs=inputs, hidden=hidden, classes=shapes["3.weight"][0])


ARCHITECTURES: dict[str, Callable[[Shapes], nn.Module]] = {
    SMALL_CNN: _small_cnn_from,
    SMALL_MLP: _small_mlp_from,
}


def build_architecture(name: str, shapes: Shapes, *, file: str) -> nn.Module:
    """The named architecture, sized by the shapes of its tensors. Raises ModelLoadError."""
    if name not in ARCHITECTURES:
        known = ", ".join(sorted(ARCHITECTURES))
        raise ModelLoadError(f"{file}: the architecture {name!r} is not registered; known are: {known}")
    try:
        return ARCHITECTURES[name](shapes)
    except (KeyError, IndexError, ValueError, RuntimeError) as error:
        raise ModelLoadError(f"{file}: its tensors are not those of the architecture {name!r}") from error
