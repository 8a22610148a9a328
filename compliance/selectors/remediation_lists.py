"""Remediation as table, board and totals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, Prefetch, Q, QuerySet, Sum, prefetch_related_objects
from django.db.models.functions import Coalesce

from compliance.models import RemediationItem, Risk
from compliance.selectors.time_limits import items_by_limit, this_minute, with_clock
from compliance.types.sla import SlaState
from compliance.types.states import RemediationState

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
    limit: str = ""


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
    if asked.limit:
        rows = items_by_limit(rows, SlaState(asked.limit), this_minute())
    return rows.filter(system__uuid=asked.system) if asked.system else rows


def with_work(rows: QuerySet[RemediationItem]) -> QuerySet[RemediationItem]:
    """Rows with what lists show beside them: owner, system, findings and milestones."""
    risks = Prefetch("risks", queryset=Risk.objects.select_related("finding__target"))
    return rows.select_related("owner", "system").prefetch_related(risks, "milestones")


def with_limits(rows: QuerySet[RemediationItem]) -> QuerySet[RemediationItem]:
    """As `with_work`, with the clocks of the findings as well."""
    return with_work(rows).prefetch_related(with_clock("risks__finding__"))


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
    prefetch_related_objects([card for column in columns for card in column.cards], with_clock("risks__finding__"))
    return tuple(columns)
