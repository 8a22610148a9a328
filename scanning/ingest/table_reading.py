"""Reading a table of text (CSV): its dialect by its first rows, its rows as records, each with the line it began at.

The first row names the columns. Values stay text, whatever they look like: a cell that begins like a formula is a cell.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from compliance.types.errors import BadInputError
from scanning.ingest.jsonrecords import Framed
from scanning.ingest.limits import BoundedReader

DELIMITERS: Final = (",", ";", "\t", "|")
MOST_COLUMNS = 500
_CHUNK = 1 << 18
_LONGEST_NAME = 300
_MOST_READ_TWICE = 16 << 20
_SNIFFED_ROWS = 20
_SNIFFED_CHARACTERS = 1 << 16
# As spreadsheet programs write it before the header.
_SEPARATOR_LINE = re.compile(r"sep=([,;\t|])\r?\n?")
# The standard parser has one bound for the whole process; a record's own bound is kept by `_Lines`.
csv.field_size_limit(max(csv.field_size_limit(), 64 << 20))


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a table is written. skipped: lines before its header."""

    delimiter: str
    skipped: int = 0


def dialect_of(head: str) -> Dialect | None:
    """The dialect of a table by its beginning, None where that is no table: names of two columns or more, and rows as wide.

    The delimiter is the one that splits the first rows into the same number of columns, and into most of them.
    """
    return _dialect_of(head, _even_width)


def _dialect_of(head: str, width: Callable[[list[list[str]]], int]) -> Dialect | None:
    stated = _SEPARATOR_LINE.match(head)
    text = head[stated.end() if stated else 0 : _SNIFFED_CHARACTERS]
    delimiters = (stated.group(1),) if stated else DELIMITERS
    widths = {delimiter: width(_first_rows(text, delimiter)) for delimiter in delimiters}
    best = max(widths, key=lambda delimiter: widths[delimiter])
    return Dialect(best, skipped=1 if stated else 0) if widths[best] > 1 else None


def _first_rows(text: str, delimiter: str) -> list[list[str]]:
    """The first rows that are whole, up to the first that is broken."""
    rows: list[list[str]] = []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            rows += [row] if row else []
            if len(rows) > _SNIFFED_ROWS:
                break
    except csv.Error:
        return rows
    # The last row may be cut by the end of what is looked at.
    return rows[:-1] if len(text) >= _SNIFFED_CHARACTERS and len(rows) <= _SNIFFED_ROWS else rows


def _even_width(rows: list[list[str]]) -> int:
    """Columns of rows of which three in four agree with the first, 0 where they do not, or where there is but one."""
    names = rows[0] if len(rows) > 1 else []
    alike = sum(len(row) == len(names) for row in rows)
    fit = alike > 1 and 4 * alike >= 3 * len(rows) and all(len(name) <= _LONGEST_NAME for name in names)
    return len(names) if fit else 0


def _header_width(rows: list[list[str]]) -> int:
    return len(rows[0]) if rows else 0


class _Bytes(io.RawIOBase):
    """A reader as a stream, so that lines are split by the standard library."""

    def __init__(self, reader: BoundedReader) -> None:
        super().__init__()
        self._reader = reader

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        content = self._reader.read(len(view))
        view[: len(content)] = content
        return len(content)


class _Lines:
    """Physical lines of a stream of bytes, with line ends; those of a broken row can be handed back."""

    def __init__(self, stream: io.BufferedReader, longest: int) -> None:
        self._stream, self._longest = stream, longest
        self._back: list[str] = []
        self._taken: list[str] = []
        self._size = self._handed_back = 0
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def begin(self) -> int:
        """A row begins; the number of the line it begins at."""
        self._taken, self._size = [], 0
        return self.number + 1

    def __next__(self) -> str:
        line = self._back.pop() if self._back else self._next()
        if not line:
            raise StopIteration
        self._taken.append(line)
        self._size += len(line)
        self.number += 1
        if self._size > self._longest:
            raise csv.Error(f"is longer than {self._longest} bytes, or has a quote that is never closed")
        return line

    def _next(self) -> str:
        line = rest = self._stream.readline(self._longest + 1)
        while len(rest) > self._longest and not rest.endswith(b"\n"):
            rest = self._stream.readline(self._longest + 1)
        return line.decode("utf-8", "surrogateescape")

    def hand_back(self) -> bool:
        """Have every line of the present row but its first come again; False once that was done too often to go on."""
        again = self._taken[1:]
        self._handed_back += sum(map(len, again))
        self._back.extend(reversed(again))
        self.number -= len(again)
        return self._handed_back <= _MOST_READ_TWICE


class TableRecords:
    """Iterates over the rows of a table as records {column: text}. Raises BadInputError where it has no header, or an odd one.

    `columns` and `dialect` are known from the start. Bytes that are not UTF-8 become lone surrogates, which canonical JSON
    refuses: the row is lost, not the table.
    """

    def __init__(self, reader: BoundedReader, *, file_name: str, max_record: int) -> None:
        self._name = file_name
        self.dialect = _dialect(reader.peek(), file_name)
        self._lines = _Lines(io.BufferedReader(_Bytes(reader), _CHUNK), max_record)
        for _ in range(self.dialect.skipped):
            next(self._lines)
        self.columns = self._header()

    def _reader(self) -> Iterator[list[str]]:
        return csv.reader(self._lines, delimiter=self.dialect.delimiter, strict=True)

    def _header(self) -> tuple[str, ...]:
        self._lines.begin()
        try:
            names = [name.strip() for name in next(self._reader())]
        except (csv.Error, StopIteration) as error:
            raise BadInputError(
                f"{self._name} has no line that names its columns ({error}); export it with its header."
            ) from error
        if len(names) > MOST_COLUMNS:
            raise BadInputError(f"{self._name} has more than {MOST_COLUMNS} columns; export those that matter.")
        named = tuple(name or f"column {place}" for place, name in enumerate(names, 1))
        twice = next((name for name in named if named.count(name) > 1), None)
        if twice is not None:
            raise BadInputError(f"{self._name} has two columns named {twice[:60]!r}; give each a name of its own.")
        return named

    def __iter__(self) -> Iterator[Framed]:
        reader = self._reader()
        while True:
            start = self._lines.begin()
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                if not self._lines.hand_back():
                    raise BadInputError(
                        f"{self._name} has too many quotes that are never closed, the last at line {start}; export it again."
                    ) from error
                reader = self._reader()
                yield Framed(f"line {start}", None, f"the row {_reason(error)}")
                continue
            if row:
                yield self._framed(start, row)

    def _framed(self, start: int, row: list[str]) -> Framed:
        if len(row) == len(self.columns):
            return Framed(f"line {start}", dict(zip(self.columns, row, strict=True)))
        problem = f"the row has {len(row)} values where the header names {len(self.columns)} columns"
        return Framed(f"line {start}", None, problem)


def _reason(error: csv.Error) -> str:
    words = str(error)
    if words.startswith("unexpected end of data"):
        return "has a quote that is never closed"
    return words if words.startswith("is ") else f"is not written as a table is: {words}"


def _dialect(head: bytes, file_name: str) -> Dialect:
    if not head.strip():
        raise BadInputError(f"{file_name} is empty; there is nothing to import.")
    text = head.decode("utf-8", "surrogateescape")
    found = dialect_of(text) or _dialect_of(text, _header_width)
    if found is None:
        raise BadInputError(
            f"{file_name} is no table: its first line must name two columns or more, split by a comma, a semicolon, a tab or "
            "a bar."
        )
    return found
