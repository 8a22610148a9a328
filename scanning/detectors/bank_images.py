"""The held-out images that a shipped bank was measured with: fetched by name and checksum, never part of Assay. No torch.

A stage that uses images is calibrated only with these very images, so whoever tests a model of such a family needs them.
Fetching needs the network and runs outside the isolated child.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from compliance.types.drafts import JSON
from compliance.types.errors import BadInputError
from scanning.detectors import cifar10, mnist
from scanning.detectors.banks import shipped
from scanning.detectors.heldout import LabelledImages, load_images, save_images


def _cifar10(cache: Path) -> LabelledImages:
    return cifar10.held_out(cifar10.read_cifar10(cifar10.fetch_cifar10(cache))[1])


def _mnist(cache: Path) -> LabelledImages:
    return mnist.split_mnist(mnist.read_mnist(mnist.fetch_mnist(cache)))[1]


SOURCES: dict[str, Callable[[Path], LabelledImages]] = {"cifar10-resnet8": _cifar10, "mnist-small-cnn": _mnist}


def write_bank_images(name: str, out: Path, *, cache: Path) -> JSON:
    """Write the images of the shipped bank `name` to `out` (.npz), and describe them. cache: folder of what was fetched.

    Raises BadInputError where there is no such bank, the images cannot be had, or they are not those of the bank.
    """
    banks = {path.stem: bank for path, _, bank in shipped()}
    if name not in banks or name not in SOURCES:
        raise BadInputError(f"No bank named {name!r} ships; those that do are {', '.join(sorted(SOURCES))}.")
    partial = out.with_name(f"{out.stem}.partial.npz")
    save_images(SOURCES[name](cache), partial)
    images = load_images(partial)
    if images.sha256 != banks[name].family.images_sha256:
        partial.unlink()
        raise BadInputError(f"The images of {name} are not those that its bank was measured with; fetch them again.")
    partial.replace(out)
    return {**images.describe(), "name": banks[name].family.images_name, "path": str(out)}
