"""Planned effort against spent effort, by AI system, control and team; and a period beside the one before it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import Any

from django.db.models import Count, Q, Sum
from django.utils.translation import gettext as _

from compliance.models import WorkEntry
from compliance.selectors.day_words import day_words
from compliance.selectors.remediation_figures import FINDINGS, ITEMS, Scope
from compliance.selectors.remediation_lists import closed_late, current
from compliance.types.days import end_of, start_of
from compliance.types.figures import Cell, Drawn, Figure, Row
from compliance.types.plans import rounded

MOST_ROWS = 20
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


Groups = dict[tuple[str, str], _Sums]


def efforts(scope: Scope) -> tuple[Figure, Figure, Figure]:
    """Effort by AI system, by the control that the findings of an item are about, and by team; from one query."""
    systems, controls, teams = _grouped(scope)
    return (
        _effort(
            scope, systems, key="effort-by-system", title=_("Effort by AI system"), head=_("AI system"),
            query=lambda key: {"system": key},
        ),
        _effort(
            scope, controls, key="effort-by-control", title=_("Effort by control"), head=_("Control"),
            query=lambda key: {"control": key},
            note=_("An item with findings on several controls counts under each of them."),
        ),
        _effort(
            scope, teams, key="effort-by-team", title=_("Effort by team"), head=_("Team"),
            query=lambda key: {"team": key},
        ),
    )  # fmt: skip


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


def _grouped(scope: Scope) -> tuple[Groups, Groups, Groups]:
    systems, controls, teams = (defaultdict[tuple[str, str], _Sums](_Sums) for _group in range(3))
    items, pairs = set[int](), set[tuple[int, str | None]]()
    rows = (
        scope.items.filter(current(scope.since))
        .order_by()
        .values_list(
            "pk", "effort_planned", "effort_spent", "risks__finding__target__control_id", "system__uuid", "system__name",
            "team__uuid", "team__name",
        )
    )  # fmt: skip
    for key, planned, spent, control, system, system_name, team, team_name in rows.iterator(chunk_size=5_000):
        if (key, control) not in pairs:
            pairs.add((key, control))
            controls[control or "none", control or _("no finding")].add(1, planned, spent)
        if key not in items:
            items.add(key)
            systems[str(system), system_name].add(1, planned, spent)
            teams[str(team) if team_name else "none", team_name or _("none")].add(1, planned, spent)
    return systems, controls, teams


def _effort(
    scope: Scope,
    found: Mapping[tuple[str, str], _Sums],
    *,
    key: str,
    title: str,
    head: str,
    query: Callable[[str], Mapping[str, str]],
    note: str = "",
) -> Figure:
    """The groups by name; of very many those with most planned, and the others in one line."""
    most = sorted(found, key=lambda group: found[group].planned, reverse=True)[:MOST_ROWS]
    rows = [
        _line(words, found[group, words], scope.query(**{"state": "all", "current_from": scope.since, **query(group)}))
        for group, words in sorted(most, key=lambda group: group[1].casefold())
    ]
    if others := [found[group] for group in found if group not in most]:
        rest = _Sums()
        for one in others:
            rest.add(one.items, one.planned, one.spent)
        rows.append(_line(_("%d others") % len(others), rest, ""))
    return Figure(
        key=key,
        title=title,
        lead=_("Person-days planned and spent of items that are open, or were closed in the period."),
        head=head,
        series=(_("Planned"), _("Spent"), _("Left")),
        rows=tuple(rows),
        unit=_("person-days"),
        drawn=Drawn.GROUPED,
        note=note,
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
