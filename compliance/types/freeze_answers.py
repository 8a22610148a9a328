"""What freezes hold of an answer beyond its words: who was to do what, and what its approval rests on."""

from __future__ import annotations

from typing import TypedDict

from compliance.types.freeze_audit import CustodyEvent
from compliance.types.handling import HandlingLabel
from compliance.types.shape import Day, Named, Sha256, UtcTime, Uuid


class ApprovedEvidence(TypedDict):
    """One piece of evidence as it was approved."""

    evidence: Uuid
    sha256: Sha256


class EvidenceAdditions(TypedDict, total=False):
    """Where a piece comes from, absent from older freezes: see compliance.types.provenance. Empty or None: not stated.

    handling: its label; supersedes: the piece that it took the place of; custody: what was done to it.
    """

    environment: str
    query: str
    executed_by: Named
    extracted_at: UtcTime | None
    zone: str
    row_count: int | None
    control_total: str
    obtained: str
    received_at: UtcTime
    handling: HandlingLabel
    supersedes: Uuid | None
    custody: list[CustodyEvent]


class FigureBeside(TypedDict):
    """One computed figure beside an answer: value in words, the id of its rule, and how many rows stand behind it."""

    label: str
    value: str
    rule: str
    rows: int | None


class PreAuditLine(TypedDict):
    """One check that is made before an audit; `open`: what it listed when the assessment was frozen, in sentences."""

    check: str
    title: str
    open: list[str]


class FigureRule(TypedDict):
    """How figures of one kind are computed, in words."""

    id: str
    words: str


class QuestionAdditions(TypedDict, total=False):
    """Absent from older freezes."""

    figures: list[FigureBeside]


class AnswerAdditions(TypedDict, total=False):
    """Absent from older freezes. People are name and role in words, or empty.

    justified: contradictions that the approval was given over, for the reason in `justification`.
    not_independent: why nobody but a party to the answer approved it; empty where a second person did.
    """

    assignee: Named
    delegate: Named
    reviewer: Named
    due: Day | None
    approved_on: list[ApprovedEvidence]
    justified: list[str]
    justification: str
    not_independent: str
