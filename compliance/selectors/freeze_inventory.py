"""Models, data sets, coverage and scans of a freeze, read from observations alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db.models import QuerySet

from compliance.models import AISystem, DatasetVersion, ModelVersion, Observation, Technique, TrailEntry
from compliance.selectors.coverage import coverage_table
from compliance.selectors.stage_document import figures, stage, title_of
from compliance.types import freeze_scans as doc
from compliance.types.drafts import JSON
from compliance.types.states import ModelOrigin, Severity
from compliance.types.verdicts import FileScanVerdict, StageVerdict

_SCANS_AT_ONCE = 100


def utc(moment: datetime) -> str:
    """UTC with seconds and "Z"."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _iso(text: str) -> str:
    return utc(datetime.fromisoformat(text))


def models(system: AISystem) -> list[doc.ModelVersion]:
    """Every model version of the system."""
    versions = ModelVersion.objects.filter(model__system=system).select_related("model", "parent__model")
    return [
        doc.ModelVersion(
            uuid=str(version.uuid),
            name=version.model.name,
            version=version.label,
            sha256=version.digest,
            format=version.format,
            origin=ModelOrigin(version.origin),
            supplier=version.supplier,
            parent=str(version.parent.uuid) if version.parent else None,
            parent_note="" if version.parent else "No parent is recorded.",
        )
        for version in versions
    ]


def datasets(system: AISystem) -> list[doc.DatasetVersion]:
    """Every data-set version of the system."""
    return [
        doc.DatasetVersion(
            uuid=str(version.uuid),
            name=version.dataset.name,
            version=version.label,
            manifest_root=version.manifest_root,
            files=version.file_count,
            size=version.size,
        )
        for version in DatasetVersion.objects.filter(dataset__system=system).select_related("dataset")
    ]


def coverage(system: AISystem, technique: Technique) -> list[doc.CoverageRow]:
    """What was tested and what was not, a row for every model version."""
    rows = coverage_table(ModelVersion.objects.filter(model__system=system), technique=technique)
    return [
        doc.CoverageRow(
            model=str(row.version.uuid),
            cells=[
                doc.CoverageCell(
                    technique=cell.technique_id,
                    state=cell.state,
                    basis=cell.basis,
                    at=utc(cell.at) if cell.at else None,
                )
                for cell in row.cells
            ],
        )
        for row in rows
    ]


def _observed(system: AISystem, *, key: str) -> QuerySet[Observation]:
    rows = Observation.objects.filter(system=system, facts__has_key=key)
    return rows.select_related("model_version").order_by("created_at", "pk")


def _started_by(system: AISystem) -> dict[str, str]:
    """Name of the person behind each finished scan, by the scan's uuid."""
    entries = TrailEntry.objects.filter(system=system, event__kind="scan.finished", actor__isnull=False)
    return {str(uuid): name for uuid, name in entries.values_list("event__subject_uuid", "actor__name")}


def scans(system: AISystem) -> Iterator[doc.Scan]:
    """Detection runs on known model versions, oldest first, a few held at a time."""
    seen = _observed(system, key="stage").filter(model_version__isnull=False)
    sources = list(dict.fromkeys(seen.values_list("source_uuid", flat=True).iterator(chunk_size=2_000)))
    started_by = _started_by(system)
    for start in range(0, len(sources), _SCANS_AT_ONCE):
        some = sources[start : start + _SCANS_AT_ONCE]
        runs: dict[Any, list[Observation]] = {source: [] for source in some}
        for observation in seen.filter(source_uuid__in=some):
            runs[observation.source_uuid].append(observation)
        for source, observations in runs.items():
            yield _scan(str(source), observations, started_by)


def _scan(source: str, observations: Sequence[Observation], started_by: Mapping[str, str]) -> doc.Scan:
    about, version = observations[0].facts["scan"], observations[0].model_version
    return doc.Scan(
        uuid=source,
        model=str(version.uuid) if version else "",
        verdict=StageVerdict(about["verdict"]),
        started_at=_iso(about["started_at"]),
        finished_at=_iso(about["finished_at"]),
        started_by=started_by.get(source, ""),
        data=figures(about["data"]),
        environment=figures(about["environment"]),
        stages=[stage(o.facts["stage"], title=title_of(o.title)) for o in observations],
    )


def _issue(issue: JSON) -> doc.Issue:
    return doc.Issue(
        rule=issue["rule"],
        title=issue["title"],
        description=issue["description"],
        severity=Severity(issue["severity"]),
        location=issue["location"],
        techniques=list(issue["atlas_techniques"]),
    )


def file_scans(system: AISystem) -> Iterator[doc.FileScan]:
    """Static scans of files, oldest first, a few held at a time."""
    return map(_file_scan, _observed(system, key="file_scan").iterator(chunk_size=500))


def _file_scan(observation: Observation) -> doc.FileScan:
    report = observation.facts["file_scan"]
    return doc.FileScan(
        uuid=str(observation.uuid),
        model=str(observation.model_version.uuid) if observation.model_version else None,
        path=observation.asset_name,
        sha256=report["sha256"],
        size=int(report["size"]),
        format=report["format"],
        scanner=report["scanner"],
        scanner_version=report["scanner_version"],
        verdict=FileScanVerdict(report["verdict"]),
        at=utc(observation.observed_at or observation.created_at),
        issues=[_issue(issue) for issue in report["issues"]],
        members_scanned=len(report["scanned"]),
        not_scanned=[{"name": name, "reason": reason} for name, reason in report["not_scanned"]],
        limits=list(report["limits"]),
    )
