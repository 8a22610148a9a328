"""The job log of a freeze: counts, an extract, and the lines of the full register."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from typing import Any

from django.db.models import Count, QuerySet

from compliance.models import Assessment, JobEvent, Principal, TrailEntry
from compliance.selectors.question_facts import events_in_period
from compliance.types import freeze_job_log as doc
from compliance.types.canonical import canonical_json
from compliance.types.freeze_blob import Blob

REGISTER_NAME = "job-events.jsonl"


def _events(assessment: Assessment) -> QuerySet[JobEvent]:
    return events_in_period(assessment).order_by("occurred_at", "pk")


_COLUMNS = (
    "occurred_at", "actor_id", "action", "outcome", "account", "region", "job_name", "job_id", "base_model", "raw_sha256",
)  # fmt: skip


def _row(actors: Mapping[int, str], event: Sequence[Any]) -> doc.JobEventRow:
    at, actor, action, outcome, account, region, name, job, base_model, raw_sha256 = event
    return doc.JobEventRow(
        occurred_at=at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        actor=actors[actor] if actor else "not recorded by the source",
        action=action,
        outcome=outcome,
        account=account,
        region=region,
        job=name or job,
        base_model=base_model,
        raw_sha256=raw_sha256,
    )


def _actors(assessment: Assessment) -> dict[int, str]:
    """Who acted, by key: far fewer than events, so that no event is read together with its actor."""
    acted = events_in_period(assessment).exclude(actor=None).order_by().values("actor").distinct()
    rows = Principal.objects.filter(pk__in=acted).only("display", "pseudonym")
    return {row.pk: str(row) for row in rows.iterator(chunk_size=2000)}


def register_lines(assessment: Assessment) -> Iterator[bytes]:
    """Every job event of the period as a canonical JSON line, oldest first. Reads columns, and makes no objects of rows."""
    actors = _actors(assessment)
    rows = _events(assessment).values_list(*_COLUMNS, "inputs", "unknown_fields")
    for *event, inputs, unknown in rows.iterator(chunk_size=5000):
        yield canonical_json({**_row(actors, event), "inputs": inputs, "not_given": unknown}) + b"\n"


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
    events, actors = _events(assessment), _actors(assessment)
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
        extract=[_row(actors, event) for event in events.values_list(*_COLUMNS)[: doc.EXTRACT_ROWS]],
        register=register,
    )
