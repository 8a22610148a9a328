"""Retention over the API: the same rules as on the pages."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from compliance.models import AISystem, DisposalRun, Evidence, LegalHold, User
from compliance.services import leases
from compliance.types.canonical import sha256_hex
from tests.compliance.api.conftest import Api
from tests.compliance.records import evidence, state_bases

pytestmark = pytest.mark.django_db
TERMS = {
    "key": "transient", "title": "Logs", "months": 18, "starts": "receipt", "legal_basis": "Works agreement 7.",
    "kinds": ["log-or-report"],
}  # fmt: skip


@pytest.fixture
def old(system: AISystem, officer: User) -> Evidence:
    kept = evidence(system, b"old", actor=officer)
    Evidence.objects.filter(pk=kept.pk).update(created_at=datetime(2015, 3, 1, tzinfo=UTC))
    return kept


def test_classes_are_read_and_revised(api: Api, administrator: User) -> None:
    client = api(administrator)
    made = client.post("/api/v1/retention-terms/", TERMS, format="json")
    assert (made.status_code, made.json()["version"]) == (201, 2)
    assert client.get("/api/v1/retention-terms/?key=transient").json()["count"] == 2
    lost = client.post("/api/v1/retention-terms/", TERMS | {"kinds": []}, format="json")
    assert lost.status_code == 409
    assert "needs a class" in lost.json()["detail"]


@pytest.mark.parametrize("wrong", [{"months": 0}, {"kinds": ["all"]}, {"key": "eternal"}, {"starts": ""}])
def test_wrong_terms_are_named_by_their_field(api: Api, administrator: User, wrong: dict[str, object]) -> None:
    answer = api(administrator).post("/api/v1/retention-terms/", TERMS | wrong, format="json")
    assert answer.status_code == 400
    assert list(answer.json()) == list(wrong)


def test_holds_are_placed_and_lifted(api: Api, officer: User, old: Evidence) -> None:
    client = api(officer)
    given = {"title": "Claim", "reason": "Announced.", "evidence": str(old.uuid)}
    made = client.post("/api/v1/legal-holds/", given, format="json")
    assert made.status_code == 201
    assert client.post("/api/v1/disposal-runs/").status_code == 409
    uuid = made.json()["uuid"]
    assert client.post(f"/api/v1/legal-holds/{uuid}/lift/", {"reason": "Settled."}, format="json").status_code == 200
    assert LegalHold.objects.get().lifted_by == officer
    assert client.post("/api/v1/disposal-runs/").status_code == 201


def test_a_run_from_proposal_to_certificate(api: Api, officer: User, manager: User, old: Evidence) -> None:
    state_bases(officer)
    uuid = api(officer).post("/api/v1/disposal-runs/").json()["uuid"]
    url = f"/api/v1/disposal-runs/{uuid}"
    own = api(officer).post(f"{url}/approve/", {}, format="json")
    assert (own.status_code, "somebody else" in own.json()["detail"]) == (409, True)
    assert api(manager).get(f"{url}/certificate/").status_code == 404
    assert api(manager).post(f"{url}/approve/", {}, format="json").json()["state"] == "approved"
    job = DisposalRun.objects.get().job
    assert job is not None
    leases.run_here(job=job)
    shown = api(officer).get(f"{url}/").json()
    assert (shown["state"], shown["pieces"], shown["disposed"]) == ("completed", 1, 1)
    assert sha256_hex(api(officer).get(f"{url}/certificate/").content) == shown["certificate_sha256"]
    (item,) = api(officer).get(f"{url}/items/").json()["results"]
    assert (item["sha256"], item["state"], item["bytes_deleted"]) == (old.sha256, "disposed", True)
    (tomb,) = api(officer).get(f"/api/v1/tombstones/?sha256={old.sha256}").json()["results"]
    assert (tomb["evidence"], tomb["approved_by"]["name"]) == (str(old.uuid), manager.name)
    gone = api(officer).get(f"/api/v1/evidence/{old.uuid}/download/")
    assert (gone.status_code, "disposed of on" in gone.json()["detail"]) == (409, True)


def test_a_piece_gets_another_class(api: Api, officer: User, old: Evidence) -> None:
    url = f"/api/v1/evidence/{old.uuid}/classify/"
    assert api(officer).post(url, {"retention_class": "extended"}, format="json").status_code == 400
    given = {"retention_class": "extended", "reason": "Contract."}
    assert api(officer).post(url, given, format="json").json()["retention_class"] == "extended"
