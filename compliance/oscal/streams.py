"""Lists of an OSCAL document that are made as they are written, so that a large record is never held.

A `Stream` stands in a document where a list would. It is made anew for each pass: for the checks, and for the writing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from compliance.types.canonical import canonical_json

JSON = dict[str, Any]
ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Stream:
    """A list of objects, of which there is at least one."""

    made: Callable[[], Iterable[JSON]]

    def __iter__(self) -> Iterator[JSON]:
        return iter(self.made())


def streamed(made: Callable[[], Iterable[JSON]]) -> Stream | list[JSON]:
    """The list that `made` answers each time; an empty one where there is nothing."""
    return Stream(made) if any(True for _row in made()) else []


def pieces(value: Any) -> Iterator[bytes]:
    """The canonical JSON of a document (RFC 8785), piece by piece. Keys are ASCII, as OSCAL's are."""
    if not _holds_streams(value):
        yield canonical_json(value)
    elif isinstance(value, dict):
        for number, key in enumerate(sorted(value)):
            yield (b"," if number else b"{") + canonical_json(key) + b":"
            yield from pieces(value[key])
        yield b"}"
    else:
        for number, row in enumerate(value):
            yield b"," if number else b"["
            yield from pieces(row)
        yield b"]"


def parts(document: JSON) -> Iterator[JSON]:
    """The document again and again, each time with the next few rows of every stream: together they hold all rows.

    A stream that has ended stands with its last rows, for a list that a document needs must not be empty.
    """
    passes = {id(stream): iter(stream) for stream in _streams(document)}
    rows: dict[int, list[JSON]] = {}
    while True:
        some = {which: list(islice(one, ROWS_AT_ONCE)) for which, one in passes.items()}
        if rows and not any(some.values()):
            return
        rows = {which: some[which] or rows[which] for which in passes}
        yield _filled(document, rows)
        if not passes:
            return


def _streams(value: Any) -> Iterator[Stream]:
    if isinstance(value, Stream):
        yield value
    elif isinstance(value, dict | list):
        for member in value.values() if isinstance(value, dict) else value:
            yield from _streams(member)


def _holds_streams(value: Any) -> bool:
    return any(True for _stream in _streams(value))


def _filled(value: Any, rows: Mapping[int, list[JSON]]) -> Any:
    if isinstance(value, Stream):
        return rows[id(value)]
    if isinstance(value, dict):
        return {key: _filled(member, rows) for key, member in value.items()}
    return [_filled(member, rows) for member in value] if isinstance(value, list) else value
