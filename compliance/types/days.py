"""Whole days of UTC as moments."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta


def start_of(day: date) -> datetime:
    """The first moment of a day."""
    return datetime.combine(day, time.min, UTC)


def month_before(day: date, months: int = 1) -> date:
    """The first day of the month so many months before that of the day; below zero: after it."""
    count = day.year * 12 + day.month - 1 - months
    return date(count // 12, count % 12 + 1, 1)


def months_back(day: date, count: int) -> list[date]:
    """The first days of so many months, of which that of the day is the last."""
    return [month_before(day, count - 1 - n) for n in range(count)]


def month_of(text: str) -> date | None:
    """The first day of a month that is written as 2026-10; None for any other text."""
    try:
        return date.fromisoformat(f"{text}-01") if len(text) == 7 else None
    except ValueError:
        return None


def within(field: str, first: date, last: date) -> dict[str, datetime]:
    """Lookups for the moments from one day to another, both included, in UTC: a scope that is the same for every reader, and
    that an index answers."""
    return {f"{field}__gte": start_of(first), f"{field}__lt": end_of(last)}


def end_of(day: date) -> datetime:
    """The first moment after a day; of the last day that can be written, its last."""
    if day == date.max:
        return datetime.max.replace(tzinfo=UTC)
    return start_of(day + timedelta(days=1))
