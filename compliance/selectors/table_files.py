"""Tables as files for other programs: CSV (RFC 4180), streamed line by line, and XLSX, written row by row in constant memory.

Nothing in either runs in a spreadsheet: CSV marks text that would begin a formula, XLSX types every text as text. Times are in
UTC. An XLSX ends with a sheet that says which list it is, which filters held, who asked, when, and how many rows there are.
"""

from __future__ import annotations

import csv
import math
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from itertools import chain, islice
from typing import IO, TYPE_CHECKING, Any

from django.http import FileResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from xlsxwriter import Workbook

from compliance import __version__
from compliance.types.spreadsheets import as_text

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

ROWS_PER_SHEET = 1_048_575  # a sheet holds 1,048,576 rows, the first being the head
LONGEST_TEXT = 32_767  # characters that a cell of a spreadsheet holds
_CUT_TO = 32_600  # leaves room for the words that say so
_EXACT_INTEGERS = 2**53  # beyond it a spreadsheet rounds
_FIRST_YEAR = 1900  # spreadsheets count days from there
_SPREADSHEETS_READ_UTF8_BY = "\ufeff"
_NO_XML = dict.fromkeys([0xFFFE, 0xFFFF, *range(0xD800, 0xE000)], "\ufffd")


class Kind(StrEnum):
    """Forms that every list has."""

    CSV = "csv"
    XLSX = "xlsx"


MEDIA_TYPES = {
    Kind.CSV: "text/csv; charset=utf-8",
    Kind.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its head, and what a record gives for it."""

    head: str | _StrPromise
    of: Callable[[Any], object]


@dataclass(frozen=True, slots=True)
class Table:
    """A list as it is written. name: of the file, without ending; rows: read once, each as long as heads."""

    name: str
    title: str
    heads: Sequence[object]
    rows: Iterable[Sequence[object]]


@dataclass(frozen=True, slots=True)
class About:
    """What an XLSX says of itself. filters: pairs of name and value, as the person who asked set them."""

    filters: tuple[tuple[str, str], ...]
    asked_by: str
    asked_at: datetime


def table_of(name: str, title: str, columns: Sequence[Column], records: Iterable[Any]) -> Table:
    """The table of records; a queryset is read in portions."""
    read = getattr(records, "iterator", None)
    found: Iterable[Any] = read(chunk_size=500) if read is not None else records
    rows = (tuple(column.of(record) for column in columns) for record in found)
    return Table(name=name, title=title, heads=[column.head for column in columns], rows=rows)


# CSV -----------------------------------------------------------------------------------------------------------------


class _Echo:
    """The file that csv writes to: it hands each line back."""

    def write(self, line: str) -> str:
        return line


def cell(value: object) -> str:
    """One value as the text of a CSV cell. Text that a spreadsheet would run as a formula gets an apostrophe in front."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int | float | Decimal):
        return str(value)
    return as_text(str(value))


def csv_lines(table: Table) -> Iterator[str]:
    """The lines of the CSV, each as it is read."""
    writer = csv.writer(_Echo())
    yield _SPREADSHEETS_READ_UTF8_BY + writer.writerow([cell(str(head)) for head in table.heads])
    for row in table.rows:
        yield writer.writerow([cell(value) for value in row])


# XLSX ----------------------------------------------------------------------------------------------------------------


def _is_exact(value: Any) -> bool:
    """Whether a spreadsheet keeps the number."""
    number = float(value)
    return math.isfinite(number) and abs(number) <= _EXACT_INTEGERS


class _Sheets:
    """Sheets under way: rows go down one after the other, and a full sheet is followed by the next."""

    def __init__(self, book: Any, table: Table) -> None:
        self.book, self.table = book, table
        self.bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        self.moment = book.add_format({"num_format": 'yyyy-mm-dd hh:mm:ss" UTC"'})
        self.day = book.add_format({"num_format": "yyyy-mm-dd"})
        self.cut = 0

    def write(self) -> int:
        """Write all rows; how many there were."""
        count, rows, number = 0, iter(self.table.rows), 1
        first: Sequence[object] | None = next(rows, None)
        while number == 1 or first is not None:
            part = islice(chain([] if first is None else [first], rows), ROWS_PER_SHEET)
            count += self._sheet(_("Rows") if number == 1 else f"{_('Rows')} {number}", part)
            first, number = next(rows, None), number + 1
        return count

    def _sheet(self, name: str, rows: Iterable[Sequence[object]]) -> int:
        sheet = self.book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        for place, head in enumerate(self.table.heads):
            sheet.set_column(place, place, min(max(len(str(head)) + 4, 16), 40))
        for place, head in enumerate(self.table.heads):
            self.put(sheet, 0, place, str(head), self.bold)
        count = 0
        for count, row in enumerate(rows, start=1):  # the count is what is left of the loop
            for place, value in enumerate(row):
                self.put(sheet, count, place, value)
        if self.table.heads:
            sheet.autofilter(0, 0, count, len(self.table.heads) - 1)
        return count

    def put(self, sheet: Any, row: int, place: int, value: object, style: Any = None) -> None:
        """Write one cell by the type of its value."""
        if value is None or value == "":
            return
        if isinstance(value, bool):
            self._text(sheet, row, place, cell(value), style)
        elif isinstance(value, datetime) and value.year > _FIRST_YEAR:
            sheet.write_datetime(row, place, value.astimezone(UTC).replace(tzinfo=None, microsecond=0), self.moment)
        elif isinstance(value, date) and not isinstance(value, datetime) and value.year > _FIRST_YEAR:
            sheet.write_datetime(row, place, datetime(value.year, value.month, value.day), self.day)  # noqa: DTZ001
        elif isinstance(value, int | float | Decimal) and _is_exact(value):
            sheet.write_number(row, place, value, style)
        else:
            self._text(sheet, row, place, cell(value) if isinstance(value, date) else str(value), style)

    def _text(self, sheet: Any, row: int, place: int, value: str, style: Any) -> None:
        text = value.translate(_NO_XML).replace("\r\n", "\n").replace("\r", "\n")  # as XML reads them
        if len(text) > LONGEST_TEXT:
            self.cut += 1
            text = text[:_CUT_TO] + _(" … [cut here: %d characters; the CSV has them all]") % len(text)
        if text.startswith("<r>") and text.endswith("</r>"):
            # The library takes such text for markup of its own and writes it as it stands; in parts it is escaped.
            sheet.write_rich_string(row, place, text[:1], text[1:2], text[2:])
        else:
            sheet.write_string(row, place, text, style)


def write_xlsx(table: Table, about: About, file: IO[bytes]) -> None:
    """Write the table to `file`. Rows go to a temporary file first, so memory holds one row at a time."""
    book = Workbook(file, {"constant_memory": True, "use_zip64": True})
    book.set_properties({"title": table.title, "created": about.asked_at.astimezone(UTC).replace(tzinfo=None)})
    sheets = _Sheets(book, table)
    count = sheets.write()
    page = book.add_worksheet(_("About"))
    page.set_column(0, 0, 28)
    page.set_column(1, 1, 90)
    for row, (name, value) in enumerate(_about(table, about, count=count, cut=sheets.cut)):
        sheets.put(page, row, 0, name, sheets.bold)
        sheets.put(page, row, 1, value)
    book.close()


def download(kind: Kind, table: Table, about: About) -> HttpResponseBase:
    """The answer that hands the table over: CSV as it is read; XLSX when it is written, from a file that closes with it."""
    filename = f"{table.name}.{kind.value}"
    if kind is Kind.CSV:
        response = StreamingHttpResponse(csv_lines(table), content_type=MEDIA_TYPES[kind])
        response["Content-Disposition"] = f'attachment; filename="{filename}"'
        return response
    file = tempfile.TemporaryFile()  # noqa: SIM115  # the answer closes it
    write_xlsx(table, about, file)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=filename, content_type=MEDIA_TYPES[kind])


def _about(table: Table, about: About, *, count: int, cut: int) -> list[tuple[str, object]]:
    filters = about.filters or ((_("Filter"), _("none: every row that the person who asked may see")),)
    lines: list[tuple[str, object]] = [
        (_("List"), table.title),
        *((_("Filter: %s") % name if about.filters else name, value) for name, value in filters),
        (_("Rows"), count),
        (_("Asked for by"), about.asked_by),
        (_("Asked for at"), about.asked_at),
        (_("Time zone"), _("All times are in UTC.")),
        (_("Whose rows"), _("Only what the person who asked may see.")),
        (_("Written by"), f"Assay {__version__}"),
    ]
    if cut:
        told = ngettext(
            "%d cell holds less than its text, and says so at its end.",
            "%d cells hold less than their text, and say so at their end.",
            cut,
        )
        lines.append((_("Cut texts"), told % cut))
    return lines
