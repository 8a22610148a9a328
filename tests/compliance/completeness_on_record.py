"""Readings of completeness as the job that follows an import records them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

from compliance.models import AISystem, CompletenessReading, Evidence, PlatformDocument
from compliance.services import completeness
from compliance.types.canonical import digest_of
from compliance.types.completeness import CompletenessDraft, CompletenessRow, Integrity, Measured, Part, RowState

PERIOD = (date(2026, 1, 1), date(2026, 12, 31))
AS_OF = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEY = "ab" * 32
FINGERPRINT = "cd" * 16


def key_document(system: AISystem, evidence: Evidence, tag: str = "") -> PlatformDocument:
    """A list of keys on record."""
    draft = CompletenessDraft(
        kind="cloudtrail-public-keys", platform="aws", scope="eu-central-1", taken_at=AS_OF, content={"keys": [tag]},
        fingerprint=digest_of(["keys", tag]), raw_sha256=digest_of([tag]), locator="document",
    )  # fmt: skip
    rows = completeness.unrecorded(system=system, evidence=evidence, source_uuid=uuid4(), drafts=[draft])
    completeness.record_documents(rows=rows)
    return PlatformDocument.objects.get(system=system, fingerprint=draft.fingerprint)


def row(part: Part, state: RowState, place: str = "111122223333/eu-central-1", **changes: Any) -> CompletenessRow:
    told: dict[str, Any] = {"platform": "aws", "name": "org-trail", "sentence": f"{place} is {state.value}."}
    return CompletenessRow(part=part, state=state, place=place, **(told | changes))


def coverage(*rows: CompletenessRow, delivering: int = 3, in_scope: int = 4) -> Measured:
    unit = {
        "platform": "aws",
        "unit": "account",
        "in_scope": in_scope,
        "delivering": delivering,
        "not_assessed": 1,
        "seen": 2,
    }
    figure = {"units": [unit], "declared": ["aws"], "gaps": ["Which projects there are was not handed in."]}
    return Measured(part=Part.COVERAGE, figure=figure, rows=rows, limits=("Documents say how it was then.",))


def integrity(*rows: CompletenessRow, verdict: Integrity = Integrity.CONSISTENT, document: str = "") -> Measured:
    figure = {
        "verdict": verdict.value, "chains": 1, "digests": 3, "verified": 3, "seconds": 10800, "seconds_consistent": 7200,
        "log_files": {"listed": 3, "matching": 2, "altered": 0, "absent": 1}, "files_on_record": 3, "files_unlisted": 1,
        "keys": [{"sha256": KEY, "fingerprint": FINGERPRINT, "region": "eu-central-1", "document": document}],
    }  # fmt: skip
    return Measured(part=Part.INTEGRITY, figure=figure, rows=rows, limits=("Only CloudTrail signs.",))


def reconciliation(*rows: CompletenessRow, **counts: int) -> Measured:
    family: dict[str, Any] = {
        "platform": "aws", "kind": "sagemaker-training-jobs", "logged": 41, "listed": 42, "logged_matched": 40,
        "matched": {"id": 39, "name": 1, "parent": 0, "time": 0}, "not_in_log": 2, "not_listed": 1, "vanished": 0,
        "not_assessed": 5,
    }  # fmt: skip
    figure = {
        "families": [family | counts],
        "not_logged": [{"source": "HyperPod cluster hp-1", "what": "jobs inside", "instead": "Slurm accounting"}],
        "blind_spots": [{"source": "cloudtrail", "what": "Jobs that start inside a cluster."}],
    }
    return Measured(part=Part.RECONCILIATION, figure=figure, rows=rows, limits=("A list may be filtered.",))


def recorded(
    system: AISystem, evidence: Evidence, *measured: Measured, period: tuple[date, date] = PERIOD, tag: str = ""
) -> CompletenessReading:
    """A reading on record, with a list of keys; what is not given is as above."""
    document = key_document(system, evidence, tag)
    given = {one.part: one for one in measured}
    whole = (
        given.get(Part.COVERAGE)
        or coverage(row(Part.COVERAGE, RowState.NOT_DELIVERING, "444455556666", name="account")),
        given.get(Part.INTEGRITY)
        or integrity(
            row(Part.INTEGRITY, RowState.CONSISTENT, starts_at=AS_OF, ends_at=AS_OF), document=str(document.uuid)
        ),
        given.get(Part.RECONCILIATION)
        or reconciliation(row(Part.RECONCILIATION, RowState.NOT_IN_LOG, name="shadow-job", starts_at=AS_OF)),
    )
    reading = completeness.record(
        system=system, period=period, as_of=AS_OF, measured=whole, stood_on={"tag": tag}, actor=None
    )
    assert reading is not None
    return reading
