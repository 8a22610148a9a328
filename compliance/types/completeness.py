"""How complete a job log is: coverage, integrity and reconciliation, three figures that are never merged into one.

Frozen, JSON-shaped, no Django. What no document says is "not assessed" and counts for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from compliance.types.documents import DocumentDraft
from compliance.types.drafts import JSON


class Part(StrEnum):
    """Which of the three figures."""

    COVERAGE = "coverage"
    INTEGRITY = "integrity"
    RECONCILIATION = "reconciliation"


class RowState(StrEnum):
    """What is said of one account, one stretch of a digest chain, or one job."""

    DELIVERS = "delivers"
    NOT_DELIVERING = "not_delivering"
    NOT_ASSESSED = "not_assessed"

    CONSISTENT = "consistent"
    LOGS_ABSENT = "logs_absent"
    UNVERIFIED = "unverified"
    NO_DIGEST = "no_digest"
    UNLISTED = "unlisted"
    BROKEN = "broken"

    NOT_IN_LOG = "not_in_log"
    NOT_LISTED = "not_listed"
    VANISHED = "vanished"


# What a person has to explain or mend; NOT_ASSESSED is a hole in what is known, and not in the log.
EXCEPTIONS = frozenset(RowState) - {RowState.DELIVERS, RowState.CONSISTENT, RowState.NOT_ASSESSED}


class Integrity(StrEnum):
    """The figure of integrity, from worst to best. CONTRADICTED and CONFIRMED follow from auditors' checks of the keys alone:
    no document that is imported leads to either."""

    CONTRADICTED = "contradicted"
    INCONSISTENT = "inconsistent"
    NOT_VERIFIED = "not_verified"
    INCOMPLETE = "incomplete"
    CONSISTENT = "consistent"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletenessDraft(DocumentDraft):
    """A document that says which logs there are, that they are unaltered, or which jobs there were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformDocument:
    """A document as an evaluator takes it. uuid: of its row; file_name, evidence_sha256: of the file that it came in."""

    kind: str
    platform: str
    scope: str
    taken_at: datetime
    content: JSON
    uuid: str = ""
    file_name: str = ""
    evidence_sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletenessRow:
    """One line of a figure. place: account, region, trail; name: what within it; starts_at, ends_at: the stretch or moment it
    speaks of; sentence: for people; facts: JSON-shaped."""

    part: Part
    state: RowState
    platform: str
    place: str
    name: str
    sentence: str
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    facts: JSON = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One figure. figure: its counts, JSON-shaped, as the module of its evaluator documents them."""

    part: Part
    figure: Mapping[str, Any]
    rows: tuple[CompletenessRow, ...] = ()
    limits: tuple[str, ...] = ()
