"""Labelled images that a model is tested on: read from .npz or a folder of .npy, never unpickled. No torch here."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compliance.types.drafts import JSON
from compliance.types.errors import BadInputError

MAX_BYTES = 2 * 1024**3


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledImages:
    """images: float32 [N, C, H, W] in 0..1; labels: int64 [N]; sha256: over the bytes of both arrays, or of the source;
    remark: what was done to the pixels, in words, "" where nothing was."""

    images: NDArray[np.float32]
    labels: NDArray[np.int64]
    name: str
    sha256: str
    remark: str = ""

    def subset(self, rows: NDArray[np.int64]) -> LabelledImages:
        """The named rows, in that order, with a digest of their own."""
        images, labels = np.ascontiguousarray(self.images[rows]), np.ascontiguousarray(self.labels[rows])
        return LabelledImages(images=images, labels=labels, name=self.name, sha256=images_digest(images, labels))

    def describe(self) -> JSON:
        """Name, digest, count, shape and label histogram, JSON-shaped."""
        classes, counts = np.unique(self.labels, return_counts=True)
        histogram = {str(int(label)): int(count) for label, count in zip(classes, counts, strict=True)}
        shape = [int(size) for size in self.images.shape[1:]]
        described: JSON = {
            "name": self.name,
            "sha256": self.sha256,
            "images": len(self.labels),
            "image_shape": shape,
            "labels": histogram,
        }
        return {**described, "remark": self.remark} if self.remark else described


def save_images(images: LabelledImages, path: Path) -> None:
    """Write `images` and `labels` as .npz without pickles."""
    np.savez_compressed(path, images=images.images, labels=images.labels)


def load_images(path: Path) -> LabelledImages:
    """Read an .npz with `images` and `labels`, or a folder with images.npy and labels.npy. Raises BadInputError."""
    if path.is_dir():
        images, labels = _read_npy(path / "images.npy"), _read_npy(path / "labels.npy")
    elif path.is_file():
        images, labels = _read_npz(path)
    else:
        raise BadInputError(f"{path.name}: no such file or folder of held-out images")
    return _checked(images, labels, path.name)


def _read_npy(path: Path) -> NDArray[np.generic]:
    if not path.is_file():
        raise BadInputError(f"{path.parent.name}: the folder of held-out images lacks {path.name}")
    if path.stat().st_size > MAX_BYTES:
        raise BadInputError(f"{path.name}: larger than {MAX_BYTES // 1024**2} MiB; hand in fewer images")
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError, SyntaxError) as error:
        raise BadInputError(f"{path.name}: not a NumPy array file that can be read without pickle") from error
    if not isinstance(array, np.ndarray):
        raise BadInputError(f"{path.name}: an archive where one array is expected")
    return array


def _read_npz(path: Path) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > MAX_BYTES:
            raise BadInputError(f"{path.name}: unpacks to more than {MAX_BYTES // 1024**2} MiB; hand in fewer images")
        with np.load(path, allow_pickle=False) as arrays:
            missing = [name for name in ("images", "labels") if name not in arrays]
            if missing:
                raise BadInputError(f"{path.name}: lacks the array `{missing[0]}`; it needs `images` and `labels`")
            return arrays["images"], arrays["labels"]
    except BadInputError:
        raise
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, SyntaxError) as error:
        raise BadInputError(f"{path.name}: not an .npz archive that can be read without pickle") from error


def _checked(images: NDArray[np.generic], labels: NDArray[np.generic], name: str) -> LabelledImages:
    if images.ndim != 4 or 0 in images.shape:
        raise BadInputError(f"{name}: `images` has shape {list(images.shape)}; [N, C, H, W] is needed")
    if labels.shape != images.shape[:1]:
        raise BadInputError(f"{name}: `labels` has shape {list(labels.shape)} for {len(images)} images; [N] is needed")
    if images.dtype.kind not in "fu" or labels.dtype.kind not in "iu":
        raise BadInputError(f"{name}: `images` must be floating point or bytes, and `labels` integers")
    pixels, remark = to_unit_range(images, name)
    classes = np.ascontiguousarray(labels, dtype=np.int64)
    if classes.min() < 0:
        raise BadInputError(f"{name}: `labels` holds negative numbers")
    return LabelledImages(
        images=pixels, labels=classes, name=name, sha256=images_digest(pixels, classes), remark=remark
    )


def to_unit_range(images: NDArray[np.generic], name: str) -> tuple[NDArray[np.float32], str]:
    """(pixels in 0..1, what was done to them in words). Bytes and values up to 255 are divided by 255; other ranges are
    refused, since a guess would test the model on pictures it does not know. Raises BadInputError."""
    pixels = np.ascontiguousarray(images, dtype=np.float32)
    if not np.isfinite(pixels).all():
        raise BadInputError(f"{name}: `images` holds values that are not finite numbers")
    low, high = float(pixels.min()), float(pixels.max())
    if images.dtype.kind == "u" and high <= 1:
        raise BadInputError(
            f"{name}: `images` holds values from {low:g} to {high:g} as whole numbers; store them as floating point in 0..1 "
            "or as bytes 0..255"
        )
    if images.dtype == np.uint8 or (low >= 0 and 2 <= high <= 255):
        return pixels / np.float32(255), f"The pixels were given as 0 to 255 (largest {high:g}) and divided by 255."
    if low < 0 or high > 1:
        raise BadInputError(
            f"{name}: `images` holds values from {low:g} to {high:g}; scale the pixels to 0..1 without normalising them"
        )
    return pixels, ""


def images_digest(images: NDArray[np.float32], labels: NDArray[np.int64]) -> str:
    """SHA-256 by which banks and reports name images: over shapes, pixels in 0..1 and labels, however they are stored."""
    digest = hashlib.sha256(repr((images.shape, labels.shape)).encode())
    digest.update(images.tobytes())
    digest.update(labels.tobytes())
    return digest.hexdigest()
