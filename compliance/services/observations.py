"""Observations: recorded once per source and fingerprint, never changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from compliance.models import AISystem, Evidence, ModelVersion, Observation
from compliance.services import bulk_rows
from compliance.types.canonical import canonical_json_of_parsed, merkle_root, sha256_hex
from compliance.types.drafts import ObservationDraft

_BATCH = 500
_SIGNED = (
    "fingerprint", "producer", "producer_version", "rule", "title", "description", "method", "verdict", "severity",
    "native_severity", "techniques", "asset_kind", "asset_name", "asset_digest", "location", "facts", "raw_sha256",
)  # fmt: skip
_COMPARED = (*_SIGNED, "observed_at", "model_version_id", "evidence_id")
_PLACES = ("locator", "origins")


def _versions_by_digest(system: AISystem, drafts: Sequence[ObservationDraft]) -> dict[str, ModelVersion]:
    digests = {draft.asset.digest for draft in drafts if draft.asset.digest}
    versions = ModelVersion.objects.filter(model__system=system, digest__in=digests)
    return {version.digest: version for version in versions}


def _told(draft: ObservationDraft) -> dict[str, Any]:
    """What a draft says, as the columns of an observation."""
    return {
        "fingerprint": draft.fingerprint,
        "producer": draft.producer[:100],
        "producer_version": draft.producer_version[:64],
        "rule": draft.rule[:200],
        "title": draft.title[:500],
        "description": draft.description,
        "method": draft.method.value,
        "verdict": draft.verdict.value,
        "severity": draft.severity.value if draft.severity else "",
        "native_severity": draft.native_severity[:64],
        "techniques": list(draft.atlas_techniques),
        "asset_kind": draft.asset.kind[:64],
        "asset_name": draft.asset.name[:500],
        "asset_digest": draft.asset.digest or "",
        "location": draft.location[:1000],
        "facts": draft.facts,
        "raw_sha256": draft.raw_sha256,
        "observed_at": draft.observed_at,
    }


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
        Observation(
            system=system,
            source_uuid=source_uuid,
            evidence=evidence,
            model_version=by_digest.get(draft.asset.digest or "", model_version),
            **_told(draft),
        )
        for draft in drafts
    ]
    with transaction.atomic():
        there = set(Observation.objects.filter(source_uuid=source_uuid).values_list("fingerprint", flat=True))
        fresh = list({row.fingerprint: row for row in reversed(rows) if row.fingerprint not in there}.values())[::-1]
        bulk_rows.insert(fresh)
    return len(fresh), len(rows) - len(fresh)


def unrecorded(*, system: AISystem, evidence: Evidence, drafts: Sequence[ObservationDraft]) -> list[ObservationDraft]:
    """The drafts that no observation of the system says already, word for word and of the same model version.

    A document that is imported again, or a part of it, then adds nothing. Where in a document it stood is no part of what
    an observation says; the time at which a report was made is, so a later report of the same things is recorded. One that
    states no time may be a later one: only the same bytes say the same again.
    """
    said = {_words(row): row["fingerprint"] for row in _said(system, [draft.fingerprint for draft in drafts])}
    known = set(said.values())
    versions = _versions_by_digest(system, [draft for draft in drafts if draft.fingerprint in known])

    def is_said(draft: ObservationDraft) -> bool:
        version = versions.get(draft.asset.digest or "")
        bound = {"model_version_id": version.pk if version else None, "evidence_id": evidence.pk}
        return _words(_told(draft) | bound) in said

    return [draft for draft in drafts if draft.fingerprint not in known or not is_said(draft)]


def _said(system: AISystem, fingerprints: Sequence[str]) -> Iterator[Mapping[str, Any]]:
    for start in range(0, len(fingerprints), _BATCH):
        part = fingerprints[start : start + _BATCH]
        yield from Observation.objects.filter(system=system, fingerprint__in=part).values(*_COMPARED)


def _words(row: Mapping[str, Any]) -> str:
    facts = {name: value for name, value in row["facts"].items() if name not in _PLACES}
    return _leaf({**row, "facts": facts, "evidence_id": None if row["observed_at"] else row["evidence_id"]})


def rows_of(*, source_uuid: UUID) -> QuerySet[Observation]:
    """What a scan or an import recorded, in its order, with all that a finding is drawn from."""
    rows = Observation.objects.filter(source_uuid=source_uuid)
    return rows.prefetch_related("model_version__model", "evidence").order_by("pk")


def rows_root(*, source_uuid: UUID) -> str:
    """Merkle root over the observations of a scan or import, by fingerprint, computed from the record as it is now."""
    rows = Observation.objects.filter(source_uuid=source_uuid).order_by("fingerprint").values(*_SIGNED, "observed_at")
    return merkle_root(bytes.fromhex(_leaf(row)) for row in rows.iterator(chunk_size=_BATCH))


def _leaf(row: Mapping[str, Any]) -> str:
    observed_at = row["observed_at"]
    return sha256_hex(
        canonical_json_of_parsed({**row, "observed_at": observed_at.isoformat() if observed_at else None})
    )
