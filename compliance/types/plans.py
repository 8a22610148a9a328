"""Plans of remediation as frozen values: where an item comes from, estimates, and why a plan changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

HOURS_A_DAY = Decimal(8)  # what a person-day is, wherever hours are turned into days
_HUNDREDTH = Decimal("0.01")


class ItemSource(StrEnum):
    """What a remediation item was opened from."""

    FINDING = "finding"
    CONTROL_GAP = "control_gap"
    MANAGEMENT_RESPONSE = "management_response"
    PLAYBOOK = "playbook"


class PlanReason(StrEnum):
    """Why estimate, remaining effort or due date are what they are from an update on."""

    OPENED = "opened"
    PROGRESS = "progress"
    LEARNED_MORE = "learned_more"
    SCOPE_CHANGED = "scope_changed"
    WAITS_FOR_OTHERS = "waits_for_others"
    PEOPLE_NOT_FREE = "people_not_free"
    TEST_FAILED = "test_failed"
    PRIORITY_CHANGED = "priority_changed"
    CORRECTION = "correction"


# What a person may give as reason; the first one is the item's own beginning.
GIVEN_REASONS = tuple(reason for reason in PlanReason if reason is not PlanReason.OPENED)


class EffortUnit(StrEnum):
    """In what work was logged."""

    HOURS = "hours"
    DAYS = "days"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Person-days of effort, from lucky to unlucky."""

    low: Decimal
    likely: Decimal
    high: Decimal

    @classmethod
    def exactly(cls, days: Decimal) -> Estimate:
        """Where only one figure is known."""
        return cls(low=days, likely=days, high=days)

    @classmethod
    def total(cls, parts: Iterable[Estimate]) -> Estimate:
        """Sums, each of its own kind. The sum of the lows is lower than a likely low of the whole; it is a bound."""
        rows = list(parts)
        return cls(
            low=sum((row.low for row in rows), Decimal(0)),
            likely=sum((row.likely for row in rows), Decimal(0)),
            high=sum((row.high for row in rows), Decimal(0)),
        )

    @property
    def is_ordered(self) -> bool:
        """Whether none is below zero and low ≤ likely ≤ high."""
        return 0 <= self.low <= self.likely <= self.high


def days_of(amount: Decimal, unit: EffortUnit) -> Decimal:
    """Person-days of an amount, to a ten-thousandth, so that quarters of an hour stay exact."""
    return amount if unit is EffortUnit.DAYS else (amount / HOURS_A_DAY).quantize(Decimal("0.0001"))


def rounded(days: Decimal) -> Decimal:
    """Person-days as items keep them: to a hundredth."""
    return days.quantize(_HUNDREDTH, rounding=ROUND_HALF_UP)
