"""Days counted from today, told when a test asks: a suite that runs over midnight keeps no yesterday."""

from __future__ import annotations

from datetime import date, timedelta

from django.utils import timezone


def in_days(days: int) -> date:
    """The day that lies so many days after today (before it where negative)."""
    return timezone.localdate() + timedelta(days=days)
