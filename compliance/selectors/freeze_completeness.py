"""The completeness of the job log in a freeze: the reading over the very period of the assessment."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from compliance.models import CompletenessReading, CompletenessRow
from compliance.selectors.completeness_page import IntegrityFigure, KeyUsed, integrity_of
from compliance.selectors.completeness_words import coverage_words, integrity_words, reconciliation_words
from compliance.types import freeze_completeness as doc
from compliance.types.canonical import canonical_json
from compliance.types.completeness import EXCEPTIONS, Part
from compliance.types.drafts import JSON
from compliance.types.freeze_blob import Blob

REGISTER_NAME = "completeness.jsonl"


def register_lines(reading: CompletenessReading) -> Iterator[bytes]:
    """Every line of a reading as a canonical JSON line, in its order."""
    for row in reading.rows.order_by("n").iterator(chunk_size=2000):
        yield canonical_json({**_line(row), "facts": row.facts}) + b"\n"


def completeness(reading: CompletenessReading | None, *, register: Blob | None) -> doc.Completeness:
    """What was measured over the period, or that nothing was. register: all lines of the reading, as they were stored."""
    if reading is None or register is None:
        return {
            "state": "not_assessed",
            "statement": (
                "Coverage, integrity and reconciliation of the job log were not measured over this period. What is missing "
                "from the log cannot be said."
            ),
        }
    content = _reading(reading, register)
    return {
        "state": "assessed",
        "statement": (
            f"Coverage: {content['coverage']}. Integrity: {content['integrity']}. "
            f"Reconciliation: {content['reconciliation']}. The three say different things; none stands for another."
        ),
        "reading": content,
    }


def _reading(reading: CompletenessReading, register: Blob) -> doc.CompletenessReading:
    integrity = integrity_of(reading)
    coverage: JSON = reading.figures[Part.COVERAGE.value]
    jobs: JSON = reading.figures[Part.RECONCILIATION.value]
    exceptions = reading.rows.filter(state__in=EXCEPTIONS).order_by("n")
    return doc.CompletenessReading(
        as_of=_utc(reading.as_of),
        read_at=_utc(reading.created_at),
        rule_version=reading.rule_version,
        coverage=coverage_words(coverage),
        integrity=integrity_words(integrity),
        reconciliation=reconciliation_words(jobs),
        units=[_unit(unit) for unit in coverage["units"]],
        gaps=list(coverage["gaps"]),
        digests=_integrity(integrity),
        families=[_family(one) for one in jobs["families"]],
        not_logged=[_not_logged(one) for one in jobs["not_logged"]],
        blind_spots=[_not_logged(one) for one in jobs["blind_spots"]],
        exceptions=exceptions.count(),
        extract=[_line(row) for row in exceptions[: doc.COMPLETENESS_ROWS]],
        lines=register["rows"],
        rows_root=reading.rows_root,
        register=register,
        limits=[limit for part in Part for limit in reading.limits[part.value]],
    )


def _unit(unit: JSON) -> doc.CompletenessUnit:
    return doc.CompletenessUnit(
        platform=unit["platform"],
        unit=unit["unit"],
        in_scope=unit["in_scope"],
        delivering=unit["delivering"],
        not_assessed=unit["not_assessed"],
        seen=unit["seen"],
    )


def _integrity(integrity: IntegrityFigure) -> doc.IntegrityFigures:
    figure, files = integrity.figure, integrity.figure["log_files"]
    return doc.IntegrityFigures(
        verdict=integrity.verdict,
        chains=figure["chains"],
        digests=figure["digests"],
        verified=figure["verified"],
        seconds=figure["seconds"],
        seconds_consistent=figure["seconds_consistent"],
        logs_listed=files["listed"],
        logs_matching=files["matching"],
        logs_altered=files["altered"],
        logs_absent=files["absent"],
        files_on_record=figure["files_on_record"],
        files_unlisted=figure["files_unlisted"],
        keys=[_key(key) for key in integrity.keys],
    )


def _key(key: KeyUsed) -> doc.CompletenessKey:
    told = key.comparison
    return doc.CompletenessKey(
        sha256=key.sha256,
        fingerprint=key.fingerprint,
        region=key.region,
        file=key.file_name,
        fetched_by=key.fetched_by,
        fetched_at=_utc(key.fetched_at) if key.fetched_at else None,
        comparison=doc.KeyCompared(
            by=str(told.compared_by), at=_utc(told.created_at), matches=told.matches, seen=told.seen, way=told.way
        )
        if told
        else None,
    )


def _family(one: JSON) -> doc.JobFamily:
    return doc.JobFamily(
        platform=one["platform"],
        kind=one["kind"],
        listed=one["listed"],
        matched=sum(one["matched"].values()),
        logged=one["logged"],
        not_in_log=one["not_in_log"],
        not_listed=one["not_listed"],
        vanished=one["vanished"],
        not_assessed=one["not_assessed"],
    )


def _not_logged(one: JSON) -> doc.NotLogged:
    return doc.NotLogged(source=one["source"], what=one["what"], instead=one.get("instead", ""))


def _line(row: CompletenessRow) -> doc.CompletenessLine:
    return doc.CompletenessLine(
        figure=Part(row.part),
        state=row.state,
        platform=row.platform,
        place=row.place,
        name=row.name,
        starts_at=_utc(row.starts_at) if row.starts_at else None,
        ends_at=_utc(row.ends_at) if row.ends_at else None,
        sentence=row.sentence,
    )


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
