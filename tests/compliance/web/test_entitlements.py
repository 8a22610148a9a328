"""Who can submit: the three parts, what was not assessed, and the differences from the job log."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from compliance.models import EntitlementReading, JobEvent, User
from compliance.services import answers
from compliance.types.entitlements import Reach
from compliance.types.states import ActionClass, AnswerValue, Outcome
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
    system = read.assessment.system
    recorded(system, read.log, way("ann"), way("new"), taken_at=TAKEN + timedelta(1), tag="a")
    grants(read, 1, at=TAKEN + timedelta(hours=2))
    few = count_queries(lambda: client.get(LIST))
    recorded(system, read.log, *(way(f"p{n}") for n in range(120)), taken_at=TAKEN + timedelta(2), tag="n")
    grants(read, 30, at=TAKEN + timedelta(hours=26), tag="more")
    assert count_queries(lambda: client.get(LIST)) <= few + 1


def grants(world: World, count: int, *, at: datetime, tag: str = "grant", outcome: Outcome = Outcome.SUCCESS) -> None:
    """Changes of rights in the log, one a minute."""
    made = records.log_events(world.assessment.system, world.log, count, tag=tag, start=at)
    JobEvent.objects.filter(pk__in=[one.pk for one in made]).update(
        action="iam:AttachUserPolicy", action_class=ActionClass.GRANT, outcome=outcome, job_name="zoe",
        inputs=[{"role": "granted_policy", "uri": "arn:aws:iam::1111:policy/FineTune"}],
    )  # fmt: skip


def test_the_first_reading_has_nothing_to_be_held_against(read: World, browse: Browse, officer: User) -> None:
    answer = browse(officer).get(LIST)
    assert answer.context["compared"] is None
    assert "This is the first reading of this system" in answer.text


@pytest.fixture
def later(read: World) -> World:
    """Thirty days on: ann can only after a step, bob is gone, zoe has come; the rest is as before."""
    ways = (
        way("0", action="bedrock:CreateModelCustomizationJob"), way("ann", reach=Reach.AFTER_STEP), way("zoe"),
        way("key of account x", reach=Reach.SHARED_KEY), way("role"),
        replace(way("waiting"), missing=("iam:PassRole",)),
    )  # fmt: skip
    recorded(read.assessment.system, read.log, *ways, taken_at=TAKEN + timedelta(days=30), tag="b")
    return read


def test_who_came_who_went_and_who_moved_since_the_reading_before(later: World, browse: Browse, officer: User) -> None:
    answer = browse(officer).get(LIST)
    compared = answer.context["compared"]
    assert [str(one) for one in compared.added] == ["zoe"]
    assert [str(one) for one in compared.removed] == ["bob"]
    assert [(str(one.principal), one.before, one.after) for one in compared.moved] == [
        ("ann", (Reach.NOW,), (Reach.AFTER_STEP,))
    ]
    assert "hold no change of rights in that time, although the readings differ" in answer.text


def test_of_many_who_came_the_first_are_named_and_all_are_counted(read: World, browse: Browse, officer: User) -> None:
    many = [way(f"p{n:03}") for n in range(60)]
    recorded(read.assessment.system, read.log, *many, taken_at=TAKEN + timedelta(1), tag="many")
    answer = browse(officer).get(LIST)
    compared = answer.context["compared"]
    assert (len(compared.added), compared.counts) == (50, {"added": 60, "removed": 5, "moved": 0})
    assert "… of 60" in answer.text
    assert "60 came, 5 went, 0 can otherwise than before" in answer.text


def test_a_way_from_which_something_is_missing_counts_in_no_figure(later: World, browse: Browse, officer: User) -> None:
    figures = browse(officer).get(LIST).context["content"].figures
    assert (figures.now, figures.after_step, figures.shared_key) == (3, 1, 1)


def test_changes_of_rights_between_the_readings_are_shown_from_the_job_log(
    later: World, browse: Browse, officer: User
) -> None:
    grants(later, 2, at=TAKEN + timedelta(days=3))
    grants(later, 1, at=TAKEN + timedelta(days=4), tag="refused", outcome=Outcome.DENIED)
    grants(later, 1, at=TAKEN - timedelta(days=1), tag="before")
    grants(later, 1, at=TAKEN + timedelta(days=31), tag="after")
    answer = browse(officer).get(LIST)
    compared = answer.context["compared"]
    assert (compared.granted, compared.refused, len(compared.grants)) == (2, 1, 3)
    assert "arn:aws:iam::1111:policy/FineTune" in answer.text
    assert f"act=grant&amp;system={later.assessment.system.uuid}&amp;from=2026-06-01&amp;to=2026-07-01" in answer.text


def test_other_documents_under_a_reading_are_said_beside_the_difference(
    read: World, browse: Browse, officer: User
) -> None:
    recorded(read.assessment.system, read.log, way("zoe"), scope="444455556666", taken_at=TAKEN + timedelta(1), tag="c")
    answer = browse(officer).get(LIST)
    assert answer.context["compared"].only_now == (("aws-account-authorization", "444455556666"),)
    assert "a principal may seem to come or go because a document did" in answer.text


def test_any_two_readings_can_be_compared_and_the_earlier_one_always_comes_first(
    later: World, browse: Browse, officer: User
) -> None:
    client = browse(officer)
    recorded(later.assessment.system, later.log, way("zoe"), taken_at=TAKEN + timedelta(days=60), tag="c")
    last, middle, first = EntitlementReading.objects.filter(system=later.assessment.system).order_by("-as_of")
    for one, other in ((last, first), (first, last)):
        compared = client.get(f"{LIST}?reading={one.uuid}&against={other.uuid}").context["compared"]
        assert (compared.earlier, compared.later) == (first, last)
    assert client.get(f"{LIST}?reading={middle.uuid}").context["compared"].earlier == first
    assert client.get(f"{LIST}?reading={last.uuid}&against={last.uuid}").context["compared"] is None


def test_a_reading_of_another_system_is_not_compared(later: World, browse: Browse, officer: User) -> None:
    foreign = recorded(later.other_assessment.system, later.other_log, way("stranger"))
    assert browse(officer).get(f"{LIST}?against={foreign.uuid}").context["compared"] is None
    assert browse(officer).get(f"{LIST}?against=nonsense").status_code == 404


def test_an_auditor_compares_readings_of_the_period_alone(later: World, browse: Browse, auditor: User) -> None:
    assert browse(auditor).get(LIST).context["compared"].earlier.as_of == TAKEN
    late = recorded(later.assessment.system, later.log, way("late"), taken_at=TAKEN + timedelta(days=900), tag="late")
    assert browse(auditor).get(f"{LIST}?against={late.uuid}").context["compared"] is None


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
