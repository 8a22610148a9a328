"""Evidence: received, accepted or rejected, attached, superseded. Bytes are kept by their digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import IO, BinaryIO

from django.conf import settings
from django.core.files.storage import storages
from django.db import transaction
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
from compliance.selectors.retention import class_for
from compliance.services import ledger, stored_files
from compliance.services.errors import LostError, RefusedError
from compliance.services.spool import Received, Spool, keep
from compliance.types.file_types import differs, sniffed
from compliance.types.retention import EvidenceKind
from compliance.types.states import EvidenceState

_CHUNK = 1024 * 1024


def chunks(stream: BinaryIO | IO[bytes]) -> Iterator[bytes]:
    """The stream in pieces of a megabyte."""
    while piece := stream.read(_CHUNK):
        yield piece


@contextmanager
def _received(stream: BinaryIO | IO[bytes], kind: EvidenceKind = EvidenceKind.DOCUMENT) -> Iterator[Received]:
    """The stream as bytes that arrived whole and were hashed: as it is where uploads bring it so, else by a spool."""
    if isinstance(stream, Received):
        yield stream
        return
    most = settings.MAX_MODEL_UPLOAD_BYTES if kind is EvidenceKind.MODEL else settings.MAX_UPLOAD_BYTES
    with Spool(most_bytes=most) as spool:
        for piece in chunks(stream):
            spool.write(piece)
        with spool.finish() as received:
            yield received


def store_bytes(*, stream: BinaryIO | IO[bytes]) -> tuple[str, str, int, bytes]:
    """Keep bytes under their digest; answers (storage name, SHA-256, size, first bytes). Twice is once.

    A `spool.Received`, as uploads bring it, was hashed while it arrived and is given its name without a copy; any other
    stream is spooled first.
    """
    with _received(stream) as received:
        return keep(received), received.sha256, received.size, received.head


def receive(
    *,
    system: AISystem,
    stream: BinaryIO | IO[bytes],
    filename: str,
    title: str,
    received_by: User | None,
    media_type: str = "",
    declared_type: str = "",
    kind: EvidenceKind = EvidenceKind.DOCUMENT,
    source_system: str = "",
    collected_how: str = "",
    collected_at: datetime | None = None,
    effective_from: date | None = None,
    effective_to: date | None = None,
) -> Evidence:
    """Keep a document as evidence of a system. The same bytes for the same system are the same evidence.

    declared_type: the media type that the sender gave; where the first bytes say otherwise, the record says so.
    Raises RefusedError for bytes that this system's evidence held and that were disposed of.
    """
    piece = Evidence(
        system=system,
        title=(title or filename)[:300],
        filename=Path(filename).name[:300] or "unnamed",
        media_type=media_type,
        declared_type=declared_type[:100],
        kind=kind,
        retention_class=class_for(kind),
        source_system=source_system,
        collected_how=collected_how,
        collected_at=collected_at,
        effective_from=effective_from,
        effective_to=effective_to,
        received_by=received_by,
    )
    with _received(stream, kind) as received:
        kept = _put_on_record(piece, received)
    if kept.state == EvidenceState.DISPOSED:
        raise RefusedError(_("The same bytes are not taken again: they were %s") % disposed_words(kept))
    return kept


def _put_on_record(piece: Evidence, received: Received) -> Evidence:
    """The piece saved with its bytes, or the one that the system has of the same bytes."""
    name, sha256 = keep(received), received.sha256
    with transaction.atomic():
        stored_files.lock(sha256)
        known = Evidence.objects.filter(system=piece.system, sha256=sha256).first()
        if known is not None and known.state == EvidenceState.DISPOSED:
            stored_files.remove_unneeded(name=name, sha256=sha256)
            return known
        if not stored_files.exists(name):  # a disposal of the same bytes elsewhere ended meanwhile
            keep(received)
        if known is not None:
            return known
        piece.storage_name, piece.sha256, piece.size = name, sha256, received.size
        found = sniffed(received.head)
        piece.media_type = piece.media_type or found
        piece.type_differs = differs(declared=piece.declared_type, filename=piece.filename, found=found)
        piece.save(force_insert=True)
        ledger.record(
            kind="evidence.received",
            subject=piece,
            payload={"sha256": sha256, "size": received.size, "found_type": found, "type_differs": piece.type_differs},
            actor=piece.received_by,
            system=piece.system,
        )
    return piece


def kind_of(word: str) -> EvidenceKind:
    """The kind that an address names; a document for any other word."""
    return EvidenceKind(word) if word in set(EvidenceKind) else EvidenceKind.DOCUMENT


def note_kind(*, evidence: Evidence, kind: EvidenceKind) -> None:
    """What the piece turned out to be, in the caller's transaction; its class follows unless a person chose another."""
    if evidence.kind == kind:
        return
    if evidence.retention_class == class_for(EvidenceKind(evidence.kind)):
        evidence.retention_class = class_for(kind)
    evidence.kind = kind
    evidence.save(update_fields=["kind", "retention_class"])


def disposed_words(evidence: Evidence) -> str:
    """How and when a piece went, as every page and command says it instead of “missing”."""
    tomb = evidence.tombstone
    told = _("disposed of on %(day)s under “%(terms)s”, version %(version)d.")
    return told % {"day": tomb.created_at.date().isoformat(), "terms": tomb.terms.title, "version": tomb.terms.version}


def open_bytes(*, evidence: Evidence) -> IO[bytes]:
    """The stored bytes, for reading. Raises RefusedError where they were disposed of, LostError where they are missing."""
    if evidence.state == EvidenceState.DISPOSED:
        raise RefusedError(_("The bytes are no longer kept: they were %s") % disposed_words(evidence))
    try:
        return storages["evidence"].open(evidence.storage_name, "rb")
    except FileNotFoundError as error:
        raise LostError(_("The stored bytes of “%s” are missing.") % evidence.filename) from error


def is_unaltered(*, evidence: Evidence) -> bool:
    """Whether the stored bytes still have the digest they were received with. Raises RefusedError for disposed ones."""
    digest = hashlib.sha256()
    try:
        with open_bytes(evidence=evidence) as stream:
            for piece in chunks(stream):
                digest.update(piece)
    except LostError:
        return False
    return digest.hexdigest() == evidence.sha256


def materialise(*, evidence: Evidence, folder: Path) -> Path:
    """A local copy for a child process, hashed while copied. Raises RefusedError when the bytes were altered or are gone."""
    digest = hashlib.sha256()
    target = folder / evidence.sha256
    with open_bytes(evidence=evidence) as stream, target.open("wb") as copy:
        for piece in chunks(stream):
            digest.update(piece)
            copy.write(piece)
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
    if evidence.state == EvidenceState.DISPOSED:
        raise RefusedError(_("The evidence is no longer kept: it was %s") % disposed_words(evidence))
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


def attach_file(
    *, item: RemediationItem, stream: BinaryIO | IO[bytes], filename: str, declared_type: str, note: str, actor: User
) -> EvidenceLink:
    """Keep a file as evidence of an item's AI system, for which whoever brings it vouches, and attach it. Raises RefusedError.

    Bytes that were rejected before stay so: to judge evidence is another right.
    """
    piece = receive(
        system=item.system,
        stream=stream,
        filename=filename,
        title=filename,
        declared_type=declared_type,
        received_by=actor,
    )
    if piece.state == EvidenceState.RECEIVED:
        accept(evidence=piece, actor=actor)
    return link(evidence=piece, target=item, actor=actor, note=note)


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
    """Bytes kept under a storage name: a pack, a freeze document, a register. Raises LostError where they are missing."""
    try:
        return storages["evidence"].open(name, "rb")
    except FileNotFoundError as error:
        raise LostError(_("The stored bytes of “%s” are missing.") % name) from error
