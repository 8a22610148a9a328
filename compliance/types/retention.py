"""How long evidence is kept, what stops its disposal, and what stands in its place afterwards."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from compliance.types.states import RetentionClass


class EvidenceKind(StrEnum):
    """What a piece of evidence is, as far as its retention goes: told by the way it came in."""

    DOCUMENT = "document"
    LOG_OR_REPORT = "log-or-report"
    MODEL = "model"
    DATA = "data"
    RESULT = "result"


class RetentionStart(StrEnum):
    """From when the time of a class runs."""

    RECEIPT = "receipt"
    LAST_USE = "last-use"


class RunState(StrEnum):
    """Life of a disposal run."""

    PROPOSED = "proposed"
    REFUSED = "refused"
    APPROVED = "approved"
    COMPLETED = "completed"


class ItemState(StrEnum):
    """What became of one piece in a run. `recorded`: its tombstone stands, its bytes are going."""

    PROPOSED = "proposed"
    KEPT = "kept"
    HELD = "held"
    RECORDED = "recorded"
    DISPOSED = "disposed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassTerms:
    """One wording of a retention class. months None: no end; kinds: those whose new evidence gets this class."""

    title: str
    months: int | None
    starts: RetentionStart
    legal_basis: str
    kinds: tuple[EvidenceKind, ...] = ()


# What an installation begins with; an administrator writes the organisation's own terms over it.
SHIPPED: dict[RetentionClass, ClassTerms] = {
    RetentionClass.STANDARD: ClassTerms(
        title="Standard",
        months=84,
        starts=RetentionStart.LAST_USE,
        legal_basis="Not stated yet. Assay ships seven years after the last audit served; state the basis that applies to you.",
        kinds=tuple(EvidenceKind),
    ),
    RetentionClass.EXTENDED: ClassTerms(
        title="Extended",
        months=120,
        starts=RetentionStart.LAST_USE,
        legal_basis="Not stated yet. Assay ships ten years, the time for which Regulation (EU) 2024/1689, Article 18, "
        "has providers of high-risk systems keep documentation; whether it applies to you is yours to say.",
    ),
    RetentionClass.TRANSIENT: ClassTerms(
        title="Transient",
        months=12,
        starts=RetentionStart.RECEIPT,
        legal_basis="Not stated yet. Assay ships one year after receipt; state the basis that applies to you.",
    ),
}


def states_basis(key: RetentionClass, legal_basis: str) -> bool:
    """Whether somebody stated why a class is kept that long: what is shipped says that nobody did."""
    return legal_basis != SHIPPED[key].legal_basis


def months_later(day: date, months: int) -> date:
    """The same day of a later month, or the last day of that month where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def latest_due(today: date, months: int) -> date:
    """The latest day on which a time of so many months may have begun to be over today."""
    day = months_later(today, -months)
    # Ends of months are not one to one: 31 March + 1 month is 30 April, and so is 30 March + 1 month.
    while months_later(date.fromordinal(day.toordinal() + 1), months) <= today:
        day = date.fromordinal(day.toordinal() + 1)
    return day
