"""Who answers, who stands in, who reviews, by when."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from compliance.models import Answer, LedgerEvent, TrailEntry, User
from compliance.services import answer_work, answers, evidence
from compliance.services.errors import RefusedError
from tests.compliance.conftest import World

pytestmark = pytest.mark.django_db
DUE = date(2026, 12, 1)


@pytest.fixture
def answer(world: World) -> Answer:
    return world.assessment.answers.select_related("assessment__system", "question").get(question__number=4)


def assigned(
    answer: Answer,
    *,
    assignee: User | None = None,
    delegate: User | None = None,
    reviewer: User | None = None,
    due_on: date | None = DUE,
    actor: User,
) -> Answer:
    return answer_work.assign(
        answer=answer, assignee=assignee, delegate=delegate, reviewer=reviewer, due_on=due_on, actor=actor
    )


def test_an_assignment_is_an_act_on_record(answer: Answer, contributor: User, officer: User, manager: User) -> None:
    fresh = assigned(answer, assignee=contributor, reviewer=manager, actor=officer)
    assert (fresh.assignee, fresh.reviewer, fresh.due_on) == (contributor, manager, DUE)
    kept = fresh.revisions.get(act="assigned")
    assert kept.comment == ("Assignee Carl Contributor, delegate nobody, reviewer Mira Manager, due 2026-12-01.")
    event = LedgerEvent.objects.get(subject_uuid=answer.uuid, kind="answer.assigned")
    payload = TrailEntry.objects.get(event=event).payload
    assert (payload["assignee"], payload["due_on"]) == (str(contributor.uuid), "2026-12-01")


def test_the_same_assignment_twice_is_one(answer: Answer, contributor: User, officer: User) -> None:
    for _ in range(2):
        assigned(answer, assignee=contributor, actor=officer)
    assert answer.revisions.filter(act="assigned").count() == 1


def test_an_assignment_does_not_disturb_who_writes(answer: Answer, contributor: User, officer: User) -> None:
    seen = answer.version
    assert assigned(answer, assignee=contributor, actor=officer).version == seen


def test_people_who_cannot_do_it_are_refused(
    answer: Answer, contributor: User, officer: User, manager: User, auditor: User, administrator: User
) -> None:
    refusals: tuple[tuple[dict[str, Any], str], ...] = (
        ({"assignee": auditor}, "may not write answers for Digit reader"),
        ({"assignee": contributor, "delegate": administrator}, "may not write answers"),
        ({"delegate": contributor}, "name the assignee too"),
        ({"assignee": contributor, "delegate": contributor}, "The delegate is the assignee"),
        ({"reviewer": contributor}, "may not approve answers"),
        ({"assignee": officer, "reviewer": officer}, "a second person has to review it"),
    )
    for people, why in refusals:
        with pytest.raises(RefusedError, match=why):
            assigned(answer, actor=manager, **people)


def test_who_wrote_cannot_be_named_as_reviewer(answer: Answer, officer: User, manager: User) -> None:
    answers.write(
        answer=answer, value="yes", statement="So.", reason="", claims={}, actor=officer, expected_version=None
    )
    with pytest.raises(RefusedError, match="a second person has to review it"):
        assigned(answer, reviewer=officer, actor=manager)


def test_the_assignee_alone_hands_the_writing_on_and_takes_it_back(
    answer: Answer, contributor: User, officer: User, second_officer: User, manager: User
) -> None:
    assigned(answer, assignee=contributor, reviewer=manager, actor=officer)
    with pytest.raises(RefusedError, match="Only the assignee"):
        answer_work.delegate(answer=answer, to=second_officer, actor=officer)
    for wrong in (contributor, manager):
        with pytest.raises(RefusedError, match="Choose somebody"):
            answer_work.delegate(answer=answer, to=wrong, actor=contributor)
    assert answer_work.delegate(answer=answer, to=second_officer, actor=contributor).delegate == second_officer
    assert answer_work.delegate(answer=answer, to=None, actor=contributor).delegate is None
    assert answer.revisions.filter(act="delegated").count() == 2


def test_a_named_reviewer_decides_and_nobody_else(
    answer: Answer, world: World, contributor: User, officer: User, second_officer: User, manager: User
) -> None:
    assigned(answer, assignee=contributor, reviewer=manager, actor=officer)
    written = answers.write(
        answer=answer, value="yes", statement="So.", reason="", claims={}, actor=contributor, expected_version=None
    )
    evidence.link(evidence=world.log, target=written, actor=contributor)
    submitted = answers.submit(answer=written, actor=contributor)
    with pytest.raises(RefusedError, match="Mira Manager is named as reviewer"):
        answers.approve(answer=submitted, actor=second_officer)
    assert answers.approve(answer=submitted, actor=manager).approver == manager


def test_a_frozen_assessment_is_assigned_to_nobody(answer: Answer, contributor: User, officer: User) -> None:
    type(answer.assessment).objects.filter(pk=answer.assessment_id).update(state="frozen")
    with pytest.raises(RefusedError, match="frozen"):
        assigned(answer, assignee=contributor, actor=officer)
