from __future__ import annotations

import json
from pathlib import Path

import pytest

from compliance.types.errors import BadInputError
from scanning.detectors.banks import bank_for
from scanning.detectors.references import ReferenceBank, read_bank, write_bank
from tests.scanning.detectors.banked import FAMILY, Made

pytestmark = pytest.mark.sqlite_only


def test_a_bank_is_read_as_it_was_written_and_named_by_its_digest(tmp_path: Path) -> None:
    bank = Made(references=2, planted=1).bank()
    digest = write_bank(bank, tmp_path / "bank.json")
    assert read_bank(tmp_path / "bank.json") == (bank, digest)
    assert [path.name for path in tmp_path.iterdir()] == ["bank.json"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "assay-reference-bank/1"}, "build the bank anew"),
        ({"models": 3}, "not a reference bank"),
        ({"family": {}}, "not a reference bank"),
    ],
)
def test_another_document_is_refused_in_one_sentence(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = tmp_path / "bank.json"
    write_bank(Made(references=1, planted=0).bank(), path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(BadInputError, match=message):
        read_bank(path)


def test_scores_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bank.json"
    write_bank(Made(references=1, planted=0).bank(), path)
    text = path.read_text()
    score = json.loads(text)["models"][0]["stages"]["max_margin"]["runs"][0]["scores"][0]
    path.write_text(text.replace(str(score), "NaN", 1))
    with pytest.raises(BadInputError, match="not a reference bank"):
        read_bank(path)


def test_models_that_differ_in_their_number_of_classes_are_no_bank(tmp_path: Path) -> None:
    path = tmp_path / "bank.json"
    write_bank(Made(references=2, planted=0).bank(), path)
    document = json.loads(path.read_text())
    document["models"][0]["stages"]["max_margin"]["runs"][0]["scores"].append(0.5)
    path.write_text(json.dumps(document))
    with pytest.raises(BadInputError, match="not a reference bank"):
        read_bank(path)


def test_a_model_that_stands_in_a_bank_twice_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "bank.json"
    write_bank(Made(references=3, planted=0).bank(), path)
    document = json.loads(path.read_text())
    document["models"][2]["sha256"] = document["models"][0]["sha256"]
    path.write_text(json.dumps(document))
    with pytest.raises(BadInputError, match="0 and 2 are one model"):
        read_bank(path)


def test_a_bank_of_another_architecture_is_not_used_and_says_so(tmp_path: Path) -> None:
    write_bank(Made(references=1, planted=0).bank(), tmp_path / "bank.json")
    bank, facts = bank_for("b" * 64, tmp_path / "bank.json")
    assert bank is None
    assert "another architecture" in facts["not_used"]
    kept, facts = bank_for(FAMILY.architecture_digest, tmp_path / "bank.json")
    assert isinstance(kept, ReferenceBank)
    assert facts["name"] == "made up"


def test_no_bank_for_an_unknown_architecture() -> None:
    assert bank_for("c" * 64, None)[0] is None
