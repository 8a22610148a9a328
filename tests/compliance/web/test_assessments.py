"""Overview, assessments and questions: what each person sees, and what their acts lead to."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

import pytest

from compliance.models import Answer, Assessment, User
from compliance.services import answers, evidence
from compliance.types.states import AnswerState, AnswerValue
from tests.compliance.conftest import Browse, World

pytestmark = pytest.mark.django_db


def question_url(world: World, number: int, act: str = "") -> str:
    return f"/assessments/{world.assessment.uuid}/questions/{number}/{act}"


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def written(world: World, number: int, value: AnswerValue, actor: User) -> Answer:
    answer = world.assessment.answers.select_related("assessment__system", "question").get(question__number=number)
    return answers.write(
        answer=answer,
        value=value,
        statement="It holds.",
        reason="",
        claims={"approved_submitters": "somebody.else@example.org"},
        actor=actor,
        expected_version=None,
    )


def test_the_most_urgent_thing_comes_first_as_a_sentence(world: World, browse: Browse, officer: User) -> None:
    written(world, 2, AnswerValue.YES, officer)
    html = browse(officer).get("/").content.decode()
    lead = re.search(r'class="lead"><a href="([^"]+)">([^<]+)', html)
    assert lead is not None
    assert lead[1] == f"/findings/{world.other_finding.uuid}/" or "contradicted" in lead[2] or "finding" in lead[2]
    assert "is contradicted by the record" in html
    assert "never tested against" in html


def test_an_empty_installation_says_what_to_do_first(browse: Browse, officer: User) -> None:
    html = browse(officer).get("/").content.decode()
    assert "No AI system yet" in html
    assert "/assessments/new/" in html


def test_an_auditor_sees_the_engaged_assessment_and_no_other(world: World, browse: Browse, auditor: User) -> None:
    html = browse(auditor).get("/assessments/").content.decode()
    assert world.assessment.title in html
    assert world.other_assessment.title not in html
    assert browse(auditor).get(f"/assessments/{world.other_assessment.uuid}/").status_code == 404


def test_an_assessment_is_opened_with_a_new_system_and_all_questions(
    world: World, browse: Browse, officer: User
) -> None:
    given = {
        "new_system": "Payout model",
        "title": "Autumn",
        "period_start": "2026-01-01",
        "period_end": "2026-06-30",
        "scope": "",
    }
    response = browse(officer).post("/assessments/new/", given)
    assessment = Assessment.objects.get(title="Autumn")
    assert response.headers["Location"] == f"/assessments/{assessment.uuid}/"
    assert (assessment.system.name, assessment.period_end) == ("Payout model", date(2026, 6, 30))
    assert assessment.answers.count() == 4


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"new_system": ""}, "Choose an AI system or name a new one"),
        ({"period_end": "2025-01-01"}, "The period ends before it starts"),
        ({"new_system": "Digit reader"}, "is already there"),
        ({"title": ""}, "This field is required"),
    ],
)
def test_a_wrong_form_says_where_and_keeps_what_was_typed(
    world: World, browse: Browse, officer: User, changed: dict[str, str], message: str
) -> None:
    given = {
        "new_system": "New",
        "title": "Kept",
        "period_start": "2026-01-01",
        "period_end": "2026-06-30",
        "scope": "",
    }
    response = browse(officer).post("/assessments/new/", {**given, **changed})
    html = response.content.decode()
    assert message in html
    assert "error-summary" in html
    assert not Assessment.objects.filter(title="Kept").exists()


def test_the_question_shows_what_the_evidence_says_and_where_it_contradicts(
    world: World, browse: Browse, officer: User
) -> None:
    written(world, 2, AnswerValue.YES, officer)
    words = text_of(browse(officer).get(question_url(world, 2)).content.decode())
    assert "The record contradicts the answer" in words
    assert "You state 1 approved submitter." in words
    assert "not assessed: no document of the period is on record" in words


def test_an_answer_goes_from_draft_to_approved_by_two_people(
    world: World, browse: Browse, officer: User, manager: User
) -> None:
    form = {"value": "yes", "statement": "We log all of it.", "reason": "", "version": "0"}
    assert browse(officer).post(question_url(world, 4, "write/"), form).status_code == 302
    browse(officer).post(question_url(world, 4, "attach/"), {"evidence": str(world.log.uuid), "note": "the log"})
    browse(officer).post(question_url(world, 4, "submit/"))
    refused = browse(officer).post(question_url(world, 4, "approve/"), follow=True)
    assert "a second person decides it" in refused.content.decode()
    browse(manager).post(question_url(world, 4, "approve/"), {"comment": "Seen."})
    answer = world.assessment.answers.get(question__number=4)
    assert (answer.state, answer.approver) == (AnswerState.APPROVED, manager)


def test_evidence_can_be_taken_away_again(world: World, browse: Browse, officer: User) -> None:
    answer = written(world, 4, AnswerValue.YES, officer)
    entry = evidence.link(evidence=world.log, target=answer, actor=officer)
    browse(officer).post(question_url(world, 4, "detach/"), {"link": str(entry.uuid)})
    assert not answer.evidence_links.exists()


@pytest.mark.parametrize("act", ["detach/", "attach/", "finding/"])
def test_a_malformed_post_is_answered_in_words(world: World, browse: Browse, officer: User, act: str) -> None:
    for given in ({}, {"link": "nonsense", "evidence": "nonsense", "finding": "nonsense"}):
        response = browse(officer).post(question_url(world, 4, act), given)
        assert response.status_code in {302, 404}


def test_foreign_evidence_cannot_be_attached(world: World, browse: Browse, contributor: User) -> None:
    browse(contributor).post(question_url(world, 4, "attach/"), {"evidence": str(world.other_log.uuid)})
    assert not world.assessment.answers.get(question__number=4).evidence_links.exists()


def test_freezing_says_what_is_missing(world: World, browse: Browse, officer: User) -> None:
    response = browse(officer).post(f"/assessments/{world.assessment.uuid}/freeze/", follow=True)
    assert "Question 1 is not approved yet" in response.content.decode()


def test_there_is_no_fifth_question(world: World, browse: Browse, officer: User) -> None:
    assert browse(officer).get(question_url(world, 5)).status_code == 404


def test_the_list_takes_the_same_number_of_queries_however_long(
    world: World, browse: Browse, officer: User, count_queries: Callable[[Callable[[], object]], int]
) -> None:
    client = browse(officer)
    client.get("/assessments/")
    few = count_queries(lambda: client.get("/assessments/"))
    for n in range(30):
        world.assessment.pk, world.assessment.uuid, world.assessment.title = None, f"{n:032x}", f"Copy {n}"
        world.assessment.save(force_insert=True)
    assert count_queries(lambda: client.get("/assessments/")) == few
