"""Observations: recorded once per source and fingerprint, never changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC
from operator import attrgetter, itemgetter
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from compliance.models import AISystem, Evidence, ModelVersion, Observation
from compliance.services import bulk_rows
from compliance.types.canonical import canonical_json, merkle_root, sha256_hex
from compliance.types.drafts import ObservationDraft

_BATCH = 500
_SIGNED = (
    "fingerprint", "producer", "producer_version", "rule", "title", "description", "method", "verdict", "severity",
    "native_severity", "techniques", "asset_kind", "asset_name", "asset_digest", "location", "facts", "raw_sha256",
)  # fmt: skip
_TOLD = (*_SIGNED, "observed_at")
_COMPARED = (*_TOLD, "model_version_id", "evidence_id")
_PLACES = ("locator", "origins")


def _versions_by_digest(system: AISystem, drafts: Sequence[ObservationDraft]) -> dict[str, ModelVersion]:
    digests = {draft.asset.digest for draft in drafts if draft.asset.digest}
    versions = ModelVersion.objects.filter(model__system=system, digest__among=digests)
    versions = versions.select_related("model")
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
) -> tuple[list[Observation], int]:
    """Record drafts of one scan or import; answers what is recorded, in its order, and how many were there already.

    Assets are bound by digest; `model_version` binds drafts whose asset has no digest of its own. Runs inside the caller's
    transaction, if any.
    """
    by_digest = _versions_by_digest(system, drafts)
    with transaction.atomic():
        there = set(Observation.objects.filter(source_uuid=source_uuid).values_list("fingerprint", flat=True))
        first = {draft.fingerprint: draft for draft in reversed(drafts) if draft.fingerprint not in there}
        fresh = list(first.values())[::-1]
        versions = [by_digest.get(draft.asset.digest or "", model_version) for draft in fresh]
        told = map(itemgetter(*_TOLD), map(_told, fresh))
        rows = bulk_rows.create(
            Observation,
            names=("system_id", "source_uuid", "evidence_id", "model_version_id", *_TOLD),
            values=[
                (system.pk, source_uuid, evidence and evidence.pk, version and version.pk, *row)
                for row, version in zip(told, versions, strict=True)
            ],
        )
    for row, version in zip(rows, versions, strict=True):
        if evidence:
            row.evidence = evidence
        if version:
            row.model_version = version
    return rows, len(drafts) - len(rows)


def unrecorded(*, system: AISystem, evidence: Evidence, drafts: Sequence[ObservationDraft]) -> list[ObservationDraft]:
    """The drafts that no observation of the system says already, word for word and of the same model version.

    A document that is imported again, or a part of it, then adds nothing. Where in a document it stood is no part of what
    an observation says; the time at which a report was made is, so a later report of the same things is recorded. One that
    states no time may be a later one: only the same bytes say the same again.
    """
    said = {_words(row): row["fingerprint"] for row in _said(system, evidence, drafts)}
    known = set(said.values())
    versions = _versions_by_digest(system, [draft for draft in drafts if draft.fingerprint in known])

    def is_said(draft: ObservationDraft) -> bool:
        version = versions.get(draft.asset.digest or "")
        bound = {"model_version_id": version.pk if version else None, "evidence_id": evidence.pk}
        return _words(_told(draft) | bound) in said

    return [draft for draft in drafts if draft.fingerprint not in known or not is_said(draft)]


def _said(system: AISystem, evidence: Evidence, drafts: Sequence[ObservationDraft]) -> Iterator[Mapping[str, Any]]:
    """What may say the same as one of the drafts: as of its time, or without a time out of the same document."""
    moments = {draft.observed_at for draft in drafts if draft.observed_at}
    as_of = Q(observed_at__isnull=True, evidence=evidence)
    if moments:
        as_of |= Q(observed_at__in=moments) if len(moments) <= _BATCH else Q(observed_at__isnull=False)
    fingerprints = [draft.fingerprint for draft in drafts]
    rows = Observation.objects.filter(as_of, system=system, fingerprint__among=fingerprints)
    yield from rows.values(*_COMPARED)


def _words(row: Mapping[str, Any]) -> str:
    facts = {name: value for name, value in row["facts"].items() if name not in _PLACES}
    return _leaf({**row, "facts": facts, "evidence_id": None if row["observed_at"] else row["evidence_id"]})


def rows_of(*, source_uuid: UUID) -> QuerySet[Observation]:
    """What a scan or an import recorded, in its order, with all that a finding is drawn from."""
    rows = Observation.objects.filter(source_uuid=source_uuid)
    return rows.prefetch_related("model_version__model", "evidence").order_by("pk")


def rows_root(*, source_uuid: UUID) -> str:
    """Merkle root over the observations of a scan or import, by fingerprint, computed from the record as it is now."""
    rows = Observation.objects.filter(source_uuid=source_uuid).order_by("fingerprint").values(*_TOLD, "purged_leaf")
    return merkle_root(bytes.fromhex(row.pop("purged_leaf") or _leaf(row)) for row in rows.iterator(chunk_size=_BATCH))


def leaf_of(seen: Observation) -> str:
    """The digest that stands for an observation under the root, from the record as it is now."""
    return _leaf({name: getattr(seen, name) for name in _TOLD})


def root_of(*, rows: Iterable[Observation]) -> str:
    """The same root over rows that were just made, which are all of their scan or import."""
    told = (dict(zip(_TOLD, read(row), strict=True)) for read in [attrgetter(*_TOLD)] for row in rows)
    leaves = sorted((row["fingerprint"], _leaf(row)) for row in told)
    return merkle_root(bytes.fromhex(leaf) for _, leaf in leaves)


def _leaf(row: Mapping[str, Any]) -> str:
    observed_at = row["observed_at"]
    moment = observed_at.astimezone(UTC).isoformat() if observed_at else None
    return sha256_hex(canonical_json({**row, "observed_at": moment}))
