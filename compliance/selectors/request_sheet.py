"""The request list as a spreadsheet: written for people to edit, and read again with the place of whatever is wrong.

Text is written as text, so nothing in it runs; a formula that somebody typed is refused. A file is measured before it is
unpacked: a small archive may hold gigabytes.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

from django.utils.translation import gettext as _
from openpyxl import load_workbook
from openpyxl.utils.escape import unescape
from xlsxwriter import Workbook

from compliance.types.request_rows import RequestRow, mark_of

HEADS = ("number", "title", "request", "controls", "owner", "due on", "state", "as exported")
WIDTHS = (10, 40, 80, 30, 30, 14, 20, 20)
MOST_ROWS = 12_000
MOST_BYTES = 10 * 1024**2
MOST_UNPACKED = 100 * 1024**2
MOST_PARTS = 200
LONGEST_TEXT = 20_000
_REPLACED = dict.fromkeys([0xFFFE, 0xFFFF, *range(0xD800, 0xE000)], "\ufffd")


class SheetError(Exception):
    """The file cannot be taken. The message is one sentence with the place: what is wrong, and what to do."""


def sheet_text(text: str) -> str:
    """Text as it comes back from a spreadsheet: XML knows one kind of line end, and not every character."""
    return text.translate(_REPLACED).replace("\r\n", "\n").replace("\r", "\n").strip()


# Writing ------------------------------------------------------------------------------------------------------------


def write_sheet(rows: Iterable[RequestRow], file: IO[bytes]) -> None:
    """Writes the list, row by row in constant memory."""
    book = Workbook(file, {"constant_memory": True, "use_zip64": True})
    bold, day = book.add_format({"bold": True}), book.add_format({"num_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet("Requests")
    sheet.freeze_panes(1, 0)
    for place, (head, width) in enumerate(zip(HEADS, WIDTHS, strict=True)):
        sheet.set_column(place, place, width)
        sheet.write_string(0, place, head, bold)
    for n, row in enumerate(rows, start=1):
        if row.number is not None:
            sheet.write_number(n, 0, row.number)
        texts = {1: row.title, 2: row.text, 3: row.controls, 4: row.owner, 6: row.state, 7: mark_of(row)}
        for place, text in texts.items():
            _put(sheet, n, place, text)
        if row.due_on is not None:
            sheet.write_datetime(n, 5, datetime(row.due_on.year, row.due_on.month, row.due_on.day), day)  # noqa: DTZ001
    book.close()


def _put(sheet: Any, row: int, place: int, text: str) -> None:
    if text.startswith("<r>") and text.endswith(
        "</r>"
    ):  # else taken for the library's own markup; in parts it is escaped
        sheet.write_rich_string(row, place, text[:1], text[1:2], text[2:])
    elif text:
        sheet.write_string(row, place, text)


# Reading ------------------------------------------------------------------------------------------------------------


def read_sheet(file: IO[bytes]) -> list[RequestRow]:
    """The rows of an edited list, in order; empty rows are passed over. Raises SheetError."""
    _measure(file)
    try:
        book = load_workbook(file, read_only=True, data_only=False, keep_links=False)
        sheet = book.worksheets[0]
        sheet.reset_dimensions()
        rows = list(_rows(sheet.iter_rows()))
        book.close()
    except SheetError:
        raise
    except Exception as error:  # whatever a broken archive makes of the library
        raise SheetError(_("This is no spreadsheet that can be read: save it as XLSX and send it again.")) from error
    _check_numbers(rows)
    return rows


def _measure(file: IO[bytes]) -> None:
    """Refuses what is no archive, too large, or would be when unpacked; and XML that defines entities."""
    file.seek(0, 2)
    if file.tell() > MOST_BYTES:
        raise SheetError(_("The file is larger than %d MB; a request list is not.") % (MOST_BYTES // 1024**2))
    try:
        with ZipFile(file) as archive:
            parts = archive.infolist()
            if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
                raise SheetError(_("The file unpacks to more than a request list holds; it is not read."))
            for part in parts:
                _check_part(archive, part)
    except (
        BadZipFile,
        zipfile.LargeZipFile,
        NotImplementedError,
        RuntimeError,
        OSError,
        EOFError,
        ValueError,
    ) as error:
        raise SheetError(_("This is no XLSX file: save the list as XLSX and send it again.")) from error
    file.seek(0)


def _check_part(archive: ZipFile, part: zipfile.ZipInfo) -> None:
    """Reads one part to its end, no further than its own word allows: sizes in an archive can lie."""
    with archive.open(part) as stream:
        read = 0
        for piece in iter(lambda: stream.read(1024**2), b""):
            read += len(piece)
            if read > min(part.file_size, MOST_UNPACKED) or b"<!DOCTYPE" in piece or b"<!ENTITY" in piece:
                raise SheetError(_("The file holds more than a spreadsheet’s own parts; it is not read."))


def _rows(cells: Iterator[Sequence[Any]]) -> Iterator[RequestRow]:
    heads = [str(cell.value or "").strip().lower() for cell in next(cells, ())]
    while heads and not heads[-1]:
        heads.pop()
    missing = [head for head in HEADS if head not in heads]
    unknown = [head for head in heads if head not in HEADS]
    if missing or unknown or len(heads) != len(set(heads)):
        wrong = ", ".join(f"“{head}”" for head in (missing or unknown or heads))
        raise SheetError(_("Row 1: the columns are not those of the exported list (%s).") % wrong)
    for place, row in enumerate(cells, start=2):
        if place > MOST_ROWS + 1:
            raise SheetError(_("The list has more than %d rows.") % MOST_ROWS)
        found = {head: cell for head, cell in zip(heads, row, strict=False) if cell.value not in (None, "")}
        if found:
            yield _row(place, found)


def _row(place: int, cells: dict[str, Any]) -> RequestRow:
    return RequestRow(
        number=_number(place, cells.get("number")),
        title=_text(place, "title", cells.get("title")),
        text=_text(place, "request", cells.get("request")),
        controls=_text(place, "controls", cells.get("controls")),
        owner=_text(place, "owner", cells.get("owner")),
        due_on=_day(place, cells.get("due on")),
        state=_text(place, "state", cells.get("state")),
        mark=_text(place, "as exported", cells.get("as exported")),
        place=place,
    )


def _wrong(place: int, head: str, what: str) -> SheetError:
    return SheetError(_("Row %(row)d, column “%(column)s”: %(what)s") % {"row": place, "column": head, "what": what})


def _plain(place: int, head: str, cell: Any) -> Any:
    """The value of a cell that is no formula and no error."""
    if cell is None:
        return None
    if cell.data_type == "f":
        raise _wrong(place, head, _("a formula is not taken; paste its value."))
    if cell.data_type == "e":
        raise _wrong(place, head, _("the cell holds an error."))
    return cell.value


def _text(place: int, head: str, cell: Any) -> str:
    value = _plain(place, head, cell)
    if value is None:
        return ""
    if isinstance(value, datetime | date | bool):
        raise _wrong(place, head, _("text is expected here; format the cell as text."))
    text = sheet_text(
        unescape(value) if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)
    )
    if len(text) > LONGEST_TEXT:
        raise _wrong(place, head, _("the text is longer than %d characters.") % LONGEST_TEXT)
    return text


def _number(place: int, cell: Any) -> int | None:
    value = _plain(place, "number", cell)
    if value is None:
        return None
    text = str(value).strip().removesuffix(".0")
    if isinstance(value, bool) or not text.isascii() or not text.isdigit() or not 0 < int(text[:10]) < 10**9:
        raise _wrong(place, "number", _("“%s” is no number of a request; leave it empty for a new one.") % text[:40])
    return int(text)


def _day(place: int, cell: Any) -> date | None:
    value = _plain(place, "due on", cell)
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value).strip())
    except ValueError as error:
        raise _wrong(place, "due on", _("“%s” is no day; write it as 2026-12-31.") % str(value)[:40]) from error


def _check_numbers(rows: Sequence[RequestRow]) -> None:
    seen: dict[int, int] = {}
    for row in rows:
        if row.number is not None and row.number in seen:
            first = seen[row.number]
            raise _wrong(
                row.place,
                "number",
                _("%(number)d stands in row %(first)d as well.") % {"number": row.number, "first": first},
            )
        if row.number is not None:
            seen[row.number] = row.place
