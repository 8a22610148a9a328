"""Images of a shipped bank: those of the bank or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from compliance.types.errors import BadInputError
from scanning.detectors import bank_images
from scanning.detectors.banks import shipped
from scanning.detectors.heldout import load_images
from tests.scanning.detectors.test_planting import digits

pytestmark = pytest.mark.sqlite_only

CACHE = Path(__file__).resolve().parents[3] / "var" / "data"


def test_every_shipped_bank_has_a_source_for_its_images() -> None:
    assert {path.stem for path, _, _ in shipped()} == set(bank_images.SOURCES)


def test_the_images_of_the_demonstrations_bank_are_those_it_names(tmp_path: Path) -> None:
    out = tmp_path / "held-out.npz"
    told = bank_images.write_bank_images("mnist-small-cnn", out, cache=CACHE)
    bank = next(bank for path, _, bank in shipped() if path.stem == "mnist-small-cnn")
    assert told["sha256"] == load_images(out).sha256 == bank.family.images_sha256
    assert told["images"] == 1000


def test_other_images_are_refused_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(bank_images.SOURCES, "mnist-small-cnn", lambda _: digits(50, 3))
    with pytest.raises(BadInputError, match="are not those that its bank was measured with"):
        bank_images.write_bank_images("mnist-small-cnn", tmp_path / "x.npz", cache=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_bank_names_those_that_ship(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="cifar10-resnet8, mnist-small-cnn"):
        bank_images.write_bank_images("imagenet", tmp_path / "x.npz", cache=tmp_path)
