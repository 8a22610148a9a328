"""Models, data sets, coverage and scans of a freeze, read from observations alone."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

from compliance.models import AISystem, DatasetVersion, ModelVersion, Observation, Technique, TrailEntry
from compliance.selectors.coverage import coverage_table
from compliance.types import freeze_scans as doc
from compliance.types.drafts import JSON
from compliance.types.states import ModelOrigin, Severity
from compliance.types.verdicts import FileScanVerdict, StageVerdict, worst_stage

_LEVEL = 0.95


def utc(moment: datetime) -> str:
    """UTC with seconds and "Z"."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _iso(text: str) -> str:
    return utc(datetime.fromisoformat(text))


def _words(value: object) -> str:
    """A JSON value as one short text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(map(_words, value[:12])) + (" …" if len(value) > 12 else "")
    if isinstance(value, dict):
        return "; ".join(f"{key} {_words(member)}" for key, member in list(value.items())[:12])
    return "" if value is None else str(value)


def figures(facts: JSON) -> list[doc.Figure]:
    """Facts as labelled values in words, in the order they were given."""
    return [
        doc.Figure(label=str(key).replace("_", " "), value=_words(value))
        for key, value in facts.items()
        if value not in (None, "", [], {})
    ]


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


def _rate(held_out: JSON) -> doc.Rate | None:
    """Share of held-out images that the recovered trigger turned, with its Clopper-Pearson interval."""
    if not held_out or held_out.get("flip_rate") is None:
        return None
    low, high = held_out["interval_95"]
    return doc.Rate(
        estimate=float(held_out["flip_rate"]), low=float(low), high=float(high), level=_LEVEL, n=int(held_out["tried"])
    )


_DRAWN_APART = {
    "norms",
    "reference_smallest_norms",
    "first_ranked_class",
    "held_out",
    "p_value",
    "p_value_resolution",
    "reference_bank",
    "references",
    "steps",
}


def _stage_figures(facts: JSON) -> list[doc.Figure]:
    """What is said in words beside the drawn statistics; the measured power first."""
    bank: JSON = facts.get("reference_bank") or {}
    power: JSON = bank.get("power") or {}
    first = [{"power measured with": f"{power['planted']} planted models, {power['found']} found"}] if power else []
    rest = {key: value for key, value in facts.items() if key not in _DRAWN_APART}
    bank_words = {"reference bank SHA-256": bank.get("sha256", ""), "bank not used because": bank.get("not_used", "")}
    return [figure for facts_part in (*first, bank_words, rest) for figure in figures(facts_part)]


def _numbers(values: list[float | None]) -> list[float]:
    return [float(value) for value in values if value is not None]


def stage(report: JSON) -> doc.Stage:
    """One stage from the StageReport that its observation holds."""
    facts: dict[str, Any] = report["facts"]
    first = facts.get("first_ranked_class")
    return doc.Stage(
        detector=report["detector"],
        title=report["detector"].replace("_", " ").capitalize(),
        version=report["detector_version"],
        verdict=StageVerdict(report["verdict"]),
        statement=report["statement"],
        speaks_to=list(report["speaks_to"]),
        limits=list(report["limits"]),
        parameters=figures({key: value for key, value in report["parameters"].items() if key != "repr"}),
        figures=_stage_figures(facts),
        class_norms=[
            doc.ClassNorm(label=str(label), norm=float(norm))
            for label, norm in enumerate(facts.get("norms", []))
            if norm is not None
        ],
        reference_norms=_numbers(facts.get("reference_smallest_norms", [])),
        first_ranked=None if first is None else str(first),
        p_value=facts.get("p_value"),
        p_resolution=facts.get("p_value_resolution"),
        attack_success=_rate(facts.get("held_out") or {}),
        pictures=[
            doc.Picture(name=name, alt=f"Recovered {name.replace('_', ' ')}, enlarged", png=png)
            for name, png in sorted(report["images"].items())
        ],
        seconds=float(report["seconds"]),
    )


def _observed(system: AISystem, *, key: str) -> list[Observation]:
    observations = (
        Observation.objects.filter(system=system, facts__has_key=key)
        .select_related("model_version")
        .order_by("created_at", "pk")
    )
    return list(observations)


def _started_by(system: AISystem) -> dict[str, str]:
    """Name of the person behind each finished scan, by the scan's uuid."""
    entries = TrailEntry.objects.filter(system=system, event__kind="scan.finished", actor__isnull=False)
    return {str(uuid): name for uuid, name in entries.values_list("event__subject_uuid", "actor__name")}


def scans(system: AISystem) -> list[doc.Scan]:
    """Detection runs on known model versions, oldest first."""
    runs: dict[str, list[Observation]] = defaultdict(list)
    for observation in _observed(system, key="stage"):
        if observation.model_version is not None:
            runs[str(observation.source_uuid)].append(observation)
    started_by = _started_by(system)
    listed = []
    for source, observations in runs.items():
        about = observations[0].facts["scan"]
        version = observations[0].model_version
        if version is None:
            continue
        listed.append(
            doc.Scan(
                uuid=source,
                model=str(version.uuid),
                verdict=worst_stage(StageVerdict(o.verdict) for o in observations),
                started_at=_iso(about["started_at"]),
                finished_at=_iso(about["finished_at"]),
                started_by=started_by.get(source, ""),
                data=figures(about["data"]),
                environment=figures(about["environment"]),
                stages=[stage(o.facts["stage"]) for o in observations],
            )
        )
    return listed


def _issue(issue: JSON) -> doc.Issue:
    return doc.Issue(
        rule=issue["rule"],
        title=issue["title"],
        description=issue["description"],
        severity=Severity(issue["severity"]),
        location=issue["location"],
        techniques=list(issue["atlas_techniques"]),
    )


def file_scans(system: AISystem) -> list[doc.FileScan]:
    """Static scans of files, oldest first."""
    listed = []
    for observation in _observed(system, key="file_scan"):
        report = observation.facts["file_scan"]
        listed.append(
            doc.FileScan(
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
        )
    return listed
