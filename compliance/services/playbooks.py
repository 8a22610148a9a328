"""Items opened from the tasks of the playbook."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import AISystem, RemediationItem, Team, User
from compliance.selectors.playbook import Step, Task, open_items
from compliance.services import remediation
from compliance.services.errors import RefusedError
from compliance.services.remediation import ItemPlan, MilestoneDraft, Origin
from compliance.types.plans import ItemSource


@transaction.atomic
def open_tasks(
    *, system: AISystem, tasks: Sequence[Task], owner: User, team: Team | None, due_on: date, actor: User
) -> list[RemediationItem]:
    """An item for each task, with its steps as milestones on the way to the due date. All or none.

    Raises RefusedError, among others for a task that is open on the system already; two people who ask at the same time
    wait for one another.
    """
    if not tasks:
        raise RefusedError(_("Choose at least one task of the playbook."))
    AISystem.objects.select_for_update(no_key=True).get(pk=system.pk)
    taken = open_items(system).filter(playbook_task__in=[task.key for task in tasks]).first()
    if taken is not None:
        raise RefusedError(_("“%s” is open on this AI system already; leave that task out.") % taken.title)
    return [_open(system, task, owner, team, due_on, actor) for task in tasks]


def _open(system: AISystem, task: Task, owner: User, team: Team | None, due_on: date, actor: User) -> RemediationItem:
    plan = ItemPlan(
        title=task.title,
        description=task.description,
        owner=owner,
        team=team,
        work_role=task.role,
        due_on=due_on,
        estimate=task.estimate,
        milestones=_milestones(task.steps, due_on),
    )
    origin = Origin(system=system, source=ItemSource.PLAYBOOK, playbook_task=task.key)
    return remediation.open_item(origin=origin, plan=plan, actor=actor)


def _milestones(steps: Sequence[Step], due_on: date) -> list[MilestoneDraft]:
    """Steps on days that divide the time until the due date as their likely efforts divide the whole."""
    today = timezone.localdate()
    whole = sum(step.estimate.likely for step in steps)
    drafts, done = [], whole * 0
    for step in steps:
        done += step.estimate.likely
        days = round((due_on - today).days * done / whole) if whole else 0
        drafts.append(MilestoneDraft(title=step.title, due_on=today + timedelta(days=max(days, 0))))
    return drafts
