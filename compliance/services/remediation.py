"""Remediation: opened for a finding, planned in milestones, worked on; closed by compliance.services.closings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.choices import label
from compliance.models import Finding, Milestone, RemediationItem, TrailEntry, User
from compliance.services import ledger, notices, risks
from compliance.services.errors import ConflictError, RefusedError
from compliance.types.drafts import JSON
from compliance.types.notices import NoticeKind
from compliance.types.states import RemediationState
from compliance.types.verdicts import Conclusion


@dataclass(frozen=True, slots=True, kw_only=True)
class MilestoneDraft:
    """A step with its date."""

    title: str
    due_on: date


def _record(item: RemediationItem, act: str, actor: User, facts: JSON) -> None:
    ledger.record(kind=f"remediation.{act}", subject=item, payload=facts, actor=actor, system=item.system)


def _tell_owner(item: RemediationItem, actor: User) -> None:
    """Whoever gets work of another's hand is told."""
    if item.owner != actor:
        place = f"{reverse('remediation-list')}?owner={item.owner.uuid}"
        once = timezone.now().isoformat()
        notices.tell(kind=NoticeKind.ASSIGNED, subject=item, people=[item.owner], once=once, place=place)


@transaction.atomic
def open_item(
    *,
    finding: Finding,
    title: str,
    description: str,
    owner: User,
    effort_planned: Decimal,
    due_on: date,
    milestones: Sequence[MilestoneDraft],
    actor: User,
) -> RemediationItem:
    """Open a remediation item for a finding, with the risk that it takes away."""
    if finding.state != Conclusion.NOT_SATISFIED:
        raise RefusedError(_("The finding is satisfied; there is nothing to remediate."))
    if not title.strip():
        raise RefusedError(_("Give the remediation item a title."))
    if effort_planned < 0:
        raise RefusedError(_("Planned effort cannot be below zero person-days."))
    late = [step for step in milestones if step.due_on > due_on]
    if late:
        raise RefusedError(_("The milestone “%s” is due after the item itself.") % late[0].title)
    risk = risks.take_up(finding=finding, actor=actor)
    risk.deadline = max(filter(None, (risk.deadline, due_on)))
    risk.save(update_fields=["deadline"])
    item = RemediationItem.objects.create(
        system=finding.system,
        title=title,
        description=description,
        owner=owner,
        effort_planned=effort_planned,
        due_on=due_on,
        opened_by=actor,
    )
    item.risks.add(risk)
    Milestone.objects.bulk_create(Milestone(item=item, title=step.title, due_on=step.due_on) for step in milestones)
    _record(item, "opened", actor, {"finding": str(finding.uuid), "risk": str(risk.uuid), "owner": str(owner.uuid)})
    _tell_owner(item, actor)
    return item


@transaction.atomic
def move(*, item: RemediationItem, state: RemediationState, actor: User, seen: RemediationState | None = None) -> None:
    """Change the state of open work; closing is compliance.services.closings.

    seen: the state that the mover saw; ConflictError where somebody moved it elsewhere since. None: whatever it is now.
    """
    if state == RemediationState.CLOSED:
        raise RefusedError(_("Closing needs a re-scan in which the finding no longer reproduces."))
    fresh = RemediationItem.objects.select_for_update().get(pk=item.pk)
    before = item.state = fresh.state
    if seen is not None and before not in (seen, state):
        raise _moved_meanwhile(fresh, state)
    if before == RemediationState.CLOSED:
        raise RefusedError(_("The item is closed; open a new one if the finding is back."))
    if before == state:
        return
    item.state = state
    item.save(update_fields=["state"])
    _record(item, "moved", actor, {"before": before, "after": state.value})


def _moved_meanwhile(item: RemediationItem, wanted: RemediationState) -> ConflictError:
    """Who moved it where, beside where it was to go."""
    told = TrailEntry.objects.filter(
        event__subject_uuid=item.uuid, event__kind__in=("remediation.moved", "remediation.closed")
    )
    last = told.select_related("actor", "event").order_by("-pk").first()
    return ConflictError(
        _("“%(title)s” was moved to “%(now)s” meanwhile, so it was not moved to “%(wanted)s”.")
        % {"title": item.title, "now": item.get_state_display(), "wanted": label(wanted)},
        version=0,
        saved={"state": item.state},
        sent={"state": wanted.value},
        by=str(last.actor or "") if last else "",
        at=last.event.created_at if last else None,
    )


@transaction.atomic
def log_effort(*, item: RemediationItem, person_days: Decimal, actor: User) -> None:
    """Add effort spent, in person-days."""
    if person_days <= 0:
        raise RefusedError(_("Effort is a number of person-days above zero."))
    fresh = RemediationItem.objects.select_for_update().get(pk=item.pk)
    fresh.effort_spent += person_days
    fresh.save(update_fields=["effort_spent"])
    item.effort_spent = fresh.effort_spent
    _record(item, "effort_logged", actor, {"person_days": str(person_days)})


@transaction.atomic
def assign(*, item: RemediationItem, owner: User, actor: User) -> None:
    """Give the item to another person."""
    before, item.owner = item.owner, owner
    item.save(update_fields=["owner"])
    _record(item, "assigned", actor, {"before": str(before.uuid), "after": str(owner.uuid)})
    _tell_owner(item, actor)


@transaction.atomic
def complete_milestone(*, milestone: Milestone, actor: User) -> None:
    """Mark a step done; twice is once."""
    if milestone.done_at is None:
        milestone.done_at, milestone.done_by = timezone.now(), actor
        milestone.save(update_fields=["done_at", "done_by"])
        _record(milestone.item, "milestone_done", actor, {"milestone": str(milestone.uuid)})
