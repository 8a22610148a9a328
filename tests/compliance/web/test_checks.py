"""The pages of the checks, and of what is stated for them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
from django.test import Client
from django.urls import reverse

from compliance.models import (
    AccessReview,
    AccessReviewLine,
    ChangeWindow,
    CheckRun,
    Engagement,
    ExpectedRate,
    Job,
    JobApproval,
    User,
)
from compliance.services import access_reviews, answers, leases
from compliance.types.access_reviews import Decision
from compliance.types.checks import PRODUCER, CheckRule
from compliance.types.states import AnswerValue
from scanning.services import checks
from tests.compliance import records
from tests.compliance.conftest import World
from tests.compliance.entitlements_on_record import recorded, way

Browse = Callable[[User], Client]
LIST = reverse("check-list")


def checked(world: World) -> CheckRun:
    run = checks.request(system=world.assessment.system, actor=None, dispatch=False)
    leases.run_here(job=run.job)
    return CheckRun.objects.get(pk=run.pk)


@pytest.fixture
def strangers(world: World, officer: User) -> CheckRun:
    """A run in which nobody who submitted is on the approved list."""
    answers.write(
        answer=world.assessment.answers.get(question__number=2), value=AnswerValue.YES, statement="Ann may.", reason="",
        claims={"approved_submitters": "ann", "second_approval": "always"}, actor=officer, expected_version=None,
    )  # fmt: skip
    return checked(world)


def test_before_the_first_run_the_page_says_what_to_do(
    world: World, browse: Browse, officer: User, auditor: User
) -> None:
    text = browse(officer).get(LIST).text
    assert "Nothing was checked yet" in text
    assert "Check Digit reader" in text
    assert "Check Digit reader" not in browse(auditor).get(LIST).text


def test_the_button_queues_the_checks(world: World, browse: Browse, officer: User, contributor: User) -> None:
    start = reverse("check-start")
    answer = browse(contributor).post(start, {"system": str(world.assessment.system.uuid)})
    assert answer.status_code == 303
    assert Job.objects.get(kind="checks").requested_by == contributor
    for sent in ({}, {"system": str(world.other_assessment.system.uuid)}):
        assert "Choose the AI system" in browse(contributor).post(start, sent, follow=True).text
    assert Job.objects.filter(kind="checks").count() == 1


def test_a_line_for_each_rule_with_its_exceptions(strangers: CheckRun, browse: Browse, officer: User) -> None:
    answer = browse(officer).get(LIST)
    content = answer.context["content"]
    assert [line.rule for line in content.lines] == list(CheckRule)
    assert (content.lines[0].exceptions, content.lines[0].verdict) == (3, "finding")
    assert "Exceptions: 3 of 3 jobs." in answer.text
    assert content.without_answer > 5


def test_exceptions_lead_to_their_events(world: World, strangers: CheckRun, browse: Browse, auditor: User) -> None:
    page = reverse("check-run-exceptions", args=[strangers.uuid])
    answer = browse(auditor).get(page, {"rule": "submitter-not-approved"})
    assert [line["event"] for line in answer.context["lines"]] == list(world.events)
    assert reverse("job-event", args=[world.events[0].uuid]) in answer.text
    body = browse(auditor).get(page, {"export": "csv"}).getvalue().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(body)))
    assert {row["check"] for row in rows} >= {"Submitter not on the approved list", "Base model unknown"}


def test_the_event_shows_what_the_checks_say_of_it(
    world: World, strangers: CheckRun, browse: Browse, officer: User
) -> None:
    page = browse(officer).get(reverse("job-event", args=[world.events[0].uuid]))
    titles = [row.title for row in page.context["content"].exceptions]
    assert "Submitter not on the approved list" in titles
    assert "who is not on the approved list." in page.text


def test_a_run_that_repeats_another_shows_its_exceptions(
    world: World, strangers: CheckRun, browse: Browse, officer: User
) -> None:
    again = checked(world)
    assert again.repeats == strangers
    page = browse(officer).get(reverse("check-run-exceptions", args=[again.uuid]))
    assert page.context["page"].paginator.count >= 3


def test_others_runs_do_not_exist(
    world: World, strangers: CheckRun, browse: Browse, contributor: User, auditor: User
) -> None:
    CheckRun.objects.update(system=world.other_assessment.system)
    for user in (contributor, auditor):
        assert browse(user).get(LIST).context["content"] is None
        assert browse(user).get(reverse("check-run", args=[strangers.uuid])).status_code == 404


def test_an_auditor_sees_runs_within_the_engagement_alone(
    world: World, strangers: CheckRun, browse: Browse, auditor: User
) -> None:
    whole = f"/api/v1/observations/?producer={PRODUCER}"
    client = browse(auditor)
    assert client.get(LIST).context["run"] == strangers
    assert client.get(whole).json()["count"] > len(CheckRule)
    Engagement.objects.update(period_start="2026-06-01")
    assert client.get(LIST).context["run"] is None
    assert client.get(reverse("check-run-exceptions", args=[strangers.uuid])).status_code == 404
    assert client.get(whole).json()["count"] == 0


def test_pages_take_the_same_queries_however_long(
    world: World, strangers: CheckRun, browse: Browse, officer: User, count_queries: Callable[..., int]
) -> None:
    client = browse(officer)
    pages = (LIST, reverse("check-run-exceptions", args=[strangers.uuid]))
    few = [count_queries(lambda page=page: client.get(page)) for page in pages]
    records.log_events(world.assessment.system, world.log, 30, actors=7, tag="more")
    run = checked(world)
    pages = (LIST, reverse("check-run-exceptions", args=[run.uuid]))
    many = [count_queries(lambda page=page: client.get(page)) for page in pages]
    assert many[0] <= few[0] + 1
    assert many[1] <= few[1] + 1


# What is stated -------------------------------------------------------------------------------------------------------


def test_an_approval_is_recorded_and_withdrawn(world: World, browse: Browse, contributor: User) -> None:
    client, page = browse(contributor), reverse("approval-list")
    assert "No approval recorded" in client.get(page).text
    sent = {
        "system": world.assessment.system.pk, "job": "fine-tune-0", "approver": "lead@example.org",
        "approved_at": "2026-03-01T09:00", "dataset_digest": f"sha256:{'ab' * 32}", "base_digest": "",
    }  # fmt: skip
    assert "fine-tune-0" in client.post(reverse("approval-new"), sent, follow=True).text
    approval = JobApproval.objects.get()
    assert approval.approved_at == datetime(2026, 3, 1, 9, tzinfo=UTC)
    assert "withdrawn" in client.post(reverse("approval-withdraw", args=[approval.uuid]), follow=True).text
    assert "no SHA-256" in client.post(reverse("approval-new"), sent | {"base_digest": "abc"}).text


def test_windows_and_silence_are_stated_by_officers(
    world: World, browse: Browse, officer: User, contributor: User
) -> None:
    client, page = browse(officer), reverse("expectation-list")
    window = {
        "window-system": world.assessment.system.pk, "window-days": ["0", "4"], "window-opens": "09:00",
        "window-closes": "17:00", "window-time_zone": "Europe/Berlin", "window-effective_from": "2026-01-01",
    }  # fmt: skip
    assert (
        "Monday, Friday, 09:00–17:00 (Europe/Berlin)"
        in client.post(reverse("expectation-window"), window, follow=True).text
    )
    rate = {
        "rate-system": world.assessment.system.pk,
        "rate-source": "aws-cloudtrail",
        "rate-longest_silence_hours": "24",
    }
    assert "24 hours" in client.post(reverse("expectation-rate"), rate, follow=True).text
    assert (ChangeWindow.objects.count(), ExpectedRate.objects.count()) == (1, 1)
    assert client.post(reverse("expectation-window"), window | {"window-closes": "09:00"}).status_code == 422
    assert client.post(reverse("expectation-rate"), rate | {"rate-longest_silence_hours": "0"}).status_code == 422
    assert "State the window" not in browse(contributor).get(page).text
    assert browse(contributor).post(reverse("expectation-window"), window).status_code == 403


# Beside the answers ---------------------------------------------------------------------------------------------------


def says(client: Client, world: World, number: int) -> tuple[dict[str, str], tuple[str, ...]]:
    page = client.get(reverse("question-detail", args=[world.assessment.uuid, number]))
    content = page.context["content"].says
    return {str(fact.label): fact.value for fact in content.facts}, content.contradictions


def test_before_the_checks_the_question_says_they_were_not_run(world: World, browse: Browse, officer: User) -> None:
    for number in range(1, 5):
        facts, _against = says(browse(officer), world, number)
        assert facts["Checks on job events"] == "not run for this period yet"


def test_exceptions_contradict_a_yes(world: World, strangers: CheckRun, browse: Browse, officer: User) -> None:
    facts, against = says(browse(officer), world, 2)
    assert facts["Submitter not on the approved list"] == "3 of 3"
    assert facts["Job without approval"].startswith("Not checked. No approval of a job is on record")
    assert any("Submitter not on the approved list (3 of 3)" in told for told in against)
    assert any("No approval of any of the 3 jobs is on record." in told for told in against)


def test_checks_of_another_period_say_nothing(world: World, strangers: CheckRun, browse: Browse, officer: User) -> None:
    CheckRun.objects.update(period_end="2026-06-30")
    assert says(browse(officer), world, 1)[0]["Checks on job events"] == "not run for this period yet"


def test_the_access_review_stands_beside_the_answer(world: World, browse: Browse, officer: User, manager: User) -> None:
    facts, _against = says(browse(officer), world, 2)
    assert facts["Access review"] == "none was completed in the period"
    answers.write(
        answer=world.assessment.answers.get(question__number=2), value=AnswerValue.YES, statement="Reviewed.", reason="",
        claims={"last_review": "2026-10-01"}, actor=officer, expected_version=None,
    )  # fmt: skip
    assert any(
        "last reviewed on 2026-10-01. No completed review" in told for told in says(browse(officer), world, 2)[1]
    )
    day = date(2026, 12, 1)
    review = access_reviews.open_review(
        reading=recorded(world.assessment.system, world.log, way("ann")), reviewer=manager, due_on=day,
        removals_due_on=day, actor=officer,
    )  # fmt: skip
    access_reviews.decide(
        review=review, lines=list(review.lines.all()), decision=Decision.REMOVE, reason="Left.", actor=manager
    )
    access_reviews.complete(review=review, statement="", actor=manager)
    AccessReview.objects.update(completed_at="2026-11-03T10:00:00Z")
    AccessReviewLine.objects.update(decided_at="2026-11-03T10:00:00Z")
    recorded(world.assessment.system, world.log, way("ann"), taken_at=datetime(2026, 12, 2, tzinfo=UTC), tag="later")
    facts, against = says(browse(officer), world, 2)
    assert (
        facts["Access review"]
        == "2026-11-03: 0 kept, 1 to be removed, of these 0 confirmed, " + facts["Access review"][-6:]
    )
    assert any("completed on 2026-11-03" in told for told in against)
    assert any("1 principal whose access was to be removed still stands" in told for told in against)
