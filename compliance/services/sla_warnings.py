"""Warnings of time limits: each clock that comes near its limit, and each that passes it, is recorded and told once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse

from compliance.models import RemediationItem, SlaClock, User
from compliance.rights import TABLE, Verb
from compliance.selectors.time_limits import stands
from compliance.services import bulk_rows, notices, sla_clocks
from compliance.services.notices import Telling
from compliance.types.notices import NoticeKind
from compliance.types.sla import SlaState
from compliance.types.states import RemediationState

_CHUNK = 5000
_FIELD = {SlaState.NEAR: "near_told_at", SlaState.BREACHED: "breach_told_at"}
_ACT = {SlaState.NEAR: "near", SlaState.BREACHED: "breached"}
_KIND = {SlaState.NEAR: NoticeKind.SLA_NEAR, SlaState.BREACHED: NoticeKind.SLA_BREACHED}
_READ = (
    "uuid", "severity", "near_at", "due_at", "paused_at", "ended_at", "finding__uuid", "finding__system__uuid",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned:
    """How many clocks came near their limit, and how many passed it, since the last time."""

    near: int
    breached: int


@transaction.atomic
def warn(*, now: datetime) -> Warned:
    """Records and tells what is near or over its limit and was not told yet."""
    return Warned(near=_warn(SlaState.NEAR, now), breached=_warn(SlaState.BREACHED, now))


def _warn(state: SlaState, now: datetime) -> int:
    untold = SlaClock.objects.filter(stands(state, now), **{f"{_FIELD[state]}__isnull": True})
    rows = untold.select_related("finding__system").only(*_READ)
    count, told = 0, list[Telling]()
    with bulk_rows.collector_paused():
        while clocks := list(rows.order_by("due_at", "pk")[:_CHUNK]):
            for clock in clocks:
                setattr(clock, _FIELD[state], now)
            bulk_rows.update(clocks, names=(_FIELD[state],))
            sla_clocks.record(_ACT[state], clocks, now=now, actor=None)
            told += _tellings(state, clocks)
            count += len(clocks)
        notices.tell_all(told, remembers=False)  # each clock remembers
    return count


def _tellings(state: SlaState, clocks: list[SlaClock]) -> Iterator[Telling]:
    """To whoever works on it; where nobody does, to those who give work out."""
    owners = _owners([clock.finding_id for clock in clocks])
    leads = list(User.objects.filter(is_active=True, role__in=[role.value for role in TABLE[Verb.OPEN_REMEDIATION]]))
    place = f"{reverse('finding-list')}?limit={state.value}"
    for clock in clocks:
        for user in owners.get(clock.finding_id) or leads:
            yield Telling(
                user=user,
                kind=_KIND[state],
                subject_type=clock.finding._meta.label,
                subject_uuid=clock.finding.uuid,
                once=f"{clock.uuid}:{clock.due_at.isoformat()}",
                due_on=clock.due_at.date(),
                place=place,
            )


def _owners(findings: list[int]) -> dict[int, list[User]]:
    """Who owns open work on each of the findings."""
    found: dict[int, list[User]] = defaultdict(list)
    works: QuerySet[RemediationItem] = RemediationItem.objects.exclude(
        state__in=[RemediationState.DONE, RemediationState.CLOSED]
    )
    rest = iter(findings)
    while chunk := list(islice(rest, _CHUNK)):
        pairs = works.filter(risks__finding_id__among=chunk).values_list("risks__finding_id", "owner_id")
        known = User.objects.in_bulk({owner for _, owner in pairs})
        for finding, owner in sorted(set(pairs)):
            found[finding].append(known[owner])
    return found
