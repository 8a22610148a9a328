"""How complete a job log is: documents kept as they were read, readings of the three figures, and comparisons of keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from datetime import date, datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

import compliance
from compliance.models import (
    AISystem,
    CompletenessReading,
    CompletenessRow,
    Evidence,
    KeyComparison,
    PlatformDocument,
    User,
)
from compliance.services import documents, ledger
from compliance.services.errors import RefusedError
from compliance.services.job_log import RacedError
from compliance.types.canonical import digest_of, merkle_root
from compliance.types.completeness import CompletenessDraft, Measured, Part, RowState
from compliance.types.completeness import CompletenessRow as Row
from compliance.types.drafts import JSON

_BATCH = 500


# Documents ------------------------------------------------------------------------------------------------------------


def unrecorded(
    *, system: AISystem, evidence: Evidence, source_uuid: UUID, drafts: Iterable[CompletenessDraft]
) -> list[PlatformDocument]:
    """Drafts as rows, those that are on record left out."""
    made = documents.unsaved(PlatformDocument, system=system, evidence=evidence, source_uuid=source_uuid, drafts=drafts)
    return documents.unrecorded(PlatformDocument, system=system, rows=made)


def record_documents(*, rows: Sequence[PlatformDocument]) -> None:
    """Store new documents, in the caller's transaction. What follows from them is read afterwards.

    Raises RacedError where another import recorded one of them meanwhile; the caller's transaction must then be undone.
    """
    try:
        PlatformDocument.objects.bulk_create(rows, batch_size=_BATCH)
    except IntegrityError as error:
        raise RacedError("another import recorded the same documents meanwhile") from error


def documents_root(*, source_uuid: UUID) -> str:
    """Merkle root over the documents that an import recorded, as they are now; "" where it recorded none."""
    return documents.rows_root(PlatformDocument, source_uuid=source_uuid)


# Readings -------------------------------------------------------------------------------------------------------------


def record(
    *,
    system: AISystem,
    period: tuple[date, date],
    as_of: datetime,
    measured: Sequence[Measured],
    stood_on: JSON,
    actor: User | None,
) -> CompletenessReading | None:
    """Record what was measured over a period, in the caller's transaction; None where the reading before says the same.

    stood_on: counts of what was looked at; as_of: the last moment that any of it speaks of.
    """
    rows = [replace(row, place=row.place[:300], name=row.name[:500]) for one in measured for row in one.rows]
    leaves = [_leaf(row) for row in rows]
    figures: JSON = {one.part.value: dict(one.figure) for one in measured}
    root = merkle_root(bytes.fromhex(leaf) for leaf in leaves)
    outcome = digest_of({"figures": figures, "rows_root": root, "period": [day.isoformat() for day in period]})
    AISystem.objects.select_for_update(no_key=True).get(pk=system.pk)
    before = latest(system=system, period=period)
    if before is not None and before.outcome_sha256 == outcome:
        return None
    reading = CompletenessReading.objects.create(
        system=system,
        period_start=period[0],
        period_end=period[1],
        as_of=as_of,
        rule_version=compliance.__version__,
        figures=figures,
        limits={one.part.value: list(one.limits) for one in measured},
        stood_on=stood_on,
        rows_root=root,
        outcome_sha256=outcome,
    )
    CompletenessRow.objects.bulk_create([_stored(reading, n, row) for n, row in enumerate(rows)], batch_size=_BATCH)
    ledger.record(
        kind="completeness.read",
        subject=reading,
        payload={
            "period": [day.isoformat() for day in period],
            "integrity": figures["integrity"]["verdict"],
            "outcome": outcome,
            "rows": len(rows),
            "rows_root": root,
            "rule_version": reading.rule_version,
        },
        actor=actor,
        system=system,
    )
    return reading


def latest(*, system: AISystem, period: tuple[date, date]) -> CompletenessReading | None:
    """The reading of a period that counts."""
    rows = CompletenessReading.objects.filter(system=system, period_start=period[0], period_end=period[1])
    return rows.order_by("-created_at", "-pk").first()


def _leaf(row: Row) -> str:
    form = asdict(row)
    for name in ("starts_at", "ends_at"):
        form[name] = form[name].isoformat() if form[name] else None
    return digest_of(form)


def _stored(reading: CompletenessReading, n: int, row: Row) -> CompletenessRow:
    return CompletenessRow(
        reading=reading,
        n=n,
        part=row.part.value,
        state=row.state.value,
        platform=row.platform[:64],
        place=row.place,
        name=row.name,
        sentence=row.sentence,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        facts=row.facts,
    )


def is_unaltered(*, reading: CompletenessReading) -> bool:
    """Whether the rows of a reading still have the Merkle root that the ledger holds."""
    found = (_leaf(_as_row(row)) for row in reading.rows.order_by("n"))
    return merkle_root(bytes.fromhex(leaf) for leaf in found) == reading.rows_root


def _as_row(row: CompletenessRow) -> Row:
    return Row(
        part=Part(row.part),
        state=RowState(row.state),
        platform=row.platform,
        place=row.place,
        name=row.name,
        sentence=row.sentence,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        facts=row.facts,
    )


# Keys -----------------------------------------------------------------------------------------------------------------


@transaction.atomic
def compare_key(
    *, reading: CompletenessReading, key_sha256: str, seen: str, way: str, record_difference: bool, actor: User
) -> KeyComparison:
    """Record that somebody fetched a key's fingerprint by themselves and compared it with the key of a reading.

    seen: the fingerprint as they saw it, MD5 as AWS prints it or SHA-256 of the key's DER form; way: how they fetched it;
    record_difference: whether another fingerprint than the key's is to go on record as such. Raises RefusedError.
    """
    key = next((one for one in reading.figures["integrity"]["keys"] if one["sha256"] == key_sha256), None)
    if key is None:
        raise RefusedError(_("No digest file of this reading was verified by this key."))
    given = "".join(seen.lower().replace(":", "").split())
    if len(given) not in (32, 64) or not set(given) <= set("0123456789abcdef"):
        raise RefusedError(_("Give the fingerprint that you fetched yourself: 32 or 64 hexadecimal digits."))
    if not way.strip():
        raise RefusedError(_("Say how you fetched the fingerprint: from where, by which account, when."))
    matches = given in (key["fingerprint"], key["sha256"])
    if not matches and not record_difference:
        raise RefusedError(
            _("This is another fingerprint than the key's. Check it; if it stands, confirm that the keys differ.")
        )
    comparison = KeyComparison.objects.create(
        system=reading.system,
        key_sha256=key_sha256,
        region=key["region"],
        seen=given,
        matches=matches,
        way=way.strip(),
        compared_by=actor,
    )
    ledger.record(
        kind="key.compared",
        subject=comparison,
        payload={
            "key": key_sha256, "seen": given, "matches": matches, "way_sha256": digest_of(comparison.way),
            "reading": str(reading.uuid),
        },
        actor=actor,
        system=reading.system,
    )  # fmt: skip
    return comparison
