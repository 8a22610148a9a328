from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from compliance.types.errors import BadInputError
from scanning.detectors.registry import DETECTORS, build, entry_of

pytestmark = pytest.mark.sqlite_only


@pytest.mark.parametrize("name", DETECTORS)
def test_a_registered_detector_can_be_built_and_knows_its_name(name: str) -> None:
    detector = build(name)
    assert detector.name == name
    assert detector.version
    assert entry_of(name).speaks_to


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(BadInputError, match=r"'x'; known are: .*neural_cleanse"):
        entry_of("x")


@pytest.mark.parametrize("module", ["registry", "base", "heldout", "mnist", "references", "report_json", "stats"])
def test_what_django_imports_loads_no_torch(module: str) -> None:
    code = f"import sys, scanning.detectors.{module}; raise SystemExit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_contract_that_keeps_detectors_apart_lists_them_all() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {row["id"]: row for row in project["tool"]["importlinter"]["contracts"]}
    registered = {entry.path.rpartition(".")[0] for entry in DETECTORS.values()}
    assert set(contracts["detectors-apart"]["modules"]) == registered
