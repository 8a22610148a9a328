"""Editing many remediation items: the job does what the preview shows, as single acts would, and tells the rest."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.utils import timezone

from compliance.models import BulkEdit, JobStep, RemediationItem, Team, TrailEntry, User
from compliance.selectors.bulk_edit_page import bulk_edit_page
from compliance.services import bulk_edits, leases, remediation
from compliance.services.errors import RefusedError
from compliance.types.bulk_edits import Changes, Refusal
from compliance.types.states import JobState, RemediationState
from tests.compliance import records
from tests.compliance.conftest import World

pytestmark = pytest.mark.django_db
ALL = RemediationItem.objects.all


def done(edit: BulkEdit, actor: User) -> BulkEdit:
    job = leases.run_here(job=bulk_edits.confirm(edit=edit, actor=actor, dispatch=False))
    assert job.state == JobState.SUCCEEDED, job.error
    edit.refresh_from_db()
    return edit


@pytest.fixture
def items(world: World, officer: User) -> list[RemediationItem]:
    due = timezone.localdate() + timedelta(days=30)
    return [
        records.remediation_item(world.finding, owner=officer, actor=officer, title=f"Item {n}", due_on=due)
        for n in range(12)
    ]


def test_preview_says_beforehand_what_the_job_then_does(
    world: World, items: list[RemediationItem], manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_edits, "_PORTION", 5)
    edit = bulk_edits.draft(
        items=ALL(), changes=Changes(state=RemediationState.BLOCKED, owner=manager.pk), actor=manager
    )
    before = bulk_edit_page(edit)
    assert (before.changed, before.same, before.refused, before.is_done) == (14, 0, 0, False)
    assert not RemediationItem.objects.filter(owner=manager).exists()
    after = bulk_edit_page(done(edit, manager))
    assert after.judged == before.judged
    assert after.is_done
    assert set(RemediationItem.objects.values_list("state", "owner")) == {("blocked", manager.pk)}
    assert edit.job is not None
    assert edit.job.result == {"changed": 14, "same": 0, "refused": 0}
    assert JobStep.objects.filter(job=edit.job).count() == 3


def test_each_item_tells_of_it_as_of_a_single_act(items: list[RemediationItem], manager: User, officer: User) -> None:
    edit = bulk_edits.draft(items=ALL(), changes=Changes(owner=manager.pk), actor=manager)
    done(edit, manager)
    told = TrailEntry.objects.get(event__subject_uuid=items[0].uuid, event__kind="remediation.assigned")
    assert told.actor == manager
    assert told.system == items[0].system
    assert told.payload["before"] == str(officer.uuid)
    assert told.payload["after"] == str(manager.uuid)
    assert told.payload["bulk_edit"] == str(edit.uuid)


def test_what_somebody_changed_meanwhile_is_left_alone_and_told(
    items: list[RemediationItem], manager: User, officer: User
) -> None:
    edit = bulk_edits.draft(items=ALL(), changes=Changes(state=RemediationState.BLOCKED), actor=manager)
    remediation.move(item=items[0], state=RemediationState.DONE, actor=officer)
    page = bulk_edit_page(done(edit, manager))
    assert [(line.key, line.refusal) for line in page.of("refused")] == [(items[0].pk, Refusal.CHANGED_SINCE)]
    assert RemediationItem.objects.get(pk=items[0].pk).state == RemediationState.DONE


def test_owner_who_does_not_work_on_a_system_gets_none_of_its_items(
    world: World, items: list[RemediationItem], manager: User, contributor: User
) -> None:
    edit = bulk_edits.draft(items=ALL(), changes=Changes(owner=contributor.pk), actor=manager)
    page = bulk_edit_page(done(edit, manager))
    assert [(line.key, line.refusal) for line in page.of("refused")] == [(world.other_item.pk, Refusal.OWNER_ELSEWHERE)]
    assert page.same == 1  # theirs already
    assert RemediationItem.objects.filter(owner=contributor).count() == 13


def test_due_date_before_opening_is_refused_for_each(items: list[RemediationItem], manager: User) -> None:
    edit = bulk_edits.draft(items=ALL(), changes=Changes(due_on=date(2020, 1, 1), reason="correction"), actor=manager)
    assert {line.refusal for line in bulk_edit_page(edit).judged} == {Refusal.DUE_BEFORE_OPENED}


def test_another_due_date_is_a_new_plan_with_its_reason_and_counts_as_a_slip(
    items: list[RemediationItem], manager: User
) -> None:
    due, chosen = items[0].due_on + timedelta(days=10), ALL().filter(pk__in=[item.pk for item in items])
    done(bulk_edits.draft(items=chosen, changes=Changes(due_on=due, reason="scope_changed"), actor=manager), manager)
    item = RemediationItem.objects.get(pk=items[0].pk)
    assert (item.due_on, item.original_due_on, item.slips) == (due, items[0].due_on, 1)
    assert item.version == items[0].version + 1
    update = item.plan_updates.latest("number")
    assert (update.number, update.slip_days, update.reason, update.due_on, update.made_by) == (
        1, 10, "scope_changed", due, manager,
    )  # fmt: skip


def test_a_team_is_given_many_items(items: list[RemediationItem], manager: User) -> None:
    team = Team.objects.create(name="Data")
    edit = bulk_edits.draft(items=ALL(), changes=Changes(team=team.pk), actor=manager)
    assert bulk_edit_page(edit).wanted == (("Team", "Data"),)
    done(edit, manager)
    assert set(RemediationItem.objects.values_list("team__name", flat=True)) == {"Data"}


@pytest.mark.parametrize("state", list(RemediationState))
@pytest.mark.parametrize("wanted", list(RemediationState))
def test_a_move_is_refused_as_a_single_one_is(
    world: World, manager: User, state: RemediationState, wanted: RemediationState
) -> None:
    RemediationItem.objects.filter(pk=world.item.pk).update(state=state)
    world.item.refresh_from_db()
    edit = bulk_edits.draft(items=ALL().filter(pk=world.item.pk), changes=Changes(state=wanted), actor=manager)
    (line,) = bulk_edit_page(edit).judged
    try:
        remediation.move(item=world.item, state=wanted, actor=manager)
    except RefusedError:
        assert line.refusal is not None
    else:
        assert line.refusal is None
        assert line.changed == (("state",) if wanted is not state else ())


def test_nothing_to_change_no_item_and_too_many_are_refused(
    items: list[RemediationItem], manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RefusedError, match="Choose what is to change"):
        bulk_edits.draft(items=ALL(), changes=Changes(), actor=manager)
    with pytest.raises(RefusedError, match="at least one"):
        bulk_edits.draft(items=RemediationItem.objects.none(), changes=Changes(owner=manager.pk), actor=manager)
    monkeypatch.setattr(bulk_edits, "MOST_ITEMS", 3)
    with pytest.raises(RefusedError, match="At most 3"):
        bulk_edits.draft(items=ALL(), changes=Changes(owner=manager.pk), actor=manager)


def test_it_is_done_once_and_by_who_drafted_it(items: list[RemediationItem], manager: User, officer: User) -> None:
    edit = bulk_edits.draft(items=ALL(), changes=Changes(owner=manager.pk), actor=manager)
    with pytest.raises(RefusedError, match="Only Mira Manager"):
        bulk_edits.confirm(edit=edit, actor=officer)
    first = bulk_edits.confirm(edit=edit, actor=manager, dispatch=False)
    assert bulk_edits.confirm(edit=edit, actor=manager, dispatch=False) == first


def test_a_job_whose_worker_died_goes_on_with_the_next_portion(
    items: list[RemediationItem], manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_edits, "_PORTION", 5)
    edit = bulk_edits.draft(items=ALL(), changes=Changes(owner=manager.pk), actor=manager)
    job = bulk_edits.confirm(edit=edit, actor=manager, dispatch=False)
    keys = [key for key, _mark in edit.items][:5]
    JobStep.objects.create(job=job, n=0, result={"lines": [[key, "", ["owner"]] for key in keys]})
    job = leases.run_here(job=job)
    assert job.result == {"changed": 14, "same": 0, "refused": 0}
    assert RemediationItem.objects.filter(owner=manager).count() == 9  # what step 0 stands for was done before
