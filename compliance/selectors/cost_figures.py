"""Planned cost against spent cost by AI system, control and team, for those who may see costs; currencies stay apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from compliance.models import WorkEntry
from compliance.selectors.remediation_figures import ITEMS, Scope
from compliance.selectors.remediation_lists import current
from compliance.selectors.worked_items import Group, Grouping, WorkedItem, groupings, most_and_others
from compliance.types.figures import Cell, Drawn, Figure, Row
from compliance.types.workload import Cost, Rate, cost_of

Days = list[tuple[str, date, Decimal]]
Parts = dict[Group, dict[tuple[str, date], Decimal]]  # person-days by group, role and day
_NOTHING = Decimal(0)
_TITLES = {
    "system": gettext_lazy("Cost by AI system, %s"),
    "control": gettext_lazy("Cost by control, %s"),
    "team": gettext_lazy("Cost by team, %s"),
}


def cost_figures(scope: Scope, rates: Sequence[Rate] | None, items: Mapping[int, WorkedItem]) -> tuple[Figure, ...]:
    """By AI system, control and team, one figure for each currency in which a rate is stated; none without rates."""
    if not rates:
        return ()
    entries = WorkEntry.objects.filter(item__in=scope.items.filter(current(scope.since))).order_by()
    worked = list(entries.values_list("item", "work_role", "day").annotate(days=Sum("person_days")))
    costs = []
    for by in groupings():
        planned = _parts(by, ((item, item.work_role, item.opened_on, item.planned) for item in items.values()))
        spent = _parts(by, ((items[key], role, day, days) for key, role, day, days in worked if key in items))
        pairs = {group: (_cost(planned, group, rates), _cost(spent, group, rates)) for group in {*planned, *spent}}
        costs.append((by, pairs))
    return tuple(_figure(scope, by, currency, pairs) for currency in _currencies(rates) for by, pairs in costs)


def _currencies(rates: Sequence[Rate]) -> list[str]:
    return sorted({rate.currency for rate in rates})


def _parts(by: Grouping, days: Iterable[tuple[WorkedItem, str, date, Decimal]]) -> Parts:
    found: Parts = defaultdict(lambda: defaultdict(Decimal))
    for item, role, day, count in days:
        for group in by.groups_of(item):
            found[group][role, day] += count
    return found


def _cost(parts: Parts, group: Group, rates: Sequence[Rate]) -> Cost:
    listed = parts[group].items() if group in parts else ()
    return cost_of(((role, day, days) for (role, day), days in listed), rates)


def spent_in(scope: Scope, rates: Sequence[Rate]) -> tuple[Figure, ...]:
    """What the work of the period cost by AI system: one figure for each currency in which a rate is stated."""
    worked = _by_system(
        WorkEntry.objects.filter(item__in=scope.items, day__gte=scope.since, day__lte=scope.today)
        .order_by()
        .values_list("item__system__uuid", "item__system__name", "work_role", "day")
        .annotate(days=Sum("person_days"))
    )
    return tuple(_spent(currency, worked, rates) for currency in _currencies(rates))


def _spent(currency: str, worked: dict[Group, Days], rates: Sequence[Rate]) -> Figure:
    costs = {system: cost_of(days, rates) for system, days in worked.items()}
    amounts = {system: round(cost.amounts.get(currency, Decimal(0)), 2) for system, cost in costs.items()}
    rows = [Row(system[1], (Cell(amounts[system]),)) for system in sorted(amounts, key=lambda one: one[1].casefold())]
    if len(rows) > 1:
        rows.append(Row(_("All of them"), (Cell(sum(amounts.values(), Decimal(0))),)))
    return Figure(
        key=f"cost-of-period-{currency.casefold()}",
        title=_("Cost of the work of the period, %s") % currency,
        lead=_("Work logged for days of the period, at the rates of those days."),
        head=_("AI system"),
        series=(_("Spent"),),
        rows=tuple(rows),
        unit=currency,
        note=_without_rate(sum((cost.days_without_rate for cost in costs.values()), Decimal(0))),
    )


def _without_rate(days: Decimal) -> str:
    if not days:
        return ""
    return _("%s person-days have no rate for their role and day and are not in it.") % f"{days:.2f}"


def _by_system(rows: Iterable[tuple[Any, ...]]) -> dict[Group, Days]:
    found: dict[Group, Days] = defaultdict(list)
    for uuid, name, role, day, days in rows:
        found[str(uuid), str(name)].append((role, day, days))
    return found


def _figure(scope: Scope, by: Grouping, currency: str, costs: Mapping[Group, tuple[Cost, Cost]]) -> Figure:
    """Groups by name; of very many those that are planned to cost most, and the others in one line."""
    amounts = {
        group: [round(cost.amounts.get(currency, _NOTHING), 2) for cost in pair] for group, pair in costs.items()
    }
    most, others = most_and_others({group: planned for group, (planned, _spent) in amounts.items()})
    narrowed = {"state": "all", "current_from": scope.since}
    rows = [
        Row(group[1], tuple(Cell(one, scope.query(**narrowed, **by.query(group[0])), ITEMS) for one in amounts[group]))
        for group in most
    ]
    if others:
        rest = zip(*(amounts[group] for group in others), strict=True)
        named = ngettext("%d other", "%d others", len(others)) % len(others)
        rows.append(Row(named, tuple(Cell(sum(part, _NOTHING)) for part in rest)))
    missing = sum((cost.days_without_rate for pair in costs.values() for cost in pair), _NOTHING)
    return Figure(
        key=f"cost-{currency.casefold()}" if by.key == "system" else f"cost-by-{by.key}-{currency.casefold()}",
        title=_TITLES[by.key] % currency,
        lead=_(
            "Items open, or closed in the period: planned at the rates of their opening, spent at those of each day."
        ),
        head=by.head,
        series=(_("Planned"), _("Spent")),
        rows=tuple(rows),
        unit=currency,
        drawn=Drawn.GROUPED,
        note=" ".join(filter(None, (by.note, _without_rate(missing)))),
    )
