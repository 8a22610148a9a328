"""The job log: filters, export, scoping, and one event down to its raw record."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from compliance.models import AISystem, JobEvent, User
from compliance.services import evidence, ledger
from compliance.types.states import ActionClass, Outcome
from tests.compliance import records
from tests.compliance.conftest import World

Browse = Callable[[User], Client]
LIST = reverse("job-log")


def shown(client: Client, query: str = "") -> list[str]:
    """Names of the jobs on the first page of the list."""
    return [event.job_name for event in client.get(f"{LIST}?{query}").context["page"]]


def test_lists_events_newest_first_and_says_who_is_not_named(world: World, browse: Browse, officer: User) -> None:
    records.log_events(world.assessment.system, world.log, 10, tag="b")
    answer = browse(officer).get(LIST)
    times = [event.occurred_at for event in answer.context["page"]]
    assert times == sorted(times, reverse=True)
    assert "not recorded by the source" in answer.text
    assert "14 job events" in " ".join(answer.text.split())


def test_three_figures_stand_apart_and_claim_nothing(world: World, browse: Browse, officer: User) -> None:
    text = browse(officer).get(LIST).text
    assert "no digest files were imported" in text
    assert "no job list of a platform was imported" in text
    assert "1 account" in text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=fine-tune-1", ["fine-tune-1"]),
        ("who=trainer-0&from=2026-03-02&to=2026-03-02", ["fine-tune-2", "fine-tune-1", "fine-tune-0"]),
        ("from=2026-03-03", ["fine-tune-denied0"]),
        ("outcome=denied", ["fine-tune-denied0"]),
        ("act=grant", ["fine-tune-denied0"]),
        ("named=no", []),
        ("sort=job&outcome=success", ["fine-tune-0", "fine-tune-1", "fine-tune-2"]),
        ("sort=-job&outcome=success", ["fine-tune-2", "fine-tune-1", "fine-tune-0"]),
    ],
)
def test_filters_and_sorts(world: World, browse: Browse, contributor: User, query: str, expected: list[str]) -> None:
    records.log_events(
        world.assessment.system,
        world.log,
        1,
        outcome=Outcome.DENIED,
        action_class=ActionClass.GRANT,
        tag="denied",
        start=records.LONG_AGO.replace(day=20),
    )
    assert shown(browse(contributor), query) == expected


def test_figure_of_a_question_leads_to_the_rows_it_counts(world: World, browse: Browse, officer: User) -> None:
    page = browse(officer).get(reverse("question-detail", args=[world.assessment.uuid, 2]))
    facts = {str(fact.label): fact for fact in page.context["content"].says.facts}
    for label in ("Jobs submitted in the period", "Refused attempts", "Jobs of which no source names the submitter"):
        assert str(len(shown(browse(officer), facts[label].query))) == facts[label].value


def test_list_takes_the_same_queries_however_long(
    world: World, browse: Browse, officer: User, count_queries: Callable[..., int]
) -> None:
    client = browse(officer)
    few = count_queries(lambda: client.get(LIST))
    records.log_events(world.assessment.system, world.log, 60, actors=20, tag="many")
    assert count_queries(lambda: client.get(LIST)) == few


def test_others_events_do_not_exist(world: World, browse: Browse, contributor: User, auditor: User) -> None:
    for user in (contributor, auditor):
        client = browse(user)
        assert "fine-tune-other0" not in client.get(LIST).text
        assert client.get(reverse("job-event", args=[world.other_event.uuid])).status_code == 404
        assert client.get(reverse("job-event", args=[world.events[0].uuid])).status_code == 200


def test_export_is_as_filtered_and_runs_no_formula(world: World, browse: Browse, officer: User) -> None:
    JobEvent.objects.filter(pk=world.events[0].pk).update(job_name='=HYPERLINK("http://x")')
    answer = browse(officer).get(LIST, {"export": "csv", "system": str(world.assessment.system.uuid), "sort": "time"})
    body = answer.getvalue().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(body)))
    assert [row["job name"] for row in rows] == ['\'=HYPERLINK("http://x")', "fine-tune-1", "fine-tune-2"]
    assert rows[0]["occurred at (UTC)"] == "2026-03-02T09:30:00Z"
    assert "attachment" in answer["Content-Disposition"]


def test_event_shows_every_field_and_its_raw_record_inertly(world: World, browse: Browse, auditor: User) -> None:
    text = browse(auditor).get(reverse("job-event", args=[world.events[0].uuid])).text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
    assert "Not given by the source" in text
    assert "output model" in text
    assert "requestParameters.environment" in text
    assert "Records[0]" in text
    assert "s3://training/data" in text


def test_event_says_where_each_field_was_taken_from(world: World, browse: Browse, officer: User) -> None:
    origins = {"job_name": "/requestParameters/trainingJobName", "actor": "/userIdentity/arn", "inputs/0": "/in/0"}
    JobEvent.objects.filter(pk=world.events[0].pk).update(origins=origins)
    text = browse(officer).get(reverse("job-event", args=[world.events[0].uuid])).text
    assert all(f'from <code class="text-break">{pointer}</code>' in text for pointer in origins.values())


def test_direction_marks_of_a_raw_record_are_made_visible(world: World, browse: Browse, officer: User) -> None:
    JobEvent.objects.filter(pk=world.events[0].pk).update(raw={"name": "model\u202egnp.exe"})
    text = browse(officer).get(reverse("job-event", args=[world.events[0].uuid])).text
    assert "\u202e" not in text
    assert "model\\u202egnp.exe" in text


def test_event_leads_from_control_over_question_to_its_document(world: World, browse: Browse, officer: User) -> None:
    evidence.link(evidence=world.log, target=world.assessment.answers.get(question__number=3), actor=officer)
    ledger.seal()
    text = browse(officer).get(reverse("job-event", args=[world.events[0].uuid])).text
    assert reverse("catalogue-control", args=["BDM-15"]) in text
    assert reverse("question-detail", args=[world.assessment.uuid, 3]) in text
    assert reverse("evidence-detail", args=[world.log.uuid]) in text
    assert "The import lies at position" in text


def test_empty_log_says_what_is_not_known(browse: Browse, officer: User, system: AISystem) -> None:
    text = browse(officer).get(LIST).text
    assert "No job event on record" in text
    assert reverse("import-new") in text
