"""Capacity and load by ISO week: pure arithmetic over what is stated. Days are working days, Monday to Friday.

The remaining effort of an item lies evenly on the working days from today until it is due; what is overdue, or due on a
weekend that begins now, lies on the current week. Capacity of a week is days a week × share, less the part of its five
working days that is leave.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

WORKING_DAYS = 5
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True, order=True)
class Week:
    """An ISO week by its Monday."""

    monday: date

    @classmethod
    def of(cls, day: date) -> Week:
        """The week that holds a day."""
        return cls(day - timedelta(days=day.weekday()))

    def __str__(self) -> str:
        return f"{self.monday.isocalendar().year}-W{self.number:02d}"

    @property
    def number(self) -> int:
        """Which week of its ISO year it is, 1 to 53."""
        return self.monday.isocalendar().week

    @property
    def days(self) -> tuple[date, ...]:
        """Its working days."""
        return tuple(self.monday + timedelta(days=n) for n in range(WORKING_DAYS))


def weeks_from(today: date, count: int) -> tuple[Week, ...]:
    """This week and those after it."""
    first = Week.of(today).monday
    return tuple(Week(first + timedelta(weeks=n)) for n in range(count))


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Days a week and share from a day on."""

    effective_from: date
    days_a_week: Decimal
    allocation: int

    @property
    def days(self) -> Decimal:
        """Person-days of a week without leave."""
        return self.days_a_week * self.allocation / 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Absence:
    """Days away, both included."""

    first_day: date
    last_day: date


def working_days(start: date, end: date) -> int:
    """Working days from one day to another, both included; none where it ends before it starts."""
    if end < start:
        return 0
    whole, rest = divmod((end - start).days + 1, 7)
    return whole * WORKING_DAYS + sum((start + timedelta(days=n)).weekday() < WORKING_DAYS for n in range(rest))


def capacity_of(week: Week, terms: Sequence[Terms], absences: Iterable[Absence]) -> Decimal | None:
    """Person-days of a week; None where nothing was stated for it. Terms are those in force on its Monday or, newer, in it."""
    in_force = [one for one in terms if one.effective_from <= week.days[-1]]
    if not in_force:
        return None
    newest = sorted(in_force, key=lambda one: one.effective_from)[-1]  # of two for one day the later stated
    away = {day for one in absences for day in week.days if one.first_day <= day <= one.last_day}
    return newest.days * (WORKING_DAYS - len(away)) / WORKING_DAYS


def spread(remaining: Decimal, due_on: date, *, today: date, weeks: Sequence[Week]) -> dict[Week, Decimal]:
    """The part of what remains that lies on each of the weeks."""
    total = working_days(today, due_on)
    if remaining <= 0 or not weeks:
        return {}
    if total == 0:
        return {weeks[0]: remaining}
    parts = {}
    for week in weeks:
        days = working_days(max(today, week.monday), min(due_on, week.days[-1]))
        if days:
            parts[week] = remaining * days / total
    return parts


def load(work: Iterable[tuple[date, Decimal]], *, today: date, weeks: Sequence[Week]) -> dict[Week, Decimal]:
    """What lies on each week, of work given as due day and remaining person-days."""
    loads = dict.fromkeys(weeks, _NOTHING)
    for due_on, remaining in work:
        for week, part in spread(remaining, due_on, today=today, weeks=weeks).items():
            loads[week] += part
    return loads


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekLoad:
    """One week of a person or team. capacity None: not stated."""

    week: Week
    load: Decimal
    capacity: Decimal | None

    @property
    def is_over(self) -> bool:
        """Whether more lies on the week than was stated; never where nothing was."""
        return self.capacity is not None and self.load > self.capacity

    @property
    def percent(self) -> int | None:
        """Load of capacity; None without capacity."""
        return round(self.load / self.capacity * 100) if self.capacity else None


def summed(parts: Iterable[Sequence[WeekLoad]], weeks: Sequence[Week]) -> tuple[WeekLoad, ...]:
    """Several people as one. Capacity is the sum of what was stated; None where it was for nobody."""
    rows = [{one.week: one for one in part} for part in parts]
    return tuple(_sum(week, [row[week] for row in rows if week in row]) for week in weeks)


def _sum(week: Week, cells: Sequence[WeekLoad]) -> WeekLoad:
    stated = [cell.capacity for cell in cells if cell.capacity is not None]
    return WeekLoad(
        week=week,
        load=sum((cell.load for cell in cells), _NOTHING),
        capacity=sum(stated, _NOTHING) if stated else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What a day of a role costs from a day on."""

    work_role: str
    currency: str
    amount_a_day: Decimal
    effective_from: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Amounts by currency, never converted, and the person-days for which no rate was stated."""

    amounts: Mapping[str, Decimal]
    days_without_rate: Decimal


def cost_of(days: Iterable[tuple[str, date, Decimal]], rates: Sequence[Rate]) -> Cost:
    """What person-days cost, given as role, day and days. Roles compare without case; later rates come later in `rates`."""
    by_role: dict[str, list[Rate]] = {}
    for rate in rates:
        by_role.setdefault(rate.work_role.casefold(), []).append(rate)
    for known in by_role.values():
        known.sort(key=lambda one: one.effective_from)  # stable: of two for one day the later recorded stays last
    amounts: dict[str, Decimal] = {}
    missing = _NOTHING
    for role, day, count in days:
        in_force = [one for one in by_role.get(role.casefold(), ()) if one.effective_from <= day]
        if not in_force:
            missing += count
            continue
        rate = in_force[-1]
        amounts[rate.currency] = amounts.get(rate.currency, _NOTHING) + count * rate.amount_a_day
    return Cost(amounts=amounts, days_without_rate=missing)
