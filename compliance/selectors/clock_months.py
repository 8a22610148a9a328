"""Clocks of time limits by month: which were kept, which were broken, and when that counts."""

from __future__ import annotations

from datetime import date, datetime

from django.db.models import F, Q

from compliance.types.days import month_before, start_of


def kept() -> Q:
    """Clocks that ended in time, or while they were stopped; they count in the month in which they ended."""
    return Q(ended_at__isnull=False) & (Q(ended_at__lte=F("due_at")) | Q(paused_at__isnull=False))


def broken(now: datetime) -> Q:
    """Clocks whose limit was reached while they ran; they count in the month in which it was."""
    return Q(paused_at__isnull=True, due_at__lte=now) & (Q(ended_at__isnull=True) | Q(ended_at__gt=F("due_at")))


def within(moment: str, month: date) -> Q:
    """In a month, which is named by its first day."""
    following = month_before(month, -1)
    return Q(**{f"{moment}__gte": start_of(month), f"{moment}__lt": start_of(following)})
