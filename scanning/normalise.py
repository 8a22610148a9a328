"""Reports of detectors and file scanners as drafts of observations. Pure.

A detection draft carries its whole stage and what identifies the scan in `facts` ("stage", "scan"); the draft of a file
scan carries the report ("file_scan"), and each issue a draft of its own. Pages and freezes read nothing else.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from compliance.types.canonical import digest_of
from compliance.types.drafts import JSON, AssetRef, FileIssue, FileScanReport, ObservationDraft, ScanReport, StageReport
from compliance.types.states import Method, Severity
from compliance.types.verdicts import FileScanVerdict, StageVerdict
from scanning.detectors.registry import COMBINATION, COMPARING, label_of


def _plain(value: object) -> object:
    """Dataclass innards as JSON: tuples become lists, times become ISO text."""
    if isinstance(value, dict):
        return {str(key): _plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(member) for member in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return value


def _scan_facts(report: ScanReport) -> JSON:
    return {
        "model_sha256": report.model_sha256,
        "model_format": report.model_format,
        "architecture_digest": report.architecture_digest,
        "verdict": report.verdict.value,
        "data": report.data,
        "environment": report.environment,
        "started_at": report.started_at.isoformat(),
        "finished_at": report.finished_at.isoformat(),
    }


def stage_observation(report: ScanReport, stage: StageReport, *, asset_name: str) -> ObservationDraft:
    """One detection stage as an observation on the model file.

    A stage that is counted in the combination says so ("part_of") and speaks to no sub-technique of its own: the
    combination concludes for all of them, once.
    """
    found = stage.verdict is StageVerdict.EVIDENCE_FOUND
    combined = any(other.detector == COMBINATION for other in report.stages)
    part: JSON = {"part_of": COMBINATION} if combined and stage.detector in COMPARING else {}
    return ObservationDraft(
        producer="assay",
        producer_version=stage.detector_version,
        rule=stage.detector,
        title=f"{label_of(stage.detector)}: {stage.verdict.value.replace('_', ' ')}",
        description=stage.statement,
        method=Method.TEST,
        asset=AssetRef(kind="model_file", name=asset_name, digest=report.model_sha256),
        fingerprint=digest_of(["assay", stage.detector, report.model_sha256]),
        verdict=stage.verdict,
        observed_at=report.finished_at,
        severity=Severity.CRITICAL if found else None,
        atlas_techniques=() if part else stage.speaks_to,
        facts={"stage": _plain(asdict(stage)), "scan": _scan_facts(report), **part},
    )


def scan_observations(report: ScanReport, *, asset_name: str) -> tuple[ObservationDraft, ...]:
    """One draft per stage of a detection run."""
    return tuple(stage_observation(report, stage, asset_name=asset_name) for stage in report.stages)


def _issue_observation(
    report: FileScanReport, issue: FileIssue, asset: AssetRef, observed_at: datetime
) -> ObservationDraft:
    return ObservationDraft(
        producer=report.scanner,
        producer_version=report.scanner_version,
        rule=issue.rule,
        title=issue.title,
        description=issue.description,
        method=Method.EXAMINE,
        asset=asset,
        fingerprint=digest_of([report.scanner, issue.rule, report.sha256, issue.location]),
        verdict=FileScanVerdict.FINDING,
        observed_at=observed_at,
        severity=issue.severity,
        atlas_techniques=issue.atlas_techniques,
        location=issue.location,
        facts={"issue": _plain(issue.facts)},
    )


def file_scan_observations(
    report: FileScanReport, *, asset_name: str, observed_at: datetime
) -> tuple[ObservationDraft, ...]:
    """One draft for the scan of the file and one for each issue in it."""
    asset = AssetRef(kind="model_file", name=asset_name, digest=report.sha256)
    whole = ObservationDraft(
        producer=report.scanner,
        producer_version=report.scanner_version,
        rule="file-scan",
        title=f"File scan: {report.verdict.value.replace('_', ' ')}",
        description=_file_statement(report),
        method=Method.EXAMINE,
        asset=asset,
        fingerprint=digest_of([report.scanner, "file-scan", report.sha256]),
        verdict=report.verdict,
        observed_at=observed_at,
        severity=max((issue.severity for issue in report.issues), key=_weight, default=None),
        atlas_techniques=report.speaks_to,
        facts={"file_scan": _plain(asdict(report))},
    )
    return (whole, *(_issue_observation(report, issue, asset, observed_at) for issue in report.issues))


def _weight(severity: Severity) -> int:
    order = (Severity.INFORMATIONAL, Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)
    return order.index(severity)


def _file_statement(report: FileScanReport) -> str:
    """What the scan of one file says, in a sentence or two."""
    left_out = f" Left out: {len(report.not_scanned)}." if report.not_scanned else ""
    by_verdict = {
        FileScanVerdict.FINDING: f"The static scan found {len(report.issues)} issue(s) in the file.",
        FileScanVerdict.NOTHING_FOUND: f"The static scan read {len(report.scanned)} part(s) and found nothing it knows.",
        FileScanVerdict.NOTHING_SCANNED: "Nothing in the file is of a kind that the static scan reads.",
        FileScanVerdict.SKIPPED: "The file was skipped.",
        FileScanVerdict.FAILED: "The file could not be read as what it claims to be.",
    }
    return by_verdict[report.verdict] + left_out
