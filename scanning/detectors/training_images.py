"""A labelled training set, read in parts and never whole: an .npz, or a folder with images.npy and labels.npy.

The .npy header (NumPy Enhancement Proposal 1) is parsed here as a literal, so that no pickle can run and nothing is
allocated on a file's word alone. Files are read, not mapped: pages of a map count as memory of the process. No torch.
"""

from __future__ import annotations

import ast
import hashlib
import io
import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from compliance.types.drafts import JSON
from compliance.types.errors import BadInputError

MAX_BYTES = 256 * 1024**3
MAX_IMAGES = 20_000_000
MAX_IMAGE_BYTES = 64 * 1024**2
MAX_CLASSES = 100_000
UNIT, BYTES, FLOATS_OF_BYTES = "0..1", "bytes 0..255, divided by 255", "0..255, divided by 255"
_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 10_000
_LOCAL_HEADER = 30  # bytes before a member's name in a ZIP archive
_CHECKED_AT_ONCE = 4 * 1024**2
_BRIGHT_ENOUGH = 16  # the largest value of a set on the scale 0..255 is no smaller than this
_BROKEN = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError, NotImplementedError)

Part = tuple[NDArray[np.float32], NDArray[np.int64], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredArray:
    """One array in a .npy file, or in a member of a ZIP archive.

    start: bytes before the values in that file or member; at most one of a set's arrays is open at a time.
    """

    path: Path
    member: str
    start: int
    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]

    @property
    def label(self) -> str:
        """For messages: the file a person handed in."""
        return self.path.name

    def rows(self, size: int) -> Iterator[NDArray[np.generic]]:
        """Consecutive rows, `size` at a time. Raises BadInputError where the file breaks off or is damaged."""
        step = self.dtype.itemsize * math.prod(self.shape[1:])
        with _opened(self.path, self.member) as stream:
            stream.seek(self.start)
            for first in range(0, self.shape[0], size):
                count = min(size, self.shape[0] - first)
                yield self._array(_exactly(stream, count * step, self.label), count)
            _read(stream, 1)  # the end of a ZIP member is where its checksum is compared

    def some(self, rows: list[int]) -> NDArray[np.generic]:
        """The rows of these numbers, in that order; a compressed file is read up to the last of them."""
        step = self.dtype.itemsize * math.prod(self.shape[1:])
        found: dict[int, NDArray[np.generic]] = {}
        with _opened(self.path, self.member) as stream:
            for row in sorted(set(rows)):
                _forward(stream, self.start + row * step)
                found[row] = self._array(_exactly(stream, step, self.label), 1)[0]
        return np.stack([found[row] for row in rows])

    def _array(self, content: bytearray, count: int) -> NDArray[np.generic]:
        return np.frombuffer(content, dtype=self.dtype).reshape(count, *self.shape[1:])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, weakref_slot=True)
class TrainingImages:
    """labels: int64 [N]; image_shape: (C, H, W); sha256: of the .npz, or of the lines "digest  name" of a folder's two
    files; value_range: what the pixels were found to be, in words; smallest, largest: as stored."""

    name: str
    sha256: str
    labels: NDArray[np.int64]
    image_shape: tuple[int, int, int]
    value_range: str
    smallest: float
    largest: float
    stored: StoredArray

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def classes(self) -> int:
        """One more than the largest label."""
        return int(self.labels.max()) + 1

    def parts(self, size: int) -> Iterator[Part]:
        """(float32 [B, C, H, W] in 0..1, labels [B], number of the first image), in order, B = `size` but for the last."""
        first = 0
        for part in self.stored.rows(size):
            yield self._scaled(part), self.labels[first : first + len(part)], first
            first += len(part)

    def some(self, rows: list[int]) -> NDArray[np.float32]:
        """The images of these numbers, float32 in 0..1, in that order."""
        return self._scaled(self.stored.some(rows)) if rows else np.empty((0, *self.image_shape), dtype=np.float32)

    def describe(self) -> JSON:
        """Name, digest, count, shape, label histogram and range of values, JSON-shaped."""
        labels, counts = np.unique(self.labels, return_counts=True)
        return {
            "name": self.name,
            "sha256": self.sha256,
            "images": len(self),
            "image_shape": list(self.image_shape),
            "labels": {str(int(label)): int(count) for label, count in zip(labels, counts, strict=True)},
            "values": self.value_range,
            "smallest": self.smallest,
            "largest": self.largest,
        }

    def _scaled(self, part: NDArray[np.generic]) -> NDArray[np.float32]:
        pixels = np.ascontiguousarray(part, dtype=np.float32)
        return pixels if self.value_range == UNIT else pixels / np.float32(255)


def open_training_images(path: Path) -> TrainingImages:
    """Open and check a training set: one pass for its digest, one over its values. Raises BadInputError."""
    if path.is_dir():
        files = [path / "images.npy", path / "labels.npy"]
        if missing := [file.name for file in files if not file.is_file()]:
            raise BadInputError(f"{path.name}: the folder of training images lacks {missing[0]}")
        members = [("", files[0]), ("", files[1])]
        lines = "".join(f"{_sha256(file)}  {file.name}\n" for file in files)
        digest = hashlib.sha256(lines.encode()).hexdigest()
    elif path.is_file():
        _check_archive(path)
        members = [("images.npy", path), ("labels.npy", path)]
        digest = _sha256(path)
    else:
        raise BadInputError(f"{path.name}: no such file or folder of training images")
    images, labels = (_stored(file, member) for member, file in members)
    _check_shapes(images, labels, path.name)
    smallest, largest = _range(images)
    channels, height, width = images.shape[1:]
    return TrainingImages(
        name=path.name, sha256=digest, labels=_labels(labels, path.name), image_shape=(channels, height, width),
        value_range=_meaning(images.dtype, smallest, largest, path.name), smallest=smallest, largest=largest,
        stored=images,
    )  # fmt: skip


def save_training_images(
    path: Path, images: NDArray[np.generic], labels: NDArray[np.int64], *, compressed: bool
) -> None:
    """Write `images` [N, C, H, W] and `labels` [N] as .npz without pickles."""
    (np.savez_compressed if compressed else np.savez)(path, images=images, labels=labels)


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _check_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except _BROKEN as error:
        raise BadInputError(f"{path.name}: not an .npz archive; save `images` and `labels` with numpy.savez") from error
    names = [member.filename for member in members]
    for wanted in ("images.npy", "labels.npy"):
        if names.count(wanted) != 1:
            how = "lacks" if wanted not in names else "holds more than once"
            raise BadInputError(
                f"{path.name}: {how} the array `{wanted[:-4]}`; it needs `images` and `labels` once each"
            )
    if sum(member.file_size for member in members) > MAX_BYTES:
        raise BadInputError(f"{path.name}: unpacks to more than {MAX_BYTES // 1024**3} GiB; hand in fewer images")


@contextmanager
def _opened(path: Path, member: str) -> Iterator[IO[bytes]]:
    try:
        if not member:
            with path.open("rb") as stream:
                yield stream
            return
        with zipfile.ZipFile(path) as archive, archive.open(member) as inner:
            yield inner
    except BadInputError:
        raise
    except _BROKEN as error:
        raise BadInputError(
            f"{path.name}: {member or 'the file'} is damaged or breaks off; hand it in again"
        ) from error


def _forward(stream: IO[bytes], place: int) -> None:
    """Go on to a place; in steps, because a compressed member is unpacked as far as one is sent on at a time."""
    while (at := stream.tell()) < place:
        stream.seek(min(place, at + _CHECKED_AT_ONCE))


def _read(stream: IO[bytes], most: int) -> bytearray:
    """Up to `most` bytes, fewer only at the end."""
    content, got = bytearray(most), 0
    while got < most and (count := stream.readinto(memoryview(content)[got:])):  # type: ignore[attr-defined] # both kinds of stream have it
        got += count
    return content if got == most else content[:got]


def _exactly(stream: IO[bytes], wanted: int, label: str) -> bytearray:
    content = _read(stream, wanted)
    if len(content) < wanted:
        raise BadInputError(f"{label}: breaks off before its last value; hand it in again")
    return content


def _stored(path: Path, member: str) -> StoredArray:
    """Header of one array, checked against the size of what holds it. A member that is not compressed is read in place,
    as a part of the file: its images can be reached without reading all before them."""
    offset, size = 0, path.stat().st_size
    if member:
        offset, size, packed = _place(path, member)
        member = member if packed else ""
    with _opened(path, member) as stream:
        stream.seek(offset)
        header, start = _header(stream, path.name)
    if size > MAX_BYTES:
        raise BadInputError(f"{path.name}: larger than {MAX_BYTES // 1024**3} GiB; hand in fewer images")
    dtype, shape = _layout(header, path.name)
    if start + dtype.itemsize * math.prod(shape) != size:
        raise BadInputError(f"{path.name}: its header promises {list(shape)} values, but its size is another")
    return StoredArray(path=path, member=member, start=offset + start, dtype=dtype, shape=shape)


def _place(path: Path, member: str) -> tuple[int, int, bool]:
    """(offset of a member's bytes in the archive, or 0 where it is compressed; its size unpacked; whether it is)."""
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as stream:
            entry = archive.getinfo(member)
            if entry.compress_type != zipfile.ZIP_STORED:
                return 0, entry.file_size, True
            stream.seek(entry.header_offset)
            local = stream.read(_LOCAL_HEADER)
    except _BROKEN as error:
        raise BadInputError(f"{path.name}: {member} is damaged or breaks off; hand it in again") from error
    if len(local) < _LOCAL_HEADER or entry.flag_bits & 1:
        raise BadInputError(f"{path.name}: {member} is damaged or encrypted; hand in a plain .npz")
    name, extra = int.from_bytes(local[26:28], "little"), int.from_bytes(local[28:30], "little")
    return entry.header_offset + _LOCAL_HEADER + name + extra, entry.file_size, False


def _header(stream: IO[bytes], label: str) -> tuple[dict[str, object], int]:
    head = io.BytesIO(_read(stream, _LONGEST_HEADER))
    start = head.read(8)
    if start[:6] != _MAGIC or len(start) < 8:
        raise BadInputError(f"{label}: not a NumPy array file")
    width = 2 if start[6] == 1 else 4
    length = int.from_bytes(head.read(width), "little")
    text = head.read(length)
    if len(text) < length:
        raise BadInputError(f"{label}: the header of the array is broken or longer than {_LONGEST_HEADER} bytes")
    try:
        header = ast.literal_eval(text.decode("latin-1").strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise BadInputError(f"{label}: the header of the array cannot be read") from error
    if not isinstance(header, dict) or set(header) != {"descr", "fortran_order", "shape"}:
        raise BadInputError(f"{label}: the header of the array does not describe an array")
    return header, 8 + width + length


def _layout(header: dict[str, object], label: str) -> tuple[np.dtype[np.generic], tuple[int, ...]]:
    shape, described = header["shape"], header["descr"]
    if not isinstance(shape, tuple) or not all(type(size) is int and size >= 0 for size in shape):
        raise BadInputError(f"{label}: the header of the array gives no shape")
    if not isinstance(described, str) or described[1:2] not in ("f", "i", "u"):
        raise BadInputError(f"{label}: holds something other than plain numbers, which is never unpacked")
    try:
        dtype: np.dtype[np.generic] = np.dtype(described)
    except TypeError as error:
        raise BadInputError(f"{label}: holds numbers of an unknown kind ({described[:20]})") from error
    if header["fortran_order"] and len(shape) > 1:
        raise BadInputError(f"{label}: its values are stored column by column; save numpy.ascontiguousarray(images)")
    return dtype, shape


def _check_shapes(images: StoredArray, labels: StoredArray, name: str) -> None:
    shape = images.shape
    if len(shape) != 4 or 0 in shape:
        raise BadInputError(f"{name}: `images` has shape {list(shape)}; [N, C, H, W] with at least one image is needed")
    if shape[3] in (1, 3, 4) and shape[1] > 4:
        raise BadInputError(f"{name}: `images` has shape {list(shape)}, channels last; transpose it to [N, C, H, W]")
    if labels.shape != shape[:1]:
        raise BadInputError(f"{name}: `labels` has shape {list(labels.shape)} for {shape[0]} images; [N] is needed")
    if labels.dtype.kind not in "iu":
        raise BadInputError(f"{name}: `labels` must be whole numbers, one class number for each image")
    if shape[0] > MAX_IMAGES or math.prod(shape[1:]) * 4 > MAX_IMAGE_BYTES:
        raise BadInputError(
            f"{name}: `images` of shape {list(shape)} are more than {MAX_IMAGES:,} or larger than "
            f"{MAX_IMAGE_BYTES // 1024**2} MiB each"
        )


def _labels(stored: StoredArray, name: str) -> NDArray[np.int64]:
    [given] = stored.rows(stored.shape[0])
    if int(given.min()) < 0:
        raise BadInputError(f"{name}: `labels` holds negative numbers; number the classes from 0")
    if int(given.max()) >= MAX_CLASSES:
        raise BadInputError(f"{name}: `labels` goes up to {given.max()}, more than {MAX_CLASSES:,} classes")
    labels = given.astype(np.int64)
    labels.flags.writeable = False
    return labels


def _range(images: StoredArray) -> tuple[float, float]:
    """Smallest and largest value; a NaN anywhere makes both NaN."""
    size = max(1, _CHECKED_AT_ONCE // (images.dtype.itemsize * math.prod(images.shape[1:])))
    smallest, largest = math.inf, -math.inf
    for part in images.rows(size):
        low, high = float(part.min()), float(part.max())
        if not (math.isfinite(low) and math.isfinite(high)):
            raise BadInputError(f"{images.label}: `images` holds values that are not finite numbers")
        smallest, largest = min(smallest, low), max(largest, high)
    return smallest, largest


def _meaning(dtype: np.dtype[np.generic], smallest: float, largest: float, name: str) -> str:
    found = f"{name}: `images` holds values from {smallest:.4g} to {largest:.4g}"
    if smallest < 0:
        raise BadInputError(f"{found}, as after a normalisation; hand in the pixels before it, in 0..1 or 0..255")
    if dtype.kind in "iu":
        if largest <= 1:
            raise BadInputError(f"{found} as whole numbers; store them as floating point in 0..1 or as bytes 0..255")
        if largest <= 255:
            return BYTES
    elif largest <= 1:
        return UNIT
    elif _BRIGHT_ENOUGH <= largest <= 255:
        return FLOATS_OF_BYTES
    raise BadInputError(f"{found}, which is neither 0..1 nor 0..255; hand in the pixels on one of these scales")
