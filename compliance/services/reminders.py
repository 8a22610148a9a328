"""Reminders of auditors' requests: noted once per request and day, mailed in one message a person a day, by the clock of each.

Safe to run at any time and any number of times: what is noted is noted once, what is mailed is marked in the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from compliance.models import AuditRequest, RequestReminder, User
from compliance.types.audit_requests import SOON_DAYS, WAITS_FOR_US, Nearness, nearness

MAIL_FROM_HOUR = 7  # of the person's own clock
_FARTHEST_ZONES_DAYS = 2
_LINES = 50


def remind(*, now: datetime) -> int:
    """Notes what is due and mails it; how many messages went out."""
    _note(now)
    waiting = User.objects.filter(is_active=True, pk__in=RequestReminder.objects.filter(mailed_at=None).values("user"))
    return sum(_mail(user_id, now) for user_id in waiting.values_list("pk", flat=True))


def _note(now: datetime) -> None:
    until = now.date().toordinal() + SOON_DAYS + _FARTHEST_ZONES_DAYS
    near = AuditRequest.objects.filter(state__in=WAITS_FOR_US, due_on__lte=date.fromordinal(until))
    rows = near.select_related("owner", "engagement__contact").iterator(chunk_size=500)
    RequestReminder.objects.bulk_create(_reminders(rows, now), ignore_conflicts=True, batch_size=500)


def _reminders(rows: Iterable[AuditRequest], now: datetime) -> list[RequestReminder]:
    found = []
    for request in rows:
        user = request.owner or request.engagement.contact
        if user is None or not user.is_active or request.due_on is None:
            continue
        near = nearness(request.due_on, now.astimezone(ZoneInfo(user.time_zone)).date())
        if near is not None:
            found.append(RequestReminder(request=request, user=user, nearness=near, due_on=request.due_on))
    return found


@transaction.atomic
def _mail(user_id: int, now: datetime) -> bool:
    """One message to one person, unless they had one today or it is night there."""
    user = User.objects.select_for_update().get(pk=user_id)
    here = now.astimezone(ZoneInfo(user.time_zone))
    today = datetime.combine(here.date(), time.min, here.tzinfo)
    own = RequestReminder.objects.filter(user=user)
    if here.hour < MAIL_FROM_HOUR or own.filter(mailed_at__gte=today).exists():
        return False
    rows = own.filter(mailed_at=None).select_related("request__engagement").order_by("due_on", "request__number")
    standing = [row for row in rows if row.request.state in WAITS_FOR_US and row.request.due_on == row.due_on]
    own.filter(mailed_at=None).update(mailed_at=now)
    latest = {row.request_id: row for row in standing}  # “due” takes the place of “soon”
    if not latest:
        return False
    with override(user.language):
        subject, text = _message(list(latest.values()))
        send_mail(subject, text, None, [user.email])
    return True


def _message(rows: list[RequestReminder]) -> tuple[str, str]:
    """Subject and text. Titles stay in Assay: a message may be read by others."""
    subject = ngettext(
        "Assay: %d request of an auditor needs you", "Assay: %d requests of auditors need you", len(rows)
    ) % len(rows)
    lines = [_line(row) for row in rows[:_LINES]]
    if len(rows) > _LINES:
        lines.append(_("… and %d more.") % (len(rows) - _LINES))
    place = f"{settings.BASE_URL.rstrip('/')}{reverse('request-list')}?mine=on"
    return subject, "\n".join([_("These requests wait for you:"), "", *lines, "", _("Answer them here: %s") % place])


def _line(row: RequestReminder) -> str:
    words = _("is due on %s") if row.nearness == Nearness.SOON else _("was to be answered by %s")
    facts = {"number": row.request.number, "audit": row.request.engagement.title, "due": words % row.due_on.isoformat()}
    return _("- request %(number)d of “%(audit)s” %(due)s") % facts
