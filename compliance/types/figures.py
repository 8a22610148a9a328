"""Figures as frozen values: a table of numbers, how it is drawn, and where the rows behind each number are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

Number = int | Decimal | None


class Drawn(StrEnum):
    """How a figure is drawn."""

    GROUPED = "grouped"
    STACKED = "stacked"
    LINES = "lines"
    NOT = "not"


@dataclass(frozen=True, slots=True)
class Cell:
    """One number, and the query of the list that holds its rows; None is not known. page: that list, by the name of its
    address; "" where no list shows exactly these rows."""

    value: Number
    query: str = ""
    page: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a figure. label: as the table says it; short: as a chart has room for."""

    label: str
    cells: tuple[Cell, ...]
    short: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A table of numbers. key: its name in addresses; lead: what is counted, in one sentence; head: of the first column;
    series: heads of the others, of which a chart shows the first `drawn_series` (None: all); unit: of all numbers; note:
    what a reader has to know before believing it."""

    key: str
    title: str
    lead: str
    head: str
    series: tuple[str, ...]
    rows: tuple[Row, ...]
    unit: str
    drawn: Drawn = Drawn.NOT
    drawn_series: int | None = None
    note: str = ""

    @property
    def labels(self) -> list[str]:
        """What stands below the chart."""
        return [row.short or row.label for row in self.rows]

    @property
    def is_blank(self) -> bool:
        """Whether every number is 0 or not known: a chart of it would be empty."""
        return not any(cell.value for row in self.rows for cell in row.cells)

    @property
    def columns(self) -> list[list[float | None]]:
        """The values of each series, for a chart."""
        return [
            [None if row.cells[place].value is None else float(row.cells[place].value or 0) for row in self.rows]
            for place in range(len(self.series))
        ]


def as_document(figure: Figure) -> dict[str, Any]:
    """The figure as JSON; numbers with a point as text, so that none is rounded on the way."""
    document = asdict(figure)
    for row in document["rows"]:
        for cell in row["cells"]:
            if isinstance(cell["value"], Decimal):
                cell["value"] = str(cell["value"])
    return document


def from_document(document: Mapping[str, Any]) -> Figure:
    """The figure that a document says."""
    rows = tuple(
        Row(
            label=row["label"],
            short=row["short"],
            cells=tuple(Cell(_number(cell["value"]), cell["query"], cell["page"]) for cell in row["cells"]),
        )
        for row in document["rows"]
    )
    words = {name: document[name] for name in ("key", "title", "lead", "head", "unit", "note")}
    drawn, first = Drawn(document["drawn"]), document.get("drawn_series")
    return Figure(**words, series=tuple(document["series"]), rows=rows, drawn=drawn, drawn_series=first)


def _number(value: int | str | None) -> Number:
    return Decimal(value) if isinstance(value, str) else value
