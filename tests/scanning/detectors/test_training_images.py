from __future__ import annotations

import hashlib
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.types.errors import BadInputError
from scanning.detectors.training_images import (
    BYTES,
    FLOATS_OF_BYTES,
    UNIT,
    TrainingImages,
    open_training_images,
    save_training_images,
)

pytestmark = pytest.mark.sqlite_only

DRAWS = np.random.default_rng(3)
BYTE_IMAGES = DRAWS.integers(0, 256, (7, 3, 4, 5), dtype=np.uint8)
IMAGES = BYTE_IMAGES.astype(np.float32) / 255
LABELS = np.array([0, 1, 1, 2, 0, 2, 1])


def archive(folder: Path, images: Any = IMAGES, labels: Any = LABELS, *, compressed: bool = False) -> Path:
    path = folder / "set.npz"
    save_training_images(path, images, labels, compressed=compressed)
    return path


def whole(images: TrainingImages, size: int) -> Any:
    parts = list(images.parts(size))
    assert [first for _, _, first in parts] == list(range(0, len(images), size))
    assert np.concatenate([labels for _, labels, _ in parts]).tolist() == images.labels.tolist()
    return np.concatenate([pixels for pixels, _, _ in parts])


def folder_of(path: Path, images: Any = IMAGES, labels: Any = LABELS) -> Path:
    path.mkdir()
    np.save(path / "images.npy", images)
    np.save(path / "labels.npy", labels)
    return path


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_an_archive_is_read_in_parts(tmp_path: Path, size: int, compressed: bool) -> None:
    images = open_training_images(archive(tmp_path, compressed=compressed))
    assert len(images) == 7
    assert images.labels.tolist() == LABELS.tolist()
    assert np.array_equal(whole(images, size), IMAGES)


def test_a_folder_is_read_like_an_archive(tmp_path: Path) -> None:
    assert np.array_equal(whole(open_training_images(folder_of(tmp_path / "folder")), 4), IMAGES)


@pytest.mark.parametrize("compressed", [False, True])
@given(rows=st.lists(st.integers(0, 6), max_size=9))
def test_some_images_can_be_asked_for(
    tmp_path_factory: pytest.TempPathFactory, rows: list[int], compressed: bool
) -> None:
    images = open_training_images(archive(tmp_path_factory.mktemp("set"), compressed=compressed))
    assert np.array_equal(images.some(rows), IMAGES[rows])


@pytest.mark.parametrize(
    ("images", "said"),
    [(BYTE_IMAGES, BYTES), (BYTE_IMAGES.astype(np.float64), FLOATS_OF_BYTES), (BYTE_IMAGES.astype(">i4"), BYTES)],
)
def test_values_up_to_255_are_scaled_and_that_is_said(tmp_path: Path, images: Any, said: str) -> None:
    read = open_training_images(archive(tmp_path, images))
    assert np.array_equal(whole(read, 3), IMAGES)
    assert read.describe()["values"] == said


def test_a_set_describes_itself(tmp_path: Path) -> None:
    path = archive(tmp_path)
    described = open_training_images(path).describe()
    assert described["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert described["labels"] == {"0": 2, "1": 3, "2": 2}
    assert (described["images"], described["image_shape"], described["values"]) == (7, [3, 4, 5], UNIT)


def test_a_folder_has_one_digest_over_both_files(tmp_path: Path) -> None:
    first = open_training_images(folder_of(tmp_path / "a"))
    second = open_training_images(folder_of(tmp_path / "b", labels=LABELS[::-1]))
    assert first.sha256 != second.sha256


@pytest.mark.parametrize(
    ("images", "labels", "reason"),
    [
        (IMAGES[0], LABELS, r"\[N, C, H, W\]"),
        (IMAGES[:0], LABELS[:0], "at least one image"),
        (IMAGES.transpose(0, 2, 3, 1).repeat(2, 1), LABELS, "channels last"),
        (IMAGES, LABELS[:6], "for 7 images"),
        (IMAGES, LABELS.astype(float), "whole numbers"),
        (IMAGES, LABELS - 1, "negative"),
        (IMAGES, LABELS + 100_000, "more than 100,000 classes"),
        (IMAGES * np.nan, LABELS, "not finite"),
        (IMAGES + np.inf, LABELS, "not finite"),
        (IMAGES * 2 - 1, LABELS, "as after a normalisation"),
        (IMAGES * 3, LABELS, "neither 0..1 nor 0..255"),
        (IMAGES * 1000, LABELS, "neither 0..1 nor 0..255"),
        ((IMAGES > 0.5).astype(np.uint8), LABELS, "as whole numbers"),
        (np.asfortranarray(IMAGES), LABELS, "column by column"),
        (IMAGES.astype(complex), LABELS, "plain numbers"),
        (np.array([{}], dtype=object), LABELS, "plain numbers"),
    ],
)
def test_unusable_sets_get_one_sentence(tmp_path: Path, images: Any, labels: Any, reason: str) -> None:
    with pytest.raises(BadInputError, match=reason) as caught:
        open_training_images(archive(tmp_path, images, labels))
    assert str(caught.value).startswith("set.npz: ")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not really", b"\x93NUMPY"])
def test_files_that_are_no_archive_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "set.npz").write_bytes(content)
    with pytest.raises(BadInputError, match=r"not an \.npz archive"):
        open_training_images(tmp_path / "set.npz")


@pytest.mark.parametrize(
    "header",
    [
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999, 3, 4, 5)}",
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 3, 4, 5)}",
        b"{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (1,)}",
        b"{'descr': '<f3', 'fortran_order': False, 'shape': (1,)}",
        b"__import__('os').abort()",
        b"(" * 5_000,
        b"{}",
    ],
)
def test_hostile_headers_are_refused(tmp_path: Path, header: bytes) -> None:
    folder = folder_of(tmp_path / "folder")
    start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    (folder / "images.npy").write_bytes(start + IMAGES.tobytes())
    with pytest.raises(BadInputError, match=r"images\.npy: "):
        open_training_images(folder)


def test_a_member_that_is_named_twice_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as members:
        members.writestr("labels.npy", b"other")
    with pytest.raises(BadInputError, match="more than once"):
        open_training_images(path)


def test_a_damaged_compressed_member_is_noticed(tmp_path: Path) -> None:
    path = archive(tmp_path, DRAWS.random((50, 3, 8, 8), dtype=np.float32), np.zeros(50, int), compressed=True)
    content = bytearray(path.read_bytes())
    content[2_000:2_100] = bytes(100)
    path.write_bytes(content)
    with pytest.raises(BadInputError, match="damaged or breaks off"):
        open_training_images(path)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", images=IMAGES)
    (tmp_path / "folder").mkdir()
    for name, reason in {"set.npz": "lacks the array `labels`", "folder": "lacks images", "gone": "no such"}.items():
        with pytest.raises(BadInputError, match=reason):
            open_training_images(tmp_path / name)


@pytest.mark.parametrize("compressed", [False, True])
def test_a_set_is_never_held_whole(tmp_path: Path, compressed: bool) -> None:
    images = np.zeros((4_000, 3, 32, 32), dtype=np.float32)  # 47 MiB
    path = archive(tmp_path, images, np.zeros(4_000, int), compressed=compressed)
    tracemalloc.start()
    try:
        opened = open_training_images(path)
        for _ in opened.parts(100):
            pass
        opened.some([3_999])
        assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    finally:
        tracemalloc.stop()
