"""Documents of platforms on their way into the record, by the same rules whatever is read off them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar
from uuid import UUID

from compliance.models import AISystem, Evidence
from compliance.models.document import KeptDocument
from compliance.types.canonical import digest_of, merkle_root
from compliance.types.documents import DocumentDraft

Kept = TypeVar("Kept", bound=KeptDocument)
_SIGNED = ("fingerprint", "kind", "platform", "scope", "content", "raw_sha256")


def unsaved(
    model: type[Kept], *, system: AISystem, evidence: Evidence, source_uuid: UUID, drafts: Iterable[DocumentDraft]
) -> list[Kept]:
    """Drafts as rows that are not stored yet. A document that does not say its scope or its time takes what the importer
    stated (the source system, when it was collected), else the time of its receipt."""
    return [
        model(
            system=system,
            evidence=evidence,
            source_uuid=source_uuid,
            fingerprint=draft.fingerprint,
            kind=draft.kind[:64],
            platform=draft.platform[:32],
            scope=(draft.scope or evidence.source_system)[:300],
            taken_at=draft.taken_at or evidence.collected_at or evidence.created_at,
            dated_by="document" if draft.taken_at else "importer" if evidence.collected_at else "receipt",
            locator=draft.locator[:300],
            content=draft.content,
            raw_sha256=draft.raw_sha256,
        )
        for draft in drafts
    ]


def unrecorded(model: type[Kept], *, system: AISystem, rows: Sequence[Kept]) -> list[Kept]:
    """Rows, each fingerprint once, that are not on record."""
    fingerprints = [row.fingerprint for row in rows]
    standing = model.objects.filter(system=system, fingerprint__in=fingerprints, purged_leaf="")
    known = set(standing.values_list("fingerprint", flat=True))
    return list({row.fingerprint: row for row in rows if row.fingerprint not in known}.values())


def rows_root(model: type[KeptDocument], *, source_uuid: UUID) -> str:
    """Merkle root over the documents that an import recorded, as they are now; "" where it recorded none. A document that was
    purged counts as what it was."""
    rows = model.objects.filter(source_uuid=source_uuid).values(*_SIGNED, "purged_leaf")
    leaves = sorted(row.pop("purged_leaf") or digest_of(row) for row in rows)
    return merkle_root(bytes.fromhex(leaf) for leaf in leaves) if leaves else ""


def leaf_of(document: KeptDocument) -> str:
    """The digest that stands for a document under the root, from the record as it is now."""
    return digest_of({name: getattr(document, name) for name in _SIGNED})
