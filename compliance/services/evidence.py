"""Evidence: received, accepted or rejected, attached, superseded. Bytes are kept by their digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import IO, BinaryIO

from django.conf import settings
from django.core.files.storage import storages
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from compliance.models import (
    AISystem,
    Answer,
    Evidence,
    EvidenceLink,
    Finding,
    ImplementedControl,
    RemediationItem,
    User,
)
from compliance.services import ledger
from compliance.services.errors import RefusedError
from compliance.services.spool import Received, Spool, keep
from compliance.types.states import EvidenceState

_CHUNK = 1024 * 1024
_MAGIC = (
    (b"\x1f\x8b", "application/gzip"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x89PNG", "image/png"),
    (b"\x89HDF", "application/x-hdf5"),
)


def _media_type(head: bytes) -> str:
    """A media type by content alone; names and senders are not believed."""
    for magic, media_type in _MAGIC:
        if head.startswith(magic):
            return media_type
    stripped = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if stripped[:1] in (b"{", b"["):
        return "application/json"
    try:
        head[: max(0, len(head) - 4)].decode("utf-8")
    except UnicodeDecodeError:
        return "application/octet-stream"
    return "text/plain" if head else "application/octet-stream"


def chunks(stream: BinaryIO | IO[bytes]) -> Iterator[bytes]:
    """The stream in pieces of a megabyte."""
    while piece := stream.read(_CHUNK):
        yield piece


def store_bytes(*, stream: BinaryIO | IO[bytes]) -> tuple[str, str, int, bytes]:
    """Keep bytes under their digest; answers (storage name, SHA-256, size, first bytes). Twice is once.

    A `spool.Received`, as uploads bring it, was hashed while it arrived and is given its name without a copy; any other
    stream is spooled first.
    """
    if isinstance(stream, Received):
        return keep(stream), stream.sha256, stream.size, stream.head
    with Spool(most_bytes=settings.MAX_UPLOAD_BYTES) as spool:
        for piece in chunks(stream):
            spool.write(piece)
        with spool.finish() as received:
            return store_bytes(stream=received)


def receive(
    *,
    system: AISystem,
    stream: BinaryIO | IO[bytes],
    filename: str,
    title: str,
    received_by: User | None,
    media_type: str = "",
    source_system: str = "",
    collected_how: str = "",
    collected_at: datetime | None = None,
    effective_from: date | None = None,
    effective_to: date | None = None,
) -> Evidence:
    """Keep a document as evidence of a system. The same bytes for the same system are the same evidence."""
    name, sha256, size, head = store_bytes(stream=stream)
    known = Evidence.objects.filter(system=system, sha256=sha256).first()
    if known is not None:
        return known
    try:
        with transaction.atomic():
            evidence = Evidence.objects.create(
                system=system,
                title=(title or filename)[:300],
                filename=Path(filename).name[:300] or "unnamed",
                storage_name=name,
                sha256=sha256,
                size=size,
                media_type=media_type or _media_type(head),
                source_system=source_system,
                collected_how=collected_how,
                collected_at=collected_at,
                effective_from=effective_from,
                effective_to=effective_to,
                received_by=received_by,
            )
            ledger.record(
                kind="evidence.received",
                subject=evidence,
                payload={"sha256": sha256, "size": size},
                actor=received_by,
                system=system,
            )
    except IntegrityError:
        return Evidence.objects.get(system=system, sha256=sha256)
    return evidence


def open_bytes(*, evidence: Evidence) -> IO[bytes]:
    """The stored bytes, for reading."""
    return storages["evidence"].open(evidence.storage_name, "rb")


def is_unaltered(*, evidence: Evidence) -> bool:
    """Whether the stored bytes still have the digest they were received with."""
    digest = hashlib.sha256()
    try:
        with open_bytes(evidence=evidence) as stream:
            for piece in chunks(stream):
                digest.update(piece)
    except FileNotFoundError:
        return False
    return digest.hexdigest() == evidence.sha256


def materialise(*, evidence: Evidence, folder: Path) -> Path:
    """A local copy for a child process, hashed while copied. Raises RefusedError when the bytes were altered."""
    digest = hashlib.sha256()
    target = folder / evidence.sha256
    try:
        with open_bytes(evidence=evidence) as stream, target.open("wb") as copy:
            for piece in chunks(stream):
                digest.update(piece)
                copy.write(piece)
    except FileNotFoundError as error:
        raise RefusedError(_("The stored bytes of “%s” are missing.") % evidence.filename) from error
    if digest.hexdigest() != evidence.sha256:
        raise RefusedError(_("The stored bytes of “%s” no longer match their SHA-256.") % evidence.filename)
    return target


def _move(evidence: Evidence, state: EvidenceState, *, rejection: str, actor: User | None) -> None:
    with transaction.atomic():
        evidence.state, evidence.rejection = state, rejection
        evidence.save(update_fields=["state", "rejection"])
        ledger.record(
            kind=f"evidence.{state.value}",
            subject=evidence,
            payload={"sha256": evidence.sha256, "state": state.value},
            actor=actor,
            system=evidence.system,
        )


def note_original(*, evidence: Evidence, held_at: str) -> None:
    """The bytes are records taken from files that the organisation keeps at a place that the importer stated."""
    evidence.original_held_at = held_at[:500]
    evidence.save(update_fields=["original_held_at"])


def accept(*, evidence: Evidence, actor: User | None = None) -> None:
    """The bytes were read as what they claim to be, or a person vouches for them."""
    if evidence.state != EvidenceState.ACCEPTED:
        _move(evidence, EvidenceState.ACCEPTED, rejection="", actor=actor)


def reject(*, evidence: Evidence, reason: str, actor: User | None = None) -> None:
    """The bytes could not be read; they are kept, with the reason."""
    if evidence.state == EvidenceState.ACCEPTED:
        return
    _move(evidence, EvidenceState.REJECTED, rejection=reason, actor=actor)


def _place_of(target: Answer | Finding | RemediationItem | ImplementedControl) -> tuple[str, AISystem]:
    if isinstance(target, Answer):
        if target.assessment.is_frozen:
            raise RefusedError(_("The assessment is frozen; open a new one to attach evidence."))
        return "answer", target.assessment.system
    if isinstance(target, Finding):
        return "finding", target.system
    if isinstance(target, RemediationItem):
        return "remediation", target.system
    return "control", target.system


def link(
    *,
    evidence: Evidence,
    target: Answer | Finding | RemediationItem | ImplementedControl,
    actor: User,
    note: str = "",
) -> EvidenceLink:
    """Attach evidence to the place it supports. Attaching twice is once."""
    place, system = _place_of(target)
    if evidence.system_id != system.pk:
        raise RefusedError(_("The evidence belongs to another AI system."))
    if evidence.state == EvidenceState.REJECTED:
        raise RefusedError(_("The evidence was rejected: %s") % evidence.rejection)
    with transaction.atomic():
        entry, created = EvidenceLink.objects.get_or_create(
            evidence=evidence, **{place: target}, defaults={"linked_by": actor, "note": note}
        )
        if created:
            ledger.record(
                kind="evidence.linked",
                subject=evidence,
                payload={"sha256": evidence.sha256, "place": place, "target": str(target.uuid)},
                actor=actor,
                system=system,
            )
    return entry


def unlink(*, entry: EvidenceLink, actor: User) -> None:
    """Take evidence away from an answer that is still being written."""
    if entry.answer is None or entry.answer.assessment.is_frozen:
        raise RefusedError(_("Only evidence of an open answer can be taken away."))
    with transaction.atomic():
        ledger.record(
            kind="evidence.unlinked",
            subject=entry.evidence,
            payload={"sha256": entry.evidence.sha256, "place": "answer", "target": str(entry.answer.uuid)},
            actor=actor,
            system=entry.evidence.system,
        )
        entry.delete()


def open_stored(*, name: str) -> IO[bytes]:
    """Bytes kept under a storage name: a pack, a freeze document, a register."""
    return storages["evidence"].open(name, "rb")
