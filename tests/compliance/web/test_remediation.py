"""Remediation: table, board, totals; opened with a plan, worked on, closed only by a new test."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from compliance.models import RemediationItem, User
from compliance.services import remediation
from compliance.types.states import RemediationState
from compliance.types.verdicts import StageVerdict
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
    remediation.log_effort(item=late, person_days=Decimal("1.5"), actor=manager)
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


@pytest.mark.parametrize("act", ["move", "effort", "assign", "milestone", "close"])
def test_auditor_changes_nothing(world: World, browse: Browse, auditor: User, act: str) -> None:
    assert browse(auditor).post(url(act, world.item)).status_code == 403


@pytest.mark.parametrize("act", ["assign", "close"])
def test_contributor_works_and_does_not_lead(world: World, browse: Browse, contributor: User, act: str) -> None:
    assert browse(contributor).post(url(act, world.item)).status_code == 403


def plan(by: User, **changed: str) -> dict[str, str]:
    given = {
        "title": "Replace it",
        "owner": str(by.uuid),
        "effort_planned": "3",
        "due_on": "2027-03-01",
        "step-TOTAL_FORMS": "5",
        "step-INITIAL_FORMS": "0",
        "step-0-title": "Retrain",
        "step-0-due_on": "2027-02-01",
    }
    return given | changed


def test_manager_opens_an_item_with_milestones(world: World, browse: Browse, manager: User, contributor: User) -> None:
    answer = browse(manager).post(reverse("remediation-open", args=[world.finding.uuid]), plan(contributor))
    item = RemediationItem.objects.get(title="Replace it")
    assert answer.headers["Location"] == url("item", item)
    assert [(step.title, step.due_on) for step in item.milestones.all()] == [("Retrain", date(2027, 2, 1))]
    assert item.risks.get().finding == world.finding


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"step-0-due_on": ""}, "Give the step a date."),
        ({"step-0-title": ""}, "Say what the step is."),
        ({"step-0-due_on": "2027-04-01"}, "is due after the item itself"),
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
    assert steps == ["Take the model version out of service", "Replace the model", None, None, None]


def test_work_is_logged_assigned_and_told(world: World, browse: Browse, manager: User, contributor: User) -> None:
    client = browse(manager)
    client.post(url("move", world.item), {"state": "in_progress"})
    client.post(url("effort", world.item), {"person_days": "0.5"})
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
        ("effort", {"person_days": "lots"}, "Effort is a number of person-days above zero"),
        ("effort", {"person_days": "0"}, "Effort is a number of person-days above zero"),
        ("move", {"state": "closed"}, "Closing needs a re-scan"),
        ("move", {"state": "somewhere"}, "Choose the state"),
        ("assign", {"owner": "nobody"}, "Choose somebody"),
        ("close", {}, "The finding still stands"),
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


def test_new_test_lets_it_be_closed(world: World, browse: Browse, manager: User) -> None:
    later = records.LONG_AGO + timedelta(days=30)
    records.observed(world.tuned, StageVerdict.NO_EVIDENCE_AT_POWER, at=later)
    client = browse(manager)
    assert url("close", world.item) in client.get(url("item", world.item)).text
    text = client.post(url("close", world.item), follow=True).text
    assert RemediationItem.objects.get(pk=world.item.pk).state == RemediationState.CLOSED
    assert "Closed with new evidence" in text


def test_export_is_as_filtered(world: World, late: RemediationItem, browse: Browse, contributor: User) -> None:
    answer = browse(contributor).get(LIST, {"export": "csv", "q": "replace"})
    lines = answer.getvalue().decode("utf-8-sig").splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("Replace the model,Digit reader,Carl Contributor,Open,2026-12-01,5.00,0.00,0/1,")


def test_empty_list_offers_the_first_step(browse: Browse, manager: User) -> None:
    assert "No remediation item yet" in browse(manager).get(LIST).text
