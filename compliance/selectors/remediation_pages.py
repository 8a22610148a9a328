"""Remediation as table, board and totals; one item with its milestones, what it mends and what happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, Prefetch, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from compliance.models import EvidenceLink, Finding, Milestone, RemediationItem, Risk
from compliance.rights import Asker, visible
from compliance.selectors.finding_pages import playbook
from compliance.selectors.sources import Source, sources
from compliance.selectors.story import Story, story
from compliance.types.states import RemediationState
from compliance.types.verdicts import Conclusion

CARDS_A_COLUMN = 30
_NOTHING = Decimal(0)
_OWNERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class RemediationFilter:
    """What the list is asked for; empty means any. state "working" is everything that is not closed."""

    text: str = ""
    state: str = ""
    owner: UUID | None = None
    system: UUID | None = None
    overdue_on: date | None = None


WORKING = "working"


def remediation_list(rows: QuerySet[RemediationItem], asked: RemediationFilter) -> QuerySet[RemediationItem]:
    """The list as filtered, what is due first on top."""
    if asked.text:
        rows = rows.filter(Q(title__icontains=asked.text) | Q(description__icontains=asked.text))
    if asked.state == WORKING:
        rows = rows.exclude(state=RemediationState.CLOSED)
    elif asked.state:
        rows = rows.filter(state=asked.state)
    if asked.overdue_on:
        rows = rows.exclude(state=RemediationState.CLOSED).filter(due_on__lt=asked.overdue_on)
    if asked.owner:
        rows = rows.filter(owner__uuid=asked.owner)
    return rows.filter(system__uuid=asked.system) if asked.system else rows


def with_work(rows: QuerySet[RemediationItem]) -> QuerySet[RemediationItem]:
    """Rows with what lists show beside them: owner, system, findings and milestones."""
    risks = Prefetch("risks", queryset=Risk.objects.select_related("finding__target"))
    return rows.select_related("owner", "system").prefetch_related(risks, "milestones")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerLoad:
    """What one person has open."""

    name: str
    uuid: UUID
    items: int
    overdue: int
    planned: Decimal
    spent: Decimal

    @property
    def left(self) -> Decimal:
        """Planned person-days not spent yet; never below zero."""
        return max(self.planned - self.spent, _NOTHING)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemediationTotals:
    """Sums over the rows of a list; owners hold open work alone, by name: nobody is ranked."""

    items: int
    working: int
    overdue: int
    planned: Decimal
    spent: Decimal
    owners: tuple[OwnerLoad, ...]


def remediation_totals(rows: QuerySet[RemediationItem], *, today: date) -> RemediationTotals:
    """Two queries, whatever the number of rows."""
    working = ~Q(state=RemediationState.CLOSED)
    late = working & Q(due_on__lt=today)
    sums = rows.order_by().aggregate(
        items=Count("pk"),
        working=Count("pk", filter=working),
        overdue=Count("pk", filter=late),
        planned=Coalesce(Sum("effort_planned"), _NOTHING),
        spent=Coalesce(Sum("effort_spent"), _NOTHING),
    )
    owners = (
        rows.filter(working)
        .order_by()
        .values("owner__name", "owner__uuid")
        .annotate(
            items=Count("pk"),
            overdue=Count("pk", filter=late),
            planned=Sum("effort_planned"),
            spent=Sum("effort_spent"),
        )
        .order_by("owner__name", "owner__uuid")[:_OWNERS]
    )
    loads = tuple(
        OwnerLoad(
            name=row["owner__name"],
            uuid=row["owner__uuid"],
            items=row["items"],
            overdue=row["overdue"],
            planned=row["planned"],
            spent=row["spent"],
        )
        for row in owners
    )
    return RemediationTotals(**sums, owners=loads)


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One state of the board: its first cards and how many there are."""

    state: RemediationState
    cards: tuple[RemediationItem, ...]
    count: int


def board(rows: QuerySet[RemediationItem]) -> tuple[Column, ...]:
    """A column for every state; of closed items the newest."""
    counts = dict(rows.order_by().values_list("state").annotate(n=Count("pk")))
    columns = []
    for state in RemediationState:
        order = ("-closed_at", "pk") if state is RemediationState.CLOSED else ("due_on", "pk")
        cards = with_work(rows.filter(state=state).order_by(*order))[:CARDS_A_COLUMN] if state in counts else ()
        columns.append(Column(state=state, cards=tuple(cards), count=counts.get(state, 0)))
    return tuple(columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemediationPage:
    """Everything on an item's page."""

    risks: tuple[Risk, ...]
    milestones: tuple[Milestone, ...]
    links: tuple[EvidenceLink, ...]
    story: Story
    closing: Source | None

    @property
    def standing(self) -> tuple[Finding, ...]:
        """Findings that keep the item from being closed."""
        return tuple(risk.finding for risk in self.risks if risk.finding.state == Conclusion.NOT_SATISFIED)


def remediation_page(item: RemediationItem, user: Asker) -> RemediationPage:
    """The page of one item, as far as the asker may see."""
    risks = tuple(
        visible(Risk.objects.filter(items=item), user).select_related("finding__target", "finding__model_version")
    )
    subjects = [item.uuid, *(risk.uuid for risk in risks), *(risk.finding.uuid for risk in risks)]
    closing = item.closing_observation
    known = sources([closing.source_uuid], user) if closing else {}
    return RemediationPage(
        risks=risks,
        milestones=tuple(item.milestones.select_related("done_by")),
        links=tuple(visible(EvidenceLink.objects.filter(remediation=item), user).select_related("evidence")),
        story=story(subjects, user),
        closing=known.get(closing.source_uuid) if closing else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """What the playbook proposes for a finding: a description, days of effort, and steps in order."""

    description: str
    person_days: Decimal
    steps: tuple[str, ...]


def suggestion(finding: Finding, *, most_steps: int) -> Suggestion | None:
    """The playbook's tasks as a plan; None while no playbook is loaded. Steps beyond `most_steps` stay in the text."""
    section = playbook(finding)
    tasks: Sequence[dict[str, object]] = section.content.get("tasks", []) if section else []
    if not tasks:
        return None
    lines = [f"{n}. {task['title']} ({task['role']}): {task['detail']}" for n, task in enumerate(tasks, start=1)]
    return Suggestion(
        description="\n".join(lines),
        person_days=sum((Decimal(str(task["person_days"])) for task in tasks), _NOTHING),
        steps=tuple(str(task["title"]) for task in tasks[:most_steps]),
    )
