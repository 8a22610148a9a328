from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from compliance.types.drafts import ObservationDraft, Reject
from compliance.types.errors import BadInputError
from compliance.types.states import Severity
from compliance.types.verdicts import FileScanVerdict, StageVerdict
from scanning.ingest.registry import identify
from tests.scanning.ingest.reading import read, sample

Records = list[dict[str, Any]]


def prowler() -> Records:
    found: Records = json.loads(sample("ocsf/prowler.json"))
    return found


def seen(records: object) -> list[ObservationDraft]:
    drafts, _ = read("ocsf", json.dumps(records).encode())
    return [draft for draft in drafts if isinstance(draft, ObservationDraft)]


def refusals(records: object) -> list[str]:
    drafts, _ = read("ocsf", json.dumps(records).encode())
    return [draft.reason for draft in drafts if isinstance(draft, Reject)]


def changed(**members: object) -> dict[str, Any]:
    return prowler()[0] | members


def test_a_check_that_passed_and_one_that_failed_are_told_apart_by_their_outcome_not_their_class() -> None:
    found = {observation.asset.name.rpartition("/")[2]: observation for observation in seen(prowler())}
    failed, passed = found["ft-support-bot-12"], found["ft-claims-3"]
    assert (failed.verdict, failed.severity) == (FileScanVerdict.FINDING, Severity.HIGH)
    assert (passed.verdict, passed.severity) == (FileScanVerdict.NOTHING_FOUND, None)
    assert failed.native_severity == passed.native_severity == "High"
    assert failed.rule == passed.rule == "sagemaker_training_jobs_network_isolation_enabled"


def test_seconds_and_milliseconds_are_told_apart_by_their_magnitude() -> None:
    expected = datetime(2026, 11, 20, 14, tzinfo=UTC)
    assert seen([changed(time=1795183200)])[0].observed_at == expected
    assert seen([changed(time=1795183200000)])[0].observed_at == expected


def test_a_check_that_a_person_must_make_is_skipped_not_passed() -> None:
    (manual,) = seen([changed(status_code="MANUAL")])
    assert manual.verdict is FileScanVerdict.SKIPPED
    assert manual.severity is None


def test_a_suppressed_finding_stays_a_finding_and_names_the_waiver() -> None:
    (muted,) = seen([changed(status_id=3, status="Suppressed", comment="accepted")])
    assert muted.verdict is FileScanVerdict.FINDING
    (waiver,) = muted.facts["waivers"]
    assert (waiver["justification"], waiver["until"]) == ("accepted", "not recorded by this source")
    assert muted.facts["waived"] is True


@pytest.mark.parametrize("status_id", [4, 5, 6])
def test_a_finding_that_the_source_calls_settled_closes_nothing(status_id: int) -> None:
    settled = changed(status_id=status_id)
    del settled["status_code"]
    assert seen([settled])[0].verdict is StageVerdict.INCONCLUSIVE


def test_unknown_members_are_let_pass_and_the_schema_version_is_kept() -> None:
    record = changed(brand_new={"a": [1]})
    record["metadata"]["version"] = "2.0.0-dev"
    (observation,) = seen([record])
    assert observation.facts["ocsf_version"] == "2.0.0-dev"


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ({"status_id": 1}, FileScanVerdict.NOTHING_FOUND),
        ({"status_id": 2}, StageVerdict.INCONCLUSIVE),
        ({"status_id": 3}, FileScanVerdict.FINDING),
        ({"status_id": 99, "status": "Unclear"}, StageVerdict.INCONCLUSIVE),
        ({"status": "Pass"}, FileScanVerdict.NOTHING_FOUND),
        ({}, StageVerdict.INCONCLUSIVE),
    ],
)
def test_a_compliance_finding_says_its_outcome_itself(status: dict[str, Any], verdict: object) -> None:
    record = changed(class_uid=2003, type_uid=200301, compliance=status)
    del record["status_code"]
    assert seen([record])[0].verdict is verdict


def test_a_detection_in_the_weights_is_evidence_and_its_absence_says_nothing() -> None:
    record = changed()
    record["finding_info"]["attacks"] = [{"sub_technique": {"uid": "AML.T0018.000"}}]
    assert seen([record])[0].verdict is StageVerdict.EVIDENCE_FOUND
    assert seen([record | {"status_code": "PASS"}])[0].verdict is StageVerdict.INCONCLUSIVE


def test_of_several_records_of_one_finding_the_newest_counts_in_any_order() -> None:
    old, new = changed(time=1795183200), changed(time=1795190000, status_code="PASS")
    for records in ([old, new], [new, old]):
        (observation,) = seen(records)
        assert observation.verdict is FileScanVerdict.NOTHING_FOUND
    assert seen([old, new]) != seen([new, old])  # only their places differ
    assert {o.raw_sha256 for o in seen([old, new])} == {o.raw_sha256 for o in seen([new, old])}


def test_the_fingerprint_holds_no_time_severity_or_wording() -> None:
    other = changed(time=1795190000, severity_id=1, severity="Low", message="worded otherwise", status_detail="so")
    assert seen([changed()])[0].fingerprint == seen([other])[0].fingerprint


def test_each_resource_is_an_observation() -> None:
    (first, second) = seen([changed(resources=[{"uid": "a"}, {"uid": "b"}])])
    assert (first.asset.name, second.asset.name) == ("a", "b")
    assert first.fingerprint != second.fingerprint


def test_lines_are_read_as_well_as_a_list() -> None:
    lines = b"\n".join(json.dumps(record).encode() for record in prowler())
    assert identify(lines, "x") == "ocsf"
    assert len(read("ocsf", lines)[0]) == 2


def test_a_wrong_record_is_rejected_with_its_place_and_the_rest_goes_on() -> None:
    for wrong, reason in (
        (changed(class_uid=6003), "6003"),
        (changed(class_uid=[]), "missing"),
        (changed(class_uid=True), "missing"),
        (changed(time=0), "1970"),
        (changed(time=4102444800), "2100"),
        ("text", "no JSON object"),
    ):
        (told,) = refusals([wrong, prowler()[1]])
        assert reason in told
        assert "[0]" in told


def test_a_document_without_one_readable_finding_is_refused() -> None:
    with pytest.raises(BadInputError, match="no OCSF finding"):
        read("ocsf", json.dumps([changed(class_uid=1001)]).encode())


def test_secrets_in_descriptions_are_taken_out() -> None:
    (observation,) = seen([changed(status_detail="key AKIAABCDEFGHIJKLMNOP is in the environment")])
    assert "AKIA" not in observation.description
    assert observation.facts["redacted_fields"] == ["description"]


def test_an_export_of_findings_is_never_complete() -> None:
    _, summary = read("ocsf", sample("ocsf/prowler.json"))
    assert summary.scope["complete"] is False
    assert summary.scope["accounts"] == ["111122223333"]
    assert summary.scope["rules"] == ["sagemaker_training_jobs_network_isolation_enabled"]
