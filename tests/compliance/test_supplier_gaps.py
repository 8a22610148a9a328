"""Which days of a period a report says nothing of."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.types.suppliers import Days, uncovered

YEAR = Days(date(2026, 1, 1), date(2026, 12, 31))


def day(text: str) -> date:
    return date.fromisoformat(f"2026-{text}")


@pytest.mark.parametrize(
    ("start", "end", "open_days"),
    [
        (date(2025, 1, 1), date(2027, 1, 1), []),
        (YEAR.start, YEAR.end, []),
        (date(2025, 10, 1), day("09-30"), [("10-01", "12-31")]),
        (day("04-01"), date(2027, 3, 31), [("01-01", "03-31")]),
        (day("04-01"), day("09-30"), [("01-01", "03-31"), ("10-01", "12-31")]),
        (date(2024, 1, 1), date(2025, 12, 31), [("01-01", "12-31")]),
        (date(2027, 1, 1), date(2027, 6, 30), [("01-01", "12-31")]),
        (None, day("06-30"), [("01-01", "06-29"), ("07-01", "12-31")]),
        (None, date(2025, 6, 30), [("01-01", "12-31")]),
        (None, None, [("01-01", "12-31")]),
    ],
)
def test_days_that_are_open(start: date | None, end: date | None, open_days: list[tuple[str, str]]) -> None:
    assert uncovered(YEAR, start, end) == tuple(Days(day(first), day(last)) for first, last in open_days)


_ANY_DAY = st.dates(date(2025, 6, 1), date(2027, 6, 1))


@given(_ANY_DAY, _ANY_DAY)
def test_every_day_is_either_covered_or_open(one: date, other: date) -> None:
    start, end = sorted((one, other))
    left = uncovered(YEAR, start, end)
    for n in range(YEAR.count):
        at = YEAR.start + timedelta(days=n)
        assert (start <= at <= end) is not any(part.start <= at <= part.end for part in left)
