"""Remediation as table, board and totals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date
from decimal import Decimal
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, Prefetch, Q, QuerySet, Sum, prefetch_related_objects
from django.db.models.functions import Coalesce, TruncDate
from django.db.models.lookups import GreaterThan

from compliance.models import RemediationItem, Risk
from compliance.selectors.time_limits import items_by_limit, this_minute, with_clock
from compliance.types.days import end_of, start_of
from compliance.types.sla import SlaState
from compliance.types.states import RemediationState

CARDS_A_COLUMN = 10
_NOTHING = Decimal(0)
_OWNERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class RemediationFilter:
    """What the list is asked for; empty means any. state "working" is everything that is not closed. open_on: open when
    that day ended; current_from: open, or closed since that day. Days are those of UTC."""

    text: str = ""
    state: str = ""
    owner: UUID | None = None
    system: UUID | None = None
    control: str = ""
    team: str = ""
    overdue_on: date | None = None
    opened_from: date | None = None
    opened_to: date | None = None
    closed_from: date | None = None
    closed_to: date | None = None
    closed_late: bool = False
    open_on: date | None = None
    current_from: date | None = None
    limit: str = ""
    playbook: str = ""
    due_from: date | None = None
    due_to: date | None = None


WORKING = "working"
NONE = "none"  # as control or team: items without one
ANY = "any"  # as task of the playbook: items of any of its tasks


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
    if asked.team:
        rows = rows.filter(team__isnull=True) if asked.team == NONE else rows.filter(team__uuid=asked.team)
    if asked.control:
        rows = rows.filter(_of_control(asked.control))
    if asked.playbook:
        rows = rows.exclude(playbook_task="") if asked.playbook == ANY else rows.filter(playbook_task=asked.playbook)
    rows = rows.filter(_in_time(asked))
    if asked.limit:
        rows = items_by_limit(rows, SlaState(asked.limit), this_minute())
    return rows.filter(system__uuid=asked.system) if asked.system else rows


def _of_control(control: str) -> Q:
    if control == NONE:
        return Q(risks__isnull=True)
    return Q(Exists(Risk.objects.filter(items=OuterRef("pk"), finding__target__control_id=control)))


def _in_time(asked: RemediationFilter) -> Q:
    """When items were opened and closed."""
    either = Q()
    if asked.opened_from:
        either &= Q(created_at__gte=start_of(asked.opened_from))
    if asked.opened_to:
        either &= Q(created_at__lt=end_of(asked.opened_to))
    if asked.closed_from:
        either &= Q(closed_at__gte=start_of(asked.closed_from))
    if asked.closed_to:
        either &= Q(closed_at__lt=end_of(asked.closed_to))
    if asked.closed_late:
        either &= closed_late()
    if asked.due_from:
        either &= Q(due_on__gte=asked.due_from)
    if asked.due_to:
        either &= Q(due_on__lte=asked.due_to)
    if asked.open_on:
        end = end_of(asked.open_on)
        either &= Q(created_at__lt=end) & (Q(closed_at__isnull=True) | Q(closed_at__gte=end))
    return either & current(asked.current_from) if asked.current_from else either


def closed_late() -> Q:
    """Items closed on a later day than they were due."""
    return Q(GreaterThan(TruncDate("closed_at", tzinfo=UTC), F("due_on")))


def current(since: date) -> Q:
    """Items that are open, or were closed since that day."""
    return Q(closed_at__isnull=True) | Q(closed_at__gte=start_of(since))


def with_work(rows: QuerySet[RemediationItem]) -> QuerySet[RemediationItem]:
    """Rows with what lists show beside them: owner, system, findings and milestones."""
    risks = Prefetch("risks", queryset=Risk.objects.select_related("finding__target"))
    return rows.select_related("owner", "system", "team").prefetch_related(risks, "milestones")


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
    keys: dict[RemediationState, list[int]] = {}
    for state in RemediationState:
        order = ("-closed_at", "pk") if state is RemediationState.CLOSED else ("due_on", "pk")
        first = rows.filter(state=state).order_by(*order).values_list("pk", flat=True)[:CARDS_A_COLUMN]
        keys[state] = list(first) if state in counts else []
    shown = [key for found in keys.values() for key in found]
    cards = with_work(rows).in_bulk(shown)
    prefetch_related_objects(list(cards.values()), with_clock("risks__finding__"))
    return tuple(
        Column(state=state, cards=tuple(cards[key] for key in keys[state] if key in cards), count=counts.get(state, 0))
        for state in RemediationState
    )
