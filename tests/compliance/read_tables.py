"""Reads lists that were exported as CSV and XLSX back."""

from __future__ import annotations

import csv
import io
from typing import Any

from openpyxl import load_workbook


def with_query(url: str, query: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{query}"


def body(response: Any) -> bytes:
    content: bytes = response.getvalue() if response.streaming else response.content
    return content


def csv_rows(response: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(body(response).decode("utf-8-sig"))))


def xlsx_rows(response: Any) -> list[list[Any]]:
    book = load_workbook(io.BytesIO(body(response)))
    return [list(row) for row in book.worksheets[0].iter_rows(values_only=True)]


def said(response: Any) -> dict[str, Any]:
    """The last sheet: what the file says of itself."""
    book = load_workbook(io.BytesIO(body(response)))
    return {str(name): value for name, value in book["About"].iter_rows(values_only=True)}
