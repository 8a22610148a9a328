"""The job log of a freeze: counts, an extract, and the lines of the full register."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC

from django.db.models import Count, QuerySet

from compliance.models import Assessment, JobEvent, TrailEntry
from compliance.selectors.question_facts import events_in_period
from compliance.types import freeze as doc
from compliance.types.canonical import canonical_json
from compliance.types.freeze_blob import Blob

REGISTER_NAME = "job-events.jsonl"


def _events(assessment: Assessment) -> QuerySet[JobEvent]:
    return events_in_period(assessment).select_related("actor").order_by("occurred_at", "pk")


def _row(event: JobEvent) -> doc.JobEventRow:
    return doc.JobEventRow(
        occurred_at=event.occurred_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        actor=str(event.actor) if event.actor else "not recorded by the source",
        action=event.action,
        outcome=event.outcome,
        account=event.account,
        region=event.region,
        job=event.job_name or event.job_id,
        base_model=event.base_model,
        raw_sha256=event.raw_sha256,
    )


def register_lines(assessment: Assessment) -> Iterator[bytes]:
    """Every job event of the period as a canonical JSON line, oldest first."""
    for event in _events(assessment).iterator(chunk_size=2000):
        yield canonical_json({**_row(event), "inputs": event.inputs, "not_given": event.unknown_fields}) + b"\n"


def _import_counts(assessment: Assessment) -> dict[str, dict[str, int]]:
    """Per evidence uuid: duplicates and rejects that its imports reported to the ledger."""
    totals: dict[str, dict[str, int]] = {}
    for entry in TrailEntry.objects.filter(system=assessment.system_id, event__kind="import.published"):
        counts = totals.setdefault(str(entry.payload.get("evidence", "")), {"duplicates": 0, "rejected": 0})
        counts["duplicates"] += int(entry.payload.get("duplicates", 0))
        counts["rejected"] += int(entry.payload.get("rejected", 0))
    return totals


def job_log(assessment: Assessment, *, register: Blob | None) -> doc.JobLog:
    """Counts of the period, by source document, and the first rows."""
    events = _events(assessment)
    reported = _import_counts(assessment)
    nothing = {"duplicates": 0, "rejected": 0}
    sources = [
        doc.LogSource(
            name=row["evidence__filename"],
            format=row["source"],
            evidence=str(row["evidence__uuid"]),
            recorded=row["count"],
            duplicates=reported.get(str(row["evidence__uuid"]), nothing)["duplicates"],
            rejected=reported.get(str(row["evidence__uuid"]), nothing)["rejected"],
        )
        for row in events.order_by("evidence__uuid")
        .values("evidence__uuid", "evidence__filename", "source")
        .annotate(count=Count("pk"))
    ]
    return doc.JobLog(
        recorded=events.count(),
        duplicates=sum(source["duplicates"] for source in sources),
        rejected=sum(source["rejected"] for source in sources),
        sources=sources,
        extract=[_row(event) for event in events[: doc.EXTRACT_ROWS]],
        register=register,
    )
