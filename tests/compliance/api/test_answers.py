"""Answering over the API: two people, evidence, lost updates, and references that do not exist for the caller."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from compliance.models import Answer, User
from compliance.services import people
from compliance.types.pre_audit import PreAuditCheck
from tests.compliance import records
from tests.compliance.api.conftest import Api
from tests.compliance.conftest import World

YES = {"value": "yes", "statement": "Three people may submit.", "claims": {"approved": "3"}}


@pytest.fixture
def answer(world: World) -> str:
    """Address of the answer to the first question."""
    found = Answer.objects.get(assessment=world.assessment, question__number=1)
    return f"/api/v1/answers/{found.uuid}/"


def written(client: APIClient, answer: str, world: World) -> dict[str, object]:
    """The answer, written, with evidence, and sent for review."""
    client.post(f"{answer}write/", YES)
    client.post(f"{answer}attach/", {"evidence": str(world.log.uuid)})
    shown: dict[str, object] = client.post(f"{answer}submit/").json()
    return shown


def test_one_person_writes_and_another_approves(
    world: World, answer: str, api: Api, contributor: User, officer: User
) -> None:
    shown = written(api(contributor), answer, world)
    assert (shown["state"], shown["evidence"]) == ("submitted", [str(world.log.uuid)])
    approved = api(officer).post(f"{answer}approve/", {"comment": "Seen."}).json()
    assert approved["state"] == "approved"
    assert approved["author"]["name"] == "Carl Contributor"
    assert approved["approver"]["name"] == "Olga Officer"


def test_nobody_approves_what_they_wrote(world: World, answer: str, api: Api, officer: User) -> None:
    client = api(officer)
    written(client, answer, world)
    refused = client.post(f"{answer}approve/")
    assert refused.status_code == 409
    assert "a second person" in refused.json()["detail"]


def test_a_returned_answer_says_what_is_missing(
    world: World, answer: str, api: Api, contributor: User, manager: User
) -> None:
    written(api(contributor), answer, world)
    assert api(manager).post(f"{answer}send-back/", {"comment": ""}).status_code == 409
    assert api(manager).post(f"{answer}send-back/", {"comment": "Which accounts?"}).json()["state"] == "returned"


def test_yes_needs_evidence(answer: str, api: Api, contributor: User) -> None:
    client = api(contributor)
    client.post(f"{answer}write/", YES)
    refused = client.post(f"{answer}submit/")
    assert refused.status_code == 409
    assert "evidence" in refused.json()["detail"].lower()


def test_no_names_a_finding_and_a_reason(world: World, answer: str, api: Api, contributor: User) -> None:
    client = api(contributor)
    client.post(
        f"{answer}write/", {"value": "no", "statement": "Nobody keeps a list.", "reason": "The list was never made."}
    )
    shown = client.post(f"{answer}name-finding/", {"finding": str(world.finding.uuid)}).json()
    assert shown["findings"] == [str(world.finding.uuid)]
    assert client.post(f"{answer}submit/").json()["state"] == "submitted"


def test_a_lost_update_is_refused_and_changes_nothing(answer: str, api: Api, contributor: User, officer: User) -> None:
    version = api(contributor).get(answer).json()["version"]
    assert api(officer).post(f"{answer}write/", {**YES, "version": version}).status_code == 200
    late = api(contributor).post(f"{answer}write/", {**YES, "statement": "Four.", "version": version})
    assert late.status_code == 409
    assert api(officer).get(answer).json()["statement"] == YES["statement"]
    both = late.json()
    assert (both["saved"]["statement"], both["sent"]["statement"]) == (YES["statement"], "Four.")
    assert (both["differing"], both["saved_by"]) == (["statement"], officer.name)
    merged = {**YES, "statement": "Three, and since October four.", "version": both["version"]}
    assert api(contributor).post(f"{answer}write/", merged).json()["statement"] == merged["statement"]


@pytest.mark.parametrize(("act", "field"), [("attach", "evidence"), ("name-finding", "finding")])
def test_a_foreign_reference_is_as_unknown_as_one_that_never_was(
    world: World, answer: str, api: Api, contributor: User, act: str, field: str
) -> None:
    foreign = {"evidence": world.other_log.uuid, "finding": world.other_finding.uuid}[field]
    told = [
        api(contributor).post(f"{answer}{act}/", {field: str(uuid)}).json()[field][0].replace(str(uuid), "…")
        for uuid in (foreign, "00000000-0000-4000-8000-000000000000")
    ]
    assert told[0] == told[1]


def test_a_foreign_answer_does_not_exist(world: World, api: Api, contributor: User) -> None:
    foreign = Answer.objects.filter(assessment=world.other_assessment)[0]
    response = api(contributor).post(f"/api/v1/answers/{foreign.uuid}/write/", YES)
    assert response.status_code == 404
    foreign.refresh_from_db()
    assert foreign.version == 0


@pytest.mark.parametrize(
    ("sent", "fields"),
    [({}, {"value", "statement"}), ({"value": "perhaps", "statement": ""}, {"value"})],
)
def test_what_is_wrong_is_said_field_by_field(
    answer: str, api: Api, contributor: User, sent: dict[str, str], fields: set[str]
) -> None:
    response = api(contributor).post(f"{answer}write/", sent)
    assert response.status_code == 400
    assert set(response.json()) == fields
    assert all(isinstance(line, str) for lines in response.json().values() for line in lines)


def test_answers_are_assigned_handed_on_and_found_by_whose_they_are(
    world: World, answer: str, api: Api, contributor: User, officer: User, second_officer: User, manager: User
) -> None:
    named = {"assignee": str(contributor.uuid), "reviewer": str(manager.uuid), "due_on": "2026-12-01"}
    assert api(contributor).post(f"{answer}assign/", named).status_code == 403
    shown = api(officer).post(f"{answer}assign/", named).json()
    assert (shown["assignee"]["name"], shown["delegate"], shown["due_on"]) == (contributor.name, None, "2026-12-01")
    handed = api(contributor).post(f"{answer}delegate/", {"to": str(second_officer.uuid)}).json()
    assert handed["delegate"]["name"] == second_officer.name
    for user, number in ((contributor, 1), (second_officer, 1), (manager, 1), (officer, 0)):
        assert api(user).get("/api/v1/answers/?mine=true").json()["count"] == number
    by_reviewer = api(officer).get(f"/api/v1/answers/?reviewer__uuid={manager.uuid}").json()
    assert [row["uuid"] for row in by_reviewer["results"]] == [shown["uuid"]]
    assert api(officer).get("/api/v1/answers/?due_on__lt=2026-12-01").json()["count"] == 0


def test_an_approval_over_a_contradiction_needs_its_reason(
    world: World, api: Api, contributor: User, officer: User
) -> None:
    second = Answer.objects.get(assessment=world.assessment, question__number=2)
    address = f"/api/v1/answers/{second.uuid}/"
    client = api(contributor)
    client.post(f"{address}write/", {**YES, "claims": {"approved_submitters": "nobody@example.org"}}, format="json")
    client.post(f"{address}attach/", {"evidence": str(world.log.uuid)})
    client.post(f"{address}submit/")
    refused = api(officer).post(f"{address}approve/", {"comment": "Seen."})
    assert refused.status_code == 409
    assert "The record contradicts this answer" in refused.json()["detail"]
    shown = api(officer).post(f"{address}approve/", {"justification": "Renewed next week."}).json()
    assert (shown["justification"], len(shown["justified"])) == ("Renewed next week.", 1)


def test_evidence_that_is_rejected_or_superseded_shows_on_the_answer(
    world: World, answer: str, api: Api, contributor: User, officer: User
) -> None:
    written(api(contributor), answer, world)
    api(officer).post(f"{answer}approve/")
    newer = records.evidence(world.assessment.system, b"newer", actor=contributor, title="Newer log")
    log = f"/api/v1/evidence/{world.log.uuid}/"
    assert api(contributor).post(f"{log}supersede/", {"by": str(newer.uuid)}).status_code == 200
    assert api(contributor).get(f"/api/v1/evidence/{newer.uuid}/").json()["supersedes"] == str(world.log.uuid)
    told = api(contributor).get(answer).json()["other_evidence"]
    assert told == [f"“{world.log.title}” was superseded after the approval by “Newer log”."]
    assert api(contributor).post(f"{log}reject/", {"reason": "Of another account."}).json()["state"] == "rejected"
    foreign = api(contributor).post(f"{log}supersede/", {"by": str(world.other_log.uuid)})
    assert foreign.status_code == 400


def test_who_is_alone_approves_with_a_reason(world: World, answer: str, api: Api, officer: User, manager: User) -> None:
    written(api(officer), answer, world)
    refused = api(officer).post(f"{answer}approve-alone/", {"reason": "Alone."})
    assert (refused.status_code, manager.name in refused.json()["detail"]) == (409, True)
    people.deactivate_user(user=manager, actor=None)
    shown = api(officer).post(f"{answer}approve-alone/", {"reason": "One employee."}).json()
    assert (shown["state"], shown["not_independent"]) == ("approved", "One employee.")


def test_where_evidence_comes_from_is_stated_by_programs(world: World, api: Api, contributor: User) -> None:
    told = {"source_system": "CloudTrail", "query": "all", "row_count": 3, "obtained": "api", "zone": "UTC"}
    shown = api(contributor).post(f"/api/v1/evidence/{world.log.uuid}/describe/", told).json()
    assert (shown["query"], shown["row_count"], shown["obtained"]) == ("all", 3, "api")
    assert shown["description_version"] == 1
    wrong = api(contributor).post(f"/api/v1/evidence/{world.log.uuid}/describe/", {"obtained": "by chance"})
    assert wrong.status_code == 400


def test_programs_read_the_pre_audit_checks(world: World, api: Api, officer: User) -> None:
    lines = api(officer).get(f"/api/v1/assessments/{world.assessment.uuid}/pre-audit/").json()
    assert [line["check"] for line in lines] == [check.value for check in PreAuditCheck]
    assert {"sentence", "url"} == set(lines[0]["open"][0])
