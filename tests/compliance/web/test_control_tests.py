"""Pages of tests, samples, populations and auditors' findings: an audit from plan to follow-up, and who sees what of it."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from compliance.models import AuditFinding, ControlTest, Population, SampledInstance, TestingScheme, User
from compliance.sampling import rank_key
from compliance.services import leases
from scanning.services import checks
from tests.compliance import records, tests_of_controls
from tests.compliance.conftest import World
from tests.compliance.tests_of_controls import TICKETS, Audit

pytestmark = pytest.mark.django_db
PLAN = {
    "kind": "operation",
    "procedure": "Compare the approval with the start.",
    "methods": ["examine", "inquire"],
    "attributes": "Approved before the start\nB: Approver is not the submitter",
    "period_start": "2026-01-01",
    "period_end": "2026-12-31",
}
DRAW = {
    "selection": "fixed",
    "seed": "2026-11-27 Ada",
    "size": "3",
    "confidence": "0.95",
    "tolerable": "5",
    "expected": "0",
}


@pytest.fixture
def audit(world: World, auditor: User, officer: User) -> Audit:
    return tests_of_controls.audit(world, auditor, officer)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def at(name: str, record: Any) -> str:
    return reverse(name, args=[record.uuid])


def posted(client: Client, name: str, record: Any, **data: Any) -> str:
    """The page on which a POST ends."""
    response = client.post(at(name, record), data, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def test_an_audit_from_plan_to_follow_up(
    audit: Audit, world: World, auditor: User, manager: User, officer: User
) -> None:
    client, second, staff = signed_in(auditor), signed_in(audit.reviewer), signed_in(manager)
    start = f"{reverse('control-test-new')}?engagement={audit.engagement.uuid}&control={audit.control.uuid}"
    response = client.post(start, {**PLAN, "population": audit.population.uuid}, follow=True)
    test = ControlTest.objects.latest("pk")
    assert [one.key for one in test.attributes] == ["A", "B"]
    assert "Draw a sample" in response.content.decode()

    assert "Draw 1 is on record, with 3 rows." in posted(client, "control-test-draw", test, **DRAW)
    ids = sorted((str(n) for n in range(1, 41)), key=lambda row: rank_key(DRAW["seed"], row))
    first, *others = SampledInstance.objects.filter(test=test).order_by("rank")
    assert [first.row_id, *(one.row_id for one in others)] == ids[:3]
    results = {"result_A": "exception", "note_A": "A day late.", "result_B": "pass", "then": "next"}
    assert "Instance 2 of 3" in posted(client, "sampled-instance-record", first, **results)
    for instance in others:
        page = posted(client, "sampled-instance-record", instance, result_A="pass", result_B="pass", then="next")
    assert "Every instance has its results." in page

    assert "A day late." in client.get(at("control-test-finding", test)).text
    written = {
        "title": "A job ran before its approval", "condition": "One of 3.", "criteria": "Always before.", "rating": "High",
        "results": [str(first.results.get(attribute="A").uuid)],
    }  # fmt: skip
    client.post(at("control-test-finding", test), written)
    row = AuditFinding.objects.get()
    assert staff.get(at("audit-finding-detail", row)).status_code == 404
    assert "Waits for management" in posted(client, "audit-finding-issue", row)
    answer = {
        "agreement": "agree", "words": "We agree.", "action": "Block jobs without a ticket.", "owner": manager.pk,
        "due_on": "2026-12-20", "effort": "2",
    }  # fmt: skip
    assert "The response is on record" in posted(staff, "audit-finding-respond", row, **answer)
    assert "The response is accepted." in posted(client, "audit-finding-evaluate", row, words="Good.", act="accept")
    shown = records.evidence(world.assessment.system, b"gate", actor=officer, filename="gate.json")
    world_seen = {"outcome": "close", "words": "The gate is in place.", "evidence": str(shown.uuid)}
    assert "Select a valid choice" in posted(client, "audit-finding-follow-up", row, **world_seen)
    page = posted(client, "audit-finding-follow-up", row, **{**world_seen, "evidence": str(world.log.uuid)})
    assert "Followed up: closed" in page

    said = {"conclusion": "not_effective", "statement": "One of three ran before its approval."}
    assert "Not operating effectively" in posted(client, "control-test-conclude", test, **said)
    assert "You prepared this test" in posted(client, "control-test-move", test, act="agree")
    assert "Agreed, not released" in posted(second, "control-test-move", test, act="agree", note="Seen.")
    assert staff.get(at("control-test-detail", test)).status_code == 404
    assert "Released" in posted(client, "control-test-move", test, act="release")
    page = staff.get(at("control-test-detail", test)).content.decode()
    assert "Not operating effectively" in page
    assert DRAW["seed"] in page


def test_inquiry_alone_is_refused_in_words(audit: Audit, auditor: User) -> None:
    client = signed_in(auditor)
    client.post(
        at("control-test-change", audit.test), {**PLAN, "methods": ["inquire"], "population": audit.population.uuid}
    )
    for instance in tests_of_controls.drawn(ControlTest.objects.get(pk=audit.test.pk), size=1, actor=auditor):
        tests_of_controls.passed(instance, actor=auditor)
    said = {"conclusion": "effective", "statement": "Everybody said that it runs."}
    assert "cannot rest on inquiry alone" in posted(client, "control-test-conclude", audit.test, **said)


def test_a_finding_of_a_test_without_exceptions_asks_for_none(audit: Audit, auditor: User) -> None:
    client = signed_in(auditor)
    assert "Exceptions that it rests on" not in client.get(at("control-test-finding", audit.test)).text
    written = {"title": "No gate", "condition": "None.", "criteria": "One.", "rating": "High"}
    client.post(at("control-test-finding", audit.test), written)
    assert AuditFinding.objects.get().results.count() == 0


def test_checks_of_the_whole_population_are_offered_by_name(audit: Audit, auditor: User) -> None:
    run = checks.request(system=audit.control.system, actor=None, dispatch=False)
    leases.run_here(job=run.job)
    page = signed_in(auditor).get(at("control-test-change", audit.test)).text
    assert "Gap in the log. " in page
    assert "Job without approval. " in page


def test_a_list_is_handed_in_and_counted_by_a_job(audit: Audit, world: World, auditor: User) -> None:
    client = signed_in(auditor)
    sent = {
        "title": "Tickets of the year", "engagement": audit.engagement.uuid, "system": world.assessment.system.uuid,
        "kind": "list", "period_start": "2026-01-01", "period_end": "2026-12-31", "stated_count": "41",
        "file": SimpleUploadedFile("tickets.csv", TICKETS),
    }  # fmt: skip
    assert "Being counted" in client.post(reverse("population-new"), sent, follow=True).content.decode()
    population = Population.objects.latest("pk")
    assert client.get(at("population-rows", population)).status_code == 404
    leases.run_here(job=population.job)
    page = client.get(at("population-detail", population)).content.decode()
    assert "40 rows were counted, 41 were stated." in page
    rows = client.get(at("population-rows", population))
    assert rows["Content-Disposition"].startswith("attachment")
    assert len(b"".join(rows.streaming_content).splitlines()) == 40  # type: ignore[attr-defined]  # a FileResponse


def test_a_list_that_cannot_be_read_says_why_on_its_page(audit: Audit, auditor: User) -> None:
    population = tests_of_controls.listed(audit.engagement, io.BytesIO(b"a,b\n1\n"), actor=auditor)
    leases.run_here(job=population.job)
    page = signed_in(auditor).get(at("population-detail", population)).content.decode()
    assert "Line 2 has 1 cells and the first line 2" in page


def test_an_instance_goes_its_way_by_page(audit: Audit, auditor: User) -> None:
    client = signed_in(auditor)
    first, second, _third = tests_of_controls.drawn(audit.test, size=3, actor=auditor)
    page = client.get(at("sampled-instance-detail", first)).content.decode()
    assert at("sampled-instance-detail", second) in page
    assert "needs a note" in posted(client, "sampled-instance-record", first, result_A="exception", then="next")
    assert "Agrees with the source" in posted(client, "sampled-instance-source", first, **{"source-check": "agrees"})
    assert "Say why the instance is void" in posted(client, "sampled-instance-void", first)
    page = posted(client, "sampled-instance-void", first, reason="A drill.")
    assert "this is the next in its ranking" in page
    assert "in place of" in page


def test_a_sample_is_extended_drawn_again_and_followed_by_name(audit: Audit, auditor: User) -> None:
    client = signed_in(auditor)
    tests_of_controls.drawn(audit.test, size=3, actor=auditor)
    posted(client, "control-test-extend", audit.test, **{"extend-more": "2", "extend-reason": "One exception."})
    assert "say why another one is needed" in posted(client, "control-test-draw", audit.test, **{**DRAW, "seed": "2"})
    page = posted(client, "control-test-draw", audit.test, **{**DRAW, "seed": "2", "reason": "Wrong population."})
    assert page.count("2026-11-27 Ada") == 2
    assert "Drawn again 1 time:" in page  # the extension is none
    third = {**DRAW, "seed": "3", "reason": "Once more."}
    assert "Drawn again 2 times:" in posted(client, "control-test-draw", audit.test, **third)
    named = {"named-name": "job-9", "named-description": "Named by the owner."}
    assert "Named by the owner." in posted(client, "control-test-add", audit.test, **named)


def test_an_engagement_has_ratings_and_sizes_of_its_own(audit: Audit, auditor: User) -> None:
    client = signed_in(auditor)
    assert "Annual: 1" in client.get(at("engagement-testing", audit.engagement)).content.decode()
    bad = {"ratings": "Major: awful", "sizes": "Daily: 20"}
    assert "names no severity" in posted(client, "engagement-testing", audit.engagement, **bad)
    client.post(
        at("engagement-testing", audit.engagement),
        {"ratings": "Major: high: At once.\nMinor: low", "sizes": "Daily: 30"},
    )
    scheme = TestingScheme.objects.get()
    assert [(one.word, one.severity, one.means) for one in scheme.ratings] == [
        ("Major", "high", "At once."),
        ("Minor", "low", ""),
    ]


LISTS = ("control-test-list", "population-list", "audit-finding-list")


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_every_list_is_a_file_too(audit: Audit, auditor: User, name: str, kind: str) -> None:
    response = signed_in(auditor).get(f"{reverse(name)}?export={kind}")
    assert response["Content-Disposition"].startswith("attachment")


def test_the_sample_is_a_file_with_what_was_found(audit: Audit, auditor: User) -> None:
    instance = tests_of_controls.drawn(audit.test, size=3, actor=auditor)[0]
    tests_of_controls.passed(instance, actor=auditor)
    response = signed_in(auditor).get(f"{at('control-test-detail', audit.test)}?export=csv")
    text = (response.getvalue() if response.streaming else response.content).decode()
    assert "A: Approved before the start" in text
    assert "2026-11-27 Ada" in text


def test_pages_of_many_take_few_queries(audit: Audit, auditor: User, django_assert_max_num_queries: Any) -> None:
    client = signed_in(auditor)
    for instance in tests_of_controls.drawn(audit.test, size=40, actor=auditor):
        tests_of_controls.passed(instance, actor=auditor)
    for _n in range(5):
        tests_of_controls.planned(audit.engagement, audit.control, actor=auditor)
    for address in (*map(reverse, LISTS), at("control-test-detail", audit.test)):
        client.get(address)
        with django_assert_max_num_queries(35 if "tests/" in address and address != reverse(LISTS[0]) else 20):
            assert client.get(address).status_code == 200


def test_a_contributor_of_the_system_reads_a_released_test_and_nobody_else_changes_it(
    audit: Audit, auditor: User, contributor: User, officer: User
) -> None:
    for instance in tests_of_controls.drawn(audit.test, size=1, actor=auditor):
        tests_of_controls.passed(instance, actor=auditor)
    tests_of_controls.released(audit.test, preparer=auditor, reviewer=audit.reviewer)
    for user in (contributor, officer):
        client = signed_in(user)
        page = client.get(at("control-test-detail", audit.test)).content.decode()
        assert "Operating effectively" in page
        assert client.post(at("control-test-draw", audit.test), DRAW).status_code == 403
