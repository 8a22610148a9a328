"""What freezes hold of an answer beyond its words: who was to do what, and what its approval rests on."""

from __future__ import annotations

from typing import TypedDict

from compliance.types.shape import Day, Sha256, Uuid


class ApprovedEvidence(TypedDict):
    """One piece of evidence as it was approved."""

    evidence: Uuid
    sha256: Sha256


class AnswerAdditions(TypedDict, total=False):
    """Absent from older freezes. People are name and role in words, or empty.

    justified: contradictions that the approval was given over, for the reason in `justification`.
    not_independent: why nobody but a party to the answer approved it; empty where a second person did.
    """

    assignee: str
    delegate: str
    reviewer: str
    due: Day | None
    approved_on: list[ApprovedEvidence]
    justified: list[str]
    justification: str
    not_independent: str
