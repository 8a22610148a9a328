"""Registers of a freeze: which there are, which go into the PDF, and each as CSV (RFC 4180) for people. Streams."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from compliance.types.canonical import canonical_json
from compliance.types.freeze import Freeze
from compliance.types.freeze_blob import Blob
from compliance.types.freeze_lines import Lines
from compliance.types.spreadsheets import as_text

MOST_ROWS = 50_000
MOST_BYTES = 20_000_000
CSV = "text/csv"
# What people look for first; the other columns follow by name.
_FIRST = ("uuid", "occurred_at", "actor", "principal", "title", "action", "outcome", "state", "severity")


@dataclass(frozen=True, slots=True)
class Register:
    """A register as the freeze keeps it, and what it is in words. is_table: its rows fit a table."""

    blob: Blob
    description: str
    is_table: bool = True

    @property
    def is_embedded(self) -> bool:
        """Whether it lies in the PDF; larger ones lie in the ZIP beside it."""
        return self.blob["rows"] <= MOST_ROWS and self.blob["size"] <= MOST_BYTES

    @property
    def has_table(self) -> bool:
        """Whether people get it as a table, too: one without rows would be a file without even a head."""
        return self.is_table and self.blob["rows"] > 0

    @property
    def csv_name(self) -> str:
        """What the register is called as CSV."""
        return f"{Path(self.blob['filename']).stem}.csv"


def whole(what: str, rows: int, unit: str) -> str:
    """The description of a register that is there to its last row. unit: the word for one."""
    return f"{what}, whole: {rows:,} {unit if rows == 1 else unit + 's'}"


def lists_of(freeze: Freeze) -> Iterator[Register]:
    """Lists of the document that lie beside it and are not empty; documents of the first form hold theirs."""
    words = {
        "findings": "Findings",
        "risks": "Risks",
        "remediation": "Remediation items",
        "closings": "Closings",
        "scans": "Scans of models",
        "file_scans": "Scans of files",
    }
    for name, rows in freeze.items():
        if isinstance(rows, Lines) and len(rows):
            yield Register(rows.blob, whole(words[name], len(rows), "row"), is_table=name != "scans")


def logs_of(freeze: Freeze) -> Iterator[Register]:
    """Registers of which the document holds the first rows."""
    if log := freeze["job_log"]["register"]:
        yield Register(log, whole("Job log", log["rows"], "event"))
    if reading := freeze["entitlements"].get("reading"):
        yield Register(reading["register"], whole("Who could submit", reading["register"]["rows"], "way"))
    if measured := freeze.get("completeness", {}).get("reading"):
        lines = measured["register"]
        yield Register(lines, whole("Completeness of the job log", lines["rows"], "line"))
    if review := freeze["entitlements"].get("review"):
        yield Register(review["register"], whole("Access review", review["register"]["rows"], "principal"))


def registers_of(freeze: Freeze) -> Iterator[Register]:
    """Every register that the document names."""
    yield from logs_of(freeze)
    yield from lists_of(freeze)


class _FurtherColumnError(Exception):
    """A line has a column that no line before it had."""


def _cell(value: Any) -> str:
    if value.__class__ is str:
        return value if value[:1].isalnum() else as_text(value)
    if not value and value.__class__ is list:
        return "[]"
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return canonical_json(value).decode() if isinstance(value, dict | list) else str(value)


def _ordered(columns: Iterable[str]) -> list[str]:
    known = set(columns)
    return [name for name in _FIRST if name in known] + sorted(known - set(_FIRST))


def _written(lines: Iterable[bytes], out: IO[str], columns: Sequence[str]) -> int:
    writer, known, rows = csv.writer(out, lineterminator="\r\n"), set(columns), 0
    writer.writerow(columns)
    for rows, line in enumerate(lines, 1):  # noqa: B007 - how many there were is the answer
        row = json.loads(line)
        if row.keys() != known and not row.keys() <= known:
            raise _FurtherColumnError(*row)
        writer.writerow([_cell(cell) for cell in map(row.get, columns)])
    return rows


def write_csv(source: Path, target: Path) -> int:
    """JSON lines as CSV, whose columns are the keys of all lines; answers how many rows.

    Texts that a spreadsheet would run as a formula get an apostrophe; lists and objects are written as JSON.
    """
    known: set[str] = set()
    while True:
        with source.open("rb") as lines, target.open("w", encoding="utf-8", newline="") as out:
            try:
                return _written(lines, out, _ordered(known))
            except _FurtherColumnError as error:
                known |= set(error.args)
