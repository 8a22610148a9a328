"""What exists for an auditor: the records of the systems and period of the engagements they are on, while access lasts.

Every path that shows a record — page, endpoint, export, download, token — asks `compliance.rights.visible`, which asks here on
each request; so access ends by itself at the moment that the engagement names, everywhere at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any, NamedTuple, TypeVar, cast
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.lookups import IsNull
from django.utils import timezone

from compliance import models as m
from compliance.types.checks import PRODUCER
from compliance.types.days import within

NOTHING = Q(pk__in=[])
Found = TypeVar("Found")
_looked_up: ContextVar[dict[tuple[str, int], object] | None] = ContextVar("looked_up", default=None)


@dataclass(frozen=True, slots=True)
class Room:
    """A live engagement, and what it bounds. No accounts or regions: all of them are in scope. systems: their keys."""

    key: int
    uuid: UUID
    period_start: date
    period_end: date
    accounts: list[str]
    regions: list[str]
    systems: list[int]


class _Engaged(NamedTuple):
    """An engaged assessment, by key, with its system and period."""

    key: int
    system: int
    period_start: date
    period_end: date


@contextmanager
def looked_up_once() -> Iterator[None]:
    """Within, engagements are looked up once for each auditor. For one request that reads; a writing one looks each time."""
    token = _looked_up.set({})
    try:
        yield
    finally:
        _looked_up.reset(token)


def _once(what: str, user: m.User, find: Callable[[], Found]) -> Found:
    known = _looked_up.get()
    if known is None:
        return find()
    if (what, user.pk) not in known:
        known[what, user.pk] = find()
    return cast(Found, known[what, user.pk])


def live_engagements(user: m.User) -> QuerySet[m.Engagement]:
    """Engagements that the auditor is on and whose access has not ended."""
    return m.Engagement.objects.filter(members__user=user, expires_at__gt=timezone.now())


def rooms_of(user: m.User) -> tuple[Room, ...]:
    """The live engagements of an auditor. They are few: what is seen is asked for by keys, with which databases can plan."""
    return _once("rooms", user, lambda: _rooms(user))


def _rooms(user: m.User) -> tuple[Room, ...]:
    facts = ("pk", "uuid", "period_start", "period_end", "accounts", "regions")
    rows = live_engagements(user).order_by("pk").values_list(*facts, "systems")  # a row for each system
    return tuple(
        Room(key, uuid, start, end, accounts, regions, [row[-1] for row in of_room if row[-1]])
        for (key, uuid, start, end, accounts, regions), of_room in groupby(rows, key=lambda row: row[:-1])
    )


def room_keys(user: m.User) -> list[int]:
    """Keys of the live engagements."""
    return [room.key for room in rooms_of(user)]


def _engaged(user: m.User) -> tuple[_Engaged, ...]:
    rows = m.Assessment.objects.filter(engagements__in=room_keys(user)).distinct().order_by("pk")
    facts = rows.values_list("pk", "system", "period_start", "period_end")
    return _once("assessments", user, lambda: tuple(_Engaged(*row) for row in facts))


def _assessments(user: m.User) -> list[int]:
    return [one.key for one in _engaged(user)]


def _systems(user: m.User) -> list[int]:
    return sorted({key for room in rooms_of(user) for key in room.systems})


def _within(user: m.User, *, day: str) -> Q:
    """Rows of engaged systems whose `day` lies in the engagement's period."""
    condition = NOTHING
    for room in rooms_of(user):
        condition |= _dated(room, day)
    return condition


def _dated(room: Room, day: str) -> Q:
    days: dict[str, Any] = within(day, room.period_start, room.period_end)
    return Q(system__in=room.systems, **days)


def _logged(user: m.User) -> Q:
    """Job events of the period in the accounts and regions in scope. What names no account or region is in every scope: to hide
    it would hide what nobody can place."""
    condition = NOTHING
    for room in rooms_of(user):
        event = _dated(room, "occurred_at")
        if room.accounts:
            event &= Q(account__in=[*room.accounts, ""])
        if room.regions:
            event &= Q(region__in=[*room.regions, ""])
        condition |= event
    return condition


def _measured(user: m.User) -> Q:
    """Readings of completeness over the very period of an engaged assessment."""
    condition = NOTHING
    for one in _engaged(user):
        condition |= Q(system=one.system, period_start=one.period_start, period_end=one.period_end)
    return condition


def _checked(user: m.User) -> Q:
    """Runs of the checks over days that lie within an engagement: their exceptions name who acted."""
    condition = NOTHING
    for room in rooms_of(user):
        condition |= Q(system__in=room.systems, period_start__gte=room.period_start, period_end__lte=room.period_end)
    return condition


def _events(user: m.User) -> QuerySet[m.JobEvent]:
    return m.JobEvent.objects.filter(_logged(user))


def _readings(user: m.User) -> QuerySet[m.EntitlementReading]:
    return m.EntitlementReading.objects.filter(_within(user, day="as_of"))


def _evidence(user: m.User) -> Q:
    """What answers rest on, what was handed over for requests, reports of third parties, and the log files of the events."""
    handed_over = m.RequestEvidence.objects.filter(request__engagement__in=room_keys(user))
    answering = m.EvidenceLink.objects.filter(answer__assessment__in=_assessments(user))
    reports = m.SupplierReview.objects.filter(supplier__system__in=_systems(user), evidence__isnull=False)
    # A million events may lie in ten files. Asked for the first of a file, both databases look into one index, whatever they
    # believe of how many files there are.
    first = _events(user).filter(evidence=OuterRef("pk")).order_by("evidence_id", "occurred_at").values("pk")[:1]
    pieces = Q(IsNull(Subquery(first), False))
    for rows in (handed_over, answering, reports):
        pieces |= Q(pk__in=rows.values("evidence"))
    return pieces


def _observed(user: m.User) -> Q:
    runs = m.CheckRun.objects.filter(_checked(user)).values("uuid")
    return Q(system__in=_systems(user)) & (~Q(producer=PRODUCER) | Q(source_uuid__in=runs))


def _recorded(user: m.User) -> Q:
    """What happened to the engaged systems, and to the engagements themselves."""
    rooms = [room.uuid for room in rooms_of(user)]
    requests = m.AuditRequest.objects.filter(engagement__in=room_keys(user)).values("uuid")
    about = Q(event__subject_uuid__in=rooms) | Q(event__subject_uuid__in=requests)
    return Q(system__in=_systems(user)) | about


# What an auditor sees of every engaged system, whatever its day.
WHOLE_SYSTEM = frozenset(
    {
        "compliance.KeyComparison", "compliance.BindingRule", "compliance.ChangeWindow", "compliance.ExpectedRate",
        "compliance.DatasetVerification", "compliance.Finding", "compliance.Risk", "compliance.RemediationItem",
        "compliance.RiskMove", "compliance.SlaClock", "compliance.RiskAcceptance", "compliance.Closing",
        "compliance.Waiver", "compliance.Milestone", "compliance.RemediationComment", "compliance.ImplementedControl",
        "compliance.ItemDependency", "compliance.Baseline", "compliance.BaselineDecision", "compliance.PlanUpdate",
        "compliance.ControlRequirement",
        "compliance.ControlVersion", "compliance.StatementLine", "compliance.StatementVersion",
        "compliance.AIModel", "compliance.ModelVersion",
        "compliance.Dataset", "compliance.DatasetVersion", "compliance.Supplier",
        "compliance.SupplierReview", "compliance.CustomerControl", "scanning.Scan",
    }
)  # fmt: skip

_FILTERS: dict[str, Callable[[m.User], Q]] = {
    "compliance.ControlTest": lambda user: Q(engagement__in=room_keys(user)),
    "compliance.Population": lambda user: Q(engagement__in=room_keys(user)),
    "compliance.Sample": lambda user: Q(test__engagement__in=room_keys(user)),
    "compliance.SampledInstance": lambda user: Q(test__engagement__in=room_keys(user)),
    "compliance.AttributeResult": lambda user: Q(instance__test__engagement__in=room_keys(user)),
    "compliance.AuditFinding": lambda user: Q(engagement__in=room_keys(user)),
    "compliance.AuditFindingEntry": lambda user: Q(audit_finding__engagement__in=room_keys(user)),
    "compliance.AISystem": lambda user: Q(pk__in=_systems(user)),
    "compliance.Assessment": lambda user: Q(pk__in=_assessments(user)),
    "compliance.Answer": lambda user: Q(assessment__in=_assessments(user)),
    "compliance.AnswerRevision": lambda user: Q(answer__assessment__in=_assessments(user)),
    "compliance.Freeze": lambda user: Q(assessment__in=_assessments(user)),
    "compliance.EvidencePack": lambda user: Q(freeze__assessment__in=_assessments(user)),
    "compliance.PackRelease": lambda user: Q(pack__freeze__assessment__in=_assessments(user)),
    "compliance.PackRenewal": lambda user: Q(pack__freeze__assessment__in=_assessments(user)),
    "compliance.EvidenceLink": lambda user: Q(answer__assessment__in=_assessments(user)),
    "compliance.Evidence": _evidence,
    "compliance.Tombstone": lambda user: Q(evidence__in=m.Evidence.objects.filter(_evidence(user)).values("pk")),
    "compliance.JobEvent": _logged,
    "compliance.JobBinding": lambda user: Q(Exists(_events(user).filter(pk=OuterRef("event")))),
    "compliance.JobApproval": lambda user: _within(user, day="approved_at"),
    "compliance.CheckRun": _checked,
    "compliance.TrailEntry": _recorded,
    "compliance.Observation": _observed,
    "compliance.PlatformDocument": lambda user: _within(user, day="taken_at"),
    "compliance.CompletenessReading": _measured,
    "compliance.CompletenessRow": lambda user: Q(
        reading__in=m.CompletenessReading.objects.filter(_measured(user)).values("pk")
    ),
    "compliance.EntitlementSnapshot": lambda user: _within(user, day="taken_at"),
    "compliance.EntitlementReading": lambda user: _within(user, day="as_of"),
    "compliance.Entitlement": lambda user: Q(reading__in=_readings(user).values("pk")),
    "compliance.AccessReview": lambda user: Q(reading__in=_readings(user).values("pk")),
    "compliance.AccessReviewLine": lambda user: Q(review__reading__in=_readings(user).values("pk")),
}


def auditor_filter(label: str, user: m.User, system_path: str | None) -> Q:
    """Which rows of a table exist for an auditor; none of a table that is not named here."""
    if label in WHOLE_SYSTEM:
        return Q(**{f"{system_path}__in": _systems(user)})
    maker = _FILTERS.get(label)
    return maker(user) if maker else NOTHING
