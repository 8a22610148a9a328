"""Registers on pages: rows get numbers, each register at most its share, all together at most what a document can carry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from compliance.types.freeze_lines import Lines

REGISTER_ROWS = 100
DETAILED = 25
TABLE_ROWS = 800
_LEAST = 10
Row = dict[str, Any]
_TOLD = ("uuid", "title", "state", "severity", "target", "findings")
_GRAVEST = ("critical", "high", "medium", "low", "informational")


@dataclass(frozen=True, slots=True, kw_only=True)
class Capped:
    """Rows that fit on pages, of `total`; `source` names the attached file that holds all of them."""

    rows: Sequence[Row]
    total: int
    source: str
    source_sha256: str

    @property
    def shown(self) -> int:
        return len(self.rows)

    @property
    def is_whole(self) -> bool:
        return self.shown == self.total


@dataclass(slots=True, kw_only=True)
class Budget:
    """Hands out table rows in the order of the pages; who comes late still gets a few, and the line says of how many."""

    left: int = TABLE_ROWS
    taken: list[int] = field(default_factory=list)

    def share(self, wanted: int, most: int = REGISTER_ROWS) -> int:
        """How many of `wanted` rows a register may print."""
        given = min(wanted, most, max(_LEAST, self.left))
        self.left -= given
        self.taken.append(given)
        return given


def told(records: Iterable[Row], order: Callable[[Row], Any] | None = None) -> list[Row]:
    """What pages may say of each record of a list that grows, in `order` or as they come: not the whole of it."""
    rows = [_told(row) for row in records]
    return sorted(rows, key=order) if order else rows


def _told(row: Row) -> Row:
    said = {key: row[key] for key in _TOLD if key in row}
    if "observations" in row:
        said["observations"] = [{"evidence": one["evidence"]} for one in row["observations"]]
    return said


def numbered(letter: str, records: Iterable[Row], shown: int, whole: Iterable[Row] = ()) -> dict[str, Row]:
    """By uuid, each with its number; `shown` of them stand on pages, and only these can be linked to.

    whole: of records that were told, the list from which those that stand on pages are read.
    """
    known = {r["uuid"]: {**r, "no": f"{letter}-{n:02d}", "shown": n <= shown} for n, r in enumerate(records, 1)}
    for row in whole:
        if known[row["uuid"]]["shown"]:
            known[row["uuid"]].update(row)
    return known


def refs(uuids: Iterable[str], register: Mapping[str, Row]) -> list[Row]:
    """Records by their identifiers, in order."""
    return [register[uuid] for uuid in uuids]


def on_pages(register: Mapping[str, Row]) -> list[Row]:
    """Those that are printed."""
    return [row for row in register.values() if row["shown"]]


def gravest_first(finding: Row) -> tuple[bool, int]:
    """What stands before what does not, and of that the gravest; else as the document has them."""
    is_over, severity = finding["state"] != "not-satisfied", finding["severity"]
    return is_over, _GRAVEST.index(severity) if severity else 9


def whole_in_freeze(rows: Sequence[Row], total: int, freeze_sha256: str) -> Capped:
    """Rows of a register of which the document itself holds all."""
    return Capped(rows=rows, total=total, source="freeze.json", source_sha256=freeze_sha256)


def whole_in(source: object, rows: Sequence[Row], total: int, freeze_sha256: str) -> Capped:
    """Rows of a list that lies beside the document, or in it where the document is of the first form."""
    if not isinstance(source, Lines):
        return whole_in_freeze(rows, total, freeze_sha256)
    return Capped(rows=rows, total=total, source=source.blob["filename"], source_sha256=source.blob["sha256"])
