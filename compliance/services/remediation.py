"""Remediation items: opened for a finding or a gap, given to people, planned; closed by compliance.services.closings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.choices import label
from compliance.models import (
    AISystem,
    ControlTest,
    Finding,
    ImplementedControl,
    Milestone,
    PlanUpdate,
    RemediationItem,
    StatementLine,
    Team,
    TrailEntry,
    User,
)
from compliance.selectors.workers import can_work_on
from compliance.services import ledger, notices, risks
from compliance.services.errors import ConflictError, RefusedError
from compliance.types.canonical import digest_of
from compliance.types.drafts import JSON
from compliance.types.notices import NoticeKind
from compliance.types.plans import Estimate, ItemSource, PlanReason
from compliance.types.statements import Implementation, Inclusion
from compliance.types.states import RemediationState
from compliance.types.testing import ControlTestConclusion
from compliance.types.verdicts import Conclusion


@dataclass(frozen=True, slots=True, kw_only=True)
class MilestoneDraft:
    """A step with its date."""

    title: str
    due_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemPlan:
    """What is to be done, by whom, until when and with how many person-days."""

    title: str
    description: str
    owner: User
    due_on: date
    estimate: Estimate
    milestones: Sequence[MilestoneDraft] = ()
    team: Team | None = None
    work_role: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What an item is opened from, on which AI system."""

    system: AISystem
    source: ItemSource
    finding: Finding | None = None
    control: ImplementedControl | None = None
    statement_line: StatementLine | None = None
    control_test: ControlTest | None = None
    playbook_task: str = ""

    @classmethod
    def of_finding(cls, finding: Finding, source: ItemSource = ItemSource.FINDING) -> Origin:
        """A finding, or the response to one."""
        return cls(system=finding.system, source=source, finding=finding)

    @property
    def named(self) -> JSON:
        """What it is, for the ledger."""
        parts = {
            "finding": self.finding,
            "control": self.control,
            "statement_line": self.statement_line,
            "control_test": self.control_test,
        }
        facts: JSON = {name: str(part.uuid) for name, part in parts.items() if part is not None}
        return {**facts, "playbook_task": self.playbook_task} if self.playbook_task else facts


def record(item: RemediationItem, act: str, actor: User, facts: JSON) -> None:
    """An event on an item, in the caller's transaction."""
    ledger.record(kind=f"remediation.{act}", subject=item, payload=facts, actor=actor, system=item.system)


def locked(item: RemediationItem) -> RemediationItem:
    """The item as it stands, held until the transaction ends."""
    rows = RemediationItem.objects.select_for_update(of=("self",)).select_related("system", "owner")
    return rows.get(pk=item.pk)


def check_version(item: RemediationItem, expected: int | None, *, saved: JSON, sent: JSON) -> None:
    """Raise ConflictError where somebody changed the item since the asker read it; None: whatever it is now."""
    if expected is None or expected == item.version:
        return
    told = TrailEntry.objects.filter(event__subject_uuid=item.uuid).select_related("actor", "event")
    last = told.order_by("-pk").first()
    raise ConflictError(
        _("Somebody changed the item meanwhile. Read both below; nothing of yours was saved yet."),
        version=item.version,
        saved=saved,
        sent=sent,
        by=last.actor.name if last and last.actor else "",
        at=last.event.created_at if last else None,
    )


def _tell_owner(item: RemediationItem, actor: User) -> None:
    """Whoever gets work of another's hand is told."""
    if item.owner != actor:
        place = f"{reverse('remediation-list')}?owner={item.owner.uuid}"
        once = timezone.now().isoformat()
        notices.tell(kind=NoticeKind.ASSIGNED, subject=item, people=[item.owner], once=once, place=place)


# Opening ------------------------------------------------------------------------------------------------------------


@transaction.atomic
def open_item(*, origin: Origin, plan: ItemPlan, actor: User) -> RemediationItem:
    """Open a remediation item, with the risk that it takes away where it is for a finding. Raises RefusedError."""
    if origin.finding is not None and origin.finding.state != Conclusion.NOT_SATISFIED:
        raise RefusedError(_("The finding is satisfied; there is nothing to remediate."))
    _check_gap(origin)
    _check_plan(origin.system, plan)
    item = _written(origin, plan, actor)
    facts: JSON = {**origin.named, "source": origin.source.value, "owner": str(plan.owner.uuid)}
    if origin.finding is not None:
        risk = risks.take_up(finding=origin.finding, actor=actor)
        risk.deadline = max(filter(None, (risk.deadline, plan.due_on)))
        risk.save(update_fields=["deadline"])
        item.risks.add(risk)
        facts["risk"] = str(risk.uuid)
    record(item, "opened", actor, {**facts, "due_on": plan.due_on.isoformat()})
    _tell_owner(item, actor)
    return item


def _check_gap(origin: Origin) -> None:
    """Raise RefusedError where what is named as a gap is none."""
    control, line, test = origin.control, origin.statement_line, origin.control_test
    if control is not None and control.retired_on is not None:
        raise RefusedError(_("The control is retired; open the item for the control that took its place."))
    if test is not None and (test.released_at is None or test.conclusion != ControlTestConclusion.NOT_EFFECTIVE):
        raise RefusedError(_("The test did not conclude, in a released result, that the control falls short."))
    if line is not None and (line.inclusion != Inclusion.INCLUDED or line.implementation == Implementation.IMPLEMENTED):
        raise RefusedError(_("The statement does not say that %s is included and still to be implemented.") % line)


def _check_plan(system: AISystem, plan: ItemPlan) -> None:
    today = timezone.localdate()
    if not plan.title.strip():
        raise RefusedError(_("Give the remediation item a title."))
    check_estimate(plan.estimate)
    if plan.due_on < today:
        told = _("The due date %(due)s is before the day on which the item is opened, %(today)s; choose a later one.")
        raise RefusedError(told % {"due": plan.due_on, "today": today})
    for step in plan.milestones:
        check_milestone(step, opened_on=today, due_on=plan.due_on)
    check_owner(system, plan.owner)


def check_estimate(estimate: Estimate) -> None:
    """Raise RefusedError for effort below zero, and for figures out of order."""
    if estimate.low < 0 or estimate.likely < 0 or estimate.high < 0:
        raise RefusedError(_("Effort cannot be below zero person-days."))
    if not estimate.is_ordered:
        raise RefusedError(_("The low estimate is at most the likely one, and that at most the high one."))


def check_milestone(step: MilestoneDraft, *, opened_on: date, due_on: date) -> None:
    """Raise RefusedError for a step outside the item's days."""
    if step.due_on > due_on:
        raise RefusedError(_("The milestone “%s” is due after the item itself.") % step.title)
    if step.due_on < opened_on:
        raise RefusedError(_("The milestone “%s” is due before the item was opened.") % step.title)


def check_owner(system: AISystem, owner: User) -> None:
    """Raise RefusedError for somebody who left, or who could not see the item."""
    if not owner.is_active:
        raise RefusedError(_("%s has left; choose somebody who works here.") % owner.name)
    if not can_work_on(owner, system):
        told = _("%(owner)s has no right to work on %(system)s; choose somebody who has, or give the right first.")
        raise RefusedError(told % {"owner": owner.name, "system": system.name})


def _written(origin: Origin, plan: ItemPlan, actor: User) -> RemediationItem:
    estimate = plan.estimate
    figures = {
        "estimate_low": estimate.low,
        "estimate_likely": estimate.likely,
        "estimate_high": estimate.high,
        "remaining": estimate.likely,
        "due_on": plan.due_on,
    }
    item = RemediationItem.objects.create(
        system=origin.system,
        title=plan.title.strip()[:300],
        description=plan.description,
        owner=plan.owner,
        team=plan.team,
        work_role=plan.work_role.strip(),
        effort_planned=estimate.likely,
        original_due_on=plan.due_on,
        opened_by=actor,
        source=origin.source,
        control=origin.control,
        statement_line=origin.statement_line,
        control_test=origin.control_test,
        playbook_task=origin.playbook_task,
        **figures,
    )
    PlanUpdate.objects.create(item=item, number=0, reason=PlanReason.OPENED, made_by=actor, **figures)
    Milestone.objects.bulk_create(
        Milestone(item=item, title=step.title, due_on=step.due_on) for step in plan.milestones
    )
    return item


# Working on it ------------------------------------------------------------------------------------------------------


def check_open(item: RemediationItem) -> None:
    """Raise RefusedError for a closed item."""
    if item.state == RemediationState.CLOSED:
        raise RefusedError(_("The item is closed; open a new one if the finding is back."))


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
    record(item, "moved", actor, {"before": before, "after": state.value})


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
def assign(*, item: RemediationItem, owner: User, actor: User, expected_version: int | None = None) -> None:
    """Give the item to another person. Raises RefusedError for somebody without rights, ConflictError as `revise`."""
    fresh = locked(item)
    check_open(fresh)
    check_version(fresh, expected_version, saved={"owner": str(fresh.owner.uuid)}, sent={"owner": str(owner.uuid)})
    check_owner(fresh.system, owner)
    before, fresh.owner, fresh.version = fresh.owner, owner, fresh.version + 1
    fresh.save(update_fields=["owner", "version"])
    item.owner, item.version = fresh.owner, fresh.version
    record(fresh, "assigned", actor, {"before": str(before.uuid), "after": str(owner.uuid)})
    _tell_owner(fresh, actor)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemWords:
    """What an item says of itself, and to whom it belongs beside its owner."""

    title: str
    description: str
    team: Team | None = None
    work_role: str = ""

    def to_json(self) -> JSON:
        """As told to whoever wrote at the same time."""
        return {
            "title": self.title,
            "description": self.description,
            "team": self.team.name if self.team else "",
            "work_role": self.work_role,
        }


@transaction.atomic
def revise(*, item: RemediationItem, words: ItemWords, expected_version: int | None, actor: User) -> RemediationItem:
    """Other words, team or role. Raises ConflictError when somebody else changed the item since it was read."""
    fresh = locked(item)
    check_open(fresh)
    if not words.title.strip():
        raise RefusedError(_("Give the remediation item a title."))
    now = ItemWords(title=fresh.title, description=fresh.description, team=fresh.team, work_role=fresh.work_role)
    check_version(fresh, expected_version, saved=now.to_json(), sent=words.to_json())
    fresh.title, fresh.description = words.title.strip()[:300], words.description
    fresh.team, fresh.work_role = words.team, words.work_role.strip()
    fresh.version += 1
    fresh.save(update_fields=["title", "description", "team", "work_role", "version"])
    record(fresh, "revised", actor, {"words_sha256": digest_of(words.to_json())})
    return fresh


@transaction.atomic
def add_milestone(*, item: RemediationItem, draft: MilestoneDraft, actor: User) -> Milestone:
    """One more step of an open item."""
    fresh = locked(item)
    check_open(fresh)
    if not draft.title.strip():
        raise RefusedError(_("Say what the step is."))
    check_milestone(draft, opened_on=opened_on(fresh), due_on=fresh.due_on)
    step = Milestone.objects.create(item=fresh, title=draft.title.strip()[:300], due_on=draft.due_on)
    record(fresh, "milestone_added", actor, {"milestone": str(step.uuid), "due_on": draft.due_on.isoformat()})
    return step


def opened_on(item: RemediationItem) -> date:
    """The day on which it was opened, by the clock of who asks."""
    return timezone.localdate(item.created_at)


@transaction.atomic
def complete_milestone(*, milestone: Milestone, actor: User) -> None:
    """Mark a step done; twice is once."""
    if milestone.done_at is None:
        milestone.done_at, milestone.done_by = timezone.now(), actor
        milestone.save(update_fields=["done_at", "done_by"])
        record(milestone.item, "milestone_done", actor, {"milestone": str(milestone.uuid)})
