"""Remediation: table, board, totals; opened with a plan, worked on, closed only by a new test."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from compliance.models import BulkEdit, RemediationItem, SavedFilter, User
from compliance.services import bulk_edits
from compliance.types.states import RemediationState
from tests.compliance import records
from tests.compliance.conftest import World

Browse = Callable[[User], Client]
Count = Callable[[Callable[[], object]], int]
LIST = reverse("remediation-list")


def url(act: str, item: RemediationItem) -> str:
    return reverse(f"remediation-{act}", args=[item.uuid])


@pytest.fixture
def late(world: World, contributor: User, manager: User) -> RemediationItem:
    """A second item of the same system, due yesterday."""
    yesterday = timezone.localdate() - timedelta(days=1)
    return records.remediation_item(world.finding, owner=manager, actor=manager, title="Late", due_on=yesterday)


def test_totals_and_owners_count_the_rows_shown(
    world: World, late: RemediationItem, browse: Browse, contributor: User, manager: User
) -> None:
    records.worked(late, manager, "1.5")
    totals = browse(contributor).get(LIST).context["totals"]
    assert (totals.items, totals.working, totals.overdue) == (2, 2, 1)
    assert (totals.planned, totals.spent) == (Decimal(10), Decimal("1.5"))
    assert {(load.name, load.overdue, load.left) for load in totals.owners} == {
        ("Mira Manager", 1, Decimal("3.5")),
        ("Carl Contributor", 0, Decimal(5)),
    }


def test_filters(world: World, late: RemediationItem, browse: Browse, contributor: User, manager: User) -> None:
    client = browse(contributor)

    def titles(query: str) -> list[str]:
        return [item.title for item in client.get(f"{LIST}?{query}").context["page"]]

    assert titles("") == ["Late", "Replace the model"]
    assert titles("overdue=on") == ["Late"]
    assert titles(f"owner={manager.uuid}") == ["Late"]
    assert titles("q=replace") == ["Replace the model"]
    assert titles("state=closed") == []
    assert titles("sort=-title") == ["Replace the model", "Late"]


@pytest.mark.parametrize("view", ["", "board"])
def test_list_and_board_take_the_same_queries_however_long(
    world: World, late: RemediationItem, browse: Browse, officer: User, count_queries: Count, view: str
) -> None:
    client = browse(officer)
    few = count_queries(lambda: client.get(LIST, {"view": view}))
    for n in range(60):
        records.remediation_item(world.finding, owner=officer, actor=officer, title=f"Item {n}")
    assert count_queries(lambda: client.get(LIST, {"view": view})) == few


def test_board_has_a_column_for_every_state(
    world: World, late: RemediationItem, browse: Browse, contributor: User
) -> None:
    client = browse(contributor)
    answer = client.post(url("move", late), {"state": "blocked", "next": f"{LIST}?view=board"})
    assert answer.headers["Location"] == f"{LIST}?view=board"
    columns = client.get(LIST, {"view": "board"}).context["columns"]
    assert [(column.state.value, column.count) for column in columns] == [
        ("open", 1), ("in_progress", 0), ("blocked", 1), ("done", 0), ("closed", 0),
    ]  # fmt: skip


def test_move_goes_back_to_no_foreign_place(world: World, browse: Browse, contributor: User) -> None:
    answer = browse(contributor).post(url("move", world.item), {"state": "done", "next": "https://example.net/"})
    assert answer.headers["Location"] == url("item", world.item)


def test_others_items_do_not_exist(world: World, browse: Browse, contributor: User, auditor: User) -> None:
    for user in (contributor, auditor):
        client = browse(user)
        assert [item.pk for item in client.get(LIST).context["page"]] == [world.item.pk]
        assert client.get(url("item", world.other_item)).status_code == 404
        assert client.get(url("item", world.item)).status_code == 200
    assert browse(contributor).post(url("move", world.other_item), {"state": "done"}).status_code == 404


@pytest.mark.parametrize("act", ["move", "effort", "assign", "milestone"])
def test_auditor_changes_nothing(world: World, browse: Browse, auditor: User, act: str) -> None:
    assert browse(auditor).post(url(act, world.item)).status_code == 403


def test_contributor_works_and_does_not_lead(world: World, browse: Browse, contributor: User) -> None:
    assert browse(contributor).post(url("assign", world.item)).status_code == 403


def plan(by: User, **changed: str) -> dict[str, str]:
    given = {
        "title": "Replace it",
        "owner": str(by.uuid),
        "effort_planned": "3",
        "due_on": "2099-03-01",
        "step-TOTAL_FORMS": "12",
        "step-INITIAL_FORMS": "0",
        "step-0-title": "Retrain",
        "step-0-due_on": "2099-02-01",
    }
    return given | changed


def test_manager_opens_an_item_with_milestones(world: World, browse: Browse, manager: User, contributor: User) -> None:
    answer = browse(manager).post(reverse("remediation-open", args=[world.finding.uuid]), plan(contributor))
    item = RemediationItem.objects.get(title="Replace it")
    assert answer.headers["Location"] == url("item", item)
    assert [(step.title, step.due_on) for step in item.milestones.all()] == [("Retrain", date(2099, 2, 1))]
    assert item.risks.get().finding == world.finding


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"step-0-due_on": ""}, "Give the step a date."),
        ({"step-0-title": ""}, "Say what the step is."),
        ({"step-0-due_on": "2099-04-01"}, "is due after the item itself"),
        ({"owner": "auditor"}, "Select a valid choice"),
        ({"effort_planned": "-1"}, "greater than or equal to 0"),
    ],
)
def test_says_what_is_wrong_with_a_plan(
    world: World, browse: Browse, manager: User, contributor: User, auditor: User, changed: dict[str, str], message: str
) -> None:
    if "owner" in changed:
        changed = {"owner": str(auditor.uuid)}
    answer = browse(manager).post(reverse("remediation-open", args=[world.finding.uuid]), plan(contributor, **changed))
    assert answer.status_code == 200
    assert message in answer.text
    assert "There is a problem" in answer.text


def test_playbook_fills_in_a_plan(world: World, browse: Browse, manager: User) -> None:
    answer = browse(manager).get(reverse("remediation-open", args=[world.finding.uuid]), {"playbook": "1"})
    assert answer.context["form"]["effort_planned"].value() == Decimal("5.5")
    steps = [form["title"].value() for form in answer.context["formset"]]
    assert steps == ["Take the model version out of service", "Replace the model", *[None] * 10]


def test_work_is_logged_assigned_and_told(world: World, browse: Browse, manager: User, contributor: User) -> None:
    client = browse(manager)
    client.post(url("move", world.item), {"state": "in_progress"})
    client.post(
        url("effort", world.item),
        {"amount": "4", "unit": "hours", "day": str(timezone.localdate()), "what": "Blocked it"},
    )
    client.post(url("milestone", world.item), {"milestone": str(world.item.milestones.get().uuid)})
    client.post(url("assign", world.item), {"owner": str(manager.uuid)})
    answer = client.get(url("item", world.item))
    item = answer.context["item"]
    assert (item.state, item.effort_spent, item.owner) == (RemediationState.IN_PROGRESS, Decimal("0.5"), manager)
    assert item.milestones.get().done_by == manager
    sentences = [step.sentence for step in answer.context["content"].story.steps]
    assert sentences[-4:] == [
        "Moved from “Open” to “In progress”",
        "0.5 person-days of work logged",
        "Milestone reached: Retrain",
        "Given to Mira Manager",
    ]


@pytest.mark.parametrize(
    ("act", "given", "message"),
    [
        ("effort", {"amount": "lots", "unit": "days", "day": "2026-01-01", "what": "x"}, "give an amount"),
        ("effort", {"amount": "0", "unit": "days", "day": "2026-01-01", "what": "x"}, "above zero"),
        ("move", {"state": "closed"}, "Closing needs a re-scan"),
        ("move", {"state": "somewhere"}, "Choose the state"),
        ("assign", {"owner": "nobody"}, "Choose somebody"),
    ],
)
def test_refusals_are_said_in_words(
    world: World, browse: Browse, manager: User, act: str, given: dict[str, str], message: str
) -> None:
    answer = browse(manager).post(url(act, world.item), given, follow=True)
    assert message in answer.text
    assert RemediationItem.objects.get(pk=world.item.pk).state == RemediationState.OPEN


def test_milestone_of_another_item_is_not_found(world: World, browse: Browse, manager: User) -> None:
    milestone = world.item.milestones.get()
    answer = browse(manager).post(url("milestone", world.other_item), {"milestone": str(milestone.uuid)})
    assert answer.status_code == 404
    assert browse(manager).post(url("milestone", world.item), {"milestone": "x"}).status_code == 404


def test_export_is_as_filtered(world: World, late: RemediationItem, browse: Browse, contributor: User) -> None:
    answer = browse(contributor).get(LIST, {"export": "csv", "q": "replace"})
    lines = answer.getvalue().decode("utf-8-sig").splitlines()
    assert len(lines) == 2
    told = "Replace the model,Digit reader,Carl Contributor,,Open,2099-12-01,2099-12-01,0,5.00,0.00,5.00,0/1,"
    assert lines[1].startswith(told)


def test_empty_list_offers_the_first_step(browse: Browse, manager: User) -> None:
    assert "No remediation item yet" in browse(manager).get(LIST).text


# Board: two people, one card ------------------------------------------------------------------------------------------


def test_second_mover_sees_both_and_may_move_it_all_the_same(
    world: World, browse: Browse, manager: User, officer: User
) -> None:
    board = f"{LIST}?view=board"
    browse(manager).post(url("move", world.item), {"state": "in_progress", "seen": "open", "next": board})
    answer = browse(officer).post(url("move", world.item), {"state": "blocked", "seen": "open", "next": board})
    assert answer.status_code == 409
    assert "Mira Manager moved it" in answer.text
    assert "Move it to “Blocked”" in answer.text
    assert RemediationItem.objects.get(pk=world.item.pk).state == RemediationState.IN_PROGRESS
    browse(officer).post(url("move", world.item), {"state": "blocked", "seen": "in_progress", "next": board})
    assert RemediationItem.objects.get(pk=world.item.pk).state == RemediationState.BLOCKED


def test_a_dragged_card_brings_the_columns_anew_with_what_became_of_it(
    world: World, browse: Browse, manager: User, officer: User
) -> None:
    sent = {"state": "blocked", "seen": "open", "next": f"{LIST}?view=board&q=replace"}
    answer = browse(manager).post(url("move", world.item), sent, headers={"hx-request": "true"})
    assert "is now in “Blocked”" in answer.text
    assert answer.text.lstrip().startswith("<div")
    assert "<html" not in answer.text
    assert answer.text.count('class="board-column"') == 5
    sent["state"] = "done"
    answer = browse(officer).post(url("move", world.item), sent, headers={"hx-request": "true"})
    assert "Two people moved this item" in answer.text
    assert 'value="blocked"' in answer.text


def test_columns_hold_ten_cards_and_say_how_many_there_are(world: World, browse: Browse, officer: User) -> None:
    for n in range(33):
        records.remediation_item(world.finding, owner=officer, actor=officer, title=f"Item {n}")
    answer = browse(officer).get(LIST, {"view": "board"})
    column = answer.context["columns"][0]
    assert (len(column.cards), column.count) == (10, 35)
    assert "All 35 in the table" in answer.text


# Table: filters under a name, many at once ----------------------------------------------------------------------------


def test_a_filter_is_kept_used_and_deleted(world: World, browse: Browse, contributor: User, manager: User) -> None:
    client = browse(contributor)
    save = reverse("remediation-filter-save")
    answer = client.post(save, {"name": "Late", "is_shared": "on", "overdue": "on", "q": "model", "evil": "x"})
    assert answer.headers["Location"] == f"{LIST}?q=model&overdue=on"
    shown = browse(manager).get(LIST).text
    assert f'href="{LIST}?q=model&amp;overdue=on">Late</a>' in shown
    assert "shared by Carl Contributor" in shown
    kept = SavedFilter.objects.get()
    delete = reverse("remediation-filter-delete", args=[kept.uuid])
    assert "Only Carl Contributor can delete" in browse(manager).post(delete, follow=True).text
    client.post(delete)
    assert not SavedFilter.objects.exists()


def test_chosen_rows_are_edited_after_a_preview(
    world: World, late: RemediationItem, browse: Browse, manager: User
) -> None:
    client = browse(manager)
    sent = {"which": "chosen", "item": [str(world.item.uuid)], "owner": str(manager.uuid), "query": ""}
    answer = client.post(reverse("bulk-edit-new"), sent, follow=True)
    assert "Nothing is changed yet" in answer.text
    edit = BulkEdit.objects.get()
    client.post(reverse("bulk-edit-confirm", args=[edit.uuid]))
    edit.refresh_from_db()
    assert edit.job is not None
    bulk_edits.apply_for_job(job_id=edit.job.pk)
    assert "The edit is done." in client.get(reverse("bulk-edit", args=[edit.uuid])).text
    assert RemediationItem.objects.get(pk=world.item.pk).owner == manager


def test_all_that_the_filter_shows_is_edited_and_no_more(
    world: World, late: RemediationItem, browse: Browse, manager: User
) -> None:
    sent = {"which": "all", "query": "overdue=on", "state": "blocked"}
    browse(manager).post(reverse("bulk-edit-new"), sent)
    assert [key for key, _mark in BulkEdit.objects.get().items] == [late.pk]


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"which": "chosen", "owner": ""}, "Choose what is to change"),
        ({"which": "chosen", "state": "blocked"}, "Choose at least one"),
        ({"which": "chosen", "due_on": "soon"}, "Enter a valid date"),
        ({"which": "all", "state": "closed"}, "Select a valid choice"),
    ],
)
def test_a_bulk_edit_that_cannot_be_is_refused_in_words(
    world: World, browse: Browse, manager: User, sent: dict[str, str], message: str
) -> None:
    assert message in browse(manager).post(reverse("bulk-edit-new"), sent, follow=True).text
    assert not BulkEdit.objects.exists()


def test_a_row_that_is_no_identifier_or_foreign_is_none(world: World, browse: Browse, manager: User) -> None:
    new = reverse("bulk-edit-new")
    assert browse(manager).post(new, {"which": "chosen", "item": "x", "state": "blocked"}).status_code == 404


# Comments and attachments ---------------------------------------------------------------------------------------------


def test_a_comment_is_shown_escaped(world: World, browse: Browse, contributor: User) -> None:
    client = browse(contributor)
    answer = client.post(url("comment", world.item), {"text": "<script>alert(1)</script> @mira begun"}, follow=True)
    assert "&lt;script&gt;alert(1)&lt;/script&gt; @mira begun" in answer.text
    assert client.post(url("comment", world.other_item), {"text": "x"}).status_code == 404


def test_a_file_is_kept_as_evidence_and_attached(world: World, browse: Browse, contributor: User) -> None:
    upload = SimpleUploadedFile("notes.txt", b"Retrained from the approved base.", content_type="text/plain")
    answer = browse(contributor).post(url("upload", world.item), {"file": upload, "note": "Log"}, follow=True)
    assert "kept as evidence and attached" in answer.text
    link = world.item.evidence_links.get()
    assert (link.evidence.filename, link.note, link.linked_by) == ("notes.txt", "Log", contributor)
    assert link.evidence.system == world.item.system
    assert "notes.txt" in answer.text


def test_evidence_on_record_is_attached_and_foreign_evidence_is_not(
    world: World, browse: Browse, contributor: User
) -> None:
    client = browse(contributor)
    client.post(url("attach", world.item), {"evidence": str(world.log.uuid)})
    assert [link.evidence for link in world.item.evidence_links.all()] == [world.log]
    answer = client.post(url("attach", world.item), {"evidence": str(world.other_log.uuid)}, follow=True)
    assert "Choose a piece of evidence" in answer.text
    assert world.item.evidence_links.count() == 1


def test_an_upload_without_a_file_is_refused_in_words(world: World, browse: Browse, contributor: User) -> None:
    assert "This field is required" in browse(contributor).post(url("upload", world.item), {}, follow=True).text


def test_a_manager_attaches_to_items_and_to_nothing_else(
    world: World, browse: Browse, manager: User, auditor: User, administrator: User
) -> None:
    client = browse(manager)
    assert "attachment_file" in client.get(f"/remediation/{world.item.uuid}/").text
    upload = SimpleUploadedFile("minutes.txt", b"Decided on Monday.", content_type="text/plain")
    assert "kept as evidence and attached" in client.post(url("upload", world.item), {"file": upload}, follow=True).text
    client.post(url("attach", world.item), {"evidence": str(world.log.uuid)})
    assert world.item.evidence_links.filter(linked_by=manager).count() == 2
    answer = world.assessment.answers.all()[0]
    place = f"/assessments/{world.assessment.uuid}/questions/{answer.question.number}/attach/"
    assert client.post(place, {"evidence": str(world.log.uuid)}).status_code == 403
    assert client.get("/evidence/new/").status_code == 403
    for other in (auditor, administrator):
        assert browse(other).post(url("attach", world.item), {"evidence": str(world.log.uuid)}).status_code in (
            403,
            404,
        )


def test_bytes_that_were_rejected_stay_so(world: World, browse: Browse, manager: User, officer: User) -> None:
    piece = records.evidence(world.item.system, b"Forged.", actor=officer)
    type(piece).objects.filter(pk=piece.pk).update(state="rejected", rejection="Forged.")
    upload = SimpleUploadedFile("minutes.txt", b"Forged.", content_type="text/plain")
    assert "rejected" in browse(manager).post(url("upload", world.item), {"file": upload}, follow=True).text
    piece.refresh_from_db()
    assert piece.state == "rejected"
