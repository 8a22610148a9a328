"""Entitlements: dated documents are kept as they were read, and each new one makes a new reading of who can submit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from uuid import UUID

import compliance
from compliance.models import AISystem, Entitlement, EntitlementReading, EntitlementSnapshot, Evidence, Principal, User
from compliance.services import documents, ledger, people
from compliance.types.canonical import digest_of, merkle_root
from compliance.types.drafts import JSON
from compliance.types.entitlements import Entitled, EntitlementAnswer, EntitlementDraft

_BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What evaluators read off documents. fingerprints: of the documents, as `current` would choose them."""

    fingerprints: frozenset[str]
    answers: tuple[EntitlementAnswer, ...]


def unsaved(
    *, system: AISystem, evidence: Evidence, source_uuid: UUID, drafts: Iterable[EntitlementDraft]
) -> list[EntitlementSnapshot]:
    """Drafts as rows that are not stored yet; see documents.unsaved."""
    return documents.unsaved(
        EntitlementSnapshot, system=system, evidence=evidence, source_uuid=source_uuid, drafts=drafts
    )


def latest(snapshots: Iterable[EntitlementSnapshot]) -> list[EntitlementSnapshot]:
    """Of each kind of document and scope the one taken last; of those taken at once, the one with the larger fingerprint."""
    chosen: dict[tuple[str, str, str], EntitlementSnapshot] = {}
    for snapshot in snapshots:
        place = (snapshot.platform, snapshot.kind, snapshot.scope)
        best = chosen.get(place)
        if best is None or (best.taken_at, best.fingerprint) < (snapshot.taken_at, snapshot.fingerprint):
            chosen[place] = snapshot
    return [chosen[place] for place in sorted(chosen)]


def current(*, system: AISystem) -> list[EntitlementSnapshot]:
    """The documents that a reading stands on now, without their content. What was disposed of says nothing any more."""
    return latest(EntitlementSnapshot.objects.filter(system=system, purged_leaf="").defer("content"))


def known(*, system: AISystem, fingerprints: Sequence[str]) -> set[str]:
    """Which of the fingerprints are on record."""
    rows = EntitlementSnapshot.objects.filter(system=system, fingerprint__in=list(fingerprints), purged_leaf="")
    return set(rows.values_list("fingerprint", flat=True))


def record(
    *,
    snapshots: Sequence[EntitlementSnapshot],
    answered: Answered | None,
    source_uuid: UUID,
    system: AISystem,
    actor: User | None,
) -> bool:
    """Store new documents and the reading that follows from them, in the caller's transaction.

    False where other documents were recorded meanwhile, so that the reading would not be of the latest: the caller must
    undo its transaction and read anew. answered: None where no document is new.
    """
    EntitlementSnapshot.objects.bulk_create(snapshots, batch_size=_BATCH)
    if answered is None:
        return True
    counted = current(system=system)
    if {document.fingerprint for document in counted} != answered.fingerprints:
        return False
    rows = list(_grouped(answered.answers))
    principals = people.principals_for(drafts=[entitled.principal for entitled, _ in rows])
    reading = EntitlementReading(
        system=system,
        source_uuid=source_uuid,
        as_of=max(document.taken_at for document in counted),
        rule_version=compliance.__version__,
        principals=sum(answer.principals for answer in answered.answers),
        not_assessed=[asdict(gap) for answer in answered.answers for gap in answer.not_assessed],
        limits=list(dict.fromkeys(limit for answer in answered.answers for limit in answer.limits)),
        rows_root=_root(_leaf(one, actions, principals[one.principal.identifier].pseudonym) for one, actions in rows),
    )
    reading.save()
    reading.documents.set(counted)
    Entitlement.objects.bulk_create(
        [_row(reading, one, actions, principals[one.principal.identifier]) for one, actions in rows], batch_size=_BATCH
    )
    ledger.record(
        kind="entitlements.read",
        subject=reading,
        payload={
            "documents": sorted(document.fingerprint for document in counted),
            "rows": len(rows),
            "rows_root": reading.rows_root,
            "as_of": reading.as_of.isoformat(),
            "rule_version": reading.rule_version,
        },
        actor=actor,
        system=system,
    )
    return True


def _grouped(answers: Iterable[EntitlementAnswer]) -> Iterator[tuple[Entitled, tuple[str, ...]]]:
    """Ways that differ in the permission alone become one, with all its permissions. In a fixed order."""
    ways = sorted((one for answer in answers for one in answer.entitled), key=lambda one: (_key(one), one.action))
    for _, group in groupby(ways, key=_key):
        same = list(group)
        yield replace(same[0], action=""), tuple(dict.fromkeys(one.action for one in same))


def _key(one: Entitled) -> str:
    return digest_of(asdict(replace(one, action="")))


def _leaf(one: Entitled, actions: Sequence[str], pseudonym: str) -> str:
    form: JSON = asdict(one) | {"action": list(actions), "principal": pseudonym}
    return digest_of(form)


def _root(leaves: Iterable[str]) -> str:
    return merkle_root(bytes.fromhex(leaf) for leaf in sorted(leaves))


def _row(reading: EntitlementReading, one: Entitled, actions: Sequence[str], principal: Principal) -> Entitlement:
    return Entitlement(
        reading=reading,
        principal=principal,
        platform=one.platform[:32],
        scope=one.scope[:300],
        reach=one.reach.value,
        actions=list(actions),
        path=[asdict(step) for step in one.path],
        resources=list(one.resources),
        conditions=list(one.conditions),
        runs_as=list(one.runs_as),
        missing=list(one.missing),
    )


def snapshots_root(*, source_uuid: UUID) -> str:
    """Merkle root over the documents that an import recorded, as they are now; "" where it recorded none."""
    return documents.rows_root(EntitlementSnapshot, source_uuid=source_uuid)
