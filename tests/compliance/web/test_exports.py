"""Cells of a CSV export: nothing in them runs in a spreadsheet."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from compliance.web.exports import cell, csv_response


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_text_that_starts_a_formula_is_made_text(start: str) -> None:
    assert cell(f"{start}1+1") == f"'{start}1+1"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (-3, "-3"),
        (Decimal("-0.5"), "-0.5"),
        (date(2026, 3, 2), "2026-03-02"),
        (datetime(2026, 3, 2, 9, 30, tzinfo=UTC), "2026-03-02T09:30:00Z"),
        ("a, “b”", "a, “b”"),
    ],
)
def test_values_keep_their_form(value: object, text: str) -> None:
    assert cell(value) == text


def test_rows_are_streamed_and_quoted() -> None:
    answer = csv_response(filename="rows.csv", heads=["name", "note"], rows=iter([("a", 'says "no", twice')]))
    assert answer.streaming
    body = answer.getvalue().decode("utf-8-sig")
    assert body == 'name,note\r\na,"says ""no"", twice"\r\n'
