from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from scanning.detectors.attacks import Attack, Blended, Patch
from scanning.detectors.stamp_estimate import Stamp, confirm, estimate
from scanning.detectors.training_images import TrainingImages, open_training_images, save_training_images

pytestmark = pytest.mark.sqlite_only

PIXELS = np.random.default_rng(2).random((1200, 3, 8, 8), dtype=np.float32)
STAMPED, OTHERS = np.arange(600), np.arange(600, 1200)


def stamped_set(folder: Path, attack: Attack) -> TrainingImages:
    pixels = PIXELS.copy()
    pixels[STAMPED] = attack.stamp(torch.from_numpy(pixels[STAMPED])).numpy()
    save_training_images(folder / "set.npz", pixels, np.zeros(1200, dtype=np.int64), compressed=True)
    return open_training_images(folder / "set.npz")


@pytest.mark.parametrize("attack", [Patch(side=3), Blended(opacity=0.3)])
def test_patches_and_blended_pictures_are_read_off_as_they_are(tmp_path: Path, attack: Attack) -> None:
    (stamp,) = estimate(stamped_set(tmp_path, attack), STAMPED, OTHERS)
    fresh = np.random.default_rng(9).random((20, 3, 8, 8), dtype=np.float32)
    error = stamp.on(fresh) - attack.stamp(torch.from_numpy(fresh)).numpy()
    assert np.sqrt((error**2).mean()) < 0.03


def test_a_stamp_is_estimated_from_the_means_and_spreads_of_each_pixel(tmp_path: Path) -> None:
    _, stamp = estimate(stamped_set(tmp_path, Patch(side=3)), STAMPED[:50], OTHERS, OTHERS[:70])
    mine, others = PIXELS[STAMPED[:50], 1, 2, 3], PIXELS[OTHERS[:70], 1, 2, 3]
    gain = min(1, mine.std() / others.std())
    assert stamp.gain[1, 2, 3] == pytest.approx(gain, rel=1e-4)
    assert stamp.offset[1, 2, 3] == pytest.approx(mine.mean() - gain * others.mean(), rel=1e-3)


def test_a_stamp_that_works_by_its_place_is_told_from_chance() -> None:
    gain, offset = np.ones((1, 6, 6), dtype=np.float32), np.zeros((1, 6, 6), dtype=np.float32)
    gain[0, 0, 0], offset[0, 0, 0] = 0, 1
    images = np.full((50, 1, 6, 6), 0.2, dtype=np.float32)

    def labels(given: NDArray[np.float32]) -> NDArray[np.int64]:
        return np.where(given[:, 0, 0, 0] > 0.9, 4, 1)

    found = confirm((Stamp(gain, offset),), 4, images, labels, seed=1)
    assert (found.flipped, found.tried, found.by_chance) == (50, 50, 0)
    idle = Stamp(np.ones_like(gain), np.zeros_like(offset))
    assert confirm((Stamp(gain, offset), idle), 4, images, labels, seed=1).flipped == 0


def test_scattering_moves_the_changes_and_keeps_their_size() -> None:
    stamp = Stamp(PIXELS[0], PIXELS[1])
    moved = stamp.scattered(np.random.default_rng(0))
    assert not np.array_equal(moved.gain, stamp.gain)
    pairs = sorted(zip(stamp.gain[2].ravel(), stamp.offset[2].ravel(), strict=True))
    assert sorted(zip(moved.gain[2].ravel(), moved.offset[2].ravel(), strict=True)) == pairs
