"""The banks that ship must fit the stages that ship, or every scan of their families would be uncalibrated."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanning.detectors.banks import FOLDER, bank_for, shipped
from scanning.detectors.combination import power_of
from scanning.detectors.references import ReferenceBank, read_bank
from scanning.detectors.registry import COMPARING, build

pytestmark = pytest.mark.sqlite_only

BANKS = sorted(FOLDER.glob("*.json"))


def test_the_demonstration_has_its_bank() -> None:
    assert "mnist-small-cnn" in {path.stem for path in BANKS}


@pytest.fixture(params=BANKS, ids=lambda path: path.stem)
def bank(request: pytest.FixtureRequest) -> ReferenceBank:
    path: Path = request.param
    return read_bank(path)[0]


def test_a_shipped_bank_was_measured_with_the_settings_that_ship(bank: ReferenceBank) -> None:
    for name in COMPARING:
        settings = {row.stages[name].settings_digest for row in bank.models if name in row.stages}
        assert settings == {getattr(build(name), "settings_digest")}, f"run `make banks`: {name} has changed"  # noqa: B009 - a property of comparing stages alone


def test_a_shipped_bank_can_show_a_small_p_value_and_knows_its_power(bank: ReferenceBank) -> None:
    complete = [row for row in bank.references if set(COMPARING) <= set(row.stages)]
    assert len(complete) >= 39
    power = power_of(bank)
    assert power
    assert all(row.planted >= 20 for row in power)


def test_names_and_digests_of_models_are_all_different(bank: ReferenceBank) -> None:
    assert (
        len({row.sha256 for row in bank.models}) == len({row.recipe_sha256 for row in bank.models}) == len(bank.models)
    )


def test_a_scan_takes_the_shipped_bank_of_its_architecture_by_itself() -> None:
    for path, digest, bank in shipped():
        taken, facts = bank_for(bank.family.architecture_digest, None)
        assert taken == bank
        assert (facts["name"], facts["sha256"]) == (path.stem, digest)
