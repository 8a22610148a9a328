"""Capacity and load by ISO week, and cost: against sums made by hand."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from compliance.types.workload import (
    Absence,
    Rate,
    Terms,
    Week,
    WeekLoad,
    capacity_of,
    cost_of,
    load,
    spread,
    weeks_from,
    working_days,
)

FRIDAY = date(2026, 11, 27)
WEEKS = weeks_from(FRIDAY, 3)
HALF = Terms(effective_from=date(2026, 1, 1), days_a_week=Decimal(5), allocation=50)


def test_weeks_are_those_of_iso() -> None:
    assert [str(week) for week in weeks_from(date(2026, 12, 30), 2)] == ["2026-W53", "2027-W01"]


def test_working_days_count_both_ends_and_no_weekend() -> None:
    assert working_days(FRIDAY, FRIDAY) == 1
    assert working_days(FRIDAY, date(2026, 12, 7)) == 7
    assert working_days(date(2026, 11, 28), date(2026, 11, 29)) == 0
    assert working_days(FRIDAY, date(2026, 11, 26)) == 0


def test_work_lies_evenly_on_the_days_until_it_is_due() -> None:
    parts = spread(Decimal(7), date(2026, 12, 7), today=FRIDAY, weeks=WEEKS)
    assert parts == {WEEKS[0]: 1, WEEKS[1]: 5, WEEKS[2]: 1}


def test_what_is_overdue_lies_on_this_week() -> None:
    assert load([(date(2026, 11, 2), Decimal(3))], today=FRIDAY, weeks=WEEKS)[WEEKS[0]] == 3


def test_the_part_beyond_the_weeks_shown_is_not_shown() -> None:
    shown = load([(date(2027, 2, 26), Decimal(66))], today=FRIDAY, weeks=WEEKS)
    assert sum(shown.values()) == 11


def test_capacity_is_days_times_share_less_leave() -> None:
    assert capacity_of(WEEKS[1], [HALF], []) == Decimal("2.5")
    tuesday, wednesday = date(2026, 12, 1), date(2026, 12, 2)
    away = [Absence(first_day=tuesday, last_day=wednesday), Absence(first_day=wednesday, last_day=wednesday)]
    assert capacity_of(WEEKS[1], [HALF], away) == Decimal("1.5")


def test_the_newest_terms_count_and_none_is_not_nothing() -> None:
    fuller = Terms(effective_from=date(2026, 11, 30), days_a_week=Decimal(5), allocation=100)
    assert [capacity_of(week, [fuller, HALF], []) for week in WEEKS[:2]] == [Decimal("2.5"), 5]
    assert capacity_of(WEEKS[0], [], []) is None
    assert not WeekLoad(week=WEEKS[0], load=Decimal(99), capacity=None).is_over
    assert WeekLoad(week=Week.of(FRIDAY), load=Decimal(3), capacity=Decimal("2.5")).is_over


def test_cost_is_at_the_rate_of_the_day_and_currencies_stay_apart() -> None:
    rates = [
        Rate(work_role="ML engineer", currency="EUR", amount_a_day=Decimal(800), effective_from=date(2026, 1, 1)),
        Rate(work_role="ML engineer", currency="EUR", amount_a_day=Decimal(900), effective_from=date(2026, 7, 1)),
        Rate(work_role="Release engineer", currency="USD", amount_a_day=Decimal(1000), effective_from=date(2026, 1, 1)),
        Rate(work_role="ML engineer", currency="EUR", amount_a_day=Decimal(850), effective_from=date(2026, 1, 1)),
    ]
    worked = [
        ("ml engineer", date(2026, 6, 30), Decimal(1)),
        ("ML engineer", date(2026, 7, 1), Decimal(2)),
        ("Release engineer", date(2026, 7, 1), Decimal("0.5")),
        ("ML engineer", date(2025, 12, 31), Decimal(4)),
        ("", date(2026, 7, 1), Decimal(1)),
    ]
    cost = cost_of(worked, rates)
    assert cost.amounts == {"EUR": Decimal(2650), "USD": Decimal(500)}
    assert cost.days_without_rate == 5
