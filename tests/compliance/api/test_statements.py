"""Endpoints of statements of applicability and of the role and class of AI systems."""

from __future__ import annotations

from typing import Any

import pytest

from compliance.models import Framework, LedgerEvent, StatementLine, User
from tests.compliance.api.conftest import Api
from tests.compliance.conftest import World

URL = "/api/v1/statements/"
KEY = "iso-iec-42001-2023"


@pytest.fixture
def iso(world: World) -> Framework:
    facts = {"statement_ids": ["A.2.2", "A.10.3"], "edition": "2023"}
    return Framework.objects.create(key=KEY, title="ISO/IEC 42001", facts=facts)


def decisions(version: int = 0, **changes: Any) -> list[dict[str, Any]]:
    first = {"requirement_id": "A.2.2", "inclusion": "included", "reason": "In scope.", "implementation": "partly"}
    other = {"requirement_id": "A.10.3", "inclusion": "excluded", "reason": "No supplier."}
    return [{**first, "version": version, **changes}, {**other, "version": version}]


def test_ids_are_decided_on_and_the_statement_is_approved_by_somebody_else(
    world: World, iso: Framework, api: Api, officer: User, second_officer: User
) -> None:
    scope = {"framework": KEY, "system": str(world.assessment.system.uuid)}
    before = api(officer).get(f"{URL}lines/", scope).json()
    assert [(line["inclusion"], line["version"]) for line in before] == [("undecided", 0), ("undecided", 0)]
    after = api(officer).post(f"{URL}decide/", {**scope, "decisions": decisions()}, format="json").json()
    told = [(line["inclusion"], line["reason"], line["implementation"], line["version"]) for line in after]
    assert told == [("included", "In scope.", "partly", 1), ("excluded", "No supplier.", "not-stated", 1)]
    own = api(officer).post(f"{URL}approve/", scope, format="json")
    assert own.status_code == 409
    approved = api(second_officer).post(f"{URL}approve/", {**scope, "note": "For stage 1."}, format="json")
    assert (approved.status_code, approved.json()["version"], approved.json()["note"]) == (201, 1, "For stage 1.")
    assert api(officer).get(f"{URL}{approved.json()['uuid']}/").json()["sha256"] == approved.json()["sha256"]


@pytest.mark.parametrize(
    "wrong", [{"version": 3}, {"reason": ""}, {"requirement_id": "A.99"}, {"inclusion": "perhaps"}, {"version": -1}]
)
def test_one_wrong_decision_writes_none(
    world: World, iso: Framework, api: Api, officer: User, wrong: dict[str, Any]
) -> None:
    sent = {"framework": KEY, "system": str(world.assessment.system.uuid), "decisions": decisions(**wrong)}
    answer = api(officer).post(f"{URL}decide/", sent, format="json")
    assert answer.status_code in (400, 409)
    assert not StatementLine.objects.exists()


def test_only_who_sees_every_system_sees_the_organisations_own(
    world: World, iso: Framework, api: Api, officer: User, contributor: User, auditor: User
) -> None:
    assert api(officer).get(f"{URL}lines/", {"framework": KEY}).status_code == 200
    foreign = {"framework": KEY, "system": str(world.other_assessment.system.uuid)}
    for user in (contributor, auditor):
        lines = api(user).get(f"{URL}lines/").json()
        assert {line["system"] for line in lines} == {str(world.assessment.system.uuid)}
        assert api(user).get(f"{URL}lines/", foreign).status_code == 400
        sent = {**foreign, "decisions": decisions()}
        assert api(user).post(f"{URL}decide/", sent, format="json").status_code == 403


def test_role_and_class_are_stated_with_what_they_rest_on(
    world: World, api: Api, officer: User, contributor: User
) -> None:
    url = f"/api/v1/systems/{world.assessment.system.uuid}/standing/"
    said = {"roles": ["provider"], "risk_class": "high-risk-annex-iii", "reason": "Legal opinion of 3 March."}
    assert api(contributor).post(url, said, format="json").status_code == 403
    assert "reason" in api(officer).post(url, {**said, "reason": ""}, format="json").json()
    assert api(officer).post(url, {**said, "roles": ["king"]}, format="json").status_code == 400
    stated = api(officer).post(url, said, format="json").json()
    assert (stated["legal_roles"], stated["risk_class"]) == (["provider"], "high-risk-annex-iii")
    assert LedgerEvent.objects.filter(kind="system.standing_stated").count() == 1
