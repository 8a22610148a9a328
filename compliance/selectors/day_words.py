"""A day as people write it, in sentences that selectors make; pages write it the same way."""

from __future__ import annotations

from datetime import date

from django.utils.formats import date_format


def day_words(day: date) -> str:
    """2026-10-05 -> "5 Oct 2026"."""
    return date_format(day, "j M Y")
