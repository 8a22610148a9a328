"""The ResNet-8 of scanning/detectors/architectures.py once more, since the peer's environment holds nothing of Assay.

    python -m tests.bench.peer.resnet8 reference WEIGHTS.safetensors IMAGES.npz OUT.npz   images and logits to check against
    python -m tests.bench.peer.resnet8 random OUT.safetensors [--seed 0]                  weights for trying the scripts out

The names of the tensors are the same, so that the same file loads in both; half-precision weights are widened.
"""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

_CHECKED_IMAGES = 32


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

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
    """Images [B, channels, S, S] in 0..1 -> logits [B, classes]; `fc` replaced by nn.Identity gives features [B, 64]."""

    def __init__(self, channels: int = 3, classes: int = 10) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(1, channels, 1, 1))
        self.register_buffer("spread", torch.ones(1, channels, 1, 1))
        self.stem = nn.Conv2d(channels, 16, 3, stride=2, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(16)
        self.block1, self.block2, self.block3 = Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2)
        self.fc: nn.Module = nn.Linear(64, classes)

    def forward(self, images: Tensor) -> Tensor:
        images = (images - self.get_buffer("mean")) / self.get_buffer("spread")
        inner = functional.relu(self.bn(self.stem(images)))
        inner = self.block3(self.block2(self.block1(inner)))
        given: Tensor = self.fc(inner.mean(dim=(2, 3)))
        return given


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a .safetensors file by name; floating ones as float32."""
    loaded: dict[str, NDArray[Any]] = importlib.import_module("safetensors.numpy").load_file(path)
    return {name: a.astype(np.float32) if a.dtype.kind == "f" else a for name, a in loaded.items()}


def load(path: Path) -> ResNet8:
    """The model of a .safetensors file, ready to judge images."""
    tensors = read_tensors(path)
    model = ResNet8(tensors["stem.weight"].shape[1], tensors["fc.weight"].shape[0])
    missing, extra = model.load_state_dict({n: torch.from_numpy(a) for n, a in tensors.items()}, strict=False)
    if extra or [name for name in missing if not name.endswith("num_batches_tracked")]:
        raise ValueError(f"{path.name}: its tensors are not those of ResNet-8 (missing {missing}, extra {extra})")
    return model.eval()


def read_images(archive: Any) -> NDArray[np.float32]:
    """`images` of an .npz as float32 [N, C, H, W] in 0..1; bytes are divided by 255."""
    images = archive["images"]
    scaled: NDArray[np.float32] = images.astype(np.float32)
    if images.dtype == np.uint8:
        scaled /= 255  # in place: a second copy would show in the peak memory
    return scaled


def write_reference(weights: Path, images: NDArray[np.float32], out: Path) -> None:
    """A few images and what the model gives for them: {images [n, C, H, W], logits [n, classes]}."""
    few = images[:_CHECKED_IMAGES]
    with torch.no_grad():
        logits = load(weights)(torch.from_numpy(few)).numpy()
    np.savez(out, images=few, logits=logits)


def write_random(out: Path, *, seed: int) -> None:
    """Untrained weights whose statistics of batch normalisation are not the default ones."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = ResNet8()
        model.train()
        model.get_buffer("mean").fill_(0.47)
        model.get_buffer("spread").fill_(0.25)
        for _ in range(20):
            model(torch.rand(64, 3, 32, 32))
    tensors = {name: value.numpy() for name, value in model.state_dict().items()}
    importlib.import_module("safetensors.numpy").save_file(tensors, out)


def main() -> None:
    """Write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    reference = verbs.add_parser("reference")
    reference.add_argument("weights", type=Path)
    reference.add_argument("images", type=Path)
    reference.add_argument("out", type=Path)
    untrained = verbs.add_parser("random")
    untrained.add_argument("out", type=Path)
    untrained.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    if chosen.verb == "random":
        write_random(chosen.out, seed=chosen.seed)
    else:
        write_reference(chosen.weights, read_images(np.load(chosen.images)), chosen.out)


if __name__ == "__main__":
    main()
