"""From staged entitlement documents to a reading of who can submit: evaluated outside any transaction, recorded inside one."""

from __future__ import annotations

from dataclasses import dataclass

from compliance.models import EntitlementSnapshot
from compliance.services import entitlements
from compliance.services.entitlements import Answered
from compliance.types.drafts import JSON
from compliance.types.entitlements import EntitlementDocument
from scanning.entitlement import registry
from scanning.models import Import
from scanning.services import staging


@dataclass(frozen=True, slots=True)
class Plan:
    """New documents of an import, how many were known, and what is read off the latest documents with them."""

    snapshots: tuple[EntitlementSnapshot, ...] = ()
    duplicates: int = 0
    answered: Answered | None = None


def plan(*, document: Import) -> Plan:
    """Evaluate what the staged documents change; an empty plan where the import holds none."""
    drafts = staging.entitlements_of(document)
    if not drafts:
        return Plan()
    made = entitlements.unsaved(
        system=document.system, evidence=document.evidence, source_uuid=document.uuid, drafts=drafts
    )
    known = entitlements.known(system=document.system, fingerprints=[snapshot.fingerprint for snapshot in made])
    new = tuple({s.fingerprint: s for s in made if s.fingerprint not in known}.values())
    duplicates = len(drafts) - len(new)
    if not new:
        return Plan(duplicates=duplicates)
    chosen = entitlements.latest([*entitlements.current(system=document.system), *new])
    fingerprints = frozenset(snapshot.fingerprint for snapshot in chosen)
    if fingerprints.isdisjoint(snapshot.fingerprint for snapshot in new):
        return Plan(new, duplicates)  # older than what counts: kept, and nothing new follows
    answers = registry.evaluate([_document(snapshot) for snapshot in chosen])
    return Plan(new, duplicates, Answered(fingerprints=fingerprints, answers=answers))


def publish(*, document: Import, plan: Plan) -> bool:
    """Record a plan in the caller's transaction. False where it no longer fits what is on record; see entitlements.record."""
    return entitlements.record(
        snapshots=plan.snapshots,
        answered=plan.answered,
        source_uuid=document.uuid,
        system=document.system,
        actor=document.job.requested_by,
    )


def _document(snapshot: EntitlementSnapshot) -> EntitlementDocument:
    content: JSON = snapshot.content
    return EntitlementDocument(
        kind=snapshot.kind,
        platform=snapshot.platform,
        scope=snapshot.scope,
        taken_at=snapshot.taken_at,
        content=content,
        evidence_sha256=snapshot.evidence.sha256,
    )
