"""Whether four to six weeks hold: numbers that were worked out by hand."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from compliance.types.estimate_claim import (
    FEWEST_SYSTEMS,
    Claim,
    ClaimVerdict,
    Elapsed,
    Standing,
    TaskRecord,
    elapsed,
    judged,
    median_of,
    standing_of,
    weeks_between,
)

CLAIM = Claim(tasks=frozenset({"a", "b"}), weeks_low=4, weeks_high=6)
FIRST, TODAY = date(2026, 1, 5), date(2026, 6, 1)


def record(task: str, *, opened: int = 0, closed: int | None = None, planned: int = 42, items: int = 1) -> TaskRecord:
    """A task of which days are counted from FIRST."""
    return TaskRecord(
        task=task,
        items=items,
        closed=items if closed is not None else 0,
        baselines=1,
        opened_on=FIRST + timedelta(days=opened),
        planned_until=FIRST + timedelta(days=planned),
        closed_on=None if closed is None else FIRST + timedelta(days=closed),
        planned=Decimal(5),
        spent=Decimal("7.25"),
    )


def both(days: int) -> list[TaskRecord]:
    return [record("a", closed=10), record("b", opened=3, closed=days)]


def test_weeks_run_from_the_first_opening_to_the_last_date_meant_and_the_last_closing() -> None:
    found = elapsed([record("a", closed=10, planned=21), record("b", opened=3, closed=38, planned=42)],
                    tasks=("a", "b"), today=TODAY)  # fmt: skip
    assert found == Elapsed(
        begun=2, finished=2, items=2, closed=2, baselines=2, weeks_planned=Decimal("6.0"), weeks_taken=Decimal("5.4"),
        weeks_so_far=None, planned=Decimal(10), spent=Decimal("14.50"),
    )  # fmt: skip


def test_what_is_not_over_has_weeks_so_far_and_took_none_yet() -> None:
    for records in ([record("a", closed=10)], [record("a", closed=10), record("b")]):
        found = elapsed(records, tasks=("a", "b"), today=FIRST + timedelta(days=24))
        assert (found.weeks_taken, found.weeks_so_far, found.finished) == (None, Decimal("3.4"), 1)


@pytest.mark.parametrize(
    ("days", "standing"),
    [
        (27, Standing.SHORTER), (28, Standing.AS_TOLD), (35, Standing.AS_TOLD), (42, Standing.AS_TOLD),
        (43, Standing.LONGER),
    ],
)  # fmt: skip
def test_a_system_that_is_done_is_judged_in_whole_days(days: int, standing: Standing) -> None:
    assert standing_of(both(days), claim=CLAIM, today=TODAY) is standing


def test_a_system_that_is_not_done_tells_only_once_it_is_past_the_weeks() -> None:
    running = [record("a", closed=10), record("b", opened=3)]
    assert standing_of(running, claim=CLAIM, today=FIRST + timedelta(days=42)) is Standing.RUNNING
    assert standing_of(running, claim=CLAIM, today=FIRST + timedelta(days=43)) is Standing.LONGER


def test_some_of_the_tasks_say_nothing_about_all_of_them_however_long_they_take() -> None:
    assert standing_of([record("a")], claim=CLAIM, today=TODAY) is Standing.IN_PART
    assert standing_of([record("a", closed=30)], claim=CLAIM, today=TODAY) is Standing.IN_PART


def verdict_of(*days: int) -> ClaimVerdict:
    rows = [both(day) for day in days]
    return judged(
        (standing_of(row, claim=CLAIM, today=TODAY), elapsed(row, tasks=("a", "b"), today=TODAY)) for row in rows
    ).verdict


@pytest.mark.parametrize(
    ("days", "verdict"),
    [
        ((), ClaimVerdict.NOT_ENOUGH),
        ((30, 30), ClaimVerdict.NOT_ENOUGH),
        ((30, 30, 90), ClaimVerdict.HOLDS),
        ((30, 90, 90), ClaimVerdict.LONGER),
        ((30, 7, 7), ClaimVerdict.SHORTER),
        ((30, 7, 90), ClaimVerdict.MIXED),
        ((30, 30, 90, 90), ClaimVerdict.MIXED),
    ],
)
def test_more_than_half_of_at_least_three_systems_decide(days: tuple[int, ...], verdict: ClaimVerdict) -> None:
    assert FEWEST_SYSTEMS == 3
    assert verdict_of(*days) is verdict


def test_systems_that_run_or_did_a_part_are_shown_and_do_not_count() -> None:
    running, part = [record("a", closed=1), record("b")], [record("a", closed=60)]
    today = FIRST + timedelta(days=21)
    rows = [
        (standing_of(row, claim=CLAIM, today=today), elapsed(row, tasks=("a", "b"), today=today))
        for row in (both(30), both(36), running, part)
    ]
    found = judged(rows)
    assert (found.counting, found.verdict) == (2, ClaimVerdict.NOT_ENOUGH)
    assert found.standings[Standing.RUNNING] == found.standings[Standing.IN_PART] == 1
    assert found.weeks_taken == Decimal("4.7")  # between 4.3 and 5.1
    assert found.weeks_planned == Decimal("6.0")


def test_weeks_and_medians_are_told_to_a_tenth() -> None:
    assert weeks_between(FIRST, FIRST) == Decimal("0.0")
    assert weeks_between(FIRST, FIRST + timedelta(days=10)) == Decimal("1.4")
    assert median_of([Decimal("2.0"), None, Decimal("9.0"), Decimal("4.0")]) == Decimal("4.0")
    assert median_of([None]) is None
