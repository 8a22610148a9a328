"""Registers as tables: every row, every key, nothing that a spreadsheet would run; and which of them the PDF holds."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from compliance.packs.registers import MOST_BYTES, MOST_ROWS, Register, registers_of, whole, write_csv
from compliance.types.freeze_blob import Blob
from tests.compliance.packs.example_freeze import empty_freeze
from tests.compliance.packs.example_pack import Example


def table(folder: Path, *rows: dict[str, object]) -> list[list[str]]:
    source, target = folder / "rows.jsonl", folder / "rows.csv"
    source.write_bytes(b"".join(json.dumps(row).encode() + b"\n" for row in rows))
    assert write_csv(source, target) == len(rows)
    content = target.read_bytes()
    assert content.count(b"\n") >= content.count(b"\r\n")
    with target.open(encoding="utf-8", newline="") as lines:
        return list(csv.reader(lines, strict=True))


def test_what_people_look_for_stands_first_and_every_key_has_a_column(tmp_path: Path) -> None:
    rows = table(tmp_path, {"b": 1, "actor": "ann"}, {"uuid": "u", "later": None, "a": True})
    assert rows == [["uuid", "actor", "a", "b", "later"], ["", "ann", "", "1", ""], ["u", "", "true", "", ""]]


@pytest.mark.parametrize("value", ["=1+1", "@x", "-1", "\u3000+1", "\tx"])
def test_no_cell_is_run_as_a_formula(tmp_path: Path, value: str) -> None:
    assert table(tmp_path, {"title": value})[1] == [f"'{value}"]


def test_what_has_parts_is_written_as_json(tmp_path: Path) -> None:
    assert table(tmp_path, {"inputs": [{"b": 1, "a": "ü"}], "size": 1.5})[1] == ['[{"a":"ü","b":1}]', "1.5"]


def test_line_ends_and_quotes_in_texts_stay_within_their_cell(tmp_path: Path) -> None:
    assert table(tmp_path, {"title": 'a "b"\r\nc,d'}, {"title": "e"})[1:] == [['a "b"\r\nc,d'], ["e"]]


def test_an_empty_register_is_an_empty_table(tmp_path: Path) -> None:
    assert table(tmp_path) == [[]]


@pytest.mark.parametrize(
    ("rows", "size", "embedded"),
    [(MOST_ROWS, MOST_BYTES, True), (MOST_ROWS + 1, 10, False), (1, MOST_BYTES + 1, False)],
)
def test_large_registers_do_not_go_into_the_pdf(rows: int, size: int, embedded: bool) -> None:
    blob = Blob(filename="a.jsonl", media_type="application/x-ndjson", sha256="0" * 64, size=size, rows=rows)
    assert Register(blob, "").is_embedded is embedded


def test_one_row_is_told_of_as_one() -> None:
    assert [whole("Risks", rows, "row") for rows in (1, 0, 20_001)] == [
        "Risks, whole: 1 row", "Risks, whole: 0 rows", "Risks, whole: 20,001 rows",
    ]  # fmt: skip


def test_a_register_without_rows_comes_without_a_table() -> None:
    blob = Blob(filename="a.jsonl", media_type="application/x-ndjson", sha256="0" * 64, size=0, rows=0)
    assert not Register(blob, "").has_table
    assert Register(Blob(**{**blob, "rows": 1}), "").has_table


def test_every_register_of_a_document_is_named_once(example: Example) -> None:
    names = [register.csv_name for register in registers_of(example.freeze)]
    assert names[:4] == ["job-events.csv", "entitlements.csv", "completeness.csv", "access-review.csv"]
    assert sorted(names[4:]) == [
        "closings.csv", "file-scans.csv", "findings.csv", "remediation-items.csv", "risks.csv", "scans.csv",
    ]  # fmt: skip
    assert [register.csv_name for register in registers_of(example.freeze) if not register.has_table] == ["scans.csv"]
    assert list(registers_of(empty_freeze())) == []
