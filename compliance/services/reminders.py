"""Reminders: remediation items, their milestones and auditors' requests that are due soon, or due, and risk acceptances and
waivers that are to be reviewed or end, by the clock of whoever has them. Each is told once before its day and once when it has
come; another day is told anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db.models import F, Q, QuerySet
from django.urls import reverse

from compliance.models import AISystem, AuditRequest, Milestone, RemediationItem, RiskAcceptance, User, Waiver
from compliance.rights import Verb, may
from compliance.services import digests, notices
from compliance.services.notices import Telling
from compliance.types.audit_requests import SOON_DAYS, WAITS_FOR_US, Nearness, nearness
from compliance.types.notices import NoticeKind
from compliance.types.risk_life import AgreementState
from compliance.types.states import RemediationState

_FARTHEST_ZONES_DAYS = 2
_KINDS = {Nearness.SOON: NoticeKind.DUE_SOON, Nearness.DUE: NoticeKind.OVERDUE}
_WORKING = (RemediationState.OPEN, RemediationState.IN_PROGRESS, RemediationState.BLOCKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminded:
    """What a run did: lines written into inboxes, messages sent, messages that could not be sent."""

    told: int
    sent: int
    failed: int


def remind(*, now: datetime) -> Reminded:
    """Tells what is due, and mails what anybody is due. Safe to run at any time and any number of times."""
    told = notices.tell_all(list(due(now)))
    mail = digests.send(now=now)
    return Reminded(told=told, sent=mail.sent, failed=mail.failed)


def due(now: datetime) -> Iterator[Telling]:
    """What is due soon, or due, by the clock of whoever has it."""
    until = date.fromordinal(now.date().toordinal() + SOON_DAYS + _FARTHEST_ZONES_DAYS)
    requests = AuditRequest.objects.filter(state__in=WAITS_FOR_US, due_on__lte=until)
    for request in requests.select_related("owner", "engagement__contact").iterator(chunk_size=500):
        user = request.owner or request.engagement.contact
        if user is not None and request.due_on is not None:
            yield from _near(user, request, request.due_on, f"{reverse('request-list')}?mine=on", now)
    yield from _work(until, now)
    yield from _agreements(until, now)


def _work(until: date, now: datetime) -> Iterator[Telling]:
    items = RemediationItem.objects.filter(state__in=_WORKING, due_on__lte=until).select_related("owner")
    for item in _light(items).iterator(chunk_size=500):
        yield from _near(item.owner, item, item.due_on, _own_items(item.owner), now)
    # A step that is due with its item is told with it.
    steps = Milestone.objects.filter(done_at=None, due_on__lte=until, item__state__in=_WORKING)
    apart = steps.exclude(due_on=F("item__due_on")).select_related("item__owner")
    for step in apart.iterator(chunk_size=500):
        yield from _near(step.item.owner, step, step.due_on, _own_items(step.item.owner), now)


def _agreements(until: date, now: datetime) -> Iterator[Telling]:
    """Reviews and last days of what is in force, to whoever asked for it and whoever decided."""
    accepted = RiskAcceptance.objects.filter(
        Q(review_on__lte=until) | Q(ends_on__lte=until), state=AgreementState.APPROVED
    )
    for row in accepted.select_related("requested_by", "decided_by", "risk__finding__system__owner").iterator(500):
        for user in _parties(row, row.risk.finding.system):
            for day in sorted({row.review_on, row.ends_on}):
                yield from _near(user, row, day, reverse("acceptance-list"), now)
    waived = Waiver.objects.filter(ends_on__lte=until, state=AgreementState.APPROVED)
    for waiver in waived.select_related("requested_by", "decided_by", "system__owner").iterator(500):
        for user in _parties(waiver, waiver.system):
            yield from _near(user, waiver, waiver.ends_on, reverse("waiver-list"), now)


def _parties(row: RiskAcceptance | Waiver, system: AISystem) -> set[User]:
    """Who asked and who decided; the owner of the AI system as well where none of them may decide any longer."""
    people = {user for user in (row.requested_by, row.decided_by) if user is not None and user.is_active}
    if system.owner is not None and not any(may(user, Verb.DECIDE_ACCEPTANCE) for user in people):
        people.add(system.owner)
    return people


def _light(items: QuerySet[RemediationItem]) -> QuerySet[RemediationItem]:
    return items.only("uuid", "due_on", "owner__uuid", "owner__time_zone", "owner__is_active", "owner__role")


def _own_items(user: User) -> str:
    return f"{reverse('remediation-list')}?owner={user.uuid}"


def _near(
    user: User,
    subject: AuditRequest | RemediationItem | Milestone | RiskAcceptance | Waiver,
    day: date,
    place: str,
    now: datetime,
) -> Iterator[Telling]:
    near = nearness(day, now.astimezone(ZoneInfo(user.time_zone)).date())
    if near is not None:
        yield Telling(
            user=user,
            kind=_KINDS[near],
            subject_type=subject._meta.label,
            subject_uuid=subject.uuid,
            once=day.isoformat(),
            due_on=day,
            place=place,
        )
