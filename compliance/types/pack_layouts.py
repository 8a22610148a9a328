"""How a pack is laid out, on which paper, and what it tells of the time after its freeze. No Django."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from typing import TypedDict

from compliance.types.freeze_audit import Signatory
from compliance.types.shape import Day, Sha256, UtcTime, Uuid
from compliance.types.states import Severity
from compliance.types.verdicts import Conclusion

SUMMARY_PAGES = 6
# A statement of changes bridges; whoever needs more than three months needs a new assessment.
LONGEST_GAP = timedelta(days=92)
LATER_FINDINGS = 20


class Layout(StrEnum):
    """What is printed of one freeze."""

    FULL = "full"
    SUMMARY = "summary"
    CHANGES = "changes"


class PageSize(StrEnum):
    """Paper."""

    A4 = "A4"
    LETTER = "letter"


class LaterAct(TypedDict):
    """Events of one kind that the ledger holds from after the freeze."""

    kind: str
    count: int
    first: UtcTime
    last: UtcTime


class LaterFinding(TypedDict):
    """A finding that was first seen, or concluded anew, after the freeze."""

    title: str
    asset: str
    severity: Severity | None
    state: Conclusion
    at: UtcTime


class Later(TypedDict):
    """What was recorded between the freeze and `until`. findings: the first of `findings_total`, newest first."""

    until: UtcTime
    events: int
    acts: list[LaterAct]
    findings: list[LaterFinding]
    findings_total: int


class ChangeStatement(TypedDict):
    """What a named person states for management about the time since a pack. Nobody assures it.

    starts: the day after the period of that pack; ends: the last day that is spoken of.
    """

    since_pack: Uuid
    since_number: int
    since_sha256: Sha256
    since_issued_at: UtcTime
    starts: Day
    ends: Day
    changes: str
    incidents: str
    signer: Signatory
    signed_at: UtcTime


class StatementWords(TypedDict):
    """What whoever signs writes: the pack since which, the last day spoken of, changes and incidents in their words."""

    since: Uuid
    ends: Day
    changes: str
    incidents: str


def gap_fault(*, period_end: date, ends: date, today: date) -> str:
    """Why a statement may not speak of these days: "too_long", "future", "before"; "" where it may."""
    if ends > today:
        return "future"
    if ends <= period_end:
        return "before"
    return "too_long" if ends - period_end > LONGEST_GAP else ""
