"""The rows of populations, streamed: records held, without a name in them, and lists that were handed in."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import IO, Any
from uuid import UUID

from django.db.models import Max, Q, QuerySet
from django.utils.translation import gettext as _

from compliance.models import EntitlementReading, Evidence, Finding, JobApproval, JobEvent, ModelVersion, Population
from compliance.rights import Asker, visible
from compliance.selectors.entitlement_changes import Change, changes
from compliance.types.canonical import canonical_json
from compliance.types.days import within
from compliance.types.drafts import JSON
from compliance.types.errors import BadInputError
from compliance.types.testing import PopulationKind

CHUNK = 2_000
MOST_COLUMNS = 100
# Kind -> model, the day that decides whether a row lies in the period, and column of a row -> field of the record. Principals
# stand by their pseudonyms, so that an erased person leaves every root valid.
_HELD: dict[PopulationKind, tuple[Any, str, dict[str, str]]] = {
    PopulationKind.JOB_EVENTS: (
        JobEvent, "occurred_at",
        {
            "occurred_at": "occurred_at", "source": "source", "operation": "action", "act": "action_class",
            "outcome": "outcome", "actor": "actor__pseudonym", "account": "account", "region": "region",
            "job": "job_id", "document": "evidence__sha256", "place": "locator", "record": "raw_sha256",
        },
    ),
    PopulationKind.APPROVALS: (
        JobApproval, "approved_at",
        {
            "approved_at": "approved_at", "job": "job", "approver": "approver__pseudonym", "reference": "reference",
            "data": "dataset_digest", "base": "base_digest", "withdrawn_at": "withdrawn_at",
        },
    ),
    PopulationKind.MODEL_VERSIONS: (
        ModelVersion, "created_at",
        {
            "registered_at": "created_at", "model": "model__name", "version": "label", "digest": "digest",
            "origin": "origin", "format": "format",
        },
    ),
    PopulationKind.EVIDENCE: (
        Evidence, "created_at",
        {"received_at": "created_at", "document": "sha256", "size": "size", "type": "media_type", "state": "state"},
    ),
    PopulationKind.FINDINGS: (
        Finding, "first_seen_at",
        {
            "first_seen_at": "first_seen_at", "last_seen_at": "last_seen_at", "control": "target__control_id",
            "severity": "severity", "conclusion": "state",
        },
    ),
}  # fmt: skip
# What narrows a population of records held: kind -> name of a filter -> field.
FILTERS: dict[PopulationKind, dict[str, str]] = {
    PopulationKind.JOB_EVENTS: {
        "act": "action_class", "outcome": "outcome", "source": "source", "account": "account", "region": "region",
    },
    PopulationKind.APPROVALS: {},
    PopulationKind.MODEL_VERSIONS: {"origin": "origin"},
    PopulationKind.EVIDENCE: {"state": "state"},
    PopulationKind.FINDINGS: {"severity": "severity", "conclusion": "state"},
    PopulationKind.ENTITLEMENT_CHANGES: {"change": "act"},
    PopulationKind.LIST: {},
}  # fmt: skip


# Columns of changes of who can submit, which no table holds: they lie between two readings.
_OF_CHANGES = ("read_at", "principal", "change", "before", "after", "reading", "compared_with", "rows_root")


def columns_of(kind: PopulationKind) -> tuple[str, ...]:
    """Columns of the rows of a kind; of a list they are its own."""
    if kind is PopulationKind.ENTITLEMENT_CHANGES:
        return _OF_CHANGES
    return tuple(_HELD[kind][2]) if kind in _HELD else ()


def records_of(population: Population, user: Asker) -> QuerySet[Any]:
    """The records held that make up a population, of those that exist for whoever asked for it."""
    model, day, _columns = _HELD[PopulationKind(population.kind)]
    system = "model__system" if model is ModelVersion else "system"
    narrowed = Q(
        **{
            system: population.system_id,
            **within(day, population.period_start, population.period_end),
        }
    )
    fields = FILTERS[PopulationKind(population.kind)]
    narrowed &= Q(**{fields[name]: value for name, value in population.filters.items()})
    return visible(model.objects.filter(narrowed), user)


def held_rows(population: Population, user: Asker) -> Iterator[JSON]:
    """Rows of records held that make up a population, of those that exist for whoever asked for it."""
    changed = population.kind == PopulationKind.ENTITLEMENT_CHANGES
    yield from _changes(population, user) if changed else _recorded(population, user)


def _changes(population: Population, user: Asker) -> Iterator[JSON]:
    """Changes between the readings of the period; the first of them is what the others are compared with."""
    readings = EntitlementReading.objects.filter(
        system=population.system_id, **within("as_of", population.period_start, population.period_end)
    )
    wanted = population.filters.get("change")
    for one in changes(visible(readings, user)):
        if wanted in (None, one.act):
            yield {"id": f"{one.later.uuid}:{one.principal.uuid}", "fields": _change(one)}


def _change(one: Change) -> JSON:
    cells = (
        one.later.as_of, one.principal.pseudonym, one.act, ", ".join(one.before), ", ".join(one.after), one.later.uuid,
        one.earlier.uuid, one.later.rows_root,
    )  # fmt: skip
    return dict(zip(_OF_CHANGES, map(_plain, cells), strict=True))


def _recorded(population: Population, user: Asker) -> Iterator[JSON]:
    """Rows of a table, in the order in which they were recorded, of those that are there when the first is asked for.

    A query for each chunk: a statement that stays open would keep SQLite from taking the progress that is written meanwhile.
    """
    columns = _HELD[PopulationKind(population.kind)][2]
    records = records_of(population, user).order_by("pk")
    last, end = 0, records.aggregate(end=Max("pk"))["end"] or 0
    while chunk := list(records.filter(pk__gt=last, pk__lte=end).values_list("pk", "uuid", *columns.values())[:CHUNK]):
        for _pk, uuid, *cells in chunk:
            yield {"id": str(uuid), "fields": dict(zip(columns, map(_plain, cells), strict=True))}
        last = chunk[-1][0]


def _plain(value: object) -> str | int:
    """A cell as JSON has it."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date | UUID):
        return str(value)
    return value if isinstance(value, int) else str(value or "")


def listed_rows(stream: IO[bytes]) -> Iterator[JSON]:
    """Rows of a list, each named by its number from 1. Raises BadInputError with the line."""
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
    reader = csv.reader(text, delimiter=_delimiter(text), strict=True)
    try:
        head = _head(next(reader, []))
        number = 0
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(head):
                told = _("Line %(line)d has %(found)d cells and the first line %(head)d; give every line as many.")
                raise BadInputError(told % {"line": reader.line_num, "found": len(cells), "head": len(head)})
            number += 1
            yield {"id": str(number), "fields": dict(zip(head, cells, strict=True))}
    except (UnicodeDecodeError, csv.Error) as error:
        told = _("The list cannot be read after line %(line)d: save it as CSV in UTF-8 (%(why)s).")
        raise BadInputError(told % {"line": reader.line_num, "why": error}) from error


def _delimiter(text: IO[str]) -> str:
    """What parts the cells of the first line: a comma, a semicolon or a tab."""
    try:
        first = text.readline(100_000)
    except UnicodeDecodeError as error:
        raise BadInputError(_("The list is not text in UTF-8; save it as CSV in UTF-8.")) from error
    text.seek(0)
    return max(",;\t", key=first.count)


def _head(cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    if not names or len(names) > MOST_COLUMNS:
        raise BadInputError(_("The first line names 1 to %d columns.") % MOST_COLUMNS)
    if len(set(names)) < len(names) or "" in names:
        raise BadInputError(_("The first line gives every column a name of its own."))
    return names


class Tally:
    """Counts what is frozen while it streams: strata, and the control total of a column. Raises BadInputError."""

    MOST_STRATA = 50

    def __init__(self, *, stratify_by: str, total_column: str) -> None:
        self.strata: dict[str, int] = {}
        self.total: Decimal | None = Decimal(0) if total_column else None
        self._by, self._column = stratify_by, total_column

    def take(self, row: JSON) -> None:
        """One more row."""
        if self._by:
            name = stratum_of(row, self._by)
            self.strata[name] = self.strata.get(name, 0) + 1
            if len(self.strata) > self.MOST_STRATA:
                told = _("The column “%(name)s” has more than %(most)d values; choose one with fewer for the strata.")
                raise BadInputError(told % {"name": self._by, "most": self.MOST_STRATA})
        if self.total is not None:
            self.total += self._amount(row)

    def _amount(self, row: JSON) -> Decimal:
        cell = _cell(row, self._column)
        try:
            amount = Decimal(cell.strip())
        except InvalidOperation:
            amount = Decimal("NaN")
        if not amount.is_finite():
            told = _("Row %(row)s has “%(cell)s” in the column of the control total; give numbers such as 1234.50.")
            raise BadInputError(told % {"row": row["id"], "cell": cell[:40]})
        return amount


def stratum_of(row: JSON, column: str) -> str:
    """The stratum of a row by a column; blank where there are none."""
    return _cell(row, column)[:200] if column else ""


def _cell(row: JSON, column: str) -> str:
    fields: Mapping[str, object] = row["fields"]
    if column not in fields:
        raise BadInputError(_("The rows have no column “%s”.") % column)
    return str(fields[column])


def plain_total(total: Decimal) -> str:
    """A control total as it is compared: without noughts at its end."""
    return f"{total.normalize():f}"


def line_of(row: JSON) -> bytes:
    """A row as its line, without the line feed: a leaf of the population's tree."""
    return canonical_json(row)


def id_of(line: bytes) -> str:
    """The identifier of a row by its line, without reading the rest: it is the last value, and a number or a UUID."""
    return line[line.rindex(b'"id":"') + 6 : line.rindex(b'"')].decode()
