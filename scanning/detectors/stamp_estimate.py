"""A trigger read off the training images themselves: what sets suspicious images apart from those of other classes,
pixel by pixel, and whether stamping it on other images turns them to the suspected class.

The images that carry a planted trigger come from many classes, so on the average they differ from images of other
classes by the trigger alone. If stamping is x -> gain·x + offset at each pixel, then the spread of the stamped images is
gain times that of the others, and the means give the offset: a patch and a blended picture are recovered as they are.
This check is ours. What is not one fixed change per pixel (a warp, a trigger that depends on the image) is not found.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scanning.detectors.base import Confirmation, at_once
from scanning.detectors.training_images import TrainingImages

MOST_SUSPICIOUS, MOST_OTHERS = 2_000, 4_000
_CHANCES = 3
_FLAT = 1e-3
Pixels = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Stamp:
    """gain, offset: float32 [C, H, W]; an image x becomes gain·x + offset, held to 0..1."""

    gain: Pixels
    offset: Pixels

    def on(self, images: Pixels) -> Pixels:
        """Images [B, C, H, W], stamped."""
        return np.clip(self.gain * images + self.offset, 0, 1)

    def scattered(self, draws: np.random.Generator) -> Stamp:
        """The same changes at pixels drawn anew: as large a change, with another shape."""
        channels, height, width = self.gain.shape
        places = draws.permutation(height * width)

        def moved(value: Pixels) -> Pixels:
            return value.reshape(channels, -1)[:, places].reshape(channels, height, width)

        return Stamp(moved(self.gain), moved(self.offset))


def estimate(training: TrainingImages, suspicious: NDArray[np.int64], others: NDArray[np.int64]) -> Stamp:
    """From the means and spreads of the named images, in one reading; of many, evenly chosen ones are used."""
    first = _moments(training, [_some(suspicious, MOST_SUSPICIOUS), _some(others, MOST_OTHERS)])
    (mean, spread), (other_mean, other_spread) = first
    gain = np.clip(spread / np.maximum(other_spread, _FLAT), 0, 1)
    return Stamp(gain.astype(np.float32), (mean - gain * other_mean).astype(np.float32))


def confirm(
    stamp: Stamp, label: int, images: Pixels, labels: Callable[[Pixels], NDArray[np.int64]], *, seed: int
) -> Confirmation:
    """How many images [B, C, H, W], none of which the model gives `label`, take it when stamped; by chance: the most
    that the same changes at other pixels turn, of three draws."""
    draws = np.random.default_rng(seed)
    flips = [
        int((_labels(one.on(images), labels) == label).sum())
        for one in (stamp, *(stamp.scattered(draws) for _ in range(_CHANCES)))
    ]
    return Confirmation(flipped=flips[0], tried=len(images), by_chance=max(flips[1:]))


def _labels(images: Pixels, labels: Callable[[Pixels], NDArray[np.int64]]) -> NDArray[np.int64]:
    size = at_once(images.shape[1:])
    return np.concatenate([labels(images[first : first + size]) for first in range(0, len(images), size)])


def _some(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """At most `most` of the rows, evenly spaced."""
    return rows if len(rows) <= most else rows[np.linspace(0, len(rows) - 1, most).astype(np.int64)]


def _moments(
    training: TrainingImages, groups: list[NDArray[np.int64]]
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """(mean, standard deviation) per pixel of each group of images."""
    sums = np.zeros((len(groups), 2, *training.image_shape))
    chosen = np.zeros((len(groups), len(training)), dtype=bool)
    for mine, rows in zip(chosen, groups, strict=True):
        mine[rows] = True
    for images, truth, first in training.parts(at_once(training.image_shape)):
        for total, mine in zip(sums, chosen, strict=True):
            taken = images[mine[first : first + len(truth)]]
            if len(taken):
                total[0] += taken.sum(axis=0, dtype=np.float64)
                total[1] += np.einsum("nchw,nchw->chw", taken, taken, dtype=np.float64)
    means = [(total[0] / len(rows), total[1] / len(rows)) for total, rows in zip(sums, groups, strict=True)]
    return [(mean, np.sqrt(np.maximum(square - mean * mean, 0))) for mean, square in means]
