"""Who can submit: the three parts, what was not assessed, and the differences from the job log."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from compliance.models import JobEvent, User
from compliance.services import answers
from compliance.types.entitlements import Reach
from compliance.types.states import AnswerValue
from tests.compliance import records
from tests.compliance.conftest import World
from tests.compliance.entitlements_on_record import TAKEN, recorded, way

Browse = Callable[[User], Client]
LIST = reverse("entitlements")


def shown(client: Client, query: str = "") -> list[str]:
    return [line["row"].principal.display for line in client.get(f"{LIST}?{query}").context["lines"]]


@pytest.fixture
def read(world: World) -> World:
    """trainer-0 can submit and did; ann can and did not; bob can after a step; a key opens it; role users act as a role."""
    ways = (
        way("0", action="bedrock:CreateModelCustomizationJob"),
        way("ann"), way("bob", reach=Reach.AFTER_STEP), way("key of account x", reach=Reach.SHARED_KEY), way("role"),
    )  # fmt: skip
    recorded(world.assessment.system, world.log, *ways)
    JobEvent.objects.filter(pk=world.events[1].pk).update(actor=None, role="arn:aws:iam::1111:user/role")
    return world


def test_without_documents_the_answer_is_not_assessed(world: World, browse: Browse, officer: User) -> None:
    text = browse(officer).get(LIST).text
    assert "Not assessed: no entitlement document on record" in text
    assert "can submit now" not in text


def test_the_answer_has_three_parts_and_two_differences(read: World, browse: Browse, officer: User) -> None:
    answer = browse(officer).get(LIST)
    figures = answer.context["content"].figures
    assert (figures.now, figures.after_step, figures.shared_key) == (3, 1, 1)
    assert figures.unused == 1
    assert "A denial by them is not seen." in answer.text
    assert "group</span> <span" in answer.text.replace("\n", "")


def test_who_submitted_without_standing_in_a_document_is_named(read: World, browse: Browse, officer: User) -> None:
    records.log_events(read.assessment.system, read.log, 1, tag="stranger", start=TAKEN - timedelta(days=3))
    content = browse(officer).get(LIST).context["content"]
    assert [str(principal) for principal in content.unentitled] == ["trainer-stranger0"]
    assert content.figures.unentitled == 1


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("reach=after_step", ["bob"]),
        ("used=no&reach=now", ["ann"]),
        ("used=yes", ["role", "trainer-0"]),
        ("q=Bedrock", ["trainer-0"]),
        ("q=ml-team&reach=shared_key", ["key of account x"]),
        ("platform=aws&reach=now", ["ann", "role", "trainer-0"]),
        ("platform=azure", ["ann", "bob", "key of account x", "role", "trainer-0"]),
    ],
)
def test_filters(read: World, browse: Browse, officer: User, query: str, expected: list[str]) -> None:
    assert shown(browse(officer), query) == expected


def test_the_last_submission_stands_beside_the_way(read: World, browse: Browse, officer: User) -> None:
    lines = {line["row"].principal.display: line["last"] for line in browse(officer).get(LIST).context["lines"]}
    assert lines["trainer-0"] == JobEvent.objects.filter(actor__display="trainer-0").latest("occurred_at").occurred_at
    assert lines["role"] == JobEvent.objects.get(pk=read.events[1].pk).occurred_at
    assert lines["ann"] is None


def test_earlier_readings_stay_open_to_view(read: World, browse: Browse, officer: User) -> None:
    recorded(read.assessment.system, read.log, way("zoe"), taken_at=TAKEN + timedelta(days=30), tag="b")
    client = browse(officer)
    assert shown(client) == ["zoe"]
    (earlier,) = client.get(LIST).context["content"].earlier
    assert "ann" in shown(client, f"reading={earlier.uuid}")


def test_export_holds_every_way_and_its_path(read: World, browse: Browse, officer: User) -> None:
    body = browse(officer).get(f"{LIST}?export=csv").getvalue().decode("utf-8-sig")
    rows = {row["who"]: row for row in csv.DictReader(io.StringIO(body))}
    assert rows["ann"]["path"] == "group ml-team → policy FineTune"
    assert rows["ann"]["jobs may run as"] == "arn:aws:iam::1111:role/training"
    assert len(rows) == 5


def test_others_readings_do_not_exist(
    world: World, browse: Browse, contributor: User, auditor: User, officer: User
) -> None:
    foreign = recorded(world.other_assessment.system, world.other_log, way("stranger"))
    for user in (contributor, auditor):
        assert browse(user).get(LIST).context["content"] is None
        assert browse(user).get(f"{LIST}?reading={foreign.uuid}").context["content"] is None
    assert shown(browse(officer), f"system={world.other_assessment.system.uuid}") == ["stranger"]


def test_an_auditor_sees_readings_of_the_period(read: World, browse: Browse, auditor: User) -> None:
    assert "ann" in shown(browse(auditor))
    recorded(read.assessment.system, read.log, way("late"), taken_at=TAKEN + timedelta(days=900), tag="late")
    assert "late" not in shown(browse(auditor))


def test_the_page_takes_the_same_queries_however_long(
    read: World, browse: Browse, officer: User, count_queries: Callable[..., int]
) -> None:
    client = browse(officer)
    few = count_queries(lambda: client.get(LIST))
    recorded(
        read.assessment.system, read.log, *(way(f"p{n}") for n in range(120)), taken_at=TAKEN + timedelta(1), tag="n"
    )
    assert count_queries(lambda: client.get(LIST)) <= few + 1


def test_the_question_shows_the_three_parts_and_what_they_contradict(
    read: World, browse: Browse, officer: User
) -> None:
    open_answer = read.assessment.answers.get(question__number=2)
    claims = {"approved_submitters": "trainer-0\nbob"}
    answers.write(
        answer=open_answer, value=AnswerValue.YES, statement="Two people.", reason="", claims=claims, actor=officer,
        expected_version=None,
    )  # fmt: skip
    says = browse(officer).get(reverse("question-detail", args=[read.assessment.uuid, 2])).context["content"].says
    facts = {str(fact.label): fact for fact in says.facts}
    assert facts["Principals who can submit now, by the documents"].value == "3"
    assert len(shown(browse(officer), facts["Can after one more step"].query)) == 1
    assert any("2 other principals can submit now: ann, role." in said for said in says.contradictions)


def test_the_question_says_when_nothing_was_assessed(world: World, browse: Browse, officer: User) -> None:
    says = browse(officer).get(reverse("question-detail", args=[world.assessment.uuid, 2])).context["content"].says
    assert any("not assessed" in fact.value for fact in says.facts)
