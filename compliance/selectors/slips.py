"""What slipped, and why: updates that moved a due date to a later day, and dates that passed without any word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum
from django.utils.translation import gettext as _

from compliance.choices import label
from compliance.models import PlanUpdate
from compliance.selectors.remediation_figures import ITEMS, OpenDates, Scope
from compliance.types.days import end_of, start_of, within
from compliance.types.figures import Cell, Drawn, Figure, Row
from compliance.types.plans import GIVEN_REASONS

SLIPS = "slip-list"
MOST_SHOWN = 8
WITH_ITEMS = PlanUpdate.objects.select_related("item__system", "item__owner", "made_by")


@dataclass(frozen=True, slots=True, kw_only=True)
class SlipFilter:
    """What the list is asked for; empty means any. Days are those of UTC on which the date was moved."""

    since: date | None = None
    until: date | None = None
    reason: str = ""
    system: UUID | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """A time under its name; no end lies ahead of the day on which it is counted."""

    name: str
    since: date
    until: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """One date that was moved to a later day, and whose decision that was."""

    item: str
    item_uuid: UUID
    system: str
    due_before: date
    due_on: date
    days: int
    reason: str
    note: str
    decided_by: str


def week_of(day: date) -> tuple[date, date]:
    """Monday and Sunday of its week."""
    monday = day - timedelta(days=day.weekday())
    return monday, monday + timedelta(days=6)


def slips(rows: QuerySet[PlanUpdate], asked: SlipFilter) -> QuerySet[PlanUpdate]:
    """Updates that moved a due date to a later day, the newest first."""
    rows = rows.filter(slip_days__gt=0)
    if asked.since:
        rows = rows.filter(created_at__gte=start_of(asked.since))
    if asked.until:
        rows = rows.filter(created_at__lt=end_of(asked.until))
    if asked.reason:
        rows = rows.filter(reason=asked.reason)
    if asked.system:
        rows = rows.filter(item__system__uuid=asked.system)
    return rows.order_by("-created_at", "-pk")


def this_week(scope: Scope) -> tuple[Slip, ...]:
    """The longest slips of the week so far."""
    monday, sunday = week_of(scope.today)
    rows = slips(WITH_ITEMS.filter(item__in=scope.items), SlipFilter(since=monday, until=sunday))
    return tuple(
        Slip(
            item=row.item.title,
            item_uuid=row.item.uuid,
            system=row.item.system.name,
            due_before=row.due_before,
            due_on=row.due_on,
            days=row.slip_days,
            reason=row.get_reason_display(),
            note=row.note,
            decided_by=row.made_by.name,
        )
        for row in rows.order_by("-slip_days", "pk")[:MOST_SHOWN]
    )


def week_and_period(scope: Scope) -> tuple[Span, ...]:
    """The week so far and the period, as the dashboard shows them."""
    return (
        Span(_("this week"), week_of(scope.today)[0], scope.today),
        Span(_("in the period"), scope.since, scope.today),
    )


def by_reason(scope: Scope, spans: Sequence[Span], dates: OpenDates) -> Figure:
    """How many dates were moved for which reason, by how many days; and how many passed without a word."""
    counted = _counted(scope, spans)
    lines = [
        Row(
            str(label(reason)),
            (
                *(
                    Cell(
                        counted.get((reason.value, n), (0, 0))[0],
                        scope.query(since=span.since, until=span.until, reason=reason.value),
                        SLIPS,
                    )
                    for n, span in enumerate(spans)
                ),
                *(Cell(counted.get((reason.value, n), (0, 0))[1]) for n in range(len(spans))),
            ),
        )
        for reason in GIVEN_REASONS
    ]
    return Figure(
        key="slips",
        title=_("What slipped, and why"),
        lead=_(
            "Due dates that were moved to a later day, by the reason that was given; and dates that passed in silence."
        ),
        head=_("Reason"),
        series=(*(_("Slips, %s") % span.name for span in spans), *(_("Days, %s") % span.name for span in spans)),
        rows=(*lines, _silent(scope, spans, dates)),
        unit=_("slips, and days"),
        drawn=Drawn.GROUPED,
        drawn_series=len(spans),
        note=_("Days of what passed in silence are counted until today, and only of items that are open still."),
    )


def _counted(scope: Scope, spans: Sequence[Span]) -> dict[tuple[str, int], tuple[int, int]]:
    """Slips and their days by reason and number of the span; one query."""
    parts = {n: Q(**within("created_at", s.since, s.until)) for n, s in enumerate(spans)}
    rows = slips(PlanUpdate.objects.filter(item__in=scope.items), SlipFilter(since=min(s.since for s in spans)))
    found: Iterable[Mapping[str, Any]] = (
        rows.order_by()
        .values("reason")
        .annotate(
            **{f"slips{n}": Count("pk", filter=which) for n, which in parts.items()},
            **{f"days{n}": Sum("slip_days", filter=which, default=0) for n, which in parts.items()},
        )
    )
    return {(row["reason"], n): (row[f"slips{n}"], row[f"days{n}"]) for row in found for n in parts}


def _silent(scope: Scope, spans: Sequence[Span], dates: OpenDates) -> Row:
    """Open items whose date passed in each span."""
    last = scope.today - timedelta(days=1)
    passed = [(due, n) for (_state, due), n in dates.items() if due <= last]
    due_within = [[(due, n) for due, n in passed if span.since <= due <= span.until] for span in spans]
    cells = [
        Cell(
            sum(n for _due, n in found),
            scope.query(state="working", due_from=span.since, due_to=min(span.until, last)),
            ITEMS,
        )
        for span, found in zip(spans, due_within, strict=True)
    ]
    days = (Cell(sum((scope.today - due).days * n for due, n in found)) for found in due_within)
    return Row(_("The date passed, and nobody set another"), (*cells, *days))
