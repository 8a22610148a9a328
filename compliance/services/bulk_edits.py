"""One edit of many remediation items: drafted for a preview, then done by one job under the rules of single acts.

An item is changed as a whole or not at all. What somebody changed after the draft was made is left alone and told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from compliance.models import AISystem, BulkEdit, Job, RemediationItem, Team, User
from compliance.rights import visible
from compliance.selectors.bulk_edit_page import changes_of, items_of, judge_all, standings
from compliance.services import jobs, leases, ledger, plans
from compliance.services.bulk_rows import update
from compliance.services.errors import RefusedError
from compliance.services.leases import LeaseKeeper
from compliance.types.bulk_edits import MOST_ITEMS, Changes
from compliance.types.canonical import digest_of
from compliance.types.drafts import JSON, Progress
from compliance.types.plans import PlanReason

TASK = "compliance.tasks.edit_in_bulk"
_PORTION = 500
_FIELDS = ("state", "owner", "team", "due_on", "slips", "version")


@transaction.atomic
def draft(*, items: QuerySet[RemediationItem], changes: Changes, actor: User) -> BulkEdit:
    """Keep what is to change and the items as they are now, for the preview. Nothing is changed yet."""
    if changes.is_empty:
        raise RefusedError(_("Choose what is to change: state, owner, team or due date."))
    keys = list(visible(items, actor).order_by("pk").values_list("pk", flat=True)[: MOST_ITEMS + 1])
    if not keys:
        raise RefusedError(_("Choose at least one remediation item."))
    if len(keys) > MOST_ITEMS:
        raise RefusedError(_("At most %d items are edited at once; narrow the list.") % MOST_ITEMS)
    marks = [[key, standing.mark] for key, standing in standings(items_of(keys, actor)).items()]
    edit = BulkEdit.objects.create(made_by=actor, changes=changes.as_json(), items=marks)
    _record(edit, "drafted", actor, {"items": len(marks), "changes": digest_of(changes.as_json())})
    return edit


@transaction.atomic
def confirm(*, edit: BulkEdit, actor: User, dispatch: bool = True) -> Job:
    """Queue the job that does what the preview showed; asking twice queues it once."""
    edit = BulkEdit.objects.select_for_update().get(pk=edit.pk)
    if edit.made_by_id != actor.pk:
        raise RefusedError(_("Only %s, who drafted the edit, can confirm it; draft your own.") % edit.made_by.name)
    if edit.job is not None:
        return edit.job
    edit.job = jobs.create(
        kind="bulk_edit",
        task_name=TASK,
        queue="default",
        subject=edit,
        subject_url_name="bulk-edit",
        title=_("Edit of %d remediation items") % len(edit.items),
        system=None,
        requested_by=actor,
        dispatch=dispatch,
    )
    edit.save(update_fields=["job"])
    _record(edit, "confirmed", actor, {"items": len(edit.items)})
    return edit.job


def apply_for_job(*, job_id: int) -> None:
    """Do the edit that a job asks for; after a crash it goes on with the next portion."""
    leases.work_on(job_id=job_id, work=_apply)


def _apply(keeper: LeaseKeeper) -> None:
    edit = BulkEdit.objects.select_related("made_by").get(job=keeper.lease.job_id)
    done = keeper.steps()
    portions = [edit.items[start : start + _PORTION] for start in range(0, len(edit.items), _PORTION)]
    for number, portion in enumerate(portions):
        if number in done:
            continue
        keeper.progress(Progress(stage=_("editing"), done=number * _PORTION, total=len(edit.items)))
        with transaction.atomic():
            result = _edit_portion(edit, portion)
            keeper.checkpoint(n=number, result=result)
    with transaction.atomic():
        _finish(edit, keeper)


def _finish(edit: BulkEdit, keeper: LeaseKeeper) -> None:
    lines = [line for _n, step in sorted(keeper.steps().items()) for line in step.result["lines"]]
    edit.result = {"lines": lines}
    edit.save(update_fields=["result"])
    refused, changed = sum(bool(why) for _key, why, _names in lines), sum(bool(names) for _key, _why, names in lines)
    outcome = {"changed": changed, "same": len(lines) - refused - changed, "refused": refused}
    _record(edit, "done", edit.made_by, outcome)
    keeper.finish(result=outcome)


def _edit_portion(edit: BulkEdit, portion: Sequence[Sequence[Any]]) -> JSON:
    """Change the items of one portion that may be changed; what became of each."""
    rows, changes = items_of((key for key, _mark in portion), edit.made_by), changes_of(edit)
    items = {item.pk: item for item in rows.select_for_update(of=("self",))}
    judged = judge_all(portion, changes, standings(rows))
    _change(edit, changes, [(items[line.key], line.changed) for line in judged if line.changed])
    return {"lines": [[line.key, line.refusal.value if line.refusal else "", list(line.changed)] for line in judged]}


def _change(edit: BulkEdit, changes: Changes, rows: Sequence[tuple[RemediationItem, tuple[str, ...]]]) -> None:
    """Write the rows and the events that tell of them, as single acts would."""
    told: dict[tuple[int, str], list[tuple[RemediationItem, JSON]]] = defaultdict(list)
    moved: list[tuple[RemediationItem, int]] = []
    people = dict(
        User.objects.filter(pk__in={changes.owner, *(i.owner_id for i, _c in rows)}).values_list("pk", "uuid")
    )
    known = Team.objects.filter(pk__in={changes.team, *(i.team_id for i, _c in rows)})
    teams = {key: str(uuid) for key, uuid in known.values_list("pk", "uuid")}
    for item, names in rows:
        if "state" in names and changes.state:
            told[item.system_id, "moved"].append((item, {"before": item.state, "after": changes.state.value}))
            item.state = changes.state
        if "owner" in names and changes.owner:
            owners = {"before": str(people[item.owner_id]), "after": str(people[changes.owner])}
            told[item.system_id, "assigned"].append((item, owners))
            item.owner_id = changes.owner
        if "team" in names and changes.team:
            given = {"before": teams.get(item.team_id) if item.team_id else None, "after": teams[changes.team]}
            told[item.system_id, "team_changed"].append((item, given))
            item.team_id = changes.team
        if "due_on" in names and changes.due_on:
            dates = {"before": item.due_on.isoformat(), "after": changes.due_on.isoformat()}
            told[item.system_id, "due_changed"].append((item, dates))
            moved.append((item, (changes.due_on - item.due_on).days))
            item.due_on = changes.due_on
        item.version += 1
    plans.note_moved(rows=moved, reason=PlanReason(changes.reason or PlanReason.PRIORITY_CHANGED), actor=edit.made_by)
    update([item for item, _names in rows], names=_FIELDS)
    systems = AISystem.objects.in_bulk({system for system, _act in told})
    by = {"bulk_edit": str(edit.uuid)}
    for (system, act), acts in told.items():
        ledger.record_many(
            kind=f"remediation.{act}",
            acts=[(item, {**facts, **by}) for item, facts in acts],
            actor=edit.made_by,
            system=systems[system],
        )


def _record(edit: BulkEdit, act: str, actor: User, facts: JSON) -> None:
    ledger.record(kind=f"bulk_edit.{act}", subject=edit, payload=facts, actor=actor, system=None)
