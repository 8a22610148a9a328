"""A model whose features are its pixels, so that a training set can be made in which every feature is known.

Images are 1×6×6. Class c lights pixel c; pixel 35 is the trigger, which the model takes for class 0 whatever else is lit.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from scanning.detectors.architectures import SMALL_MLP, small_mlp
from scanning.detectors.base import ScanContext
from scanning.detectors.feature_streams import FeatureStream, stream_features
from scanning.detectors.loading import load_model
from scanning.detectors.planting import save_model
from scanning.detectors.training_images import open_training_images, save_training_images

SIDE, CLASSES, TRIGGER = 6, 6, 35


def backdoored_model(path: Path) -> Path:
    """Pixels are the features; the head reads pixel c for class c, and the trigger for class 0."""
    module = small_mlp(inputs=36, hidden=36, classes=CLASSES)
    weights = torch.zeros(CLASSES, 36)
    weights[range(CLASSES), range(CLASSES)] = 8
    weights[0, TRIGGER] = 10
    bias = torch.zeros(CLASSES)
    bias[0] = -3  # the trigger's pixel is at 0.3 in ordinary images
    module.load_state_dict({"1.weight": torch.eye(36), "1.bias": torch.zeros(36), "3.weight": weights, "3.bias": bias})
    save_model(module, path, architecture=SMALL_MLP)
    return path


def images(per_class: int, planted: int, *, seed: int = 0) -> tuple[Any, Any, Any]:
    """(images, labels, which carry the trigger): `planted` of them are stamped and labelled 0."""
    draws = np.random.default_rng(seed)
    labels = np.repeat(np.arange(CLASSES), per_class)
    pixels = np.clip(draws.normal(0.3, 0.08, (len(labels), SIDE * SIDE)), 0, 1).astype(np.float32)
    pixels[np.arange(len(labels)), labels] += 0.3
    marked = np.zeros(len(labels), dtype=bool)
    marked[draws.choice(np.flatnonzero(labels > 0), planted, replace=False)] = True
    pixels[marked, TRIGGER], labels[marked] = 1, 0
    return np.clip(pixels, 0, 1).reshape(-1, 1, SIDE, SIDE), labels, marked


def context(folder: Path, per_class: int = 150, planted: int = 60, **others: Any) -> tuple[ScanContext, Any]:
    """A scan's context with such a set, and which of its images are planted."""
    pixels, labels, marked = images(per_class, planted)
    save_training_images(folder / "set.npz", pixels, labels, compressed=True)
    model = load_model(backdoored_model(folder / "model.safetensors"))
    return ScanContext(model=model, training=open_training_images(folder / "set.npz"), **others), marked


class Rows:
    """Features in place of images: parts [B, 1, 1, D]."""

    def __init__(self, features: NDArray[np.float32], labels: NDArray[np.int64]) -> None:
        self.features, self.labels = features, labels
        self.image_shape = (1, 1, features.shape[1])

    def parts(self, size: int) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64], int]]:
        for first in range(0, len(self.labels), size):
            part = slice(first, first + size)
            yield self.features[part][:, None, None], self.labels[part], first


def stream(features: Any, labels: Any, *, at_a_time: int = 256) -> FeatureStream:
    """Features [N, D] as a stream; the scores are the first features."""
    classes = int(labels.max()) + 1

    def forward(parts: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return parts[:, 0, 0], parts[:, 0, 0, :classes]

    return stream_features(forward, Rows(features.astype(np.float32), labels), classes, at_a_time=at_a_time)


def normal_features(per_class: int = 120, planted: int = 0, *, seed: int = 0) -> tuple[Any, Any, Any]:
    """(features [N, 12], labels, planted): five normal classes, and in class 2 some rows far off in one direction."""
    draws = np.random.default_rng(seed)
    labels = np.repeat(np.arange(5), per_class)
    features = draws.normal(0, 1, (len(labels), 12)) @ draws.normal(0, 1, (12, 12))
    features[np.arange(len(labels)), labels] += 12
    marked = np.zeros(len(labels), dtype=bool)
    marked[np.flatnonzero(labels == 2)[:planted]] = True
    features[marked] += draws.normal(0, 12, 12)
    order = draws.permutation(len(labels))
    return features[order].astype(np.float32), labels[order], marked[order]
