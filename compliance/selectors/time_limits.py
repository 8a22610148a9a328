"""Time limits: what is in force, which clocks stand where, and what lists and pages show of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.utils import timezone

from compliance.models import BusinessCalendar, Finding, RemediationItem, SlaClock, SlaPolicy
from compliance.types.sla import SlaState


def policy_in_force() -> SlaPolicy | None:
    """The newest limits; None where none were ever stated."""
    return SlaPolicy.objects.order_by("-version").first()


def calendars_in_force() -> dict[str, BusinessCalendar]:
    """By key, the newest wording of each calendar."""
    newest = BusinessCalendar.objects.filter(key=OuterRef("key")).order_by("-version").values("pk")[:1]
    return {row.key: row for row in BusinessCalendar.objects.filter(pk=Subquery(newest)).order_by("title", "pk")}


@dataclass(frozen=True, slots=True)
class Calendars:
    """Which calendar counts for which AI system."""

    usual: BusinessCalendar
    by_system: Mapping[str, BusinessCalendar]

    @classmethod
    def in_force(cls, policy: SlaPolicy) -> Calendars:
        """By the newest wordings."""
        known = calendars_in_force()
        own = {system: row for row in known.values() for system in row.systems}
        return cls(usual=known[policy.calendar_key], by_system=own)

    def of(self, system_uuid: object) -> BusinessCalendar:
        """The calendar of an AI system."""
        return self.by_system.get(str(system_uuid), self.usual)


_RUNS = Q(ended_at__isnull=True, paused_at__isnull=True)
_WHERE: dict[SlaState, Callable[[datetime], Q]] = {
    SlaState.IN_TIME: lambda now: _RUNS & Q(near_at__gt=now, due_at__gt=now),
    SlaState.NEAR: lambda now: _RUNS & Q(near_at__lte=now, due_at__gt=now),
    SlaState.BREACHED: lambda now: _RUNS & Q(due_at__lte=now),
    SlaState.PAUSED: lambda now: Q(ended_at__isnull=True, paused_at__isnull=False),
    SlaState.MET: lambda now: Q(ended_at__isnull=False) & (Q(ended_at__lte=F("due_at")) | Q(paused_at__isnull=False)),
    SlaState.MISSED: lambda now: Q(ended_at__isnull=False, paused_at__isnull=True, ended_at__gt=F("due_at")),
}


def stands(state: SlaState, now: datetime) -> Q:
    """Condition on clocks: where they stand at a moment, as `SlaClock.state` says it."""
    return _WHERE[state](now)


def this_minute() -> datetime:
    """The moment to ask about: the same for a minute, so that what is counted for a list can be kept."""
    return timezone.now().replace(second=0, microsecond=0)


def _latest(rows: QuerySet[SlaClock]) -> QuerySet[SlaClock]:
    """Of each finding, its newest clock alone."""
    newest = SlaClock.objects.filter(finding=OuterRef("finding")).order_by("-started_at", "-pk").values("pk")[:1]
    return rows.filter(pk=Subquery(newest))


def findings_by_limit(rows: QuerySet[Finding], state: SlaState, now: datetime) -> QuerySet[Finding]:
    """Findings whose clock stands there: the one that runs, else the last one."""
    clocks = SlaClock.objects.filter(stands(state, now))
    if state in (SlaState.MET, SlaState.MISSED):
        clocks = _latest(clocks)
    return rows.filter(pk__in=clocks.values("finding"))


def items_by_limit(rows: QuerySet[RemediationItem], state: SlaState, now: datetime) -> QuerySet[RemediationItem]:
    """Items that mend a finding whose clock stands there."""
    clocks = SlaClock.objects.filter(stands(state, now))
    if state in (SlaState.MET, SlaState.MISSED):
        clocks = _latest(clocks)
    return rows.filter(
        pk__in=RemediationItem.risks.through.objects.filter(risk__finding__clocks__in=clocks).values("remediationitem")
    )


def with_clock(prefix: str = "") -> Prefetch[str, QuerySet[SlaClock], str]:
    """Prefetch of the newest clock of findings, as `newest_clock`; prefix: the way to the finding, as "risks__finding__"."""
    return Prefetch(f"{prefix}clocks", queryset=_latest(SlaClock.objects.all()), to_attr="newest_clock")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownLimit:
    """A clock as pages show it. left: until it is due; over: since it was due. Elapsed time, not working time."""

    clock: SlaClock
    state: SlaState

    @property
    def left(self) -> timedelta:
        """Until it is due, not below nothing."""
        return max(self.clock.due_at - timezone.now(), timedelta())


def shown(clock: SlaClock | None, now: datetime | None = None) -> ShownLimit | None:
    """A clock with where it stands; None where there is none."""
    return ShownLimit(clock=clock, state=clock.state(now or timezone.now())) if clock else None


def limit_of_finding(finding: Finding) -> ShownLimit | None:
    """What is shown beside a finding: of one read with `with_clock` without a query."""
    known: Iterable[SlaClock] | None = getattr(finding, "newest_clock", None)
    if known is None:
        known = finding.clocks.order_by("-started_at", "-pk")[:1]
    return shown(next(iter(known), None))


_URGENT = (SlaState.BREACHED, SlaState.NEAR, SlaState.IN_TIME, SlaState.PAUSED, SlaState.MISSED, SlaState.MET)


def limit_of_item(item: RemediationItem) -> ShownLimit | None:
    """The most urgent clock of the findings that an item mends, as read with `with_clock("risks__finding__")`."""
    return most_urgent(risk.finding for risk in item.risks.all())


def most_urgent(findings: Iterable[Finding]) -> ShownLimit | None:
    """The most urgent clock of these, read with `with_clock`."""
    found = [limit_of_finding(finding) for finding in findings]
    limits = [limit for limit in found if limit is not None]
    return min(limits, key=lambda limit: (_URGENT.index(limit.state), limit.clock.due_at), default=None)
