"""The work log of remediation: who did what on which day; a mistaken entry is taken back by a counter entry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import Capacity, RemediationItem, User, WorkEntry
from compliance.rights import Verb, may
from compliance.selectors.workers import can_work_on
from compliance.services.errors import RefusedError
from compliance.services.remediation import locked, record
from compliance.types.canonical import digest_of
from compliance.types.drafts import JSON
from compliance.types.plans import EffortUnit, days_of, rounded

MOST_HOURS, MOST_DAYS = 24, 31


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What somebody did on a day, or up to it. remaining: what is left after it, where that is not simply less by as much."""

    person: User
    day: date
    amount: Decimal
    unit: EffortUnit
    what: str
    work_role: str = ""
    remaining: Decimal | None = None


@transaction.atomic
def log(*, item: RemediationItem, work: Work, actor: User) -> WorkEntry:
    """Write work down. Raises RefusedError."""
    fresh = locked(item)
    _check(fresh, work, actor)
    days = days_of(work.amount, work.unit)
    remaining = work.remaining if work.remaining is not None else max(fresh.remaining - rounded(days), Decimal(0))
    return _write(
        fresh,
        WorkEntry(
            person=work.person,
            day=work.day,
            amount=work.amount,
            unit=work.unit,
            person_days=days,
            work_role=work.work_role.strip() or _role_of(work.person, work.day) or fresh.work_role,
            what=work.what.strip()[:1000],
            remaining_after=remaining,
        ),
        "effort_logged",
        actor,
    )


def _role_of(person: User, day: date) -> str:
    """The role that was stated with the person's capacity."""
    stated = Capacity.objects.filter(user=person, effective_from__lte=day).last()
    return stated.work_role if stated else ""


def _check(item: RemediationItem, work: Work, actor: User) -> None:
    if work.amount <= 0:
        raise RefusedError(_("Effort is a number above zero; a mistaken entry is taken back by a counter entry."))
    if work.amount > (MOST_HOURS if work.unit is EffortUnit.HOURS else MOST_DAYS):
        raise RefusedError(_("One entry holds at most 24 hours, or 31 person-days; make several."))
    if not work.what.strip():
        raise RefusedError(_("Say what was done."))
    if work.remaining is not None and work.remaining < 0:
        raise RefusedError(_("Remaining effort cannot be below zero person-days."))
    last = timezone.localdate(item.closed_at) if item.closed_at else timezone.localdate()
    if work.day > last:
        raise RefusedError(_("The day lies after %s; work is logged when it is done.") % last)
    if work.person.pk != actor.pk and not may(actor, Verb.OPEN_REMEDIATION):
        raise RefusedError(_("You can log your own work alone; officers and managers log that of others."))
    if not can_work_on(work.person, item.system):
        raise RefusedError(_("%s has no right to work on this AI system.") % work.person.name)


@transaction.atomic
def reverse(*, entry: WorkEntry, why: str, actor: User) -> WorkEntry:
    """Take a mistaken entry back by a counter entry; both stay. What remains grows by as much. Raises RefusedError."""
    fresh = locked(entry.item)
    if entry.reverses_id is not None or WorkEntry.objects.filter(reverses=entry).exists():
        raise RefusedError(_("The entry is taken back already."))
    if actor.pk not in {entry.person_id, entry.made_by_id} and not may(actor, Verb.OPEN_REMEDIATION):
        raise RefusedError(_("Only whoever did or logged the work takes the entry back, or an officer or manager."))
    if not why.strip():
        raise RefusedError(_("Say what was wrong with the entry."))
    return _write(
        fresh,
        WorkEntry(
            person=entry.person,
            day=entry.day,
            amount=-entry.amount,
            unit=entry.unit,
            person_days=-entry.person_days,
            work_role=entry.work_role,
            what=why.strip()[:1000],
            remaining_after=fresh.remaining + rounded(entry.person_days),
            reverses=entry,
        ),
        "effort_reversed",
        actor,
    )


def _write(item: RemediationItem, entry: WorkEntry, act: str, actor: User) -> WorkEntry:
    """Keep the entry, and the item's sums with it."""
    entry.item, entry.made_by = item, actor
    entry.save(force_insert=True)
    spent = item.work_entries.aggregate(days=Sum("person_days"))["days"]
    item.effort_spent, item.remaining = rounded(spent), entry.remaining_after
    item.save(update_fields=["effort_spent", "remaining"])
    facts: JSON = {
        "entry": str(entry.uuid),
        "person": str(entry.person.uuid),
        "day": entry.day.isoformat(),
        "person_days": f"{entry.person_days.normalize():f}",
        "words_sha256": digest_of(entry.what),
    }
    if entry.reverses is not None:
        facts["reverses"] = str(entry.reverses.uuid)
    record(item, act, actor, facts)
    return entry
