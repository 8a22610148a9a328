"""A trigger read off the training images themselves: what sets suspicious images apart from those of other classes,
pixel by pixel, and whether stamping it on other images turns them to the suspected class.

The images that carry a planted trigger come from many classes, so on the average they differ from images of other
classes by the trigger alone. If stamping is x -> gain·x + offset at each pixel, then the spread of the stamped images is
gain times that of the others, and the means give the offset: a patch and a blended picture are recovered as they are.
A stamp is also read off against the rest of the suspected class, and both must work: what makes any image look like the
class is in the first and not in the second. This check is ours. What is not one fixed change per pixel (a warp, a trigger
that depends on the image) is not found.
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
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stamp:
    """gain, offset: float32 [C, H, W]; an image x becomes gain·x + offset, held to 0..1."""

    gain: Pixels
    offset: Pixels

    def on(self, images: Pixels) -> Pixels:
        """Images [B, C, H, W], stamped."""
        return np.asarray(np.clip(self.gain * images + self.offset, 0, 1), dtype=np.float32)

    def scattered(self, draws: np.random.Generator) -> Stamp:
        """The same changes at pixels drawn anew: as large a change, with another shape."""
        channels, height, width = self.gain.shape
        places = draws.permutation(height * width)

        def moved(value: Pixels) -> Pixels:
            return value.reshape(channels, -1)[:, places].reshape(channels, height, width)

        return Stamp(moved(self.gain), moved(self.offset))


def estimate(training: TrainingImages, suspicious: NDArray[np.int64], *against: NDArray[np.int64]) -> tuple[Stamp, ...]:
    """One stamp for each group of images to set the suspicious ones against, from the means and spreads of the pixels, in
    one reading; of many images, evenly chosen ones are used."""
    groups = [_some(suspicious, MOST_SUSPICIOUS), *(_some(rows, MOST_OTHERS) for rows in against)]
    (mean, spread), *others = _moments(training, groups)
    return tuple(_between(mean, spread, *other) for other in others)


def _between(mean: Floats, spread: Floats, other_mean: Floats, other_spread: Floats) -> Stamp:
    gain = np.clip(spread / np.maximum(other_spread, _FLAT), 0, 1)
    return Stamp(gain.astype(np.float32), (mean - gain * other_mean).astype(np.float32))


def confirm(
    stamps: tuple[Stamp, ...], label: int, images: Pixels, labels: Callable[[Pixels], NDArray[np.int64]], *, seed: int
) -> Confirmation:
    """How many images [B, C, H, W], none of which the model gives `label`, take it under the stamp that turns fewest; by
    chance: the most that the changes of the first turn at other pixels, of three draws."""
    draws = np.random.default_rng(seed)

    def flips(stamp: Stamp) -> int:
        return int((_labels(stamp.on(images), labels) == label).sum())

    return Confirmation(
        flipped=min(map(flips, stamps)),
        tried=len(images),
        by_chance=max(flips(stamps[0].scattered(draws)) for _ in range(_CHANCES)),
    )


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
