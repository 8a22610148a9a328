"""Reports become observations: one for each stage, one for the file scan and one for each issue in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from compliance.types.canonical import canonical_json
from compliance.types.drafts import FileIssue, FileScanReport, ScanReport, StageReport
from compliance.types.states import Method, Severity
from compliance.types.verdicts import FileScanVerdict, StageVerdict
from scanning.normalise import file_scan_observations, scan_observations

pytestmark = pytest.mark.sqlite_only

NOW = datetime(2026, 11, 3, 9, tzinfo=UTC)
STAGE = StageReport(
    detector="neural_cleanse", detector_version="1", parameters={"seed": 0}, verdict=StageVerdict.EVIDENCE_FOUND,
    statement="A small trigger was recovered.", speaks_to=("AML.T0018.000",), limits=("It sees patches only.",),
    facts={"norms": [7.0, None]}, images={"trigger": "AA=="}, seconds=1.0,
)  # fmt: skip
SCAN = ScanReport(
    model_sha256="a" * 64, model_format="safetensors", architecture_digest="b" * 64, tensors={},
    stages=(STAGE, replace(STAGE, detector="other", verdict=StageVerdict.INCONCLUSIVE)),
    verdict=StageVerdict.EVIDENCE_FOUND, data={}, environment={"threads": 1}, started_at=NOW, finished_at=NOW,
)  # fmt: skip
ISSUE = FileIssue(
    rule="pickle-call", title="A call", description="It calls os.system.", severity=Severity.CRITICAL, location="data.pkl",
    atlas_techniques=("AML.T0018.002",),
)  # fmt: skip
FILE = FileScanReport(
    scanner="assay-filescan", scanner_version="1", path="model.pt", size=10, sha256="c" * 64, format="pytorch",
    verdict=FileScanVerdict.FINDING, issues=(ISSUE, replace(ISSUE, location="more.pkl", severity=Severity.LOW)),
    scanned=("data.pkl", "more.pkl"), speaks_to=("AML.T0018.002",),
)  # fmt: skip


def test_each_stage_is_one_observation_of_a_test() -> None:
    first, second = scan_observations(SCAN, asset_name="Reader 1.0")
    assert (first.verdict, second.verdict) == (StageVerdict.EVIDENCE_FOUND, StageVerdict.INCONCLUSIVE)
    assert first.method is Method.TEST
    assert first.asset.digest == SCAN.model_sha256
    assert first.atlas_techniques == ("AML.T0018.000",)
    assert (first.severity, second.severity) == (Severity.CRITICAL, None)


def test_the_observation_carries_the_stage_whole() -> None:
    draft = scan_observations(SCAN, asset_name="Reader 1.0")[0]
    assert draft.facts["stage"]["facts"]["norms"] == [7.0, None]
    assert draft.facts["stage"]["limits"] == ["It sees patches only."]
    assert canonical_json(draft.facts)


def test_the_fingerprint_names_producer_rule_and_bytes_and_nothing_that_changes() -> None:
    later = replace(SCAN, finished_at=datetime(2027, 1, 1, tzinfo=UTC), stages=(replace(STAGE, seconds=9.0),))
    other = replace(SCAN, model_sha256="d" * 64)
    fingerprint = scan_observations(SCAN, asset_name="a")[0].fingerprint
    assert scan_observations(later, asset_name="b")[0].fingerprint == fingerprint
    assert scan_observations(other, asset_name="a")[0].fingerprint != fingerprint


def test_a_file_scan_is_one_observation_and_one_for_each_issue() -> None:
    whole, *issues = file_scan_observations(FILE, asset_name="model.pt", observed_at=NOW)
    assert whole.severity is Severity.CRITICAL
    assert whole.method is Method.EXAMINE
    assert [issue.location for issue in issues] == ["data.pkl", "more.pkl"]
    assert len({draft.fingerprint for draft in (whole, *issues)}) == 3


def test_a_file_that_was_not_scanned_says_so() -> None:
    report = replace(FILE, verdict=FileScanVerdict.NOTHING_SCANNED, issues=(), not_scanned=(("model.pt", "unknown"),))
    (whole,) = file_scan_observations(report, asset_name="model.pt", observed_at=NOW)
    assert whole.verdict is FileScanVerdict.NOTHING_SCANNED
    assert whole.severity is None
    assert "Left out: 1" in whole.description


def test_stages_that_are_combined_leave_the_conclusion_to_the_combination() -> None:
    together = replace(STAGE, detector="combination")
    scan = replace(SCAN, stages=(STAGE, replace(STAGE, detector="strip"), together))
    part, alone, whole = scan_observations(scan, asset_name="Reader 1.0")
    assert (part.facts["part_of"], part.atlas_techniques) == ("combination", ())
    assert "part_of" not in alone.facts
    assert "part_of" not in whole.facts
    assert alone.atlas_techniques == whole.atlas_techniques == ("AML.T0018.000",)
