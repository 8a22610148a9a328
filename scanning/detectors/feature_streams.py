"""Penultimate features of a whole training set from one forward pass, kept on disk and sorted by class.

What stays in memory per image is its label, its place and its margin; features go to a scratch file that has no name,
so that it vanishes with the process. Several stages on the same model and training set share one pass.
"""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from compliance.types.drafts import Progress
from scanning.detectors.base import (
    NotApplicableError,
    OnProgress,
    ScanContext,
    UnreliableError,
    at_once,
    ignore_progress,
)
from scanning.detectors.classifier import NotAClassifierError, as_classifier
from scanning.detectors.folding import prepare_for_search
from scanning.detectors.head import Head, NoHeadError, find_head
from scanning.detectors.training_images import Part, TrainingImages

FEWEST = 20
_IMAGES_AT_ONCE = 256
_FEATURE_BYTES_AT_ONCE = 4 * 1024**2
_EXAMPLES = 16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeatureStream:
    """labels: int64 [N]; margins: float32 [N], score of the label minus the best other score; order: int64 [N], image
    numbers sorted by label; starts: int64 [K + 1], where each class begins in `order` and in the scratch file; means:
    float64 [K, D], zero for a class without images; scratch: float32 [N, D] in that order."""

    classes: int
    dimensions: int
    labels: NDArray[np.int64]
    margins: NDArray[np.float32]
    order: NDArray[np.int64]
    starts: NDArray[np.int64]
    means: NDArray[np.float64]
    scratch: IO[bytes]

    @property
    def counts(self) -> NDArray[np.int64]:
        """Images per class [K]."""
        return np.diff(self.starts)

    @property
    def accuracy(self) -> float:
        """Share of the images that the model gives their label."""
        return float((self.margins > 0).mean())

    def rows_of(self, label: int) -> NDArray[np.int64]:
        """Numbers of a class's images, ascending: the order in which its features are kept."""
        return self.order[self.starts[label] : self.starts[label + 1]]

    def parts_of(self, label: int) -> Iterator[NDArray[np.float32]]:
        """A class's features, a few MiB [B, D] at a time."""
        step = 4 * self.dimensions
        size = max(1, _FEATURE_BYTES_AT_ONCE // step)
        for first in range(int(self.starts[label]), int(self.starts[label + 1]), size):
            count = min(size, int(self.starts[label + 1]) - first)
            content = os.pread(self.scratch.fileno(), count * step, first * step)
            yield np.frombuffer(content, dtype=np.float32).reshape(count, self.dimensions)

    def covariance(self, label: int) -> NDArray[np.float64]:
        """Covariance of a class's features [D, D], about its mean; zero with fewer than two images."""
        total = np.zeros((self.dimensions, self.dimensions))
        for part in self.parts_of(label):
            centred = part - self.means[label]
            total += centred.T @ centred
        return total / max(1, int(self.counts[label]) - 1)


def features_of(context: ScanContext) -> FeatureStream:
    """The features of the context's training set, from this or an earlier stage's pass. Raises NotApplicableError."""
    return pass_of(context)[1]


def pass_of(context: ScanContext) -> tuple[Head, FeatureStream]:
    """The model's last layer and the features; see `features_of`."""
    if context.training is None:
        raise NotApplicableError("The training set was not handed in, and this test reads all of it.")
    key = (context.model.sha256, context.device)
    kept = _KEPT.setdefault(context.training, {})
    if key not in kept:
        kept.clear()
        head = _head(context, context.training)
        kept[key] = head, stream_features(
            lambda images: _forward(head, images, context.device), context.training, head.classes,
            on_progress=context.on_progress,
        )  # fmt: skip
    return kept[key]


def _head(context: ScanContext, training: TrainingImages) -> Head:
    """The model's last layer, on the context's device. Raises NotApplicableError where the test cannot stand on it."""
    module = context.model.module
    if module is None:
        raise NotApplicableError(context.model.not_runnable)
    examples = torch.from_numpy(next(training.parts(_EXAMPLES))[0]).to(context.device)
    try:
        module = prepare_for_search(module)
        head = find_head(module, as_classifier(module, examples).classes, examples)
    except (NotAClassifierError, NoHeadError) as error:
        raise NotApplicableError(f"The test cannot run on this model: {error}.")
    if training.classes > head.classes:
        raise NotApplicableError(
            f"The training set has labels up to {training.classes - 1}, the model {head.classes} classes."
        )
    if int((np.bincount(training.labels) >= FEWEST).sum()) < 2:
        raise NotApplicableError(
            f"The test compares classes, and fewer than two have {FEWEST} images in the training set."
        )
    return head


Forward = Callable[[NDArray[np.float32]], tuple[NDArray[np.float32], NDArray[np.float32]]]


class LabelledParts(Protocol):
    """What is read of a training set."""

    @property
    def labels(self) -> NDArray[np.int64]:
        """[N]."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """C, H, W."""

    def parts(self, size: int) -> Iterator[Part]:
        """See TrainingImages."""


def stream_features(
    forward: Forward, training: LabelledParts, classes: int, *,
    at_a_time: int = _IMAGES_AT_ONCE, on_progress: OnProgress = ignore_progress,
) -> FeatureStream:  # fmt: skip
    """One pass; `forward` maps images [B, C, H, W] to (features [B, D], scores [B, K])."""
    labels = training.labels
    order = np.argsort(labels, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(labels, minlength=classes))])
    filled = starts[:-1].copy()
    margins = np.empty(len(labels), dtype=np.float32)
    sums: NDArray[np.float64] | None = None
    scratch = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the stream of features, and has no name
    size = min(at_a_time, at_once(training.image_shape))
    for images, truth, first in training.parts(size):
        features, scores = forward(images)
        if not np.isfinite(features).all():
            raise NotApplicableError("The model gives features that are not finite numbers for some training images.")
        margins[first : first + len(truth)] = _margins(scores, truth)
        sums = np.zeros((classes, features.shape[1])) if sums is None else sums
        for label in np.unique(truth):
            rows = np.ascontiguousarray(features[truth == label])
            sums[label] += rows.sum(axis=0, dtype=np.float64)
            _write(scratch, rows, int(filled[label]) * 4 * features.shape[1])
            filled[label] += len(rows)
        on_progress(Progress(stage="features of the training set", done=first + len(truth), total=len(labels)))
    assert sums is not None, "a training set has images"
    means = sums / np.maximum(np.diff(starts), 1)[:, None]
    return FeatureStream(
        classes=classes, dimensions=sums.shape[1], labels=labels, margins=margins, order=order, starts=starts,
        means=means, scratch=scratch,
    )  # fmt: skip


def _forward(head: Head, images: NDArray[np.float32], device: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    features = head.features(torch.from_numpy(images).to(device))
    return features.float().cpu().numpy(), head.logits(features).float().cpu().numpy()


def _write(scratch: IO[bytes], rows: NDArray[np.float32], place: int) -> None:
    try:
        written = os.pwrite(scratch.fileno(), rows.data, place)
    except OSError as error:
        raise UnreliableError(f"The features of the training set could not be kept on disk ({error.strerror}).")
    if written < rows.nbytes:
        raise UnreliableError("The features of the training set could not be kept on disk, which has no room for them.")


def _margins(scores: NDArray[np.float32], truth: NDArray[np.int64]) -> NDArray[np.float32]:
    """Score of the label minus the best other score [B]."""
    rows = np.arange(len(truth))
    own = scores[rows, truth]
    others = scores.copy()
    others[rows, truth] = -np.inf
    return np.asarray(own - others.max(axis=1), dtype=np.float32)


_KEPT: weakref.WeakKeyDictionary[TrainingImages, dict[tuple[str, str], tuple[Head, FeatureStream]]] = (
    weakref.WeakKeyDictionary()
)
