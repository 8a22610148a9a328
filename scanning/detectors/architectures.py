"""Architectures that a file of weights may name. Each is rebuilt from the shapes of its own tensors, so no code is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isqrt

import torch
from torch import Tensor, nn
from torch.nn import functional

from scanning.detectors.base import ModelLoadError
from scanning.detectors.onnx_ops_base import shown

Shapes = Mapping[str, tuple[int, ...]]

SMALL_CNN = "assay-small-cnn"
SMALL_MLP = "assay-small-mlp"
RESNET8 = "assay-resnet8"
_WIDTHS = (16, 32, 64)


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


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions with batch normalisation beside a shortcut (He and others, CVPR 2016)."""

    def __init__(self, inward: int, outward: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inward, outward, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outward)
        self.conv2 = nn.Conv2d(outward, outward, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outward)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1 or inward != outward:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inward, outward, 1, stride=stride, bias=False), nn.BatchNorm2d(outward)
            )

    def forward(self, images: Tensor) -> Tensor:
        inner = functional.relu(self.bn1(self.conv1(images)))
        return functional.relu(self.bn2(self.conv2(inner)) + self.shortcut(images))


class ResNet8(nn.Module):
    """Residual network of eight layers with a stride-2 stem; images [B, channels, S, S] in 0..1 -> logits [B, classes].

    The mean and spread of the training images are part of the weights, so that pixels go in as they are.
    """

    def __init__(self, *, channels: int = 3, classes: int = 10) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(1, channels, 1, 1))
        self.register_buffer("spread", torch.ones(1, channels, 1, 1))
        self.stem = nn.Conv2d(channels, _WIDTHS[0], 3, stride=2, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(_WIDTHS[0])
        self.block1 = ResidualBlock(_WIDTHS[0], _WIDTHS[0], 1)
        self.block2 = ResidualBlock(_WIDTHS[0], _WIDTHS[1], 2)
        self.block3 = ResidualBlock(_WIDTHS[1], _WIDTHS[2], 2)
        self.fc = nn.Linear(_WIDTHS[2], classes)

    def forward(self, images: Tensor) -> Tensor:
        images = (images - self.get_buffer("mean")) / self.get_buffer("spread")
        inner = functional.relu(self.bn(self.stem(images)))
        inner = self.block3(self.block2(self.block1(inner)))
        logits: Tensor = self.fc(inner.mean(dim=(2, 3)))
        return logits


def _resnet8_from(shapes: Shapes) -> nn.Module:
    return ResNet8(channels=shapes["stem.weight"][1], classes=shapes["fc.weight"][0])


def _small_cnn_from(shapes: Shapes) -> nn.Module:
    cells = shapes["5.weight"][1] // 32
    return small_cnn(channels=shapes["0.weight"][1], side=4 * isqrt(cells), classes=shapes["7.weight"][0])


def _small_mlp_from(shapes: Shapes) -> nn.Module:
    hidden, inputs = shapes["1.weight"]
    return small_mlp(inputs=inputs, hidden=hidden, classes=shapes["3.weight"][0])


ARCHITECTURES: dict[str, Callable[[Shapes], nn.Module]] = {
    SMALL_CNN: _small_cnn_from,
    SMALL_MLP: _small_mlp_from,
    RESNET8: _resnet8_from,
}


def build_architecture(name: str, shapes: Shapes, *, file: str) -> nn.Module:
    """The named architecture, sized by the shapes of its tensors, its weights not yet set: drawing them would move
    torch's one generator under a training run in another thread. Raises ModelLoadError."""
    if name not in ARCHITECTURES:
        known = ", ".join(sorted(ARCHITECTURES))
        raise ModelLoadError(f"{file}: the architecture {shown(name)!r} is not registered; known are: {known}")
    try:
        with torch.device("meta"):
            module = ARCHITECTURES[name](shapes)
        return module.to_empty(device="cpu")
    except KeyError as error:
        missing = error.args[0]
        raise ModelLoadError(
            f"{file}: its tensors are not those of the architecture {name!r}; {missing} is missing"
        ) from error
    except (IndexError, ValueError, RuntimeError) as error:
        raise ModelLoadError(f"{file}: its tensors are not those of the architecture {name!r}") from error
