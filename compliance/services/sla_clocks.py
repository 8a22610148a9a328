"""The clocks of findings: begun when a finding comes, stopped while its risk is to be or is accepted, ended when it no longer
stands, or when its risk is closed because its model was replaced.

`follow` brings clocks in line with their findings, for some of them where something just happened and for all of them by night.
It may run at any time and any number of times. One runs at a time, so that no finding gets two clocks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from compliance.models import AISystem, Finding, SlaClock, SlaPolicy, User
from compliance.selectors.time_limits import Calendars, policy_in_force
from compliance.services import bulk_rows, ledger
from compliance.types.business_time import WorkingClock
from compliance.types.canonical import canonical_json
from compliance.types.drafts import JSON
from compliance.types.sla import Counted, Limit, Run, SlaState, SlaUnit
from compliance.types.states import RiskState
from compliance.types.verdicts import Conclusion

_LOCK = 0x534C4131  # PostgreSQL advisory lock: "SLA1", one number for one purpose
_STOPPED_BY = (RiskState.DEVIATION_REQUESTED, RiskState.DEVIATION_APPROVED)
_OPEN = Q(ended_at__isnull=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """How many clocks began, ended, stopped, went on, and got another limit."""

    begun: int = 0
    ended: int = 0
    stopped: int = 0
    gone_on: int = 0
    changed: int = 0


@dataclass(slots=True)
class _Terms:
    """What clocks are counted by at this moment. It keeps one working clock for each calendar."""

    policy: SlaPolicy
    calendars: Calendars
    now: datetime
    actor: User | None
    clocks: dict[int, WorkingClock] = field(default_factory=dict)

    def counted(self, unit: str, system_uuid: object) -> Counted:
        """Time as a limit of this unit counts it for an AI system."""
        calendar = self.calendars.of(system_uuid)
        if calendar.pk not in self.clocks:
            self.clocks[calendar.pk] = WorkingClock(calendar.week())
        return Counted(SlaUnit(unit), self.clocks[calendar.pk])


def _lock() -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _terms(now: datetime, actor: User | None) -> _Terms | None:
    policy = policy_in_force()
    return _Terms(policy, Calendars.in_force(policy), now, actor) if policy else None


@transaction.atomic
def follow(*, findings: Collection[int] | None = None, now: datetime | None = None, actor: User | None) -> Followed:
    """Brings the clocks of these findings, by primary key, in line with them; of all findings for None."""
    terms = _terms(now or timezone.now(), actor)
    if terms is None or (findings is not None and not findings):
        return Followed()
    _lock()
    clocks, rows = SlaClock.objects.filter(_OPEN), Finding.objects.all()
    if findings is not None:
        clocks, rows = clocks.filter(finding_id__among=list(findings)), rows.filter(pk__among=list(findings))
    ended = _end(clocks, terms)
    changed = _change(clocks, terms)
    stopped = _stop(clocks, terms)
    gone_on = _go_on(clocks, terms)
    begun = _begin(rows, terms)
    _stop(clocks, terms)  # a finding may come with an acceptance that was asked for before there were limits
    return Followed(begun=begun, ended=ended, stopped=stopped, gone_on=gone_on, changed=changed)


def recount(*, actor: User | None) -> int:
    """Counts the clocks that run in working hours by the calendars in force; how many are due at another time now."""
    terms = _terms(timezone.now(), actor)
    if terms is None:
        return 0
    _lock()
    rows = _with_finding(SlaClock.objects.filter(_OPEN, unit=SlaUnit.WORKING_HOURS, due_at__gt=terms.now))
    moved = []
    for clock in rows:
        calendar = terms.calendars.of(clock.finding.system.uuid)
        if clock.calendar_id == calendar.pk:
            continue
        if clock.paused_at is None:
            # What counted until now counted by the calendar of that time.
            before = Counted(SlaUnit.WORKING_HOURS, WorkingClock(clock.calendar.week()))
            clock.used_seconds += before.between(clock.since, terms.now)
            clock.since = max(terms.now, clock.since)
        clock.calendar = calendar
        _schedule(clock, terms)
        moved.append(clock)
    bulk_rows.update(moved, names=("since", "used_seconds", "calendar", "near_at", "due_at"))
    _tell("recounted", moved, terms)
    return len(moved)


# The steps ------------------------------------------------------------------------------------------------------------


def _with_finding(rows: QuerySet[SlaClock]) -> QuerySet[SlaClock]:
    return rows.select_related("finding__system", "calendar", "policy").defer(
        "finding__condition", "finding__criteria", "finding__cause", "finding__effect", "finding__techniques"
    )


def _severity(prefix: str = "") -> Coalesce:
    """What a finding's limit goes by: the severity of its risk, which a person may have set, else its own."""
    return Coalesce(F(f"{prefix}risk__severity"), F(f"{prefix}severity"))


def _closed(prefix: str = "") -> Q:
    """Nobody has to act any longer, whatever the finding says: what was found in a model that was replaced stays true of it."""
    return Q(**{f"{prefix}risk__state": RiskState.CLOSED})


def _begin(rows: QuerySet[Finding], terms: _Terms) -> int:
    runs, ran = SlaClock.objects.filter(_OPEN, finding=OuterRef("pk")), SlaClock.objects.filter(finding=OuterRef("pk"))
    limited = [row["severity"] for row in terms.policy.limits]
    fresh = (
        rows.annotate(counts_as=_severity(), has_run=Exists(ran))
        .filter(~Exists(runs), state=Conclusion.NOT_SATISFIED, counts_as__in=limited)
        .exclude(_closed())
        .order_by("created_at", "pk")
        .values_list("pk", "uuid", "system__uuid", "counts_as", "created_at", "has_run")
    )
    first = SlaPolicy.objects.order_by("version").values_list("created_at", flat=True)[0]
    values, told = [], []
    for pk, uuid, system_uuid, severity, created_at, has_run in fresh.iterator(chunk_size=5000):
        limit = terms.policy.limit_of(severity)
        assert limit is not None
        # No clock runs before there were limits; one that comes again begins when that became known.
        start = terms.now if has_run else max(created_at, first)
        values.append(_row(pk, limit, start, system_uuid, terms))
        told.append(canonical_json([str(uuid), severity, start.isoformat()]))
    bulk_rows.create(SlaClock, names=_NAMES, values=values)
    if told:
        ledger.record_bulk(
            kind="sla.begun", subject=terms.policy, rows=told, payload={}, actor=terms.actor, system=None
        )
    return len(values)


_NAMES = (
    "finding_id", "policy_id", "calendar_id", "severity", "unit", "limit_seconds", "started_at", "since", "near_at", "due_at",
)  # fmt: skip


def _row(finding: int, limit: Limit, start: datetime, system_uuid: object, terms: _Terms) -> tuple[Any, ...]:
    counted = terms.counted(limit.unit, system_uuid)
    run = Run(since=start, used=0.0, limit=limit.seconds, near=terms.policy.near_percent)
    calendar = terms.calendars.of(system_uuid)
    whole = (finding, terms.policy.pk, calendar.pk, limit.severity.value, limit.unit.value, limit.seconds)
    return (*whole, start, start, run.near_from(counted), run.due(counted))


def _end(clocks: QuerySet[SlaClock], terms: _Terms) -> int:
    over = list(_with_finding(clocks.filter(Q(finding__state=Conclusion.SATISFIED) | _closed("finding__"))))
    for clock in over:
        clock.ended_at = terms.now
    bulk_rows.update(over, names=("ended_at",))
    _tell("ended", over, terms)
    return len(over)


def _stop(clocks: QuerySet[SlaClock], terms: _Terms) -> int:
    """A clock that has run out already is not stopped: what is over its limit stays over it."""
    asked = clocks.filter(paused_at__isnull=True, due_at__gt=terms.now, finding__risk__state__in=_STOPPED_BY)
    rows = list(_with_finding(asked))
    for clock in rows:
        counted = terms.counted(clock.unit, clock.finding.system.uuid)
        clock.used_seconds += counted.between(clock.since, terms.now)
        clock.paused_at = terms.now
    bulk_rows.update(rows, names=("used_seconds", "paused_at"))
    _tell("stopped", rows, terms)
    return len(rows)


def _go_on(clocks: QuerySet[SlaClock], terms: _Terms) -> int:
    decided = clocks.filter(paused_at__isnull=False).exclude(finding__risk__state__in=_STOPPED_BY)
    rows = list(_with_finding(decided))
    for clock in rows:
        clock.paused_at, clock.since = None, terms.now
        _schedule(clock, terms)
    bulk_rows.update(rows, names=("paused_at", "since", "near_at", "due_at"))
    _tell("went_on", rows, terms)
    return len(rows)


def _change(clocks: QuerySet[SlaClock], terms: _Terms) -> int:
    """Another severity has another limit, by the limits in force; what has counted stays counted."""
    other = clocks.annotate(counts_as=_severity("finding__")).exclude(severity=F("counts_as"))
    rows = []
    for clock in _with_finding(other):
        limit = terms.policy.limit_of(clock.counts_as)  # type: ignore[attr-defined]  # annotated above
        if limit is None:
            continue
        if clock.paused_at is None:
            clock.used_seconds += terms.counted(clock.unit, clock.finding.system.uuid).between(clock.since, terms.now)
            clock.since = max(clock.since, terms.now)
        if limit.unit != clock.unit:
            clock.used_seconds = clock.used_seconds / clock.limit_seconds * limit.seconds  # the same share of it
        clock.severity, clock.unit, clock.limit_seconds = limit.severity.value, limit.unit.value, limit.seconds
        clock.policy, clock.near_told_at, clock.breach_told_at = terms.policy, None, None
        _schedule(clock, terms)
        rows.append(clock)
    names = ("severity", "unit", "limit_seconds", "policy", "used_seconds", "since", "near_at", "due_at")
    bulk_rows.update(rows, names=(*names, "near_told_at", "breach_told_at"))
    _tell("changed", rows, terms)
    return len(rows)


def _schedule(clock: SlaClock, terms: _Terms) -> None:
    """When it is near and due, counted from `since`; what was over its limit before `since` is due at `since`."""
    counted = terms.counted(clock.unit, clock.finding.system.uuid)
    run = Run(since=clock.since, used=clock.used_seconds, limit=clock.limit_seconds, near=clock.policy.near_percent)
    clock.near_at, clock.due_at = run.near_from(counted), run.due(counted)


def _tell(act: str, rows: Sequence[SlaClock], terms: _Terms) -> None:
    """One event for each clock, in as many statements as there are AI systems."""
    record(act, rows, now=terms.now, actor=terms.actor)


def record(act: str, rows: Iterable[SlaClock], *, now: datetime, actor: User | None) -> None:
    """Writes into the ledger what became of clocks that were read with their findings."""
    by_system: dict[AISystem, list[tuple[Any, JSON]]] = defaultdict(list)
    for clock in rows:
        facts: JSON = {
            "finding": str(clock.finding.uuid),
            "severity": clock.severity,
            "state": SlaState(clock.state(now)).value,
            "due_at": clock.due_at.isoformat(),
        }
        by_system[clock.finding.system].append((clock, facts))
    for system, acts in by_system.items():
        ledger.record_many(kind=f"sla.{act}", acts=acts, actor=actor, system=system)
