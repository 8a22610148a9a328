"""Read-models of the instruments: lists of imports and scans, and one of each, as their asker may see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet

from compliance.models import Evidence, Finding, JobEvent, ModelVersion, Observation
from compliance.rights import Asker, visible
from compliance.selectors.freeze_inventory import figures
from compliance.selectors.freeze_inventory import stage as stage_document
from compliance.types.drafts import JSON
from compliance.types.freeze_scans import ClassNorm, Figure, Stage
from scanning.detectors.registry import DETECTORS
from scanning.models import Import, ImportReject, ReferenceBank, Scan

MOST_NAMED = 20


def import_list(*, asker: Asker) -> QuerySet[Import]:
    """Imports, newest first, with what a row shows."""
    return visible(Import.objects.all(), asker).select_related("job__requested_by", "system", "evidence")


def scan_list(*, asker: Asker) -> QuerySet[Scan]:
    """Scans, newest first, with what a row shows."""
    rows = visible(Scan.objects.all(), asker)
    return rows.select_related("job__requested_by", "model_version__model__system").defer("report")


def reference_bank_list(*, asker: Asker) -> QuerySet[ReferenceBank]:
    """Reference banks that a scan may be ranked against."""
    return visible(ReferenceBank.objects.all(), asker)


def scannable_versions(*, asker: Asker) -> QuerySet[ModelVersion]:
    """Model versions whose bytes are kept, so that they can be scanned."""
    rows = visible(ModelVersion.objects.filter(evidence__isnull=False), asker)
    return rows.select_related("model__system", "evidence")


def held_out_candidates(*, asker: Asker) -> QuerySet[Evidence]:
    """Evidence that holds labelled images: NumPy archives."""
    return visible(Evidence.objects.filter(filename__iendswith=".npz"), asker).select_related("system")


# One import ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedAsset:
    """A file or model that a document names. digest: SHA-256 hex, empty where the document gives none."""

    name: str
    digest: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPage:
    """What came of one import.

    unnamed: job events whose source names nobody; unbound: assets that match no registered model version (at most
    MOST_NAMED, of unbound_total); base_models: what the events say was fine-tuned; no_base_model: events that do not say.
    """

    events: int
    unnamed: int
    observations: int
    findings: tuple[Finding, ...]
    unbound: tuple[NamedAsset, ...]
    unbound_total: int
    base_models: tuple[NamedAsset, ...]
    no_base_model: int
    scope: tuple[Figure, ...]


def import_rejects(document: Import) -> QuerySet[ImportReject]:
    """What of the document could not be taken, in its order."""
    return ImportReject.objects.filter(document_import=document)


def import_page(document: Import, asker: Asker) -> ImportPage:
    """What one import recorded, as far as the asker may see."""
    events = visible(JobEvent.objects.filter(source_uuid=document.uuid), asker)
    counted = events.aggregate(
        all=Count("pk"), unnamed=Count("pk", filter=Q(actor=None)), no_base=Count("pk", filter=Q(base_model=""))
    )
    observations = visible(Observation.objects.filter(source_uuid=document.uuid), asker)
    bases = (
        events.exclude(base_model="").values("base_model").annotate(rows=Count("pk")).order_by("-rows", "base_model")
    )
    unbound = (
        observations.filter(model_version=None)
        .values("asset_name", "asset_digest")
        .annotate(rows=Count("pk"))
        .order_by("asset_name", "asset_digest")
    )
    findings = visible(Finding.objects.filter(observations__source_uuid=document.uuid), asker)
    return ImportPage(
        events=counted["all"],
        unnamed=counted["unnamed"],
        observations=observations.count(),
        findings=tuple(findings.select_related("target").distinct()[:MOST_NAMED]),
        unbound=tuple(
            NamedAsset(name=row["asset_name"], digest=row["asset_digest"], rows=row["rows"])
            for row in unbound[:MOST_NAMED]
        ),
        unbound_total=unbound.count(),
        base_models=tuple(
            NamedAsset(name=row["base_model"], digest="", rows=row["rows"]) for row in bases[:MOST_NAMED]
        ),
        no_base_model=counted["no_base"],
        scope=tuple(figures(document.scope)),
    )


# One scan -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StagePage:
    """One stage as a page shows it. ranked: class norms, smallest first; repr: the detector's own provenance line."""

    title: str
    report: Stage
    ranked: tuple[ClassNorm, ...]
    smallest_reference: float | None
    repr: str
    peak_memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One planned step of a scan and whether the job has finished it."""

    label: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanPage:
    """What came of one scan. file_scan: a FileScanReport as JSON, None while there is none."""

    file_scan: JSON | None
    stages: tuple[StagePage, ...]
    data: tuple[Figure, ...]
    environment: tuple[Figure, ...]
    detection: JSON | None
    report_evidence: Evidence | None
    findings: tuple[Finding, ...]
    others: tuple[Scan, ...]


def label_of_detector(name: str) -> str:
    """The detector's label, or the name itself for one that is no longer shipped."""
    return DETECTORS[name].label if name in DETECTORS else name


def stage_page(report: JSON) -> StagePage:
    """One stage report as a page shows it."""
    shown = stage_document(report)
    return StagePage(
        title=label_of_detector(shown["detector"]),
        report=shown,
        ranked=tuple(sorted(shown["class_norms"], key=lambda row: row["norm"])),
        smallest_reference=min(shown["reference_norms"], default=None),
        repr=str(report["parameters"].get("repr", "")),
        peak_memory_bytes=int(report["peak_memory_bytes"]),
    )


def scan_steps(scan: Scan, *, file_label: str) -> list[Step]:
    """The file scan and each detector, with what the job has finished so far."""
    labels = [file_label, *(label_of_detector(name) for name in scan.detectors)]
    done = set(scan.job.steps.values_list("n", flat=True))
    states = ["done" if n in done or scan.verdict else "todo" for n in range(1, len(labels) + 1)]
    if "todo" in states and not scan.job.is_over:
        states[states.index("todo")] = "current"
    return [Step(label=label, state=state) for label, state in zip(labels, states, strict=True)]


def scan_page(scan: Scan, asker: Asker) -> ScanPage:
    """The report of one scan, its findings, and other scans of the same model version."""
    report: dict[str, Any] = scan.report
    detection: JSON | None = report.get("detection")
    findings = visible(Finding.objects.filter(observations__source_uuid=scan.uuid), asker)
    kept = Evidence.objects.filter(sha256=scan.report_sha256, system=scan.model_version.model.system)
    return ScanPage(
        file_scan=report.get("file_scan"),
        stages=tuple(stage_page(stage) for stage in detection["stages"]) if detection else (),
        data=tuple(figures(detection["data"])) if detection else (),
        environment=tuple(figures(detection["environment"])) if detection else (),
        detection=detection,
        report_evidence=visible(kept, asker).first() if scan.report_sha256 else None,
        findings=tuple(findings.select_related("target").distinct()),
        others=tuple(scan_list(asker=asker).filter(model_version=scan.model_version).exclude(pk=scan.pk)[:5]),
    )
