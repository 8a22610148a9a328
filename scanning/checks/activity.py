"""Checks on the log as a whole: bursts of refused attempts, silence, and the hours at which jobs were submitted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from compliance.types.checks import CheckRule
from compliance.types.states import Outcome
from scanning.checks.base import Case, Event, Facts, Outcomes, Window, case_of, who

BURST_ATTEMPTS, BURST_WITHIN = 5, timedelta(minutes=10)


def denied_burst(facts: Facts) -> Outcomes:
    """Many refused attempts of one principal (or one address, where nobody is named) within minutes."""
    by_source: dict[str, list[Event]] = defaultdict(list)
    nameless: list[Case] = []
    denied = [event for event in facts.events if event.outcome is Outcome.DENIED]
    for event in denied:
        source = event.actor.key if event.actor else event.address
        if source:
            by_source[source].append(event)
        else:
            nameless.append(case_of(event, "The source names neither who was refused nor from where."))
    exceptions = [_burst_case(burst) for events in by_source.values() for burst in _bursts(events)]
    return Outcomes(
        rule=CheckRule.DENIED_BURST,
        unit="events",
        population=len(facts.events),
        exceptions=tuple(sorted(exceptions, key=lambda case: (str(case.at), case.key))),
        undecided=tuple(nameless),
        facts={"denied": len(denied), "attempts": BURST_ATTEMPTS, "within_seconds": int(BURST_WITHIN.total_seconds())},
    )


def _bursts(events: list[Event]) -> Iterator[list[Event]]:
    """Attempts of which each belongs to BURST_ATTEMPTS within BURST_WITHIN; a longer pause ends a burst."""
    marked: set[int] = set()
    for n in range(len(events) - BURST_ATTEMPTS + 1):
        if events[n + BURST_ATTEMPTS - 1].at - events[n].at <= BURST_WITHIN:
            marked.update(range(n, n + BURST_ATTEMPTS))
    run: list[Event] = []
    for n in sorted(marked):
        if run and events[n].at - run[-1].at > BURST_WITHIN:
            yield run
            run = []
        run.append(events[n])
    if run:
        yield run


def _burst_case(burst: list[Event]) -> Case:
    first, last = burst[0], burst[-1]
    minutes = max(1, round((last.at - first.at).total_seconds() / 60))
    told = f"{who(first)} was refused {len(burst)} times within {minutes} minutes from {first.at:%Y-%m-%d %H:%M} UTC."
    return case_of(first, told, facts={"attempts": len(burst), "events": [event.uuid for event in burst[:50]]})


def log_gap(facts: Facts) -> Outcomes:
    """A source was silent for longer than the organisation expects of it."""
    if not facts.silences:
        return Outcomes(
            rule=CheckRule.LOG_GAP, unit="sources", population=len(facts.coverage),
            not_stated="Nobody stated how long a source of this AI system may be silent.",
        )  # fmt: skip
    exceptions: list[Case] = []
    undecided: list[Case] = []
    moments: dict[str, list[datetime]] = defaultdict(list)
    for event in facts.events:
        moments[event.source].append(event.at)
    until = {covered.source: covered.until for covered in facts.coverage}
    for source, longest in sorted(facts.silences.items()):
        if source not in until:
            undecided.append(
                Case(key=source, subject=source, sentence=f"No document of {source} is on record.", at=None)
            )
            continue
        times = [facts.start, *moments[source], min(max(until[source], facts.start), facts.end)]
        exceptions += [_silence(source, before, after) for before, after in _gaps(times, longest)]
    unstated = sorted(until.keys() - facts.silences.keys())
    undecided += [
        Case(key=source, subject=source, sentence=f"How long {source} may be silent is not stated.", at=None)
        for source in unstated
    ]
    return Outcomes(
        rule=CheckRule.LOG_GAP, unit="sources", population=len(until.keys() | facts.silences.keys()),
        exceptions=tuple(exceptions), undecided=tuple(undecided),
    )  # fmt: skip


def _gaps(times: list[datetime], longest: timedelta) -> Iterator[tuple[datetime, datetime]]:
    return ((before, after) for before, after in pairwise(times) if after - before > longest)


def _silence(source: str, before: datetime, after: datetime) -> Case:
    hours = round((after - before).total_seconds() / 3600)
    told = f"{source} says nothing for {hours} hours from {before:%Y-%m-%d %H:%M} to {after:%Y-%m-%d %H:%M} UTC."
    return Case(
        key=f"{source} {before.isoformat()}", subject=source, sentence=told, at=before, member=source,
        facts={"from": before.isoformat(), "to": after.isoformat()},
    )  # fmt: skip


def outside_change_window(facts: Facts) -> Outcomes:
    """Submitted on a day or at an hour at which no jobs are to be submitted."""
    rule, jobs = CheckRule.OUTSIDE_CHANGE_WINDOW, facts.submissions
    if not facts.windows:
        told = "Nobody stated when jobs of this AI system may be submitted."
        return Outcomes(rule=rule, unit="jobs", population=len(jobs), not_stated=told)
    exceptions: list[Case] = []
    undecided: list[Case] = []
    for event in jobs:
        window = _in_force(facts.windows, event.at)
        if window is None:
            undecided.append(case_of(event, f"No change window was in force when {event.title} was submitted."))
        elif not is_within(window, event.at):
            local = event.at.astimezone(ZoneInfo(window.time_zone))
            told = f"{event.title} was submitted on {local:%A %Y-%m-%d} at {local:%H:%M} ({window.time_zone})"
            exceptions.append(case_of(event, f"{told}, outside the change window."))
    return Outcomes(
        rule=rule, unit="jobs", population=len(jobs), exceptions=tuple(exceptions), undecided=tuple(undecided)
    )


def _in_force(windows: tuple[Window, ...], at: datetime) -> Window | None:
    """The window stated last of those in force; `windows` are the latest first."""
    return next((window for window in windows if window.effective_from <= at), None)


def is_within(window: Window, at: datetime) -> bool:
    """Whether a moment lies in a window. One that closes before it opens runs past midnight, into the next day."""
    local = at.astimezone(ZoneInfo(window.time_zone))
    clock = local.time()
    if window.opens < window.closes:
        return local.weekday() in window.days and window.opens <= clock < window.closes
    if clock >= window.opens:
        return local.weekday() in window.days
    return clock < window.closes and (local - timedelta(days=1)).weekday() in window.days
