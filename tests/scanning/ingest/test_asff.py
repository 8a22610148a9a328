from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from compliance.types.drafts import ObservationDraft, Reject
from compliance.types.errors import BadInputError
from compliance.types.states import Severity
from compliance.types.verdicts import FileScanVerdict, StageVerdict
from tests.scanning.ingest.reading import read, sample


def finding(**members: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(sample("asff/prowler.json"))[0] | members
    return found


def seen(*records: object) -> list[ObservationDraft]:
    drafts, _ = read("asff", json.dumps({"Findings": records}).encode())
    return [draft for draft in drafts if isinstance(draft, ObservationDraft)]


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("PASSED", FileScanVerdict.NOTHING_FOUND),
        ("FAILED", FileScanVerdict.FINDING),
        ("WARNING", StageVerdict.INCONCLUSIVE),
        ("NOT_AVAILABLE", FileScanVerdict.SKIPPED),
    ],
)
def test_how_a_check_ended_is_its_verdict(status: str, verdict: object) -> None:
    assert seen(finding(Compliance={"Status": status}))[0].verdict is verdict


def test_the_newest_record_of_a_finding_wins_in_any_order() -> None:
    records = [
        finding(UpdatedAt="2026-11-20T14:00:00Z"),
        finding(UpdatedAt="2026-11-21T00:00:00+02:00", Compliance={"Status": "PASSED"}),
        finding(UpdatedAt="2026-11-20T13:00:00Z"),
    ]
    for order in itertools.permutations(records):
        (observation,) = seen(*order)
        assert observation.verdict is FileScanVerdict.NOTHING_FOUND


def test_the_same_id_of_another_product_is_another_finding() -> None:
    other = finding(ProductArn="arn:aws:securityhub:eu-central-1::product/aws/securityhub", ProductFields={})
    assert len({observation.fingerprint for observation in seen(finding(), other)}) == 2


def test_suppressed_is_a_waiver_archived_is_nothing_at_all() -> None:
    (muted,) = seen(finding(Workflow={"Status": "SUPPRESSED"}, Note={"Text": "agreed"}))
    assert (muted.verdict, muted.facts["waivers"][0]["justification"]) == (FileScanVerdict.FINDING, "agreed")
    (archived,) = seen(finding(RecordState="ARCHIVED", Compliance={"Status": "PASSED"}))
    assert archived.verdict is StageVerdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("severity", "native", "level"),
    [
        ({"Label": "CRITICAL"}, "CRITICAL", Severity.CRITICAL),
        ({"Normalized": 40}, "40", Severity.MEDIUM),
        ({"Normalized": 39}, "39", Severity.LOW),
        ({"Normalized": 0}, "0", Severity.INFORMATIONAL),
        ({"Original": "8"}, "8", None),
        ({}, "", None),
    ],
)
def test_severity_is_kept_as_given_beside_the_level(
    severity: dict[str, Any], native: str, level: Severity | None
) -> None:
    (observation,) = seen(finding(Severity=severity))
    assert (observation.native_severity, observation.severity) == (native, level)


def test_a_finding_without_a_check_was_detected() -> None:
    record = finding()
    del record["Compliance"]
    assert seen(record)[0].verdict is FileScanVerdict.FINDING


@pytest.mark.parametrize("member", ["Id", "ProductArn", "Title", "GeneratorId", "Resources", "UpdatedAt"])
def test_a_finding_that_lacks_what_the_format_requires_is_rejected(member: str) -> None:
    record = finding()
    del record[member]
    drafts, summary = read("asff", json.dumps([record, finding()]).encode())
    (reject,) = [draft for draft in drafts if isinstance(draft, Reject)]
    assert member in reject.reason
    assert summary.relevant == 1


def test_another_version_of_the_format_is_refused() -> None:
    with pytest.raises(BadInputError, match="2018-10-08"):
        read("asff", json.dumps([finding(SchemaVersion="2030-01-01")]).encode())
