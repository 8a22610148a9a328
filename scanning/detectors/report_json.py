"""ScanReport to JSON and back, so that a report crosses from the isolated child to the record. No torch here."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from compliance.types.drafts import JSON, ScanReport, StageReport
from compliance.types.verdicts import StageVerdict


def report_to_json(report: ScanReport) -> JSON:
    """JSON-shaped dict of a report; times in ISO 8601 with offset."""
    return {
        **asdict(report),
        "stages": [_stage_to_json(stage) for stage in report.stages],
        "verdict": report.verdict.value,
        "started_at": report.started_at.isoformat(),
        "finished_at": report.finished_at.isoformat(),
    }


def report_from_json(document: JSON) -> ScanReport:
    """The report that `report_to_json` wrote. Raises KeyError or ValueError for anything else."""
    return ScanReport(
        model_sha256=document["model_sha256"],
        model_format=document["model_format"],
        architecture_digest=document["architecture_digest"],
        tensors=document["tensors"],
        stages=tuple(_stage_from_json(stage) for stage in document["stages"]),
        verdict=StageVerdict(document["verdict"]),
        data=document["data"],
        environment=document["environment"],
        started_at=datetime.fromisoformat(document["started_at"]),
        finished_at=datetime.fromisoformat(document["finished_at"]),
    )


def _stage_to_json(stage: StageReport) -> JSON:
    return {
        **asdict(stage),
        "verdict": stage.verdict.value,
        "speaks_to": list(stage.speaks_to),
        "limits": list(stage.limits),
        "images": dict(stage.images),
    }


def _stage_from_json(document: JSON) -> StageReport:
    return StageReport(
        detector=document["detector"],
        detector_version=document["detector_version"],
        parameters=document["parameters"],
        verdict=StageVerdict(document["verdict"]),
        statement=document["statement"],
        speaks_to=tuple(document["speaks_to"]),
        limits=tuple(document["limits"]),
        facts=document["facts"],
        images=document["images"],
        seconds=document["seconds"],
        peak_memory_bytes=document["peak_memory_bytes"],
    )
