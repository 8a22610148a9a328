"""Mail: what somebody has not been mailed yet, in one message, when they want it by their own clock.

Nothing is marked as mailed before the server took the message, so a server that is down loses nothing: the next try makes the
message anew, with the rights and the notices of that moment. A failing one is tried again later and later, and its person and
the administrators can see it.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from compliance.choices import label
from compliance.models import MailState, Notice, NoticeChoice, User
from compliance.selectors.inbox import Line, lines
from compliance.types.notices import MAIL_LINES_A_KIND, NoticeKind, wait_after

_TAKEN_FOR = timedelta(minutes=5)
_GIVE_UP_AFTER = 3
_MOST_NOTICES = 5000  # of one message: what is more comes with the next
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """How many messages went out, and how many could not."""

    sent: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Letter:
    """A message on its way: to whom, what it says, and the notices that it tells of."""

    user: User
    subject: str
    text: str
    notices: tuple[int, ...]


def send(*, now: datetime) -> Sent:
    """One message to everybody who is due one. Safe to run at any time, also beside itself."""
    waiting = Notice.objects.filter(mailed_at=None).order_by("user").values_list("user", flat=True).distinct()
    sent = failed = in_a_row = 0
    for user_id in list(waiting):
        letter = _take(user_id, now)
        if letter is None:
            continue
        error = _hand_over(letter)
        _note(letter, error, now)
        sent, failed, in_a_row = sent + (not error), failed + bool(error), in_a_row + 1 if error else 0
        if in_a_row == _GIVE_UP_AFTER:  # the server is down: the others are not kept waiting for it
            break
    return Sent(sent=sent, failed=failed)


@transaction.atomic
def _take(user_id: int, now: datetime) -> _Letter | None:
    """The message that somebody is due, taken by this run alone; None where none is to go."""
    user = User.objects.select_for_update().get(pk=user_id)
    waiting = Notice.objects.filter(user=user, mailed_at=None)
    if not user.is_active or user.is_machine:
        waiting.update(mailed_at=now)
        return None
    choice = NoticeChoice.objects.filter(user=user).first() or NoticeChoice(user=user)
    state, _made = MailState.objects.get_or_create(user=user)
    here = now.astimezone(ZoneInfo(user.time_zone))
    if not choice.times().is_due(here, state.last_sent_at) or (state.retry_at is not None and state.retry_at > now):
        return None
    rows = list(waiting.order_by("created_at", "pk")[:_MOST_NOTICES])
    shown = _worth_saying(lines(rows, user))
    keys = tuple(row.pk for row in rows)
    if not shown:
        Notice.objects.filter(pk__among=keys).update(mailed_at=now)
        return None
    state.retry_at = now + _TAKEN_FOR
    state.save(update_fields=["retry_at"])
    with override(user.language):
        subject, text = message(shown)
    return _Letter(user=user, subject=subject, text=text, notices=keys)


def _worth_saying(found: list[Line]) -> list[Line]:
    """What its person may see and still holds; of a thing that was due soon and is due, the latter."""
    shown = [line for line in found if line.is_open and line.stands]
    over = {_day_of(line) for line in shown if line.notice.kind == NoticeKind.OVERDUE}
    return [line for line in shown if line.notice.kind != NoticeKind.DUE_SOON or _day_of(line) not in over]


def _day_of(line: Line) -> tuple[UUID | None, date | None]:
    return line.notice.subject_uuid, line.notice.due_on


def _hand_over(letter: _Letter) -> str:
    """Gives the message to the mail server, in no transaction; "" or the kind of error."""
    try:
        EmailMessage(letter.subject, letter.text, settings.DEFAULT_FROM_EMAIL, [letter.user.email]).send()
    except OSError as error:  # smtplib's errors are of this kind, too; their words hold the address
        return type(error).__name__
    return ""


@transaction.atomic
def _note(letter: _Letter, error: str, now: datetime) -> None:
    state = MailState.objects.select_for_update().get(user=letter.user)
    state.error = error
    if error:
        state.failures += 1
        state.failing_since = state.failing_since or now
        state.retry_at = now + timedelta(seconds=wait_after(state.failures, random.random()))
        _log.warning("mail_failed", person=str(letter.user.uuid), error=error, tries=state.failures)
    else:
        state.last_sent_at, state.failures, state.failing_since, state.retry_at = now, 0, None, None
        Notice.objects.filter(pk__among=letter.notices).update(mailed_at=now)
    state.save()


def message(shown: list[Line]) -> tuple[str, str]:
    """Subject and text: by kind, so many lines of each. Titles stay in Assay: a message may be read by others."""
    count = sum(line.notice.count for line in shown)
    subject = ngettext("Assay: %d thing needs you", "Assay: %d things need you", count) % count
    groups: dict[str, list[Line]] = defaultdict(list)
    for line in shown:
        groups[line.notice.kind].append(line)
    parts = [_group(kind, groups[kind]) for kind in NoticeKind if kind in groups]
    foot = [
        _("Everything is in your inbox: %s") % f"{_base()}{reverse('inbox')}",
        _("What you are mailed, and how often: %s") % f"{_base()}{reverse('notice-choices')}",
    ]
    return subject, "\n\n".join([*parts, "\n".join(foot)])


def _group(kind: NoticeKind, group: list[Line]) -> str:
    count = sum(line.notice.count for line in group)
    said = [f"{label(kind)}: {count}", *(_line(line) for line in group[:MAIL_LINES_A_KIND])]
    if len(group) > MAIL_LINES_A_KIND:
        said.append(_("- … and %d more in your inbox") % (len(group) - MAIL_LINES_A_KIND))
    return "\n".join(said)


def _line(line: Line) -> str:
    link = f"{_base()}{line.url}"
    if line.notice.count > 1:
        return _("- %(count)d together: %(link)s") % {"count": line.notice.count, "link": link}
    if line.notice.due_on:
        return _("- due %(due)s: %(link)s") % {"due": line.notice.due_on.isoformat(), "link": link}
    return f"- {link}"


def _base() -> str:
    return str(settings.BASE_URL).rstrip("/")
