"""Working time: how much of it lies between two moments, and when a given amount of it is over.

A calendar says on which days of the week work is done, between which hours of its zone's clock, and which days are holidays.
What counts is time that passes: in the night in which clocks go back, an hour of the clock that comes twice counts twice, and
one that is skipped does not count. Everything returned is in UTC.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

MINUTES_A_DAY = 24 * 60
MOST_DAYS = 366 * 20  # a calendar without a single working hour in twenty years never ends a wait
_STEP_DAYS = 120
_MARGIN = timedelta(days=60)
_DAY = timedelta(days=1)
_EPSILON = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """Working hours of one day of the week (0 is Monday), in minutes of the clock since midnight: from `start` up to `end`."""

    weekday: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingWeek:
    """A calendar: its zone, its hours, which may be several a day and do not overlap, and the days that are free."""

    zone: str
    hours: tuple[Hours, ...]
    holidays: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        if not self.hours:
            raise ValueError("a calendar without a working hour never ends a wait")
        ordered = sorted(self.hours, key=lambda span: (span.weekday, span.start))
        for span in ordered:
            if not (0 <= span.weekday <= 6 and 0 <= span.start < span.end <= MINUTES_A_DAY):
                raise ValueError(f"hours end after they begin, within one day: {span}")
        for first, second in pairwise(ordered):
            if first.weekday == second.weekday and second.start < first.end:
                raise ValueError(f"hours of one day do not overlap: {first}, {second}")


@dataclass(slots=True)
class WorkingClock:
    """Measures working time by one calendar. It remembers the spans that it worked out, so one clock serves many questions."""

    week: WorkingWeek
    _first: date | None = None
    _last: date | None = None
    _starts: list[float] = field(default_factory=list)
    _ends: list[float] = field(default_factory=list)
    _before: list[float] = field(default_factory=list)  # working seconds before each span

    def between(self, start: datetime, end: datetime) -> float:
        """Working seconds from `start` to `end`; none where `end` is not after `start`."""
        if end <= start:
            return 0.0
        self._cover(_day(start), _day(end))
        return self._passed(end.timestamp()) - self._passed(start.timestamp())

    def after(self, start: datetime, seconds: float) -> datetime:
        """The first moment at which `seconds` of working time have passed since `start`. Raises ValueError where the calendar
        has too little of it in twenty years."""
        if seconds <= _EPSILON:
            return start.astimezone(UTC)
        begin = _day(start)
        self._cover(begin, begin + timedelta(days=_STEP_DAYS))
        wanted = self._passed(start.timestamp()) + seconds
        while not self._before or self._before[-1] + self._ends[-1] - self._starts[-1] < wanted - _EPSILON:
            assert self._last is not None
            if self._last - begin > timedelta(days=MOST_DAYS):
                raise ValueError("the calendar has too few working hours in twenty years")
            self._cover(begin, self._last + timedelta(days=_STEP_DAYS))
            wanted = self._passed(start.timestamp()) + seconds
        place = bisect_left(self._before, wanted - _EPSILON) - 1
        return datetime.fromtimestamp(self._starts[place] + wanted - self._before[place], UTC)

    def _passed(self, moment: float) -> float:
        """Working seconds from the first remembered span up to a moment."""
        place = bisect_right(self._starts, moment) - 1
        if place < 0:
            return 0.0
        return self._before[place] + min(moment, self._ends[place]) - self._starts[place]

    def _cover(self, first: date, last: date) -> None:
        """Remember the spans of these days, with a margin: a moment in UTC may be the day before or after on the clock."""
        first, last = first - _DAY, last + _DAY
        if self._first is not None and self._last is not None:
            if self._first <= first and last <= self._last:
                return
            first, last = min(first, self._first), max(last, self._last)
        first, last = first - _MARGIN, last + _MARGIN
        zone = ZoneInfo(self.week.zone)
        spans = [span for day in _days(first, last) for span in _spans(self.week, zone, day)]
        self._first, self._last = first, last
        self._starts, self._ends = [start for start, _ in spans], [end for _, end in spans]
        self._before, passed = [], 0.0
        for start, end in spans:
            self._before.append(passed)
            passed += end - start


def _day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()


def _days(first: date, last: date) -> Iterator[date]:
    for n in range((last - first).days + 1):
        yield first + timedelta(days=n)


def _spans(week: WorkingWeek, zone: ZoneInfo, day: date) -> list[tuple[float, float]]:
    """Working time of one day of the calendar's clock, as spans of POSIX seconds in order."""
    hours = [span for span in week.hours if span.weekday == day.weekday()]
    if not hours or day in week.holidays:
        return []
    found = []
    for begin, end, offset in _pieces(zone, day):
        midnight = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() - offset
        for span in hours:
            start, stop = max(begin, midnight + span.start * 60), min(end, midnight + span.end * 60)
            if start < stop:
                found.append((start, stop))
    return sorted(found)


def _pieces(zone: ZoneInfo, day: date) -> Sequence[tuple[float, float, float]]:
    """The time around one day in pieces during which the clock keeps its distance from UTC: begin, end, distance."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp()
    begin, end = (
        noon - 40 * 3600,
        noon + 40 * 3600,
    )  # zones are at most 14 hours from UTC, and change once in such a span
    first, last = _offset(zone, begin), _offset(zone, end)
    if first == last:
        return ((begin, end, first),)
    low, high = int(begin), int(end)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(zone, middle) == first else (low, middle)
    return ((begin, float(high), first), (float(high), end, last))


def _offset(zone: ZoneInfo, moment: float) -> float:
    found = datetime.fromtimestamp(moment, zone).utcoffset()
    assert found is not None
    return found.total_seconds()
