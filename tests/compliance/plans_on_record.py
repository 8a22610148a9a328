"""Plans of remediation as people make them, for tests: a baseline, an update, work, a dependency, capacity and rates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from compliance.models import (
    Baseline,
    Capacity,
    CostRate,
    Finding,
    ItemDependency,
    Leave,
    PlanUpdate,
    RemediationItem,
    Team,
    User,
    WorkEntry,
)
from compliance.services import baselines, capacity, dependencies, plans, teams
from compliance.services.capacity import Holder
from compliance.services.plans import PlanChange
from compliance.types.plans import PlanReason
from tests.compliance import records

DAY = date(2026, 1, 5)


@dataclass(frozen=True, slots=True)
class Planned:
    """One of each record on the plan of an item."""

    baseline: Baseline
    update: PlanUpdate
    entry: WorkEntry
    dependency: ItemDependency


def change_of(item: RemediationItem, **changes: object) -> PlanChange:
    """The plan as it stands, with another figure here and there."""
    stands: dict[str, object] = {
        "estimate": item.estimate,
        "remaining": item.remaining,
        "due_on": item.due_on,
        "reason": PlanReason.LEARNED_MORE,
    }
    return PlanChange(**(stands | changes))  # type: ignore[arg-type]  # the tests name fields of the class


def planned(item: RemediationItem, finding: Finding, actor: User) -> Planned:
    """A proposed baseline, an update, work of the item's owner, and an item that it waits for."""
    baseline = baselines.propose(item=item, scope="The model in service.", actor=actor)
    plans.update(item=item, change=change_of(item, remaining=Decimal(4)), actor=actor)
    entry = records.worked(item, item.owner, "0.5")
    first = records.remediation_item(finding, owner=item.owner, actor=actor, title="Find the cause")
    dependency = dependencies.add(item=item, needs=first, actor=actor)
    update = item.plan_updates.last()
    assert update is not None
    return Planned(baseline, update, entry, dependency)


@dataclass(frozen=True, slots=True)
class Staffed:
    """A team with one member, and what was stated of people."""

    team: Team
    capacity: Capacity
    leave: Leave
    rate: CostRate


def staffed(person: User, actor: User) -> Staffed:
    """Half a week of a person in a team, a day off, and what their role costs."""
    team = teams.create(name="Platform", actor=actor)
    teams.add_member(team=team, user=person, actor=actor)
    holder = Holder(user=person)
    return Staffed(
        team,
        capacity.state_capacity(
            holder=holder,
            days_a_week=Decimal(5),
            allocation=50,
            work_role="ML engineer",
            effective_from=DAY,
            actor=actor,
        ),
        capacity.state_leave(holder=holder, first_day=DAY, last_day=DAY, actor=actor),
        capacity.state_rate(
            work_role="ML engineer", currency="EUR", amount_a_day=Decimal(800), effective_from=DAY, actor=actor
        ),
    )
