"""Lists for other programs, streamed row by row: CSV (RFC 4180) that is safe to open in a spreadsheet, with times in UTC as
ISO 8601; and OCSF, one JSON object a line."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from django.http import StreamingHttpResponse

from compliance.selectors import ocsf

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
_SPREADSHEETS_READ_UTF8_BY = "\ufeff"


class _Echo:
    """The file that csv writes to: it hands each line back."""

    def write(self, line: str) -> str:
        return line


def cell(value: object) -> str:
    """One value as the text of a cell. Text that a spreadsheet would run as a formula gets an apostrophe in front."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, date):
        return value.isoformat()
    text = str(value)
    if isinstance(value, str) and text.startswith(FORMULA_STARTS):
        return f"'{text}"
    return text


def _lines(heads: Sequence[object], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield _SPREADSHEETS_READ_UTF8_BY + writer.writerow([cell(str(head)) for head in heads])
    for row in rows:
        yield writer.writerow([cell(value) for value in row])


def csv_response(*, filename: str, heads: Sequence[object], rows: Iterable[Sequence[object]]) -> StreamingHttpResponse:
    """A download of the rows as they are read."""
    response = StreamingHttpResponse(_lines(heads, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response


def ocsf_response(*, filename: str, records: Iterable[Mapping[str, Any]]) -> StreamingHttpResponse:
    """A download of OCSF records as they are made."""
    response = StreamingHttpResponse(ocsf.lines(records), content_type=ocsf.MEDIA_TYPE)
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    return response
