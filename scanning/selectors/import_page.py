"""One import: what it recorded, as its asker may see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q, QuerySet

from compliance.models import Finding, JobEvent, Observation
from compliance.rights import Asker, visible
from compliance.selectors.kept import kept, record_mark, seen_by
from compliance.selectors.stage_document import figures
from compliance.types.freeze_scans import Figure
from scanning.models import Import, ImportReject
from scanning.selectors.report_runs import ReportRun, beside_runs, report_runs

MOST_NAMED = 20
LATEST_REJECTS = 3
# What a document may be about that no model version is ever bound to.
NO_MODELS = ("cloud_resource", "resource", "dataset_version", "laboratory_record", "scan_report", "scan_target")


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
    MOST_NAMED, of unbound_total); base_models: what the events say was fine-tuned; no_base_model: events that do not say;
    runs: what a scanner's report looked at; closed: findings that it no longer lists and that are satisfied thereby.
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
    runs: tuple[ReportRun, ...]
    closed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSoFar:
    """What a running import took and could not take up to its last finished step: rows, rejects, the latest of these."""

    taken: int
    rejected: int
    latest: tuple[ImportReject, ...]


def import_so_far(document: Import) -> ImportSoFar:
    """How much of a document is staged; nobody sees the rows themselves before they are published."""
    step = document.job.steps.order_by("-n").first()
    rejects = import_rejects(document)
    rejected = rejects.count()
    return ImportSoFar(
        taken=int(step.result["upto"]) - rejected if step else 0,
        rejected=rejected,
        latest=tuple(rejects.order_by("-n")[:LATEST_REJECTS]) if rejected else (),
    )


def import_rejects(document: Import) -> QuerySet[ImportReject]:
    """What of the document could not be taken, in its order."""
    return ImportReject.objects.filter(document_import=document)


def read_since(document: Import, asker: Asker) -> Import | None:
    """The latest import that read the same bytes by a mapping, if there is one."""
    rows = visible(Import.objects.filter(evidence=document.evidence, mapping__isnull=False), asker)
    return rows.filter(published_at__isnull=False).select_related("mapping").order_by("-created_at").first()


def _read_events(events: QuerySet[JobEvent]) -> tuple[dict[str, int], list[Any]]:
    """How many events, how many without a name or a base model, and the base models that most of them name."""
    counted = events.aggregate(
        all=Count("pk"), unnamed=Count("pk", filter=Q(actor=None)), no_base=Count("pk", filter=Q(base_model=""))
    )
    named = events.exclude(base_model="").values("base_model").annotate(rows=Count("pk"))
    return counted, list(named.order_by("-rows", "base_model")[:MOST_NAMED])


def import_page(document: Import, asker: Asker) -> ImportPage:
    """What one import recorded, as far as the asker may see."""
    events = visible(JobEvent.objects.filter(source_uuid=document.uuid), asker)
    counted, bases = kept(f"import|{document.uuid}|{seen_by(asker)}", lambda: _read_events(events), mark=record_mark())
    observations = visible(Observation.objects.filter(source_uuid=document.uuid), asker)
    unbound = (
        observations.filter(model_version=None)
        .exclude(asset_kind__in=NO_MODELS)
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
        base_models=tuple(NamedAsset(name=row["base_model"], digest="", rows=row["rows"]) for row in bases),
        no_base_model=counted["no_base"],
        scope=tuple(figures(beside_runs(document.scope))),
        runs=report_runs(document.scope),
        closed=document.job.result.get("no_longer_reported", 0),
    )
