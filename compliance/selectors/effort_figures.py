"""Planned effort against spent effort, by AI system, control and team; and a period beside the one before it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Any

from django.db.models import Count, Q, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance.models import WorkEntry
from compliance.selectors.day_words import day_words
from compliance.selectors.remediation_figures import FINDINGS, ITEMS, Scope
from compliance.selectors.remediation_lists import closed_late
from compliance.selectors.worked_items import Group, Grouping, WorkedItem, groupings, most_and_others
from compliance.types.days import end_of, start_of
from compliance.types.figures import Cell, Drawn, Figure, Row
from compliance.types.plans import rounded

_NOTHING = Decimal(0)


@dataclass(slots=True)
class _Sums:
    """Sums of one group."""

    items: int = 0
    planned: Decimal = _NOTHING
    spent: Decimal = _NOTHING

    def add(self, items: int, planned: Decimal, spent: Decimal) -> None:
        """Take more items in."""
        self.items, self.planned, self.spent = self.items + items, self.planned + planned, self.spent + spent


def efforts(scope: Scope, items: Iterable[WorkedItem]) -> tuple[Figure, ...]:
    """Effort by AI system, by the control that the findings of an item are about, and by team."""
    titles = {"system": _("Effort by AI system"), "control": _("Effort by control"), "team": _("Effort by team")}
    listed = list(items)
    return tuple(_effort(scope, by, _summed(listed, by), title=titles[by.key]) for by in groupings())


def _summed(items: Iterable[WorkedItem], by: Grouping) -> dict[Group, _Sums]:
    found: dict[Group, _Sums] = defaultdict(_Sums)
    for item in items:
        for group in by.groups_of(item):
            found[group].add(1, item.planned, item.spent)
    return found


def logged(scope: Scope) -> Figure:
    """Person-days that were logged for days of the period, by AI system."""
    rows = (
        WorkEntry.objects.filter(item__in=scope.items, day__gte=scope.since, day__lte=scope.today)
        .order_by()
        .values_list("item__system__uuid", "item__system__name")
        .annotate(days=Sum("person_days"), items=Count("item", distinct=True))
    )
    found = sorted(rows, key=lambda row: (str(row[1]).casefold(), str(row[0])))
    lines = [Row(name, (Cell(rounded(days)), Cell(items))) for _uuid, name, days, items in found]
    if len(lines) > 1:
        days, items = sum((row[2] for row in found), _NOTHING), sum(row[3] for row in found)
        lines.append(Row(_("All of them"), (Cell(rounded(days)), Cell(items))))
    return Figure(
        key="effort-logged",
        title=_("Work of the period by AI system"),
        lead=_("Person-days logged for days of the period, and the items on which they were spent."),
        head=_("AI system"),
        series=(_("Person-days"), _("Items")),
        rows=tuple(lines),
        unit=_("person-days, and items"),
    )


def _effort(scope: Scope, by: Grouping, found: Mapping[Group, _Sums], *, title: str) -> Figure:
    """The groups by name; of very many those with most planned, and the others in one line."""
    most, others = most_and_others({group: sums.planned for group, sums in found.items()})
    narrowed = {"state": "all", "current_from": scope.since}
    rows = [_line(group[1], found[group], scope.query(**narrowed, **by.query(group[0]))) for group in most]
    if others:
        rest = _Sums()
        for one in (found[group] for group in others):
            rest.add(one.items, one.planned, one.spent)
        rows.append(_line(ngettext("%d other", "%d others", len(others)) % len(others), rest, ""))
    return Figure(
        key=f"effort-by-{by.key}",
        title=title,
        lead=_("Person-days planned and spent of items that are open, or were closed in the period."),
        head=by.head,
        series=(_("Planned"), _("Spent"), _("Left")),
        rows=tuple(rows),
        unit=_("person-days"),
        drawn=Drawn.GROUPED,
        note=by.note,
    )


def _line(words: str, sums: _Sums, query: str) -> Row:
    left = max(sums.planned - sums.spent, _NOTHING)
    return Row(words, tuple(Cell(value, query, ITEMS if query else "") for value in (sums.planned, sums.spent, left)))


# One period beside the one before it ----------------------------------------------------------------------------------


def comparison(scope: Scope) -> Figure:
    """What came and went in the period, beside the period before."""
    periods = ((scope.since, scope.today), (scope.before, scope.since - timedelta(days=1)))
    counted = _counted(scope, periods)
    measures = (
        (_("Findings first seen"), "seen", FINDINGS, ("seen_from", "seen_to")),
        (_("Items opened"), "opened", ITEMS, ("opened_from", "opened_to")),
        (_("Items closed"), "closed", ITEMS, ("closed_from", "closed_to")),
        (_("Items closed after their due date"), "late", ITEMS, ("closed_from", "closed_to")),
        (_("Median days from opening to closing"), "days", ITEMS, ("closed_from", "closed_to")),
    )
    rows = []
    for words, name, page, (since, until) in measures:
        late = {"closed_late": "on"} if name == "late" else {}
        cells = [
            Cell(values[name], scope.query(**{"state": "all", since: first, until: last, **late}), page)
            for values, (first, last) in zip(counted, periods, strict=True)
        ]
        rows.append(Row(words, (*cells, Cell(_difference(cells[0], cells[1])))))
    return Figure(
        key="comparison",
        title=_("This period beside the one before"),
        lead=_("%(from)s to %(to)s, beside the %(days)d days before.")
        % {"from": day_words(scope.since), "to": day_words(scope.today), "days": scope.days},
        head=_("What"),
        series=(_("This period"), _("Before"), _("Difference")),
        rows=tuple(rows),
        unit=_("findings, items and days"),
    )


def _difference(now: Cell, before: Cell) -> int | Decimal | None:
    return None if now.value is None or before.value is None else now.value - before.value


def _counted(scope: Scope, periods: Sequence[tuple[date, date]]) -> list[Mapping[str, Any]]:
    """What there is to count in each period; three queries for all of them."""
    spans = [(start_of(first), end_of(last)) for first, last in periods]
    seen = scope.findings.order_by().aggregate(
        **{f"seen{n}": _count("first_seen_at", span) for n, span in enumerate(spans)}
    )
    items = scope.items.order_by()
    ways = {"opened": ("created_at", Q()), "closed": ("closed_at", Q()), "late": ("closed_at", closed_late())}
    worked = items.aggregate(
        **{
            f"{name}{n}": _count(moment, span, also)
            for name, (moment, also) in ways.items()
            for n, span in enumerate(spans)
        }
    )
    ends = [start for start, _end in spans], [end for _start, end in spans]
    closed = list(
        items.filter(closed_at__gte=min(ends[0]), closed_at__lt=max(ends[1])).values_list("created_at", "closed_at")
    )
    return [
        {
            "seen": seen[f"seen{n}"],
            **{name: worked[f"{name}{n}"] for name in ways},
            "days": _median_days((opened, at) for opened, at in closed if at and start <= at < end),
        }
        for n, (start, end) in enumerate(spans)
    ]


def _count(moment: str, span: tuple[datetime, datetime], also: Q | None = None) -> Count:
    within = Q(**{f"{moment}__gte": span[0], f"{moment}__lt": span[1]})
    return Count("pk", filter=within & (also or Q()))


def _median_days(spans: Iterable[tuple[Any, Any]]) -> Decimal | None:
    """Days to a tenth; None without any."""
    days = [(closed - opened).total_seconds() / 86_400 for opened, closed in spans]
    return round(Decimal(median(days)), 1) if days else None
