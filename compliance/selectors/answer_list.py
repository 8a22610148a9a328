"""Answers of all assessments that somebody may see: whose they are, and how far they came."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import F, Q, QuerySet

from compliance.models import Answer, User
from compliance.types.states import AnswerState, AssessmentState


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFilter:
    """whose: "me", "assignee", "reviewer", "nobody" or "" for anybody's; overdue_on: only what was due before that day."""

    whose: str = ""
    state: str = ""
    assessment: UUID | None = None
    overdue_on: date | None = None


def mine(user: User) -> Q:
    """What a person has to answer, in person or for somebody, or to review."""
    return Q(assignee=user) | Q(delegate=user) | Q(reviewer=user)


def answer_list(rows: QuerySet[Answer], asked: AnswerFilter, user: User) -> QuerySet[Answer]:
    """Rows as filtered, due first, what is due on no day last."""
    whose = {
        "me": mine(user),
        "assignee": Q(assignee=user) | Q(delegate=user),
        "reviewer": Q(reviewer=user),
        "nobody": Q(assignee=None),
    }
    if asked.whose in whose:
        rows = rows.filter(whose[asked.whose])
    if asked.state:
        rows = rows.filter(state=asked.state)
    if asked.assessment:
        rows = rows.filter(assessment__uuid=asked.assessment)
    if asked.overdue_on:
        rows = rows.filter(due_on__lt=asked.overdue_on, assessment__state=AssessmentState.OPEN).exclude(
            state=AnswerState.APPROVED
        )
    rows = rows.select_related("assessment__system", "question", "assignee", "delegate", "reviewer")
    return rows.order_by(F("due_on").asc(nulls_last=True), "-assessment__created_at", "question__number", "pk")
