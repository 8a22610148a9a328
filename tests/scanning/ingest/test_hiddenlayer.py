from __future__ import annotations

import json
from typing import Any

import pytest

from compliance.types.drafts import ObservationDraft, Reject
from compliance.types.errors import BadInputError
from compliance.types.states import Severity
from compliance.types.verdicts import FileScanVerdict
from tests.scanning.ingest.reading import read, sample


def report(name: str = "report") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(sample(f"hiddenlayer/{name}.json"))
    return found


def seen(found: dict[str, Any]) -> list[ObservationDraft]:
    drafts, _ = read("hiddenlayer", json.dumps(found).encode())
    return [draft for draft in drafts if isinstance(draft, ObservationDraft)]


def scope(found: dict[str, Any]) -> dict[str, Any]:
    return read("hiddenlayer", json.dumps(found).encode())[1].scope


def test_a_detection_is_a_finding_on_the_digest_with_rule_severity_and_time() -> None:
    (found,) = seen(report())
    assert (found.rule, found.verdict) == ("PICKLE_0001_202601", FileScanVerdict.FINDING)
    assert (found.severity, found.native_severity, found.producer_version) == (Severity.CRITICAL, "critical", "3.1.0")
    assert found.asset.digest == "175c59e27fa832b95f142ff91310d4148837ddd7d8017797c61edccdde0269f1"
    assert found.observed_at is not None
    assert found.observed_at.isoformat() == "2026-11-20T14:00:09+00:00"


def test_techniques_are_those_named_beside_what_a_file_scan_speaks_to() -> None:
    (found,) = seen(report())
    assert found.atlas_techniques == ("AML.T0018", "AML.T0018.002")
    (other,) = [draft for draft in seen(report("traps")) if draft.verdict is FileScanVerdict.FINDING]
    assert other.atlas_techniques == ("AML.T0018.001", "AML.T0018.002")
    assert other.facts["atlas_named_by_the_source"] == ["AML.T0018.001", "T1059", ""]


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        ("done", FileScanVerdict.NOTHING_FOUND),
        ("skipped", FileScanVerdict.SKIPPED),
        ("pending", FileScanVerdict.NOTHING_SCANNED),
        ("running", FileScanVerdict.FAILED),
        ("failed", FileScanVerdict.FAILED),
        ("canceled", FileScanVerdict.FAILED),
        ("in orbit", FileScanVerdict.FAILED),
        (None, FileScanVerdict.FAILED),
    ],
)
def test_a_file_without_detection_is_what_its_state_allows(state: str | None, verdict: FileScanVerdict) -> None:
    found = report()
    found["file_results"][0] |= {"detections": [], "status": state}
    found["summary"]["detection_count"] = 0
    assert [draft.verdict for draft in seen(found)] == [verdict]


def test_what_was_detected_before_the_scan_broke_off_stays_a_finding() -> None:
    verdicts = [draft.verdict for draft in seen(report("traps")) if draft.asset.name == "now.bin"]
    assert verdicts == [FileScanVerdict.FINDING, FileScanVerdict.FAILED]


def test_errors_of_a_file_are_told() -> None:
    (broken,) = [draft for draft in seen(report("traps")) if draft.asset.name == "broken.bin"]
    assert "unexpected end of file; gave up" in broken.description


def test_a_scan_that_names_no_file_scanned_nothing() -> None:
    (draft,) = seen(report("nothing"))
    assert draft.verdict is FileScanVerdict.NOTHING_SCANNED
    (draft,) = seen(report("nothing") | {"status": "running"})
    assert draft.verdict is FileScanVerdict.FAILED


def test_the_vendors_rule_sets_are_no_verdict() -> None:
    found = report("nothing") | {"compliance": {"status": "COMPLIANT", "rule_set_ids": ["acme"]}}
    assert "COMPLIANT" not in repr(read("hiddenlayer", json.dumps(found).encode()))
    assert scope(found)["rule_sets"] == ["acme"]


def test_only_a_scan_that_is_done_with_every_file_is_complete() -> None:
    assert scope(report())["complete"] is True
    assert scope(report())["not_before"] == "2026-11-20T14:00:00+00:00"
    assert len(scope(report("traps"))["gaps"]) == 5
    unknown = report()
    unknown["summary"]["unknown_files"] = 1
    assert scope(unknown)["gaps"] == ["Files are of an unknown kind."]


def test_what_names_no_file_or_rule_or_contradicts_is_rejected_with_its_place() -> None:
    drafts, _ = read("hiddenlayer", sample("hiddenlayer/traps.json"))
    assert [draft.locator for draft in drafts if isinstance(draft, Reject)] == [
        "/file_results/4/detections/1",
        "/file_results/6",
        "/file_results/7",
        "/detection_count",
    ]


def test_fingerprints_hold_no_severity_message_time_or_path() -> None:
    second = report()
    second["file_results"][0]["file_location"] = "/elsewhere/pytorch_model.bin"
    second["file_results"][0]["detections"][0] |= {"severity": "low", "description": "worded otherwise"}
    assert seen(second)[0].fingerprint == seen(report())[0].fingerprint


@pytest.mark.parametrize(
    "content", [b'{"scan_id":"x","file_results":[]}', b'["scan_id"]', sample("hiddenlayer/report.json")[:-9]]
)
def test_unusable_documents_say_why(content: bytes) -> None:
    with pytest.raises(BadInputError):
        read("hiddenlayer", content)
