"""CIFAR-10's photographs: a bank must name its images by the digest that their file has when somebody hands it in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from compliance.types.errors import BadInputError
from scanning.detectors.cifar10 import ARCHIVE_NAME, Pixels, held_out, read_cifar10
from scanning.detectors.heldout import load_images, save_images

pytestmark = pytest.mark.sqlite_only


def pixels(count: int) -> Pixels:
    random = np.random.default_rng(4)
    return Pixels(random.integers(0, 256, (count, 3, 32, 32), dtype=np.uint8), random.integers(0, 10, count))


def test_images_keep_their_digest_when_they_are_saved_and_read(tmp_path: Path) -> None:
    chosen = held_out(pixels(50), count=20)
    save_images(chosen, tmp_path / "held-out.npz")
    assert load_images(tmp_path / "held-out.npz").sha256 == chosen.sha256


def test_the_held_out_draw_is_fixed_and_of_different_images() -> None:
    test = pixels(60)
    assert held_out(test, count=30).sha256 == held_out(test, count=30).sha256
    assert held_out(test, count=30).sha256 != held_out(test, count=31).sha256
    assert len(np.unique(held_out(test, count=60).images, axis=0)) == 60


def test_other_pixels_or_labels_have_another_digest() -> None:
    test = pixels(10)
    changed = Pixels(test.images.copy(), test.labels.copy())
    changed.images[0, 0, 0, 0] ^= 1
    relabelled = Pixels(test.images, (test.labels + 1) % 10)
    assert len({one.all("x").sha256 for one in (test, changed, relabelled)}) == 3


def test_a_missing_or_altered_archive_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="fetch CIFAR-10 first"):
        read_cifar10(tmp_path / ARCHIVE_NAME)
    (tmp_path / ARCHIVE_NAME).write_bytes(b"not the archive")
    with pytest.raises(BadInputError, match="delete the file and fetch it again"):
        read_cifar10(tmp_path / ARCHIVE_NAME)
