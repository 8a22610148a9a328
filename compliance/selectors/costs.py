"""What remediation costs, for those who may see it: person-days of roles at the rates that were in force."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils import timezone

from compliance.models import CostRate, RemediationItem
from compliance.rights import Asker, Verb, may, visible
from compliance.types.workload import Cost, Rate, cost_of


def rates(user: Asker) -> list[Rate] | None:
    """All rates, those recorded later last; None for whoever may not see costs."""
    return _as_values(visible(CostRate.objects.all(), user)) if may(user, Verb.VIEW_COSTS) else None


def all_rates() -> list[Rate]:
    """All rates, for what is made for those alone who may see costs."""
    return _as_values(CostRate.objects.all())


def _as_values(rows: QuerySet[CostRate]) -> list[Rate]:
    return [
        Rate(
            work_role=row.work_role,
            currency=row.currency,
            amount_a_day=row.amount_a_day,
            effective_from=row.effective_from,
        )
        for row in rows.order_by("pk")
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemCosts:
    """Of one item: as planned, as spent at the rates of the days of work, and what remains at today's."""

    planned: Cost
    spent: Cost
    remaining: Cost
    at_completion: Cost


def item_costs(item: RemediationItem, user: Asker) -> ItemCosts | None:
    """Costs of an item; None for whoever may not see them."""
    known = rates(user)
    if known is None:
        return None
    worked = list(item.work_entries.order_by().values_list("work_role", "day", "person_days"))
    left = [(item.work_role, timezone.localdate(), item.remaining)]
    planned = [(item.work_role, timezone.localdate(item.created_at), item.effort_planned)]
    return ItemCosts(
        planned=cost_of(planned, known),
        spent=cost_of(worked, known),
        remaining=cost_of(left, known),
        at_completion=cost_of([*worked, *left], known),
    )
