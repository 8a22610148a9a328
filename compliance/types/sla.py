"""Time limits for findings by severity: what a limit is, and where a running clock stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from compliance.types.business_time import WorkingClock
from compliance.types.states import Severity

HOUR = 3600
DAY = 24 * HOUR
MOST_DAYS = 3650
MOST_HOURS = 10_000


class SlaUnit(StrEnum):
    """How a limit is counted: days of 24 hours whatever the calendar says, or hours of working time."""

    DAYS = "days"
    WORKING_HOURS = "working_hours"


class SlaState(StrEnum):
    """Where a clock stands. The first four are running or paused clocks, the last two ended ones."""

    IN_TIME = "in_time"
    NEAR = "near"
    BREACHED = "breached"
    PAUSED = "paused"
    MET = "met"
    MISSED = "missed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """How long a finding of a severity may stand."""

    severity: Severity
    amount: int
    unit: SlaUnit

    @property
    def seconds(self) -> int:
        """The limit on its own clock."""
        return self.amount * (DAY if self.unit is SlaUnit.DAYS else HOUR)


@dataclass(frozen=True, slots=True)
class Counted:
    """Measures and adds time in the unit of a limit."""

    unit: SlaUnit
    clock: WorkingClock

    def between(self, start: datetime, end: datetime) -> float:
        """Seconds that count from one moment to another."""
        if self.unit is SlaUnit.DAYS:
            return max(0.0, (end - start).total_seconds())
        return self.clock.between(start, end)

    def after(self, start: datetime, seconds: float) -> datetime:
        """When so many seconds have counted since a moment."""
        if self.unit is SlaUnit.DAYS:
            return start.astimezone(UTC) + timedelta(seconds=max(0.0, seconds))
        return self.clock.after(start, seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A clock's run: since when it runs, what it had counted before, and its limit, in seconds. near: how much of the limit
    may have counted before it is called near, in percent."""

    since: datetime
    used: float
    limit: int
    near: int

    def due(self, counted: Counted) -> datetime:
        """When the limit is reached."""
        return counted.after(self.since, self.limit - self.used)

    def near_from(self, counted: Counted) -> datetime:
        """From when on it is called near."""
        return counted.after(self.since, self.limit * self.near / 100 - self.used)


def state_of(
    *, now: datetime, due_at: datetime, near_at: datetime, paused_at: datetime | None, ended_at: datetime | None
) -> SlaState:
    """Where a clock stands at a moment. A clock that ran out before it was to be paused is not saved by the pause."""
    if ended_at is not None:
        return SlaState.MET if ended_at <= due_at or paused_at is not None else SlaState.MISSED
    if paused_at is not None:
        return SlaState.PAUSED
    if due_at <= now:
        return SlaState.BREACHED
    return SlaState.NEAR if near_at <= now else SlaState.IN_TIME
