"""Calendar feeds: a secret address for each person, at which a calendar program reads when their work is due,
and until when what they asked for or decided holds.

A feed holds what its person may see at the moment of reading, and ends with their access. Of the secret only the digest is
kept.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import date, timedelta
from hashlib import sha256
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override
from icalendar import Calendar, Event

import compliance
from compliance.models import AuditRequest, CalendarFeed, Milestone, RemediationItem, RiskAcceptance, User, Waiver
from compliance.rights import Verb, may, visible
from compliance.services import ledger
from compliance.types.audit_requests import WAITS_FOR_US
from compliance.types.risk_life import AgreementState
from compliance.types.states import RemediationState

MOST_EVENTS = 1000
_READ_NOTED_EVERY = timedelta(minutes=15)
_OVER = (RemediationState.DONE, RemediationState.CLOSED)


@transaction.atomic
def renew(*, user: User, everything: bool) -> str:
    """A new secret; the address before leads nowhere from now on. Shown once."""
    secret = secrets.token_urlsafe(32)
    feed, made = CalendarFeed.objects.update_or_create(
        user=user,
        defaults={"secret_sha256": _digest(secret), "everything": everything, "renewed_at": timezone.now()},
    )
    payload = {"everything": everything, "renewed": not made}
    ledger.record(kind="calendar_feed.made", subject=feed, payload=payload, actor=user, system=None)
    return secret


@transaction.atomic
def end(*, user: User) -> None:
    """No address leads to the calendar any more."""
    feed = CalendarFeed.objects.select_for_update().filter(user=user).first()
    if feed is not None:
        ledger.record(kind="calendar_feed.ended", subject=feed, payload={}, actor=user, system=None)
        feed.delete()


def feed_behind(secret: str) -> CalendarFeed | None:
    """The feed of this secret, found by its digest; None where there is none or its person has left."""
    feed = CalendarFeed.objects.select_related("user").filter(secret_sha256=_digest(secret)).first()
    if feed is None or not feed.user.is_active or not may(feed.user, Verb.OWN_NOTICES):
        return None
    now = timezone.now()
    if feed.last_read_at is None or now - feed.last_read_at > _READ_NOTED_EVERY:
        CalendarFeed.objects.filter(pk=feed.pk).update(last_read_at=now)
    return feed


def _digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def written(feed: CalendarFeed) -> bytes:
    """The calendar, as RFC 5545 says."""
    calendar = Calendar()
    calendar.add("prodid", f"-//Assay//{compliance.__version__}//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", f"Assay: {settings.ORGANISATION}")
    with override(feed.user.language):
        for event in _events(feed):
            calendar.add_component(event)
    return bytes(calendar.to_ical())


def _events(feed: CalendarFeed) -> Iterator[Event]:
    yield from _work(feed)
    yield from _agreements(feed)


def _work(feed: CalendarFeed) -> Iterator[Event]:
    user = feed.user
    items = visible(RemediationItem.objects.exclude(state__in=_OVER), user)
    steps = visible(Milestone.objects.filter(done_at=None).exclude(item__state__in=_OVER), user)
    requests = visible(AuditRequest.objects.filter(state__in=WAITS_FOR_US, due_on__isnull=False), user)
    if not feed.everything:
        contact = Q(owner=None, engagement__contact=user)
        items, steps = items.filter(owner=user), steps.filter(item__owner=user)
        requests = requests.filter(Q(owner=user) | contact)
    due = _("Due: %s")
    for item in items.order_by("due_on", "pk")[:MOST_EVENTS]:
        yield _event(item.uuid, item.due_on, due % item.title, reverse("remediation-item", args=[item.uuid]))
    for step in steps.select_related("item").order_by("due_on", "pk")[:MOST_EVENTS]:
        title = _("%(step)s (step of “%(item)s”)") % {"step": step.title, "item": step.item.title}
        yield _event(step.uuid, step.due_on, due % title, reverse("remediation-item", args=[step.item.uuid]))
    for request in requests.select_related("engagement").order_by("due_on", "pk")[:MOST_EVENTS]:
        title = _("Request %(request)s (%(audit)s)") % {"request": request, "audit": request.engagement.title}
        assert request.due_on is not None  # asked for above
        yield _event(request.uuid, request.due_on, due % title, reverse("request-detail", args=[request.uuid]))


def _agreements(feed: CalendarFeed) -> Iterator[Event]:
    """Reviews and last days of acceptances and waivers in force, of whoever asked for them or decided."""
    user, in_force = feed.user, Q(state=AgreementState.APPROVED, ends_on__gte=timezone.localdate())
    accepted = visible(RiskAcceptance.objects.filter(in_force), user)
    waived = visible(Waiver.objects.filter(in_force), user)
    if not feed.everything:
        party = Q(requested_by=user) | Q(decided_by=user)
        accepted, waived = accepted.filter(party), waived.filter(party)
    for row in accepted.select_related("risk__finding").order_by("review_on", "pk")[:MOST_EVENTS]:
        title, place = row.risk.finding.title, reverse("acceptance-detail", args=[row.uuid])
        if row.review_on < row.ends_on:
            yield _event(f"{row.uuid}-review", row.review_on, _("Review of a risk acceptance: %s") % title, place)
        yield _event(row.uuid, row.ends_on, _("Last day of a risk acceptance: %s") % title, place)
    for waiver in waived.order_by("ends_on", "pk")[:MOST_EVENTS]:
        place = reverse("waiver-detail", args=[waiver.uuid])
        yield _event(waiver.uuid, waiver.ends_on, _("Last day of a waiver: %s") % waiver, place)


def _event(uid: UUID | str, day: date, summary: str, place: str) -> Event:
    event = Event()
    event.add("uid", f"{uid}@assay")
    event.add("dtstamp", timezone.now())
    event.add("dtstart", day)
    event.add("dtend", day + timedelta(days=1))
    event.add("summary", summary)
    event.add("url", f"{str(settings.BASE_URL).rstrip('/')}{place}")
    event.add("transp", "TRANSPARENT")
    return event
