"""The forecast: against the exact distribution, by property, and silent where there is too little to draw from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.types.forecast import (
    FEWEST_CLOSURES,
    FEWEST_WEEKS,
    MOST_WEEKS,
    TRIALS,
    Forecast,
    day_after,
    forecast,
)

pytestmark = pytest.mark.sqlite_only
HISTORY = st.lists(st.integers(min_value=0, max_value=9), min_size=FEWEST_WEEKS, max_size=30).filter(
    lambda weeks: sum(weeks) >= FEWEST_CLOSURES
)


def done_within(throughput: Sequence[int], backlog: int, weeks: int) -> Fraction:
    """The exact chance that so many weeks suffice: every way to draw them, added up."""
    left = {backlog: Fraction(1)}
    for _week in range(weeks):
        after: Counter[int] = Counter()
        for open_items, chance in left.items():
            for closed in throughput:
                after[max(open_items - closed, 0)] += chance / len(throughput)  # type: ignore[assignment]
        left = dict(after)  # type: ignore[arg-type]
    return left.get(0, Fraction(0))


def played(throughput: Sequence[int], backlog: int, luck: Sequence[float]) -> int:
    """One trial, as a person would play it with a bag of slips."""
    left, week = backlog, 0
    while left > 0:
        slip = throughput[int(luck[week] * len(throughput))]
        left, week = left - slip, week + 1
    return week


@pytest.mark.parametrize(
    ("throughput", "backlog"),
    [([3, 4, 0, 5, 2, 1, 6, 0, 4], 20), ([1, 0, 9, 0, 0, 0, 9, 1], 15), ([5] * 8, 23), ([2, 3, 4, 1, 2, 3, 4, 1], 1)],
)
def test_the_weeks_are_those_of_the_exact_distribution(throughput: list[int], backlog: int) -> None:
    found = forecast(throughput, backlog=backlog)
    sampling = 4 * (0.25 / TRIALS) ** 0.5  # four standard errors of a share
    for share, weeks in ((0.50, found.median), (0.85, found.likely)):
        assert weeks is not None
        assert float(done_within(throughput, backlog, weeks)) >= share - sampling
        assert float(done_within(throughput, backlog, weeks - 1)) < share + sampling


@given(HISTORY, st.integers(min_value=0, max_value=60), st.integers(min_value=0, max_value=2**31))
def test_it_says_what_a_slow_and_obvious_play_of_the_same_luck_says(weeks: list[int], backlog: int, seed: int) -> None:
    import random

    found = forecast(weeks, backlog=backlog, seed=seed, trials=20)
    ends = []
    for n in range(20):
        luck = random.Random(f"{seed}:{n}")
        ends.append(played(weeks, backlog, [luck.random() for _ in range(MOST_WEEKS)]))
    ends.sort()
    assert (found.median, found.likely) == (ends[9], ends[16])


@given(HISTORY, st.integers(min_value=0, max_value=80))
def test_it_is_the_same_each_time_and_the_likelier_date_is_the_later(weeks: list[int], backlog: int) -> None:
    found = forecast(weeks, backlog=backlog, trials=50)
    assert found == forecast(weeks, backlog=backlog, trials=50)
    assert found.median is not None
    assert found.likely is not None
    assert found.median <= found.likely


@given(HISTORY, st.integers(min_value=0, max_value=60), st.integers(min_value=1, max_value=20))
def test_more_to_do_never_ends_earlier(weeks: list[int], backlog: int, more: int) -> None:
    less, greater = (forecast(weeks, backlog=n, trials=50) for n in (backlog, backlog + more))
    assert (less.median or 0) <= (greater.median or 0)
    assert (less.likely or 0) <= (greater.likely or 0)


@pytest.mark.parametrize(
    ("throughput", "enough"),
    [([20, 0, 0, 0, 0, 0, 0], False), ([2] * 8 + [3], False), ([20, 0, 0, 0, 0, 0, 0, 0], True), ([3] * 7, False),
     ([3] * 8, True), ([], False)],
)  # fmt: skip
def test_too_little_history_gives_no_date(throughput: list[int], enough: bool) -> None:
    found = forecast(throughput, backlog=5)
    assert found.has_history is enough
    assert (found.median is None, found.likely is None) == (not enough, not enough)


def test_what_lies_beyond_ten_years_is_no_date() -> None:
    found = forecast([0] * 100 + [20], backlog=100_000, trials=20)
    assert found.has_history
    assert (found.median, found.likely) == (None, None)


def test_nothing_open_is_done_today() -> None:
    assert forecast([3] * 8, backlog=0) == Forecast(backlog=0, weeks=8, closures=24, median=0, likely=0)
    assert day_after(date(2026, 11, 27), 0) == date(2026, 11, 27)
    assert day_after(date(2026, 11, 27), 2) == date(2026, 12, 11)
    assert day_after(date(2026, 11, 27), None) is None


@pytest.mark.parametrize(("throughput", "backlog"), [([3] * 8, -1), ([3] * 8 + [-1], 5)])
def test_what_is_no_count_is_refused(throughput: list[int], backlog: int) -> None:
    with pytest.raises(ValueError, match="counts"):
        forecast(throughput, backlog=backlog)
