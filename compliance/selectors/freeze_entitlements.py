"""The entitlements of a freeze: the latest reading of the documents of the period."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from django.db.models import QuerySet

from compliance.models import Entitlement, EntitlementReading
from compliance.selectors.entitlement_page import entitlement_figures, path_in_words
from compliance.types import freeze_entitlements as doc
from compliance.types.canonical import canonical_json
from compliance.types.entitlements import Reach
from compliance.types.freeze_blob import Blob

REGISTER_NAME = "entitlements.jsonl"


def _rows(reading: EntitlementReading) -> QuerySet[Entitlement]:
    return reading.entitlements.select_related("principal").order_by("principal__display", "pk")


def register_lines(reading: EntitlementReading) -> Iterator[bytes]:
    """Every way of a reading as a canonical JSON line, by principal."""
    for row in _rows(reading).iterator(chunk_size=2000):
        yield canonical_json(_way(row)) + b"\n"


def entitlements(reading: EntitlementReading | None, *, register: Blob | None) -> doc.Entitlements:
    """Who could submit in the period, or that it was not assessed. register: all ways of the reading, as it was stored."""
    if reading is None or register is None:
        return {
            "state": "not_assessed",
            "statement": (
                "No entitlement document of the period is on record. The job log shows who did submit jobs; it cannot show "
                "who could."
            ),
        }
    content = _reading(reading, register)
    gaps = len(content["not_assessed"])
    return {
        "state": "assessed",
        "statement": (
            f"Entitlement documents as of {content['as_of']}. Principals who could submit as things stood: {content['now']}; "
            f"after one more step: {content['after_step']}; keys that open it to whoever holds them: {content['shared_key']}. "
            f"Submitted in the year before without standing in a document: {content['unentitled']}. "
            f"Parts of the question that were not assessed: {gaps}."
        ),
        "reading": content,
    }


def _reading(reading: EntitlementReading, register: Blob) -> doc.EntitlementReading:
    figures = entitlement_figures(reading)
    rows = _rows(reading)
    return doc.EntitlementReading(
        as_of=_utc(reading.as_of),
        principals=reading.principals,
        now=figures.now,
        after_step=figures.after_step,
        shared_key=figures.shared_key,
        unused=figures.unused,
        unentitled=figures.unentitled,
        ways=rows.count(),
        rows_root=reading.rows_root,
        documents=[
            doc.EntitlementSource(
                kind=one.kind,
                platform=one.platform,
                scope=one.scope,
                taken_at=_utc(one.taken_at),
                dated_by=one.dated_by,
                sha256=one.evidence.sha256,
            )
            for one in reading.documents.select_related("evidence")
            .defer("content")
            .order_by("platform", "kind", "scope")
        ],
        extract=[_way(row) for row in rows[: doc.ENTITLEMENT_ROWS]],
        register=register,
        not_assessed=[
            doc.EntitlementGap(document=gap["document"], scope=gap["scope"], effect=gap["effect"])
            for gap in reading.not_assessed
        ],
        limits=list(reading.limits),
    )


def _way(row: Entitlement) -> doc.EntitlementWay:
    return doc.EntitlementWay(
        principal=str(row.principal),
        principal_kind=row.principal.kind,
        platform=row.platform,
        scope=row.scope,
        reach=Reach(row.reach).value,
        permissions=list(row.actions),
        path=path_in_words(row.path),
        conditions=list(row.conditions),
        runs_as=list(row.runs_as),
        missing=list(row.missing),
    )


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
