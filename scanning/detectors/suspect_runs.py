"""What tests of suspicious inputs need of a scan's context: a classifier that runs, ordinary and suspicious images."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from compliance.types.drafts import JSON
from scanning.detectors.base import NotApplicableError, ScanContext, UnreliableError, at_once
from scanning.detectors.classifier import Classifier, NotAClassifierError, as_classifier
from scanning.detectors.suspects import MOST_SUSPECTS, split_rows

_FEWEST_IMAGES = 60
_TIMES_CHANCE = 1.5


@dataclass(frozen=True, slots=True)
class SuspectRun:
    """classifier: on the context's device; helpers [P, C, H, W] with helper_labels [P], ordinary [N, C, H, W] and
    suspects [M, C, H, W]: images in 0..1, no image in two of them."""

    classifier: Classifier
    helpers: Tensor
    helper_labels: Tensor
    ordinary: Tensor
    suspects: Tensor
    facts: JSON


def suspect_run(context: ScanContext, *, helpers: int) -> SuspectRun:
    """The material of one run. Raises NotApplicableError or UnreliableError, whose message is one sentence."""
    if context.model.module is None:
        raise NotApplicableError(context.model.not_runnable)
    if context.suspects is None:
        raise NotApplicableError(
            "No suspicious images were handed in, and this test judges those beside ordinary ones."
        )
    if context.images is None:
        raise NotApplicableError("No ordinary images were handed in, and suspicious ones are judged beside those.")
    if len(context.images.labels) < _FEWEST_IMAGES:
        raise NotApplicableError(f"Fewer than {_FEWEST_IMAGES} ordinary images were handed in.")
    if context.suspects.images.shape[1:] != context.images.images.shape[1:]:
        raise NotApplicableError(
            f"The suspicious images have shape {list(context.suspects.images.shape[1:])} and the ordinary ones "
            f"{list(context.images.images.shape[1:])}; hand in both as the model takes them."
        )
    pixels = torch.from_numpy(context.images.images).to(context.device)
    labels = torch.from_numpy(context.images.labels).to(context.device)
    try:
        classifier = as_classifier(context.model.module, pixels)
    except NotAClassifierError as error:
        raise NotApplicableError(f"The test cannot run on this model: {error}.") from error
    first, second = (torch.from_numpy(rows).to(context.device) for rows in split_rows(len(labels), helpers))
    _check_accuracy(classifier, pixels, labels)
    return SuspectRun(
        classifier=classifier, helpers=pixels[first], helper_labels=labels[first], ordinary=pixels[second],
        suspects=torch.from_numpy(context.suspects.images[:MOST_SUSPECTS]).to(context.device),
        facts={
            "suspicious_images": context.suspects.describe(),
            "suspicious_images_left_out": max(0, len(context.suspects.labels) - MOST_SUSPECTS),
            "ordinary_images": {"ranked_among": len(second), "helpers": len(first)},
        },
    )  # fmt: skip


@torch.no_grad()
def probabilities(classifier: Classifier, images: Tensor) -> Tensor:
    """Probabilities [N, classes] of images [N, C, H, W], a part at a time."""
    parts = torch.split(images, at_once(tuple(images.shape[1:])))
    return torch.cat([functional.softmax(classifier.logits(part), dim=1) for part in parts])


def _check_accuracy(classifier: Classifier, images: Tensor, labels: Tensor) -> None:
    right = int((probabilities(classifier, images).argmax(dim=1) == labels).sum())
    if right * classifier.classes < _TIMES_CHANCE * len(labels):
        raise UnreliableError(
            f"The model gives only {right} of {len(labels)} ordinary images their label, so these are not images as it "
            f"takes them, and nothing can be concluded."
        )
