"""OCSF as it leaves: what the schema requires is there, only what the asker may see, and it is read again as it was written."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from compliance.models import Finding, JobEvent, Principal, User
from compliance.services import people
from compliance.types.drafts import ObservationDraft
from compliance.types.states import Severity
from compliance.types.verdicts import FileScanVerdict, StageVerdict
from scanning.ingest.base import ParseContext
from scanning.ingest.registry import identify, parse
from tests.compliance import records
from tests.compliance.api.conftest import Api
from tests.compliance.conftest import Browse, World

LOG, FINDINGS = reverse("job-log"), reverse("finding-list")
# From the schema's own files (github.com/ocsf/ocsf-schema): events/base_event.json, application/api_activity.json, findings/
# finding.json, compliance_finding.json, objects/*.json. Members that are required, and groups of which one must be there.
BASE = ("activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid")
REQUIRED: dict[str, tuple[str, ...]] = {
    "6003": (*BASE, "actor", "api", "src_endpoint"),
    "2003": (*BASE, "compliance", "finding_info"),
    "2004": (*BASE, "finding_info"),
    "metadata": ("product", "version"),
    "product": ("name", "vendor_name"),
    "api": ("operation",),
    "service": (),
    "ai_model": ("ai_provider", "name"),
    "finding_info": ("title", "uid"),
    "compliance": ("standards",),
    "cloud": ("provider",),
    "file": ("name", "type_id"),
    "hashes": ("algorithm_id", "value"),
    "analytic": ("type_id",),
}
ONE_OF = {
    "actor": ("process", "user", "invoked_by", "session", "app_name", "app_uid"),
    "user": ("account", "name", "uid"),
    "src_endpoint": ("ip", "uid", "name", "hostname", "svc_name", "instance_uid", "interface_uid", "interface_name"),
    "resources": ("name", "uid"),
    "service": ("name", "uid"),
    "account": ("name", "uid"),
    "attacks": ("tactic", "technique", "sub_technique"),
}
CATEGORIES = {6003: 6, 2003: 2, 2004: 2}


def lacking(record: dict[str, Any], kind: str = "") -> list[str]:
    """What the schema requires of a record or one of its objects and is not there."""
    kind = kind or str(record["class_uid"])
    found = [f"{kind}.{name}" for name in REQUIRED.get(kind, ()) if record.get(name) in (None, "")]
    found += [f"{kind}: none of {ONE_OF[kind]}"] if kind in ONE_OF and not set(ONE_OF[kind]) & set(record) else []
    for name, value in record.items():
        members = value if isinstance(value, list) else [value]
        if name not in {"unmapped", "data"}:
            found += [part for member in members if isinstance(member, dict) for part in lacking(member, name)]
    return found


def exported(client: Client, page: str, **asked: str) -> list[dict[str, Any]]:
    answer = client.get(page, {"export": "ocsf", **asked})
    assert answer.streaming
    assert answer["Content-Type"] == "application/x-ndjson"
    assert "attachment" in answer["Content-Disposition"]
    return [json.loads(line) for line in answer.getvalue().decode().splitlines()]


@pytest.fixture
def everything(world: World, browse: Browse, officer: User) -> list[dict[str, Any]]:
    records.observed(world.tuned, FileScanVerdict.NOTHING_FOUND, rule="scanned", techniques=("AML.T0018.002",))
    records.observed(world.tuned, FileScanVerdict.FINDING, rule="posture", techniques=(), severity=Severity.LOW)
    client = browse(officer)
    return [*exported(client, LOG), *exported(client, FINDINGS, state="all")]


def test_nothing_that_the_schema_requires_is_missing(everything: list[dict[str, Any]]) -> None:
    assert {record["class_uid"] for record in everything} == {6003, 2003, 2004}
    for record in everything:
        assert lacking(record) == [], record
        assert record["category_uid"] == CATEGORIES[record["class_uid"]]
        assert record["type_uid"] == record["class_uid"] * 100 + record["activity_id"]
        assert 10**12 < record["time"] < 10**13


def test_the_check_itself_notices_what_is_missing() -> None:
    assert "6003.actor" in lacking({"class_uid": 6003})
    assert lacking({"domain": "x"}, "src_endpoint")


def test_a_job_event_says_who_what_and_from_where(world: World, browse: Browse, officer: User) -> None:
    JobEvent.objects.filter(pk=world.events[0].pk).update(
        source="cloudtrail", source_address="192.0.2.7", base_model="base-7b", session="s-1", role="Submitter"
    )
    (record,) = exported(browse(officer), LOG, q=world.events[0].job_name)
    event = JobEvent.objects.get(pk=world.events[0].pk)
    assert event.actor is not None
    assert record["actor"]["user"]["uid"] == event.actor.identifier
    assert record["actor"]["session"] == {"uid": "s-1", "issuer": "Submitter"}
    assert record["src_endpoint"] == {"ip": "192.0.2.7"}
    assert record["ai_model"] == {"name": "base-7b", "ai_provider": "not recorded by the source"}
    assert record["cloud"]["provider"] == "AWS"
    assert record["metadata"]["profiles"] == ["ai_operation", "cloud"]
    assert next(resource["type"] for resource in record["resources"]) == "training job"
    assert record["unmapped"]["assay"]["raw_sha256"] == event.raw_sha256


@pytest.mark.parametrize(
    ("address", "endpoint"),
    [
        ("2001:db8::1", {"ip": "2001:db8::1"}),
        ("sagemaker.amazonaws.com", {"svc_name": "sagemaker.amazonaws.com"}),
        ("81.2.69.***", {"svc_name": "81.2.69.***"}),
        ("", {"name": "not recorded by the source"}),
    ],
)
def test_an_address_is_an_address_only_where_it_is_one(
    world: World, browse: Browse, officer: User, address: str, endpoint: dict[str, str]
) -> None:
    JobEvent.objects.filter(pk=world.events[0].pk).update(source_address=address)
    (record,) = exported(browse(officer), LOG, q=world.events[0].job_name)
    assert record["src_endpoint"] == endpoint


def test_nobody_and_erased_people_are_told_apart_and_never_left_empty(
    world: World, browse: Browse, officer: User
) -> None:
    JobEvent.objects.filter(pk=world.events[0].pk).update(actor=None)
    (nobody,) = exported(browse(officer), LOG, q=world.events[0].job_name)
    assert nobody["actor"] == {"app_name": "not recorded by the source"}
    erased = world.events[1].actor
    assert isinstance(erased, Principal)
    identifier = erased.identifier
    JobEvent.objects.filter(actor=erased).update(session="alice-at-work")
    people.erase_principal(principal=erased, actor=officer)
    (record,) = exported(browse(officer), LOG, q=world.events[1].job_name)
    assert record["actor"] == {"user": {"uid": erased.pseudonym, "name": "erased"}}
    assert str(identifier) not in json.dumps(record)


def test_only_what_the_asker_may_see_is_exported(world: World, browse: Browse, contributor: User, api: Api) -> None:
    for records_of in (
        exported(browse(contributor), LOG),
        exported(browse(contributor), FINDINGS, state="all"),
        over_api(api, contributor, "job-events"),
        over_api(api, contributor, "findings"),
    ):
        assert records_of
        names = {record["unmapped"]["assay"]["system"]["name"] for record in records_of}
        assert names == {world.assessment.system.name}


def over_api(api: Api, user: User, what: str, query: str = "") -> list[dict[str, Any]]:
    answer = api(user).get(f"/api/v1/{what}/ocsf/{query}")
    assert answer["Content-Type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.getvalue().decode().splitlines()]


def test_collectors_get_none(world: World, api: Api, collector: User) -> None:
    assert api(collector).get("/api/v1/job-events/ocsf/").status_code == 403


def test_filters_hold_over_the_api_and_on_pages(world: World, browse: Browse, api: Api, officer: User) -> None:
    assert over_api(api, officer, "job-events", "?outcome=denied") == []
    assert len(over_api(api, officer, "findings", "?state=not-satisfied")) == Finding.objects.count()
    assert exported(browse(officer), LOG, outcome="denied") == []


def test_the_number_of_queries_does_not_grow(
    world: World, browse: Browse, officer: User, count_queries: Callable[..., int]
) -> None:
    client = browse(officer)

    def both() -> None:
        exported(client, LOG)
        exported(client, FINDINGS, state="all")

    few = count_queries(both)
    records.log_events(world.assessment.system, world.log, 40, actors=9, tag="many")
    for n in range(12):
        records.observed(world.tuned, FileScanVerdict.FINDING, rule=f"rule {n}", techniques=())
    assert count_queries(both) == few


# And back again ------------------------------------------------------------------------------------------------------


def read_again(content: bytes) -> dict[str, ObservationDraft]:
    assert identify(content, "findings") == "ocsf"
    parsing = parse("ocsf", io.BytesIO(content), ParseContext(file_name="findings.ndjson"))
    return {draft.facts["uid"]: draft for draft in parsing if isinstance(draft, ObservationDraft)}


def test_findings_that_were_exported_are_read_again(world: World, browse: Browse, officer: User) -> None:
    malware = records.observed(world.tuned, FileScanVerdict.FINDING, rule="pickle", techniques=("AML.T0018.002",))
    passed = records.observed(world.tuned, FileScanVerdict.NOTHING_FOUND, rule="scanned", techniques=())
    content = browse(officer).get(FINDINGS, {"export": "ocsf", "state": "all"}).getvalue()
    found = read_again(content)
    assert len(found) == Finding.objects.count()
    trigger = found[str(world.finding.uuid)]
    assert (trigger.producer, trigger.verdict, trigger.severity) == (
        "assay", StageVerdict.EVIDENCE_FOUND, Severity.CRITICAL,
    )  # fmt: skip
    assert trigger.atlas_techniques == tuple(world.finding.techniques)
    assert trigger.asset.digest == world.tuned.digest
    assert trigger.asset.name == world.finding.asset_name
    assert trigger.observed_at == world.finding.last_seen_at
    assert found[str(records.finding_of(malware).uuid)].verdict is FileScanVerdict.FINDING
    assert found[str(records.finding_of(passed).uuid)].verdict is FileScanVerdict.NOTHING_FOUND


def test_a_detector_that_found_nothing_comes_back_as_no_statement(world: World, browse: Browse, officer: User) -> None:
    seen = records.observed(world.base, StageVerdict.NO_EVIDENCE_AT_POWER, rule="max_margin")
    content = browse(officer).get(FINDINGS, {"export": "ocsf", "state": "all"}).getvalue()
    assert read_again(content)[str(records.finding_of(seen).uuid)].verdict is StageVerdict.INCONCLUSIVE
