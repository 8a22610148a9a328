"""Scopes of imported reports, as the parsers state them, read for what they may conclude by absence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from compliance.services.absences import CompleteReport
from compliance.types.drafts import JSON, AssetRef, ObservationDraft, ParseSummary
from compliance.types.verdicts import FileScanVerdict
from scanning.models import Import


def complete_reports(
    *, document: Import, summary: ParseSummary, drafts: Sequence[ObservationDraft]
) -> Iterator[CompleteReport]:
    """The complete runs of a document that is being published, and, since documents come in any order, those of published
    ones that may have been made after what it found."""
    yield from _of(document, summary.scope)
    found = [draft for draft in drafts if draft.verdict is FileScanVerdict.FINDING]
    if found:
        producers = {draft.producer for draft in found}
        kept_at = document.evidence.collected_at or document.evidence.created_at
        oldest = min(draft.observed_at or kept_at for draft in found)
        for later in _later(document, summary.format, oldest):
            yield from (report for report in _of(later, later.scope) if report.producer in producers)


def _later(document: Import, format_name: str, oldest: datetime) -> Iterable[Import]:
    """Published reports of the same format and system that say to have been made after a moment."""
    rows = Import.objects.filter(
        system=document.system,
        format=format_name,
        published_at__isnull=False,
        scope__not_before__gt=oldest.isoformat(timespec="seconds"),
    )
    return rows.exclude(pk=document.pk).select_related("evidence").order_by("pk")


def _of(document: Import, scope: JSON) -> Iterator[CompleteReport]:
    """Each run of a document that is complete. One that says to have been made after it was received has a wrong clock."""
    several = scope.get("runs")
    for run in several if isinstance(several, list) else [scope]:
        if not isinstance(run, dict) or run.get("complete") is not True or not run.get("not_before"):
            continue
        not_before = datetime.fromisoformat(run["not_before"])
        if "assets" in run and not_before <= document.evidence.created_at:
            yield CompleteReport(
                source_uuid=document.uuid,
                evidence=document.evidence,
                producer=run["tool"],
                producer_version=run["tool_version"],
                not_before=not_before,
                assets=tuple(AssetRef(**asset) for asset in run["assets"]),
                rules=None if run["rules"] is None else frozenset(run["rules"]),
            )
