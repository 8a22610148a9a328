"""Tests of controls and auditors' findings over the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from compliance.models import AuditFinding, ControlTest, Population, SampledInstance, User
from compliance.services import leases
from compliance.types.states import Role
from tests.compliance import tests_of_controls
from tests.compliance.conftest import World, person
from tests.compliance.tests_of_controls import Audit

pytestmark = pytest.mark.django_db
BASE = "/api/v1"


@pytest.fixture
def audit(world: World, auditor: User, officer: User) -> Audit:
    return tests_of_controls.audit(world, auditor, officer)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def sent(client: Client, path: str, code: int, **body: Any) -> Any:
    response = client.post(f"{BASE}/{path}/", body, content_type="application/json")
    assert response.status_code == code, response.content
    return response.json()


def plan(audit: Audit, **changes: Any) -> dict[str, Any]:
    return {
        "engagement": str(audit.engagement.uuid), "control": str(audit.control.uuid), "kind": "operation",
        "procedure": "Compare.", "methods": ["examine"], "attributes": [{"key": "A", "asks": "In time"}],
        "period_start": "2026-01-01", "period_end": "2026-12-31", "population": str(audit.population.uuid), **changes,
    }  # fmt: skip


def test_a_test_runs_from_plan_to_release(audit: Audit, auditor: User, officer: User) -> None:
    client, second, staff = signed_in(auditor), signed_in(audit.reviewer), signed_in(officer)
    test = sent(client, "control-tests", 201, **plan(audit))["uuid"]
    drawn = sent(client, f"control-tests/{test}/draw", 201, selection="statistical", seed="s", confidence="0.9",
                 tolerable="0.1", expected=0)  # fmt: skip
    assert drawn["size"] == 17
    instances = client.get(f"{BASE}/sampled-instances/?test__uuid={test}").json()
    assert instances["count"] == 17
    for instance in SampledInstance.objects.filter(test__uuid=test):
        results = [{"attribute": "A", "result": "pass"}]
        sent(client, f"sampled-instances/{instance.uuid}/record", 200, results=results, source_check="agrees")
    said = {"conclusion": "effective", "statement": "All seventeen were in time."}
    sent(client, f"control-tests/{test}/conclude", 200, **said)
    sent(second, f"control-tests/{test}/agree", 200)
    assert staff.get(f"{BASE}/control-tests/{test}/").status_code == 404
    sent(client, f"control-tests/{test}/release", 200)
    assert staff.get(f"{BASE}/control-tests/{test}/").json()["conclusion"] == "effective"
    assert staff.get(f"{BASE}/samples/?test__uuid={test}").json()["results"][0]["seed"] == "s"


def test_a_finding_is_answered_and_followed_up(audit: Audit, world: World, auditor: User, manager: User) -> None:
    client, staff = signed_in(auditor), signed_in(manager)
    told = {"title": "Late", "condition": "Late.", "criteria": "In time.", "rating": "High"}
    row = sent(client, "audit-findings", 201, test=str(audit.test.uuid), **told)["uuid"]
    assert staff.get(f"{BASE}/audit-findings/").json()["count"] == 0
    sent(client, f"audit-findings/{row}/issue", 200)
    answer = {
        "agreement": "agree",
        "words": "Yes.",
        "action": "Mend it.",
        "owner": str(manager.uuid),
        "due_on": "2026-12-20",
    }
    assert sent(staff, f"audit-findings/{row}/respond", 200, **answer)["state"] == "answered"
    sent(client, f"audit-findings/{row}/evaluate", 200, accepts=True, words="Good.")
    closing = {"is_closed": True, "words": "Seen.", "evidence": str(world.log.uuid)}
    assert sent(client, f"audit-findings/{row}/follow-up", 200, **closing)["state"] == "closed"
    assert [one["act"] for one in staff.get(f"{BASE}/audit-findings/{row}/").json()["entries"]] == [
        "issue",
        "respond",
        "accept",
        "close",
    ]


def test_a_population_is_counted_by_a_job(audit: Audit, world: World, auditor: User) -> None:
    body = {
        "engagement": str(audit.engagement.uuid), "system": str(world.assessment.system.uuid), "title": "Versions",
        "kind": "model_versions", "period_start": "2026-01-01", "period_end": "2026-12-31",
    }  # fmt: skip
    made = sent(signed_in(auditor), "populations", 202, **body)
    population = Population.objects.get(uuid=made["uuid"])
    leases.run_here(job=population.job)
    shown = signed_in(auditor).get(f"{BASE}/populations/{made['uuid']}/").json()
    assert (shown["count"], len(shown["root"])) == (2, 64)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"methods": ["ask"]}, 400),
        ({"attributes": [{"key": "a!", "asks": "x"}]}, 400),
        ({"period_end": "2025-01-01"}, 400),
        ({"kind": "guess"}, 400),
    ],
)
def test_what_makes_no_sense_is_refused(audit: Audit, auditor: User, changes: dict[str, Any], code: int) -> None:
    before = ControlTest.objects.count()
    response = signed_in(auditor).post(
        f"{BASE}/control-tests/", plan(audit, **changes), content_type="application/json"
    )
    assert response.status_code in {code, 409, 422}
    assert ControlTest.objects.count() == before


def test_foreign_records_in_a_write_are_unknown(audit: Audit, world: World, officer: User) -> None:
    stranger = person("Sten Stranger", Role.AUDITOR)
    response = signed_in(stranger).post(f"{BASE}/control-tests/", plan(audit), content_type="application/json")
    assert response.status_code == 400
    told = {"title": "Late", "condition": "Late.", "criteria": "In time.", "rating": "High"}
    response = signed_in(stranger).post(
        f"{BASE}/audit-findings/", {"test": str(audit.test.uuid), **told}, content_type="application/json"
    )
    assert response.status_code == 400
    assert not AuditFinding.objects.exists()


@pytest.mark.parametrize("name", ["control-tests", "populations", "samples", "sampled-instances", "audit-findings"])
def test_every_list_is_a_file_too(audit: Audit, auditor: User, name: str) -> None:
    tests_of_controls.drawn(audit.test, size=2, actor=auditor)
    response = signed_in(auditor).get(f"{BASE}/{name}/?export=csv")
    assert response["Content-Disposition"].startswith("attachment")


def test_a_test_is_changed_and_a_plan_that_makes_no_sense_changes_nothing(audit: Audit, auditor: User) -> None:
    client, path = signed_in(auditor), f"control-tests/{audit.test.uuid}/change"
    body = plan(audit, procedure="Compare anew.", attributes=[{"key": "A", "asks": "Early"}])
    shown = sent(client, path, 200, **body)
    assert (shown["procedure"], shown["attributes"]) == ("Compare anew.", [{"key": "A", "asks": "Early"}])
    assert sent(client, path, 400, **plan(audit, period_end="soon"))["period_end"]
    refused = client.post(f"{BASE}/{path}/", plan(audit, period_start="2031-01-01"), content_type="application/json")
    assert refused.status_code == 409
    assert ControlTest.objects.get(pk=audit.test.pk).procedure == "Compare anew."


def test_a_sample_is_extended_from_the_same_ranking(audit: Audit, auditor: User) -> None:
    tests_of_controls.drawn(audit.test, size=3, actor=auditor)
    client, path = signed_in(auditor), f"control-tests/{audit.test.uuid}/extend"
    more = sent(client, path, 201, sizes={"": 2}, reason="One exception was found.")
    assert (more["size"], more["extends"] is not None) == (2, True)
    assert list(audit.test.instances.order_by("rank").values_list("rank", flat=True)) == [1, 2, 3, 4, 5]
    assert sent(client, path, 400, sizes={"": 2})["reason"]
    assert "stratum" in str(sent(client, path, 409, sizes={"green": 2}, reason="More."))
    assert audit.test.samples.count() == 2


def test_an_instance_is_voided_and_the_next_in_rank_takes_its_place(audit: Audit, auditor: User) -> None:
    first, second = tests_of_controls.drawn(audit.test, size=2, actor=auditor)
    client = signed_in(auditor)
    told = sent(client, f"sampled-instances/{first.uuid}/void", 200, reason="The ticket was a test of the system.")
    assert (told["voided"]["uuid"], told["voided"]["void_reason"]) == (
        str(first.uuid),
        "The ticket was a test of the system.",
    )
    assert (told["successor"]["rank"], told["successor"]["replaces"]) == (second.rank + 1, str(first.uuid))
    assert "void already" in str(sent(client, f"sampled-instances/{first.uuid}/void", 409, reason="Again."))
    assert sent(client, f"sampled-instances/{second.uuid}/void", 400)["reason"]


def test_an_instance_that_the_auditor_names_has_no_successor(audit: Audit, auditor: User) -> None:
    client = signed_in(auditor)
    walked = {"name": "T-7", "description": "The first of the year."}
    added = sent(client, f"control-tests/{audit.test.uuid}/add-instance", 201, **walked)
    assert (added["row_id"], added["sample"]) == ("T-7", None)
    assert sent(client, f"sampled-instances/{added['uuid']}/void", 200, reason="Misread.")["successor"] is None


def test_a_concluded_test_is_returned_with_what_is_to_be_done(audit: Audit, auditor: User) -> None:
    client, second = signed_in(auditor), signed_in(audit.reviewer)
    for one in tests_of_controls.drawn(audit.test, size=2, actor=auditor):
        tests_of_controls.passed(one, actor=auditor)
    said = {"conclusion": "effective", "statement": "Both were approved before the start."}
    sent(client, f"control-tests/{audit.test.uuid}/conclude", 200, **said)
    path = f"control-tests/{audit.test.uuid}/return"
    assert sent(second, path, 400)["note"]
    shown = sent(second, path, 200, note="Look at two more.")
    assert (shown["state"], shown["review_note"]) == ("open", "Look at two more.")
    assert "open" in str(sent(second, path, 409, note="Again."))


ACTS = ("change", "extend", "add-instance", "return")


@pytest.mark.parametrize("act", ACTS)
def test_what_auditors_do_is_for_the_team_alone(audit: Audit, officer: User, act: str) -> None:
    body = {**plan(audit), "sizes": {"": 1}, "reason": "x", "note": "x", "name": "x", "description": "x"}
    before = str(ControlTest.objects.values().get(pk=audit.test.pk))
    stranger = person("Sten Stranger", Role.AUDITOR)
    for user, code in ((stranger, 404), (officer, 403)):
        path = f"{BASE}/control-tests/{audit.test.uuid}/{act}/"
        assert signed_in(user).post(path, body, content_type="application/json").status_code == code
    assert str(ControlTest.objects.values().get(pk=audit.test.pk)) == before


def test_nobody_else_voids_an_instance(audit: Audit, auditor: User, officer: User) -> None:
    (one,) = tests_of_controls.drawn(audit.test, size=1, actor=auditor)
    stranger, path = person("Sten Stranger", Role.AUDITOR), f"{BASE}/sampled-instances/{one.uuid}/void/"
    for user, code in ((stranger, 404), (officer, 403)):
        assert signed_in(user).post(path, {"reason": "x"}, content_type="application/json").status_code == code
    assert SampledInstance.objects.get(pk=one.pk).voided_at is None
