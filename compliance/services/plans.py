"""The plan of a remediation item as it stands: estimate, remaining effort and due date, each change with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from compliance.models import PlanUpdate, RemediationItem, User
from compliance.rights import Verb, may
from compliance.services.errors import RefusedError
from compliance.services.remediation import check_estimate, check_open, check_version, locked, opened_on, record
from compliance.types.drafts import JSON
from compliance.types.plans import GIVEN_REASONS, Estimate, PlanReason


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanChange:
    """What is expected from now on, and why it differs from before."""

    estimate: Estimate
    remaining: Decimal
    due_on: date
    reason: PlanReason
    note: str = ""

    def to_json(self) -> JSON:
        """The figures, as told to whoever wrote at the same time."""
        return _figures(self.estimate, self.remaining, self.due_on)


def _figures(estimate: Estimate, remaining: Decimal, due_on: date) -> JSON:
    return {
        "estimate_low": f"{estimate.low:.2f}",
        "estimate_likely": f"{estimate.likely:.2f}",
        "estimate_high": f"{estimate.high:.2f}",
        "remaining": f"{remaining:.2f}",
        "due_on": due_on.isoformat(),
    }


@transaction.atomic
def update(
    *, item: RemediationItem, change: PlanChange, actor: User, expected_version: int | None = None
) -> RemediationItem:
    """Another estimate, remaining effort or due date; the words before stay on record.

    A later due date is counted as a slip; only those who assign work move it. Raises RefusedError; ConflictError when
    somebody else changed the item since `expected_version` was read.
    """
    fresh = locked(item)
    check_open(fresh)
    saved = _figures(fresh.estimate, fresh.remaining, fresh.due_on)
    check_version(fresh, expected_version, saved=saved, sent=change.to_json())
    _check(fresh, change, actor)
    if saved == change.to_json() and not change.note.strip():
        raise RefusedError(
            _("Nothing differs from the plan as it stands; change a figure, or say in a note what is new.")
        )
    return _write(fresh, change, actor)


def _check(item: RemediationItem, change: PlanChange, actor: User) -> None:
    check_estimate(change.estimate)
    if change.remaining < 0:
        raise RefusedError(_("Remaining effort cannot be below zero person-days."))
    if change.reason not in GIVEN_REASONS:
        raise RefusedError(_("Choose the reason for the change."))
    if change.due_on == item.due_on:
        return
    if not may(actor, Verb.OPEN_REMEDIATION):
        raise RefusedError(
            _("The due date is moved by an officer or manager; leave it as it is, and tell them why it will not hold.")
        )
    if change.due_on < opened_on(item):
        told = _("The due date %(due)s is before the day on which the item was opened, %(opened)s.")
        raise RefusedError(told % {"due": change.due_on, "opened": opened_on(item)})
    late = item.milestones.filter(done_at=None, due_on__gt=change.due_on).first()
    if late is not None:
        raise RefusedError(_("The milestone “%s” is due after that day and not reached yet.") % late.title)


def _write(item: RemediationItem, change: PlanChange, actor: User) -> RemediationItem:
    slip = (change.due_on - item.due_on).days
    last = item.plan_updates.last()
    estimate = change.estimate
    figures = {
        "estimate_low": estimate.low,
        "estimate_likely": estimate.likely,
        "estimate_high": estimate.high,
        "remaining": change.remaining,
        "due_on": change.due_on,
    }
    row = PlanUpdate.objects.create(
        item=item,
        number=last.number + 1 if last else 0,
        slip_days=slip,
        reason=change.reason,
        note=change.note.strip(),
        made_by=actor,
        **figures,
    )
    for name, value in figures.items():
        setattr(item, name, value)
    item.slips += slip > 0
    item.version += 1
    item.save(update_fields=[*figures, "slips", "version"])
    facts: JSON = {**change.to_json(), "update": str(row.uuid), "reason_code": change.reason.value, "slip_days": slip}
    record(item, "replanned", actor, facts)
    return item


def note_moved(*, rows: Sequence[tuple[RemediationItem, int]], reason: PlanReason, actor: User) -> None:
    """Keep an update for each item of which the caller moves the due date by so many days, and count the slips.

    For many items at once: the caller holds the rows, checks as `update` does, and saves the items with their `slips`.
    """
    keys = [item.pk for item, _days in rows]
    last = dict(PlanUpdate.objects.filter(item__in=keys).order_by().values_list("item").annotate(last=Max("number")))
    for item, days in rows:
        item.slips += days > 0
    PlanUpdate.objects.bulk_create(
        PlanUpdate(
            item=item,
            number=last.get(item.pk, -1) + 1,
            estimate_low=item.estimate_low,
            estimate_likely=item.estimate_likely,
            estimate_high=item.estimate_high,
            remaining=item.remaining,
            due_on=item.due_on,
            slip_days=days,
            reason=reason,
            made_by=actor,
        )
        for item, days in rows
    )
