"""One's own notices: read, and chosen."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import Notice, NoticeChoice, User
from compliance.services import ledger
from compliance.services.errors import RefusedError
from compliance.types.notices import MailTimes, NoticeKind


def mark_read(*, user: User, notices: Collection[UUID] | None = None) -> int:
    """Marks lines of somebody's inbox as read, all for None; how many were unread."""
    rows = Notice.objects.filter(user=user, read_at=None)
    return (rows if notices is None else rows.filter(uuid__in=notices)).update(read_at=timezone.now())


def mark_unread(*, user: User, notice: UUID) -> None:
    """Marks one line as not read yet."""
    Notice.objects.filter(user=user, uuid=notice).update(read_at=None)


@transaction.atomic
def choose(
    *, user: User, times: MailTimes, mailed: Collection[NoticeKind], shown: Collection[NoticeKind]
) -> NoticeChoice:
    """What somebody is told, and how often by mail. Raises RefusedError."""
    if not 0 <= times.hour <= 23 or not 0 <= times.weekday <= 6:
        raise RefusedError(_("The hour is from 0 to 23, and the day one of the week."))
    not_mailed, not_shown = (sorted(kind.value for kind in set(NoticeKind) - set(kept)) for kept in (mailed, shown))
    choice, _made = NoticeChoice.objects.update_or_create(
        user=user,
        defaults={
            "how_often": times.how_often,
            "hour": times.hour,
            "weekday": times.weekday,
            "not_mailed": not_mailed,
            "not_shown": not_shown,
        },
    )
    payload = {
        "mail": times.how_often.value,
        "hour": times.hour,
        "weekday": times.weekday,
        "not_mailed": not_mailed,
        "not_shown": not_shown,
    }
    ledger.record(kind="notice.chosen", subject=choice, payload=payload, actor=user, system=None)
    return choice
