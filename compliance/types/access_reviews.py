"""Decisions of an access review."""

from __future__ import annotations

from enum import StrEnum


class Decision(StrEnum):
    """Whether a principal keeps the right to submit."""

    KEEP = "keep"
    REMOVE = "remove"


class Removal(StrEnum):
    """What later readings say of a removal that was decided."""

    CONFIRMED = "confirmed"
    STILL_ENTITLED = "still_entitled"
    NOT_YET_READ = "not_yet_read"
    """No document is on record that was read after the decision."""
