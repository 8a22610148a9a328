"""Plans of remediation in a freeze: baseline, estimate and slips. Older documents lack them; costs are in none."""

from __future__ import annotations

from typing import TypedDict

from compliance.types.plans import ItemSource, PlanReason
from compliance.types.shape import Day, Named, UtcTime, Uuid


class Effort(TypedDict):
    """Person-days."""

    low: float
    likely: float
    high: float


class Baseline(TypedDict):
    """The plan as it was approved."""

    scope: str
    effort: Effort
    due: Day
    proposed_by: Named
    approved_by: Named
    approved_at: UtcTime


class Slip(TypedDict):
    """A due date that went to a later day, by how many days, and why."""

    at: UtcTime
    due: Day
    days: int
    reason: PlanReason
    note: str


class RemediationAdditions(TypedDict, total=False):
    """`depends_on`: uuids of items that have to be done before; `remaining` in person-days."""

    source: ItemSource
    team: str
    original_due: Day
    estimate: Effort
    remaining: float
    baseline: Baseline | None
    slips: list[Slip]
    depends_on: list[Uuid]
