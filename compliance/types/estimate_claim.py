"""Whether a told estimate of weeks holds, by the record of those who did the work. Pure.

A system counts once all tasks were opened for it and either all are closed, or more weeks have passed than the estimate gives.
A system that opened only some of them says nothing about all of them. The estimate holds so far when more than half of the
systems that count took as long as it says; below FEWEST_SYSTEMS nothing is said.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from statistics import median

FEWEST_SYSTEMS = 3
_DAYS_A_WEEK = 7
_TENTH = Decimal("0.1")


class Standing(StrEnum):
    """What one system says about the estimate."""

    IN_PART = "in_part"
    RUNNING = "running"
    SHORTER = "shorter"
    AS_TOLD = "as_told"
    LONGER = "longer"


class ClaimVerdict(StrEnum):
    """What all systems together say."""

    NOT_ENOUGH = "not_enough"
    HOLDS = "holds"
    SHORTER = "shorter"
    LONGER = "longer"
    MIXED = "mixed"


_COUNTS = (Standing.SHORTER, Standing.AS_TOLD, Standing.LONGER)
_MAJORITIES = {
    Standing.AS_TOLD: ClaimVerdict.HOLDS,
    Standing.SHORTER: ClaimVerdict.SHORTER,
    Standing.LONGER: ClaimVerdict.LONGER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """That these tasks together take so many weeks."""

    tasks: frozenset[str]
    weeks_low: int
    weeks_high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRecord:
    """The items of one task on one system. planned_until: the latest date first meant for them, of the approved baseline
    where there is one; closed_on: the last closing, None while one is open. Effort in person-days."""

    task: str
    items: int
    closed: int
    baselines: int
    opened_on: date
    planned_until: date
    closed_on: date | None
    planned: Decimal
    spent: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Elapsed:
    """Items taken together: weeks from the first opening to the last date that was meant, and to the last closing.

    weeks_taken: None while something is open; weeks_so_far: None once nothing is. begun, finished: tasks."""

    begun: int
    finished: int
    items: int
    closed: int
    baselines: int
    weeks_planned: Decimal
    weeks_taken: Decimal | None
    weeks_so_far: Decimal | None
    planned: Decimal
    spent: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """All systems together. weeks_planned, weeks_taken: medians over those that have them."""

    verdict: ClaimVerdict
    standings: Mapping[Standing, int]
    weeks_planned: Decimal | None
    weeks_taken: Decimal | None

    @property
    def counting(self) -> int:
        """Systems that say something about the estimate."""
        return sum(self.standings[standing] for standing in _COUNTS)


def elapsed(records: Collection[TaskRecord], *, tasks: Collection[str], today: date) -> Elapsed:
    """The items of these tasks together, of which there is at least one."""
    first = min(record.opened_on for record in records)
    ends = [record.closed_on for record in records if record.closed_on is not None]
    begun = {record.task for record in records} & set(tasks)
    is_finished = len(begun) == len(tasks) and len(ends) == len(records)
    return Elapsed(
        begun=len(begun),
        finished=sum(record.closed_on is not None for record in records),
        items=sum(record.items for record in records),
        closed=sum(record.closed for record in records),
        baselines=sum(record.baselines for record in records),
        weeks_planned=weeks_between(first, max(record.planned_until for record in records)),
        weeks_taken=weeks_between(first, max(ends)) if is_finished else None,
        weeks_so_far=None if is_finished else weeks_between(first, today),
        planned=sum((record.planned for record in records), Decimal(0)),
        spent=sum((record.spent for record in records), Decimal(0)),
    )


def weeks_between(first: date, last: date) -> Decimal:
    """Weeks to a tenth."""
    return (Decimal((last - first).days) / _DAYS_A_WEEK).quantize(_TENTH)


def standing_of(records: Collection[TaskRecord], *, claim: Claim, today: date) -> Standing:
    """What one system says, judged in whole days so that no rounding decides."""
    if {record.task for record in records} < claim.tasks:
        return Standing.IN_PART
    ends = [record.closed_on for record in records if record.closed_on is not None]
    is_finished = len(ends) == len(records)
    days = (max(ends) if is_finished else today) - min(record.opened_on for record in records)
    if days.days > claim.weeks_high * _DAYS_A_WEEK:
        return Standing.LONGER
    if not is_finished:
        return Standing.RUNNING
    return Standing.SHORTER if days.days < claim.weeks_low * _DAYS_A_WEEK else Standing.AS_TOLD


def judged(systems: Iterable[tuple[Standing, Elapsed]]) -> Judged:
    """All systems together."""
    rows = list(systems)
    standings = {standing: sum(one is standing for one, _elapsed in rows) for standing in Standing}
    counting = sum(standings[standing] for standing in _COUNTS)
    verdict = ClaimVerdict.MIXED
    if counting < FEWEST_SYSTEMS:
        verdict = ClaimVerdict.NOT_ENOUGH
    for standing, majority in _MAJORITIES.items():
        if counting >= FEWEST_SYSTEMS and 2 * standings[standing] > counting:
            verdict = majority
    return Judged(
        verdict=verdict,
        standings=standings,
        weeks_planned=median_of(one.weeks_planned for _standing, one in rows),
        weeks_taken=median_of(one.weeks_taken for _standing, one in rows),
    )


def median_of(weeks: Iterable[Decimal | None]) -> Decimal | None:
    """The median of what is known, to a tenth; None of nothing."""
    known = [value for value in weeks if value is not None]
    return Decimal(median(known)).quantize(_TENTH) if known else None
