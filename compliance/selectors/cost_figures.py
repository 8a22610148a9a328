"""Planned cost against spent cost by AI system, for those who may see costs; currencies stay apart, never converted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date
from decimal import Decimal
from typing import Any

from django.db.models import Sum
from django.db.models.functions import TruncDate
from django.utils.translation import gettext as _

from compliance.models import WorkEntry
from compliance.selectors.remediation_figures import ITEMS, Scope
from compliance.selectors.remediation_lists import current
from compliance.types.figures import Cell, Drawn, Figure, Row
from compliance.types.workload import Rate, cost_of

Days = list[tuple[str, date, Decimal]]
_System = tuple[str, str]


def cost_figures(scope: Scope, rates: Sequence[Rate] | None) -> tuple[Figure, ...]:
    """One figure for each currency in which a rate is stated; none for whoever may not see rates."""
    if not rates:
        return ()
    items = scope.items.filter(current(scope.since)).order_by()
    planned = _by_system(
        items.annotate(day=TruncDate("created_at", tzinfo=UTC))
        .values_list("system__uuid", "system__name", "work_role", "day")
        .annotate(days=Sum("effort_planned"))
    )
    spent = _by_system(
        WorkEntry.objects.filter(item__in=items)
        .order_by()
        .values_list("item__system__uuid", "item__system__name", "work_role", "day")
        .annotate(days=Sum("person_days"))
    )
    return tuple(
        _figure(scope, currency, planned, spent, rates) for currency in sorted({rate.currency for rate in rates})
    )


def spent_in(scope: Scope, rates: Sequence[Rate]) -> tuple[Figure, ...]:
    """What the work of the period cost by AI system: one figure for each currency in which a rate is stated."""
    worked = _by_system(
        WorkEntry.objects.filter(item__in=scope.items, day__gte=scope.since, day__lte=scope.today)
        .order_by()
        .values_list("item__system__uuid", "item__system__name", "work_role", "day")
        .annotate(days=Sum("person_days"))
    )
    return tuple(_spent(currency, worked, rates) for currency in sorted({rate.currency for rate in rates}))


def _spent(currency: str, worked: dict[_System, Days], rates: Sequence[Rate]) -> Figure:
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


def _by_system(rows: Iterable[tuple[Any, ...]]) -> dict[_System, Days]:
    found: dict[_System, Days] = defaultdict(list)
    for uuid, name, role, day, days in rows:
        found[str(uuid), str(name)].append((role, day, days))
    return found


def _figure(
    scope: Scope, currency: str, planned: dict[_System, Days], spent: dict[_System, Days], rates: Sequence[Rate]
) -> Figure:
    rows, missing = [], Decimal(0)
    for uuid, name in sorted({*planned, *spent}, key=lambda system: system[1].casefold()):
        costs = [cost_of(part.get((uuid, name), []), rates) for part in (planned, spent)]
        missing += sum(cost.days_without_rate for cost in costs)
        query = scope.query(state="all", current_from=scope.since, system=uuid)
        cells = tuple(Cell(round(cost.amounts.get(currency, Decimal(0)), 2), query, ITEMS) for cost in costs)
        rows.append(Row(name, cells))
    return Figure(
        key=f"cost-{currency.casefold()}",
        title=_("Cost by AI system, %s") % currency,
        lead=_(
            "Items open, or closed in the period: planned at the rates of their opening, spent at those of each day."
        ),
        head=_("AI system"),
        series=(_("Planned"), _("Spent")),
        rows=tuple(rows),
        unit=currency,
        drawn=Drawn.GROUPED,
        note=_without_rate(missing),
    )
