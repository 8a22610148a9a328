"""The page of completeness: three figures apart, what each stands on, keys and who confirmed them, and the ways there."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from compliance.models import CompletenessReading, Job, KeyComparison, LedgerEvent, User
from compliance.selectors.completeness_page import integrity_of
from compliance.services import answers, completeness
from compliance.types.completeness import Integrity, Part, RowState
from compliance.types.states import AnswerValue
from compliance.web.base import PER_PAGE
from compliance.web.jobs import subject_url
from tests.compliance import completeness_on_record as record
from tests.compliance.conftest import World

Browse = Callable[[User], Client]
PAGE = reverse("completeness")


@pytest.fixture
def read(world: World) -> CompletenessReading:
    return record.recorded(world.assessment.system, world.log)


def shown(client: Client, query: str = "") -> Any:
    return client.get(f"{PAGE}?{query}")


def compare(client: Client, reading: CompletenessReading, **changes: str) -> Any:
    body = {"key": record.KEY, "seen": record.FINGERPRINT, "way": "aws cli, own account"} | changes
    return client.post(reverse("completeness-compare", args=[reading.uuid]), body)


def test_before_anything_was_measured_the_page_says_what_to_import(world: World, browse: Browse, officer: User) -> None:
    text = shown(browse(officer)).text
    assert "Nothing was measured yet" in text
    assert "Read Digit reader again" in text


def test_the_three_figures_stand_apart(read: CompletenessReading, browse: Browse, officer: User) -> None:
    answer = shown(browse(officer))
    assert "3 of 4 accounts" in answer.text
    assert "Consistent, keys not confirmed" in answer.text
    assert "40 of 42 jobs in the platforms’ lists are in the log; 3 exceptions" in answer.text
    assert answer.context["content"].exceptions == {"coverage": 1, "integrity": 0, "reconciliation": 1}


def test_integrity_says_which_keys_from_whom_and_that_nobody_confirmed_them(
    read: CompletenessReading, browse: Browse, officer: User, contributor: User
) -> None:
    text = shown(browse(officer), "part=integrity").text
    assert f"{record.FINGERPRINT} in file cloudtrail.json, fetched by {contributor}" in text
    assert "at 2026-11-20 12:00 UTC; not independently confirmed" in text
    assert "Auditors confirm keys" in text
    assert "2.0 of 3.0, over all chains" in text


def test_reconciliation_names_what_nothing_logs(read: CompletenessReading, browse: Browse, officer: User) -> None:
    text = shown(browse(officer), "part=reconciliation").text
    assert "HyperPod cluster hp-1" in text
    assert "Slurm accounting" in text
    assert "Jobs that start inside a cluster." in text
    assert "shadow-job" in text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("part=coverage", ["444455556666"]),
        ("part=coverage&state=exceptions", ["444455556666"]),
        ("part=coverage&state=delivers", []),
        ("part=coverage&q=4444", ["444455556666"]),
        ("part=coverage&q=nobody", []),
        ("part=integrity", ["111122223333/eu-central-1"]),
        ("part=integrity&state=exceptions", []),
        ("part=reconciliation&q=shadow", ["111122223333/eu-central-1"]),
        ("part=anything", ["444455556666"]),
    ],
)
def test_filters(read: CompletenessReading, browse: Browse, officer: User, query: str, expected: list[str]) -> None:
    assert [row.place for row in shown(browse(officer), query).context["page"]] == expected


def test_lines_come_by_page_and_whole_as_csv(
    world: World, browse: Browse, officer: User, count_queries: Callable[[Callable[[], object]], int]
) -> None:
    client = browse(officer)
    system, log = world.assessment.system, world.log
    few = record.recorded(system, log, record.coverage(record.row(Part.COVERAGE, RowState.DELIVERS)), tag="few")
    many = [record.row(Part.COVERAGE, RowState.DELIVERS, f"account {n}", name="account") for n in range(120)]
    lots = record.recorded(system, log, record.coverage(*many), tag="many")
    client.get(PAGE)
    small = count_queries(lambda: shown(client, f"reading={few.uuid}"))
    assert count_queries(lambda: shown(client, f"reading={lots.uuid}")) <= small
    assert len(shown(client, f"reading={lots.uuid}").context["page"]) == PER_PAGE
    body = client.get(f"{PAGE}?reading={lots.uuid}&export=csv").getvalue().decode("utf-8-sig")
    assert len(list(csv.DictReader(io.StringIO(body)))) == 120


def test_earlier_readings_stay_open_to_view(read: CompletenessReading, browse: Browse, officer: User) -> None:
    later = record.recorded(read.system, record_log(read), record.coverage(delivering=4), tag="b")
    assert later != read
    answer = shown(browse(officer), f"system={read.system.uuid}")
    assert answer.context["content"].reading == later
    assert read in answer.context["content"].others
    assert shown(browse(officer), f"reading={read.uuid}").context["content"].reading == read


def record_log(reading: CompletenessReading) -> Any:
    return reading.system.evidence.get(filename="cloudtrail.json")


def test_a_reading_that_says_the_same_is_not_recorded_twice(world: World) -> None:
    system, log = world.assessment.system, world.log
    first = record.recorded(system, log)
    again = completeness.record(
        system=system, period=record.PERIOD, as_of=record.AS_OF, stood_on={}, actor=None,
        measured=(
            record.coverage(record.row(Part.COVERAGE, RowState.NOT_DELIVERING, "444455556666", name="account")),
            record.integrity(
                record.row(Part.INTEGRITY, RowState.CONSISTENT, starts_at=record.AS_OF, ends_at=record.AS_OF),
                document=first.figures["integrity"]["keys"][0]["document"],
            ),
            record.reconciliation(
                record.row(Part.RECONCILIATION, RowState.NOT_IN_LOG, name="shadow-job", starts_at=record.AS_OF)
            ),
        ),
    )  # fmt: skip
    assert again is None


# Keys -----------------------------------------------------------------------------------------------------------------


def test_an_auditor_confirms_a_key_and_the_figure_says_who_when_and_how(
    read: CompletenessReading, browse: Browse, auditor: User, officer: User
) -> None:
    answer = compare(browse(auditor), read)
    assert answer.status_code == 302
    assert integrity_of(read).verdict is Integrity.CONFIRMED
    text = shown(browse(officer), "part=integrity").text
    assert f"confirmed by {auditor}" in text
    assert "aws cli, own account" in text
    assert LedgerEvent.objects.filter(kind="key.compared").count() == 1


def test_another_fingerprint_goes_on_record_only_where_the_auditor_says_so(
    read: CompletenessReading, browse: Browse, auditor: User
) -> None:
    client = browse(auditor)
    compare(client, read, seen="00" * 16)
    assert not KeyComparison.objects.exists()
    assert "another fingerprint" in client.get(PAGE).text
    compare(client, read, seen="00" * 16, differs="1")
    assert integrity_of(read).verdict is Integrity.CONTRADICTED
    assert "Keys contradicted" in shown(client, "part=integrity").text


@pytest.mark.parametrize("who", ["officer", "manager", "contributor", "administrator"])
def test_nobody_but_an_auditor_confirms(
    request: pytest.FixtureRequest, read: CompletenessReading, browse: Browse, who: str
) -> None:
    client = browse(request.getfixturevalue(who))
    assert compare(client, read).status_code == 403
    assert "Compare this key" not in shown(client, "part=integrity").text
    assert not KeyComparison.objects.exists()


def test_an_auditor_sees_the_reading_of_the_engaged_period_alone(
    world: World, read: CompletenessReading, browse: Browse, auditor: User
) -> None:
    other = record.recorded(
        read.system, world.log, period=(record.PERIOD[0], record.PERIOD[1].replace(month=10)), tag="other period"
    )
    client = browse(auditor)
    assert shown(client).context["content"].reading == read
    assert shown(client, f"reading={other.uuid}").context["content"] is None
    assert compare(client, other).status_code == 404


def test_foreign_readings_do_not_exist(world: World, browse: Browse, contributor: User, auditor: User) -> None:
    foreign = record.recorded(world.other_assessment.system, world.other_log)
    for user in (contributor, auditor):
        assert shown(browse(user), f"reading={foreign.uuid}").context["content"] is None


def test_a_key_whose_list_is_gone_is_still_named(world: World) -> None:
    measured = replace(record.integrity())
    reading = record.recorded(world.assessment.system, world.log, measured)
    (key,) = integrity_of(reading).keys
    assert (key.document, key.file_name, key.fetched_at) == (None, "", None)


# The ways there -------------------------------------------------------------------------------------------------------


def test_the_job_log_shows_the_figures_and_leads_to_them(
    read: CompletenessReading, browse: Browse, officer: User
) -> None:
    text = browse(officer).get(reverse("job-log")).text
    assert "Consistent, keys not confirmed" in text
    assert "40 of 42 jobs" in text
    assert f"{PAGE}?part=integrity&amp;reading={read.uuid}" in text


def test_without_a_reading_the_job_log_says_what_was_not_done(world: World, browse: Browse, officer: User) -> None:
    text = browse(officer).get(reverse("job-log")).text
    assert "no digest files were imported" in text
    assert "Not done" in text


def test_the_job_that_reads_leads_to_the_page_of_its_system(
    read: CompletenessReading, world: World, browse: Browse, officer: User
) -> None:
    client = browse(officer)
    client.post(reverse("completeness-read"), {"system": read.system.uuid})
    job = Job.objects.get(kind="completeness")
    url = reverse("completeness-system", args=[job.subject_uuid])
    assert client.get(url).context["content"].reading == read
    assert subject_url(job) == url
    assert client.post(reverse("completeness-read")).status_code == 303
    assert Job.objects.filter(kind="completeness").count() == 1


def test_the_question_for_the_log_is_held_against_the_figures(
    read: CompletenessReading, world: World, browse: Browse, officer: User
) -> None:
    answers.write(
        answer=world.assessment.answers.get(question__number=4), value=AnswerValue.YES, statement="Here it is.", reason="",
        claims={}, actor=officer, expected_version=None,
    )  # fmt: skip
    url = reverse("question-detail", kwargs={"uuid": world.assessment.uuid, "number": 4})
    text = browse(officer).get(url).text
    assert "not independently confirmed" in text
    assert "2 jobs stand in a platform’s own list or bill and in no log" in text
    assert f"{PAGE}?part=coverage&amp;reading={read.uuid}" in text


def test_the_question_says_where_the_period_was_not_read(world: World, browse: Browse, officer: User) -> None:
    url = reverse("question-detail", kwargs={"uuid": world.assessment.uuid, "number": 4})
    assert "the period was not read for completeness" in browse(officer).get(url).text


# The interface for programs -------------------------------------------------------------------------------------------


def test_the_interface_gives_readings_lines_documents_and_comparisons(
    read: CompletenessReading, browse: Browse, officer: User, auditor: User
) -> None:
    compare(browse(auditor), read)
    client = browse(officer)
    base = reverse("api-completeness-readings-detail", args=[read.uuid])
    told = client.get(base).json()
    assert (told["integrity"], told["figures"]["integrity"]["verdict"]) == ("confirmed", "consistent")
    lines = client.get(f"{base}rows/?part=reconciliation").json()["results"]
    assert [line["name"] for line in lines] == ["shadow-job"]
    (document,) = client.get(reverse("api-platform-documents-list")).json()["results"]
    assert "content" not in document
    (comparison,) = client.get(reverse("api-key-comparisons-list")).json()["results"]
    assert comparison["matches"] is True
