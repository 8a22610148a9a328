from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compliance.types.errors import BadInputError
from scanning.detectors.heldout import load_images

pytestmark = pytest.mark.sqlite_only

IMAGES, LABELS = np.zeros((4, 1, 3, 3), dtype=np.float32), np.array([0, 1, 1, 2])
RAMP = np.linspace(0, 1, IMAGES.size, dtype=np.float32).reshape(IMAGES.shape)


def save(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "images.npz", **arrays)
    return folder / "images.npz"


def test_an_archive_and_a_folder_are_read_alike(tmp_path: Path) -> None:
    first = load_images(save(tmp_path, images=IMAGES, labels=LABELS))
    (tmp_path / "folder").mkdir()
    np.save(tmp_path / "folder" / "images.npy", IMAGES)
    np.save(tmp_path / "folder" / "labels.npy", LABELS)
    second = load_images(tmp_path / "folder")
    assert first.sha256 == second.sha256
    assert first.describe()["labels"] == {"0": 1, "1": 2, "2": 1}


def test_a_part_has_a_digest_of_its_own(tmp_path: Path) -> None:
    whole = load_images(save(tmp_path, images=IMAGES, labels=LABELS))
    part = whole.subset(np.array([2, 0]))
    assert part.labels.tolist() == [1, 0]
    assert part.sha256 != whole.sha256


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"images": IMAGES}, "lacks the array `labels`"),
        ({"images": IMAGES[0], "labels": LABELS}, r"\[N, C, H, W\] is needed"),
        ({"images": IMAGES, "labels": LABELS[:3]}, "for 4 images"),
        ({"images": IMAGES - 1, "labels": LABELS}, "scale the pixels to 0..1 without normalising"),
        ({"images": RAMP * 999, "labels": LABELS}, "scale the pixels to 0..1 without normalising"),
        ({"images": RAMP + 0.5, "labels": LABELS}, "scale the pixels to 0..1 without normalising"),
        ({"images": IMAGES + np.nan, "labels": LABELS}, "not finite numbers"),
        ({"images": IMAGES.astype(np.int32), "labels": LABELS}, "must be floating point or bytes"),
        ({"images": (RAMP > 0.5).astype(np.uint8), "labels": LABELS}, "from 0 to 1 as whole numbers"),
        ({"images": IMAGES, "labels": LABELS - 1}, "negative"),
        ({"images": np.array([{}], dtype=object), "labels": LABELS}, "without pickle"),
    ],
)
def test_unusable_images_get_one_sentence(tmp_path: Path, arrays: dict[str, Any], reason: str) -> None:
    with pytest.raises(BadInputError, match=reason) as caught:
        load_images(save(tmp_path, **arrays))
    assert str(caught.value).startswith("images.npz: ")


@pytest.mark.parametrize("pixels", [RAMP * 255, (RAMP * 255).astype(np.uint8)])
def test_pixels_up_to_255_are_divided_and_that_is_said(tmp_path: Path, pixels: np.ndarray) -> None:
    images = load_images(save(tmp_path, images=pixels, labels=LABELS))
    assert images.images == pytest.approx(RAMP, abs=1 / 255)
    assert "divided by 255" in images.describe()["remark"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not really", b"\x93NUMPY"])
def test_files_that_are_no_archive_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "images.npz").write_bytes(content)
    with pytest.raises(BadInputError, match=r"not an \.npz archive"):
        load_images(tmp_path / "images.npz")


def test_a_folder_without_labels_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", IMAGES)
    with pytest.raises(BadInputError, match=r"lacks labels\.npy"):
        load_images(tmp_path)


def test_what_is_not_there_is_said_to_be(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"gone\.npz: no such file or folder"):
        load_images(tmp_path / "gone.npz")
