"""What a person sees while mapping a log: its columns, its first records, and what a mapping would make of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from compliance.types.drafts import JobEventDraft
from scanning.ingest.base import ParseContext
from scanning.ingest.jsonrecords import Framed
from scanning.ingest.limits import BoundedReader
from scanning.ingest.log_mapping import Layout, LogMapping, plain_value
from scanning.ingest.mapped_rows import framed, read_mapped, scope_of, value_of
from scanning.ingest.records import Fields, RejectedError, clipped, each, escaped, text_of
from scanning.ingest.table_reading import TableRecords

MOST_RECORDS = 500
_MOST_POINTERS = 300
_DEEPEST = 6
_MOST_VALUES = 40
_NAMES_TRIED = 100


@dataclass(frozen=True, slots=True)
class Column:
    """A column. pointer: as mappings name it; label: as people know it; example: the first value that is there."""

    pointer: str
    label: str
    example: str


@dataclass(frozen=True, slots=True)
class Head:
    """The beginning of a log: its columns in their order, and its first records."""

    layout: Layout
    columns: tuple[Column, ...]
    records: tuple[Framed, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One record as a mapping reads it: an event, passed over because of its action, or rejected."""

    locator: str
    event: JobEventDraft | None
    passed_over: str = ""
    rejected: str = ""


def head_of(stream: BinaryIO, context: ParseContext, layout: Layout) -> Head:
    """Read the beginning of a log. Raises BadInputError where it has no usable header, or is no JSON."""
    reader = BoundedReader(stream, context.file_name, context.limits, context.on_offset)
    source = framed(reader, layout, context)
    records = tuple(islice(source, MOST_RECORDS))
    if isinstance(source, TableRecords):
        pointers = [(f"/{escaped(name)}", name) for name in source.columns]
    else:
        pointers = [(pointer, pointer) for pointer in _pointers(records)]
    columns = (Column(pointer, label, _example(records, pointer)) for pointer, label in pointers)
    return Head(layout=layout, columns=tuple(columns), records=records)


def _pointers(records: Sequence[Framed]) -> list[str]:
    found: dict[str, None] = {}
    for record in records[:_NAMES_TRIED]:
        for pointer in _leaves(record.value, "", 0):
            if len(found) < _MOST_POINTERS:
                found.setdefault(pointer)
    return list(found)


def _leaves(value: object, pointer: str, depth: int) -> Iterator[str]:
    """Where values stand in a record; members of lists all at `*`."""
    if isinstance(value, dict) and depth < _DEEPEST:
        for name, member in value.items():
            yield from _leaves(member, f"{pointer}/{escaped(str(name))}", depth + 1)
    elif isinstance(value, list) and depth < _DEEPEST:
        for member in value[:5]:
            yield from _leaves(member, f"{pointer}/*", depth + 1)
    elif pointer:
        yield pointer


def _example(records: Sequence[Framed], pointer: str) -> str:
    for record in records[:_NAMES_TRIED]:
        if found := next((text for _, value in each(record.value, pointer) if (text := text_of(value).strip())), ""):
            return clipped(found)
    return ""


def values_of(head: Head, pointer: str) -> list[tuple[str, int]]:
    """The values of a column among the first records as mappings compare them, most frequent first, and how often each is."""
    counted: Counter[str] = Counter()
    for record in head.records:
        if isinstance(record.value, dict) and (text := text_of(Fields(record.value).peek(pointer)).strip()):
            counted[plain_value(text)] += 1
    return counted.most_common(_MOST_VALUES)


def preview(head: Head, mapping: LogMapping, *, most: int) -> tuple[Line, ...]:
    """The first records as a mapping reads them."""
    return tuple(_line(record, mapping) for record in head.records[:most])


def _line(record: Framed, mapping: LogMapping) -> Line:
    scope = scope_of(mapping)
    try:
        event = read_mapped(value_of(record), record.locator, mapping, scope)
    except RejectedError as reason:
        return Line(record.locator, None, rejected=f"{reason}.")
    return Line(record.locator, event, passed_over=next(iter(scope.not_kept), ""))
