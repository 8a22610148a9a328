"""Time limits and calendars: written as versions, none of which ever changes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import available_timezones

from django.db import transaction
from django.utils.translation import gettext as _

from compliance.models import AISystem, BusinessCalendar, SlaPolicy, User
from compliance.selectors.time_limits import calendars_in_force, policy_in_force
from compliance.services import ledger, sla_clocks
from compliance.services.errors import RefusedError
from compliance.types.business_time import Hours, WorkingWeek
from compliance.types.canonical import digest_of
from compliance.types.sla import MOST_DAYS, MOST_HOURS, Limit, SlaUnit

_KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MOST_HOLIDAYS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarDraft:
    """A wording of a calendar."""

    title: str
    zone: str
    hours: Sequence[Hours]
    holidays: Sequence[date] = ()
    systems: Sequence[AISystem] = ()


@transaction.atomic
def write_calendar(*, key: str, draft: CalendarDraft, actor: User) -> BusinessCalendar:
    """A new calendar, or the next wording of one, in force from now on: clocks that run count by it at once. Raises
    RefusedError."""
    _check_calendar(key, draft)
    known = calendars_in_force()
    systems = sorted(str(system.uuid) for system in draft.systems)
    taken = next((row for row in known.values() if row.key != key and set(row.systems) & set(systems)), None)
    if taken is not None:
        raise RefusedError(_("One of the AI systems keeps the calendar “%s” already: take it out there first.") % taken)
    written = BusinessCalendar.objects.create(
        key=key,
        version=known[key].version + 1 if key in known else 1,
        title=draft.title.strip(),
        zone=draft.zone,
        hours=sorted([span.weekday, span.start, span.end] for span in draft.hours),
        holidays=sorted({day.isoformat() for day in draft.holidays}),
        systems=systems,
        made_by=actor,
    )
    payload = {
        "key": key,
        "version": written.version,
        "zone": draft.zone,
        "hours": written.hours,
        "holidays": written.holidays,
        "systems": systems,
        "words_sha256": digest_of(written.title),
    }
    ledger.record(kind="sla.calendar_written", subject=written, payload=payload, actor=actor, system=None)
    sla_clocks.recount(actor=actor)
    return written


def _check_calendar(key: str, draft: CalendarDraft) -> None:
    if not _KEY.fullmatch(key) or len(key) > 50 or key == "new":
        raise RefusedError(_("The key of a calendar is of small letters, digits and hyphens, such as “berlin”."))
    if not draft.title.strip():
        raise RefusedError(_("Give the calendar a name."))
    if draft.zone not in available_timezones():
        raise RefusedError(_("“%s” is no time zone: choose one such as Europe/Berlin.") % draft.zone)
    if len(draft.holidays) > MOST_HOLIDAYS:
        raise RefusedError(_("A calendar has at most %d holidays.") % MOST_HOLIDAYS)
    try:
        WorkingWeek(zone=draft.zone, hours=tuple(draft.hours))
    except ValueError as error:
        raise RefusedError(
            _("Working hours end after they begin, within one day, do not overlap, and are not none at all.")
        ) from error


@transaction.atomic
def put_in_force(*, limits: Sequence[Limit], near_percent: int, calendar: str, reason: str, actor: User) -> SlaPolicy:
    """New limits for the clocks that begin from now on, or whose severity changes; running ones keep theirs. Raises
    RefusedError."""
    _check_limits(limits, near_percent)
    if calendar not in calendars_in_force():
        raise RefusedError(_("Write the calendar first by which working hours are counted."))
    now = policy_in_force()
    if now is not None and not reason.strip():
        raise RefusedError(_("Say why the limits change."))
    written = SlaPolicy.objects.create(
        version=now.version + 1 if now else 1,
        limits=[{"severity": row.severity.value, "amount": row.amount, "unit": row.unit.value} for row in limits],
        near_percent=near_percent,
        calendar_key=calendar,
        reason=reason.strip(),
        made_by=actor,
    )
    payload = {
        "version": written.version,
        "limits": [[row.severity.value, row.amount, row.unit.value] for row in limits],
        "near_percent": near_percent,
        "calendar": calendar,
        "because_sha256": digest_of(written.reason),
    }
    ledger.record(kind="sla.limits_stated", subject=written, payload=payload, actor=actor, system=None)
    return written


def _check_limits(limits: Sequence[Limit], near_percent: int) -> None:
    if not limits:
        raise RefusedError(_("State a limit for at least one severity."))
    if len({row.severity for row in limits}) != len(limits):
        raise RefusedError(_("State one limit for a severity."))
    for row in limits:
        most = MOST_DAYS if row.unit is SlaUnit.DAYS else MOST_HOURS
        if not 1 <= row.amount <= most:
            raise RefusedError(_("A limit is from 1 to %d.") % most)
    if not 1 <= near_percent <= 99:
        raise RefusedError(_("Near begins at 1 to 99 percent of the limit."))
