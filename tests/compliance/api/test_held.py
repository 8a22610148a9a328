"""Endpoints of bindings, approvals, runs of the checks and access reviews."""

from __future__ import annotations

from typing import Any

import pytest

from compliance.models import AccessReview, JobApproval, User
from compliance.services import bindings
from tests.compliance.api.conftest import Api
from tests.compliance.conftest import World
from tests.compliance.entitlements_on_record import recorded, way

pytestmark = pytest.mark.django_db
BASE = "/api/v1"


def test_bindings_are_those_of_the_caller(world: World, api: Api, contributor: User, officer: User) -> None:
    for assessment in (world.assessment, world.other_assessment):
        bindings.bind_new(system=assessment.system)
    url = f"{BASE}/job-bindings/?superseded_at__isnull=true&bound_by=nothing"
    assert (api(contributor).get(url).json()["count"], api(officer).get(url).json()["count"]) == (6, 8)
    of_event = f"{url}&event__uuid={world.events[0].uuid}"
    assert {row["name"] for row in api(officer).get(of_event).json()["results"]} == {
        "digits-base",
        "s3://training/data",
    }


def approval(world: World, **changes: Any) -> dict[str, Any]:
    sent = {
        "system": str(world.assessment.system.uuid), "job": "fine-tune-0", "approver": "lead@example.org",
        "approved_at": "2026-03-01T09:00:00Z", "dataset_digest": "ab" * 32,
    }  # fmt: skip
    return sent | changes


def test_an_approval_is_recorded_once(world: World, api: Api, contributor: User) -> None:
    first = api(contributor).post(f"{BASE}/job-approvals/", approval(world), content_type="application/json")
    again = api(contributor).post(f"{BASE}/job-approvals/", approval(world), content_type="application/json")
    assert (first.status_code, again.json()["uuid"]) == (201, first.json()["uuid"])
    assert JobApproval.objects.get().recorded_by == contributor


@pytest.mark.parametrize("changes", [{"base_digest": "abc"}, {"approved_at": "2126-01-01T00:00:00Z"}, {"job": " "}])
def test_an_approval_that_makes_no_sense_is_refused(
    world: World, api: Api, contributor: User, changes: dict[str, str]
) -> None:
    answer = api(contributor).post(
        f"{BASE}/job-approvals/", approval(world, **changes), content_type="application/json"
    )
    assert answer.status_code in {400, 409, 422}
    assert not JobApproval.objects.exists()


def test_an_approval_for_a_foreign_system_is_refused(world: World, api: Api, contributor: User) -> None:
    sent = approval(world, system=str(world.other_assessment.system.uuid))
    assert api(contributor).post(f"{BASE}/job-approvals/", sent, content_type="application/json").status_code == 400


def test_a_review_from_opening_to_its_end(world: World, api: Api, officer: User, manager: User) -> None:
    reading = recorded(world.assessment.system, world.log, way("ann"), way("bob"))
    sent = {
        "reading": str(reading.uuid), "reviewer": str(manager.uuid), "due_on": "2026-12-01",
        "removals_due_on": "2026-12-15",
    }  # fmt: skip
    opened = api(officer).post(f"{BASE}/access-reviews/", sent, content_type="application/json")
    assert (opened.status_code, opened.json()["population"]) == (201, 2)
    review = f"{BASE}/access-reviews/{opened.json()['uuid']}"
    lines = api(officer).get(f"{review}/lines/").json()["results"]
    assert [line["principal"] for line in lines] == ["ann", "bob"]
    decision = {"lines": [line["uuid"] for line in lines], "decision": "remove", "reason": "Both left."}
    assert api(officer).post(f"{review}/decide/", decision, content_type="application/json").status_code in {
        400,
        409,
        422,
    }
    assert api(manager).post(f"{review}/decide/", decision, content_type="application/json").status_code == 200
    ended = api(manager).post(f"{review}/complete/", {"statement": "Done."}, content_type="application/json")
    assert ended.json()["completed_at"]
    assert [line["removal"] for line in api(officer).get(f"{review}/lines/").json()["results"]] == ["not_yet_read"] * 2
    assert AccessReview.objects.get().statement == "Done."
