"""What the pages of engagements show: the list, one audit with its team and history, and its way from plan to follow-up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from operator import attrgetter

from django.db.models import Count, QuerySet
from django.utils.formats import date_format

from compliance.choices import label
from compliance.models import Engagement, EngagementMember, EngagementMove, TrailEntry, User
from compliance.types.engagements import PLANNED, EngagementState, Step, steps_from
from compliance.types.states import Role

LIST = (
    Engagement.objects.annotate(on_team=Count("members", distinct=True))
    .prefetch_related("systems")
    .order_by("-created_at", "-pk")
)
ONE = Engagement.objects.select_related("contact", "opened_by").prefetch_related("systems", "assessments")
HISTORY_EVENTS = 50


@dataclass(frozen=True, slots=True)
class Stage:
    """A state of the audit as a step of its way. state: done, current or todo; note: the day that is planned for it."""

    label: str
    state: str
    note: str


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that happened to the engagement."""

    at: datetime
    kind: str
    actor: User | None
    move: EngagementMove | None


@dataclass(frozen=True, slots=True)
class EngagementPage:
    """One audit: its way, its team, what happened, and the moves that the reader may make."""

    stages: tuple[Stage, ...]
    members: tuple[EngagementMember, ...]
    own: EngagementMember | None
    history: tuple[Act, ...]
    steps: tuple[Step, ...]

    @property
    def is_history_cut(self) -> bool:
        """Whether older acts stand in the trail alone."""
        return sum(act.move is None for act in self.history) == HISTORY_EVENTS


def engagement_list(rows: QuerySet[Engagement], *, text: str, state: str) -> QuerySet[Engagement]:
    """The list as filtered."""
    if text:
        rows = rows.filter(title__icontains=text)
    return rows.filter(state=state) if state else rows


def engagement_page(engagement: Engagement, reader: User) -> EngagementPage:
    """Everything that the page of one audit shows of the audit itself."""
    members = tuple(engagement.members.select_related("user"))
    return EngagementPage(
        stages=stages(engagement),
        members=members,
        own=next((member for member in members if member.user_id == reader.pk), None),
        history=history(engagement),
        steps=steps_from(EngagementState(engagement.state), Role(reader.role)),
    )


def stages(engagement: Engagement) -> tuple[Stage, ...]:
    """Every state in order, with the day that is planned for it."""
    order = list(EngagementState)
    here = order.index(EngagementState(engagement.state))
    days: Sequence[date | None] = [None, *(getattr(engagement, name) for name in PLANNED)]
    return tuple(
        Stage(
            label=str(label(state)),
            state="done" if n < here else "current" if n == here else "todo",
            note=date_format(day, "j M Y") if day else "",
        )
        for n, (state, day) in enumerate(zip(order, days, strict=True))
    )


def history(engagement: Engagement) -> tuple[Act, ...]:
    """Moves with their reasons and the other acts on the engagement, newest first."""
    moves = [
        Act(move.created_at, "engagement.moved", move.moved_by, move)
        for move in engagement.moves.select_related("moved_by")
    ]
    entries = TrailEntry.objects.filter(event__subject_uuid=engagement.uuid).select_related("event", "actor")
    others = [
        Act(entry.event.created_at, entry.event.kind, entry.actor, None)
        for entry in entries.exclude(event__kind="engagement.moved")[:HISTORY_EVENTS]
    ]
    return tuple(sorted((*moves, *others), key=attrgetter("at"), reverse=True))
