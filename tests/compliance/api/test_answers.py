"""Answering over the API: two people, evidence, lost updates, and references that do not exist for the caller."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from compliance.models import Answer, User
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
