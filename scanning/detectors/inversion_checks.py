"""What a trigger search needs before it starts, and why it cannot start without: one sentence each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from scanning.detectors.base import NotApplicableError, ScanContext, UnreliableError
from scanning.detectors.classifier import Classifier, NotAClassifierError, as_classifier, correct
from scanning.detectors.heldout import LabelledImages

FEWEST_IMAGES = 60
SPLIT_SEED = 20_190_519
_ABOVE_CHANCE = 0.4
_TRIED = 200
_EXAMPLES = 16


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the images: pixels [N, C, H, W], labels [N]."""

    pixels: Tensor
    labels: Tensor

    def first(self, count: int, *, device: str) -> Part:
        """The first of them, on a device."""
        return Part(self.pixels[:count].to(device), self.labels[:count].to(device))


def runnable(context: ScanContext) -> tuple[Classifier, LabelledImages]:
    """The model as a classifier of the images. Raises NotApplicableError."""
    if context.model.module is None:
        raise NotApplicableError(context.model.not_runnable)
    images = context.images
    if images is None:
        raise NotApplicableError("No labelled images were handed in, and this search needs some.")
    if len(images.labels) < FEWEST_IMAGES:
        raise NotApplicableError(
            f"Only {len(images.labels)} labelled images were handed in, and this search needs {FEWEST_IMAGES} or more."
        )
    if name := not_finite(context.model.module):
        raise NotApplicableError(
            f"The tensor {name} of the model holds values that are not finite numbers, so the model gives none either."
        )
    try:
        classifier = as_classifier(context.model.module, torch.from_numpy(images.images[:_EXAMPLES]).to(context.device))
    except NotAClassifierError as error:
        raise NotApplicableError(f"The search cannot run on this model: {error}.") from error
    lowest, highest = int(images.labels.min()), int(images.labels.max())
    if lowest < 0 or highest >= classifier.classes:
        raise NotApplicableError(
            f"The images have labels from {lowest} to {highest}, but the model has {classifier.classes} classes, "
            f"numbered from 0; hand in images of the model's own classes."
        )
    return classifier, images


def not_finite(module: nn.Module) -> str:
    """Name of the first tensor that holds NaN, or weight that holds infinity; "" where there is none. Constants of a
    graph may be infinite: attention masks are."""
    weights = {name for name, _ in module.named_parameters()}
    for name, value in module.state_dict().items():
        if isinstance(value, Tensor) and value.is_floating_point():
            sound = torch.isfinite(value) if name in weights else ~torch.isnan(value)
            if not bool(sound.all()):
                return name
    return ""


def split_images(images: LabelledImages, wanted: int) -> tuple[Part, Part]:
    """(search, held-out): a fixed draw, the same for a model and its references; at most half go to the search."""
    count = min(wanted, len(images.labels) // 2)
    order = np.random.default_rng(SPLIT_SEED).permutation(len(images.labels))
    pixels, labels = torch.from_numpy(images.images), torch.from_numpy(images.labels)
    first, second = torch.from_numpy(order[:count]), torch.from_numpy(order[count:])
    return Part(pixels[first], labels[first]), Part(pixels[second], labels[second])


def least_accuracy(classes: int) -> float:
    """Below this the images do not seem to be prepared as the model expects: two fifths of the way from guessing to
    always right, which is 0.7 for two classes, 0.46 for ten, 0.4 for a thousand."""
    return 1 / classes + _ABOVE_CHANCE * (1 - 1 / classes)


def accuracy(classifier: Classifier, held_out: Part) -> int:
    """How many held-out images get their label. Raises UnreliableError where they are too few for a search to mean
    anything, with the likely reason."""
    right, of = correct(classifier.logits, held_out.pixels, held_out.labels), len(held_out.labels)
    if right / of >= least_accuracy(classifier.classes):
        return right
    few = Part(held_out.pixels[:_TRIED], held_out.labels[:_TRIED])
    shares = {
        words: correct(classifier.logits, change(few.pixels), few.labels) / len(few.labels)
        for words, change in _PREPARED.items()
    }
    best = max(shares, key=shares.__getitem__)
    if shares[best] >= max(least_accuracy(classifier.classes), 1.2 * right / of):
        raise UnreliableError(
            f"The model labels {right / of:.1%} of the images as given, but {shares[best]:.1%} once {best}; let the "
            f"model do this itself, or hand in images prepared so, and scan again."
        )
    raise UnreliableError(
        f"The model labels only {right / of:.1%} of the images as given, where {least_accuracy(classifier.classes):.0%} "
        f"are needed: labels or preparation of the images do not seem to be what the model expects."
    )


def _standardised(pixels: Tensor) -> Tensor:
    mean = pixels.mean(dim=(0, 2, 3), keepdim=True)
    return (pixels - mean) / pixels.std(dim=(0, 2, 3), keepdim=True).clamp_min(1e-6)


_PREPARED: dict[str, Callable[[Tensor], Tensor]] = {
    "their pixels have mean 0 and spread 1: the model seems to expect normalised images": _standardised,
    "their pixels are moved to -1 to 1: the model seems to expect that range": lambda pixels: pixels * 2 - 1,
    "their colour channels are reversed: the model seems to expect the other order": lambda pixels: pixels.flip(1),
    "their pixels are multiplied by 255: the images seem to be scaled 0-1 where the model expects 0-255": (
        lambda pixels: pixels * 255
    ),
}
