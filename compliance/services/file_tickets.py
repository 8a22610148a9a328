"""Tickets: a signed, short-lived permission of one person to fetch one stored file from a path without cookies."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import IO
from uuid import UUID

from django.conf import settings
from django.core import signing

from compliance.models import Evidence, EvidencePack, User
from compliance.rights import Verb, may, visible
from compliance.selectors.handling import may_have
from compliance.services import evidence as evidences
from compliance.services import pack_releases, pack_renewals

_SALT = "assay.file-ticket"


class Stored(StrEnum):
    """What a ticket is for."""

    EVIDENCE = "evidence"
    PACK = "pack"
    PACK_FILES = "pack-files"
    PACK_MARKS = "pack-marks"


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file on its way out."""

    stream: IO[bytes]
    filename: str
    media_type: str


def issue(*, what: Stored, uuid: UUID, user: User) -> str:
    """A ticket. Whoever issues it has asked before whether the person may."""
    return signing.dumps([what.value, uuid.hex, user.uuid.hex], salt=_SALT, compress=False)


def redeem(*, ticket: str) -> OpenFile | None:
    """The file, where the ticket is ours, fresh, and its person may still have it; else None, without a word why."""
    try:
        what, uuid, holder = signing.loads(ticket, salt=_SALT, max_age=settings.FILE_LINK_SECONDS)
    except signing.BadSignature:
        return None
    user = User.objects.filter(uuid=holder, is_active=True).first()
    if user is None:
        return None
    if what == Stored.EVIDENCE:
        return _evidence(UUID(uuid), user)
    return _pack(UUID(uuid), user, Stored(what))


def _evidence(uuid: UUID, user: User) -> OpenFile | None:
    piece = visible(Evidence.objects.select_related("system", "tombstone__terms"), user).filter(uuid=uuid).first()
    if piece is None or not may(user, Verb.DOWNLOAD_EVIDENCE) or not may_have(user, piece):
        return None
    return OpenFile(evidences.open_bytes(evidence=piece), piece.filename, "application/octet-stream")


def _pack(uuid: UUID, user: User, what: Stored) -> OpenFile | None:
    pack = visible(EvidencePack.objects.all(), user).filter(uuid=uuid).first()
    if pack is None or not may(user, Verb.DOWNLOAD_PACK):
        return None
    name = pack_filename(pack)
    stem = name.removesuffix(".pdf")
    if what is Stored.PACK_MARKS:
        stored = pack.marks_storage_name if may(user, Verb.RELEASE_PACK) else ""
        return (
            OpenFile(evidences.open_stored(name=stored), f"{stem}-marks.json", "application/json") if stored else None
        )
    if not pack_releases.may_read(pack, user):
        return None
    if what is Stored.PACK_FILES:
        return OpenFile(evidences.open_stored(name=pack.bag_storage_name), f"{stem}-files.zip", "application/zip")
    return OpenFile(evidences.open_stored(name=pack_renewals.current(pack).storage_name), name, "application/pdf")


def pack_filename(pack: EvidencePack) -> str:
    """What a pack is called where it is saved."""
    return f"evidence-pack-{pack.number}-{str(pack.uuid)[:8]}.pdf"
