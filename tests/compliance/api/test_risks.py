"""Risks, acceptances, waivers and closings over the API: the same acts and refusals as on the pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from compliance.models import Closing, Risk, RiskAcceptance, User, Waiver
from compliance.types.states import RiskState
from compliance.types.verdicts import FileScanVerdict, StageVerdict
from tests.compliance import records
from tests.compliance.api.conftest import Api
from tests.compliance.conftest import World
from tests.days import in_days

pytestmark = pytest.mark.django_db


def a_month_on() -> str:
    return in_days(30).isoformat()


def sent(client: APIClient, path: str, status: int, **given: Any) -> Any:
    answer = client.post(f"/api/v1/{path}/", given, format="json")
    assert answer.status_code == status, answer.content
    return answer.json()


def test_an_acceptance_from_request_to_its_end(world: World, api: Api, contributor: User, manager: User) -> None:
    asked = {
        "finding": str(world.finding.uuid),
        "reason": "For now.",
        "ends_on": a_month_on(),
        "review_on": a_month_on(),
    }
    assert "Name the controls" in str(sent(api(contributor), "risk-acceptances", 409, **asked))
    made = sent(api(contributor), "risk-acceptances", 201, **asked, compensation="Read twice.")
    assert (made["state"], made["finding"]) == ("requested", str(world.finding.uuid))
    path = f"risk-acceptances/{made['uuid']}"
    assert api(contributor).post(f"/api/v1/{path}/approve/").status_code == 403
    assert sent(api(manager), f"{path}/approve", 200, words="Agreed.")["state"] == "approved"
    looked = sent(api(manager), f"{path}/review", 200, words="Looked at.", review_on=a_month_on())
    assert looked["reviewed_at"]
    assert sent(api(manager), f"{path}/revoke", 200, words="Enough.")["state"] == "revoked"
    risk = api(manager).get(f"/api/v1/risks/{made['risk']}/").json()
    assert risk["state"] == "remediating"
    assert [move["act"] for move in risk["moves"]][-4:] == [
        "acceptance_approved", "acceptance_reviewed", "acceptance_revoked", "taken_up",
    ]  # fmt: skip


def test_what_is_over_is_told_as_over(world: World, api: Api, manager: User, officer: User) -> None:
    risk = Risk.objects.get(finding=world.finding)
    over = timezone.localdate() - timedelta(days=1)
    RiskAcceptance.objects.create(
        risk=risk, reason="r", ends_on=over, review_on=over, requested_by=officer, state="approved"
    )
    Risk.objects.filter(pk=risk.pk).update(state=RiskState.DEVIATION_APPROVED, accepted_until=over)
    client = api(manager)
    assert client.get("/api/v1/risk-acceptances/").json()["results"][0]["state"] == "expired"
    assert client.get(f"/api/v1/risks/{risk.uuid}/").json()["state"] == "open"


def test_a_finding_is_looked_into_and_prioritised(world: World, api: Api, officer: User) -> None:
    fresh = records.finding_of(records.observed(world.base, StageVerdict.EVIDENCE_FOUND, actor=officer))
    client = api(officer)
    shown = sent(client, f"findings/{fresh.uuid}/investigate", 200)
    assert (shown["sighting"], shown["priority"], shown["reappearances"]) == ("new", "p2", 0)
    assert sum(reason["points"] for reason in shown["priority_reasons"]) == shown["priority_points"]
    risk = shown["risk"]
    assert sent(client, f"findings/{fresh.uuid}/priority", 200, priority="p4", words="Not in use.")["priority"] == "p4"
    graded = sent(client, f"findings/{fresh.uuid}/severity", 200, severity="low", words="Never served.")
    assert (graded["severity"], graded["severity_by_rule"], graded["severity_reason"]) == (
        "low",
        "critical",
        "Never served.",
    )
    sent(client, f"findings/{fresh.uuid}/severity", 400, severity="grave", words="So.")
    sent(client, f"findings/{fresh.uuid}/severity", 400, severity="", words=" ")
    assert sent(client, f"risks/{risk}/put_back", 200, words="No time.")["state"] == "open"
    sent(client, f"risks/{risk}/reopen", 409, words="Why not.")


def test_a_waiver_from_request_to_decision(world: World, api: Api, contributor: User, manager: User) -> None:
    seen = records.observed(world.tuned, FileScanVerdict.FINDING, rule="R1")
    asked = {
        "system": str(seen.system.uuid),
        "producer": "assay",
        "rule": "R1",
        "reason": "Noise.",
        "ends_on": a_month_on(),
    }
    made = sent(api(contributor), "waivers", 201, **asked)
    sent(api(contributor), "waivers", 409, **asked)
    assert sent(api(manager), f"waivers/{made['uuid']}/approve", 200)["state"] == "approved"
    finding = api(manager).get(f"/api/v1/findings/{records.finding_of(seen).uuid}/").json()
    assert finding["waived_until"] == a_month_on()
    assert sent(api(manager), f"waivers/{made['uuid']}/revoke", 200, words="Enough.")["state"] == "revoked"
    assert Waiver.objects.get().findings.count() == 0


def test_a_closing_is_asked_for_and_confirmed(world: World, api: Api, contributor: User, officer: User) -> None:
    path = f"remediation-items/{world.item.uuid}/closing"
    assert "still stands" in str(sent(api(contributor), path, 409))
    records.observed(world.tuned, StageVerdict.NO_EVIDENCE_AT_POWER, at=records.LONG_AGO + timedelta(days=1))
    closing = Closing.objects.get()
    shown = api(officer).get(f"/api/v1/closings/{closing.uuid}/").json()
    assert shown["basis"][0]["kind"] == "rescan"
    assert api(contributor).post(f"/api/v1/closings/{closing.uuid}/confirm/").status_code == 403
    sent(api(officer), f"closings/{closing.uuid}/return", 409)
    assert sent(api(officer), f"closings/{closing.uuid}/confirm", 200)["state"] == "confirmed"
