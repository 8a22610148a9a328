"""Observations: recorded once per source and fingerprint, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from compliance.models import AISystem, Evidence, ModelVersion, Observation
from compliance.types.canonical import digest_of, merkle_root
from compliance.types.drafts import ObservationDraft

_BATCH = 500


def _versions_by_digest(system: AISystem, drafts: Sequence[ObservationDraft]) -> dict[str, ModelVersion]:
    digests = {draft.asset.digest for draft in drafts if draft.asset.digest}
    versions = ModelVersion.objects.filter(model__system=system, digest__in=digests)
    return {version.digest: version for version in versions}


def _row(
    draft: ObservationDraft,
    *,
    system: AISystem,
    source_uuid: UUID,
    evidence: Evidence | None,
    version: ModelVersion | None,
) -> Observation:
    return Observation(
        system=system,
        source_uuid=source_uuid,
        fingerprint=draft.fingerprint,
        producer=draft.producer[:100],
        producer_version=draft.producer_version[:64],
        rule=draft.rule[:200],
        title=draft.title[:500],
        description=draft.description,
        method=draft.method.value,
        verdict=draft.verdict.value,
        severity=draft.severity.value if draft.severity else "",
        native_severity=draft.native_severity[:64],
        techniques=list(draft.atlas_techniques),
        asset_kind=draft.asset.kind[:64],
        asset_name=draft.asset.name[:500],
        asset_digest=draft.asset.digest or "",
        model_version=version,
        location=draft.location[:1000],
        facts=draft.facts,
        raw_sha256=draft.raw_sha256,
        observed_at=draft.observed_at,
        evidence=evidence,
    )


def record_batch(
    *,
    system: AISystem,
    source_uuid: UUID,
    evidence: Evidence | None,
    drafts: Sequence[ObservationDraft],
    model_version: ModelVersion | None = None,
) -> tuple[int, int]:
    """Record drafts of one scan or import; answers (recorded, already there). Assets are bound by digest.

    `model_version` binds drafts whose asset has no digest of its own. Runs inside the caller's transaction, if any.
    """
    by_digest = _versions_by_digest(system, drafts)
    rows = [
        _row(
            draft,
            system=system,
            source_uuid=source_uuid,
            evidence=evidence,
            version=by_digest.get(draft.asset.digest or "", model_version),
        )
        for draft in drafts
    ]
    with transaction.atomic():
        before = Observation.objects.filter(source_uuid=source_uuid).count()
        Observation.objects.bulk_create(rows, batch_size=_BATCH, ignore_conflicts=True)
        recorded = Observation.objects.filter(source_uuid=source_uuid).count() - before
    return recorded, len(rows) - recorded


def rows_of(*, source_uuid: UUID) -> QuerySet[Observation]:
    """What a scan or an import recorded, in its order, with all that a finding is drawn from."""
    return Observation.objects.filter(source_uuid=source_uuid).select_related("model_version__model").order_by("pk")


_SIGNED = (
    "fingerprint", "producer", "producer_version", "rule", "title", "description", "method", "verdict", "severity",
    "native_severity", "techniques", "asset_kind", "asset_name", "asset_digest", "location", "facts", "raw_sha256",
)  # fmt: skip


def rows_root(*, source_uuid: UUID) -> str:
    """Merkle root over the observations of a scan or import, by fingerprint, computed from the record as it is now."""
    rows = Observation.objects.filter(source_uuid=source_uuid).order_by("fingerprint").values(*_SIGNED, "observed_at")
    return merkle_root(
        bytes.fromhex(digest_of(row | {"observed_at": row["observed_at"].isoformat() if row["observed_at"] else None}))
        for row in rows.iterator(chunk_size=_BATCH)
    )
