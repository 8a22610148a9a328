"""A loaded module as an image classifier that gives logits; says plainly when it is none."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from scanning.detectors.base import at_once, out_of_memory
from scanning.detectors.onnx_ops import UnsupportedGraphError

_SAMPLE = 16
_TINY = 1e-12


class NotAClassifierError(ValueError):
    """The model does not map these images to scores per class; the message says what it does."""


@dataclass(frozen=True, slots=True)
class Classifier:
    """logits: images [B, C, H, W] -> [B, classes]."""

    logits: nn.Module
    classes: int


class _LogOfProbabilities(nn.Module):
    """Logits for a model that ends in a softmax: the logarithm of what it gives (equal up to a constant per row)."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, images: Tensor) -> Tensor:
        scores: Tensor = self.inner(images)
        return scores.clamp_min(_TINY).log()


@torch.no_grad()
def as_classifier(module: nn.Module, images: Tensor) -> Classifier:
    """Try the model on a few images [N, C, H, W] and wrap it. Raises NotAClassifierError, and what PyTorch raises where
    memory runs out."""
    sample = images[:_SAMPLE]
    try:
        scores = module(sample)
    except UnsupportedGraphError as error:
        raise NotAClassifierError(str(error)) from error
    except (RuntimeError, IndexError, ValueError, TypeError) as error:
        if out_of_memory(error):
            raise
        shape = list(images.shape[1:])
        raise NotAClassifierError(f"the model cannot take a batch of images of shape {shape}") from error
    if scores.dim() != 2 or len(scores) != len(sample) or not scores.is_floating_point():
        raise NotAClassifierError(
            f"the model gives {list(scores.shape)} for {len(sample)} images, not scores per class"
        )
    if scores.shape[1] < 2:
        raise NotAClassifierError("the model gives one score per image; at least two classes are needed")
    if not bool(torch.isfinite(scores).all()):
        raise NotAClassifierError("the model gives scores that are not finite numbers")
    shares = bool((scores >= 0).all()) and bool(torch.allclose(scores.sum(dim=1), torch.ones(len(sample)), atol=1e-4))
    return Classifier(_LogOfProbabilities(module) if shares else module, int(scores.shape[1]))


@torch.no_grad()
def correct(module: nn.Module, images: Tensor, labels: Tensor) -> int:
    """How many of the images get their label."""
    size = at_once(images.shape[1:])
    pairs = zip(torch.split(images, size), torch.split(labels, size), strict=True)
    return sum(int((module(part).argmax(dim=1) == truth).sum()) for part, truth in pairs)
