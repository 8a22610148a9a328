"""Working time against a slow, obvious way of measuring it: asking of each minute whether it is one of work."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from compliance.types.business_time import Hours, WorkingClock, WorkingWeek

pytestmark = pytest.mark.sqlite_only

MINUTE = timedelta(minutes=1)
# With clocks that change by an hour, by half an hour, at other times of the year, at midnight, and never; and far away.
ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Asia/Kathmandu",
    "Pacific/Kiritimati", "Pacific/Pago_Pago", "Africa/Casablanca",
)  # fmt: skip
USUAL = tuple(Hours(weekday=day, start=9 * 60, end=17 * 60) for day in range(5))
# Days around which clocks change somewhere, and others.
CHANGES = (
    date(2026, 3, 29),
    date(2026, 10, 25),
    date(2026, 3, 8),
    date(2026, 11, 1),
    date(2026, 4, 5),
    date(2026, 9, 6),
)


def is_work(week: WorkingWeek, moment: datetime) -> bool:
    """Whether the minute that begins at this moment is one of work."""
    here = moment.astimezone(ZoneInfo(week.zone))
    minute = here.hour * 60 + here.minute
    hours = [span for span in week.hours if span.weekday == here.weekday()]
    return here.date() not in week.holidays and any(span.start <= minute < span.end for span in hours)


def slow_between(week: WorkingWeek, start: datetime, end: datetime) -> int:
    """Minutes of work, counted one by one."""
    count, moment = 0, start
    while moment < end:
        count += is_work(week, moment)
        moment += MINUTE
    return count


def slow_after(week: WorkingWeek, start: datetime, minutes: int) -> datetime:
    """Walks on until so many minutes of work have passed."""
    moment = start
    while minutes:
        minutes -= is_work(week, moment)
        moment += MINUTE
    return moment


@st.composite
def weeks(draw: st.DrawFn) -> WorkingWeek:
    hours = []
    for weekday in draw(st.sets(st.integers(0, 6), min_size=1)):
        marks = sorted(draw(st.sets(st.integers(0, 24 * 60), min_size=2, max_size=4)))
        spans = zip(marks[::2], marks[1::2], strict=False)
        hours += [Hours(weekday=weekday, start=start, end=end) for start, end in spans]
    days = st.sampled_from(CHANGES).flatmap(lambda day: st.integers(-3, 3).map(lambda n: day + timedelta(days=n)))
    holidays = draw(st.frozensets(days, max_size=4))
    return WorkingWeek(zone=draw(st.sampled_from(ZONES)), hours=tuple(hours), holidays=holidays)


MOMENTS = st.builds(
    lambda day, minutes: datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(minutes=minutes),
    st.sampled_from(CHANGES),
    st.integers(-3 * 1440, 3 * 1440),
)


@settings(max_examples=60, deadline=None)
@given(week=weeks(), start=MOMENTS, minutes=st.integers(0, 4 * 1440))
@example(
    WorkingWeek(zone="Europe/Berlin", hours=(Hours(weekday=6, start=60, end=180),)),
    datetime(2026, 10, 24, tzinfo=UTC),
    2880,
)
@example(
    WorkingWeek(zone="Europe/Berlin", hours=(Hours(weekday=6, start=60, end=180),)),
    datetime(2026, 3, 28, tzinfo=UTC),
    2880,
)
@example(
    WorkingWeek(zone="Europe/Berlin", hours=(Hours(weekday=6, start=0, end=150),)),
    datetime(2026, 10, 24, tzinfo=UTC),
    2880,
)
def test_time_between_is_what_counting_minutes_gives(week: WorkingWeek, start: datetime, minutes: int) -> None:
    end = start + minutes * MINUTE
    assert WorkingClock(week).between(start, end) == pytest.approx(slow_between(week, start, end) * 60)


@settings(max_examples=60, deadline=None)
@given(week=weeks(), start=MOMENTS, minutes=st.integers(0, 600))
def test_time_is_over_when_walking_on_says_so(week: WorkingWeek, start: datetime, minutes: int) -> None:
    if sum(span.end - span.start for span in week.hours) < 120:
        minutes = min(minutes, 2)  # else the slow way walks for years
    found = WorkingClock(week).after(start, minutes * 60)
    assert abs(found - slow_after(week, start, minutes)) < timedelta(milliseconds=1)


@settings(max_examples=60, deadline=None)
@given(week=weeks(), start=MOMENTS, seconds=st.floats(1, 40 * 3600))
def test_after_and_between_are_each_others_inverse(week: WorkingWeek, start: datetime, seconds: float) -> None:
    clock = WorkingClock(week)
    end = clock.after(start, seconds)
    assert clock.between(start, end) == pytest.approx(seconds, abs=0.01)
    assert clock.between(start, end - timedelta(seconds=1)) < seconds


@given(week=weeks(), first=MOMENTS, second=MOMENTS)
def test_one_clock_answers_alike_in_any_order(week: WorkingWeek, first: datetime, second: datetime) -> None:
    used = WorkingClock(week)
    used.between(second, second + timedelta(days=200))
    day = first + timedelta(days=1)
    assert used.between(first, day) == WorkingClock(week).between(first, day)


def test_a_weekend_does_not_count() -> None:
    clock = WorkingClock(WorkingWeek(zone="Europe/Berlin", hours=USUAL))
    friday = datetime(2026, 11, 27, 15, 30, tzinfo=UTC)  # half past four in Berlin
    assert clock.after(friday, 3600) == datetime(2026, 11, 30, 8, 30, tzinfo=UTC)


def test_a_holiday_does_not_count() -> None:
    holidays = frozenset({date(2026, 11, 30)})
    clock = WorkingClock(WorkingWeek(zone="Europe/Berlin", hours=USUAL, holidays=holidays))
    friday = datetime(2026, 11, 27, 15, 30, tzinfo=UTC)
    assert clock.after(friday, 3600) == datetime(2026, 12, 1, 8, 30, tzinfo=UTC)


def test_a_limit_that_ends_with_the_day_is_over_that_evening() -> None:
    clock = WorkingClock(WorkingWeek(zone="UTC", hours=USUAL))
    assert clock.after(datetime(2026, 11, 27, 9, tzinfo=UTC), 8 * 3600) == datetime(2026, 11, 27, 17, tzinfo=UTC)


def test_a_calendar_that_never_works_again_is_refused_and_not_walked_for_ever() -> None:
    days = frozenset(date(2026, 1, 1) + timedelta(days=n) for n in range(366 * 25))
    clock = WorkingClock(WorkingWeek(zone="UTC", hours=USUAL, holidays=days))
    with pytest.raises(ValueError, match="twenty years"):
        clock.after(datetime(2026, 1, 2, tzinfo=UTC), 60)


@pytest.mark.parametrize(
    "hours",
    [
        (),
        (Hours(weekday=0, start=600, end=540),),
        (Hours(weekday=0, start=0, end=1500),),
        (Hours(weekday=7, start=0, end=60),),
        (Hours(weekday=0, start=0, end=120), Hours(weekday=0, start=60, end=180)),
    ],
)
def test_hours_that_make_no_sense_are_refused(hours: tuple[Hours, ...]) -> None:
    with pytest.raises(ValueError, match="hour"):
        WorkingWeek(zone="UTC", hours=hours)
