"""What a pack is to be called and who will seal it: all that its pages say beyond the freeze document."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict

from compliance.types.canonical import sha256_hex
from compliance.types.handling import HandlingLabel
from compliance.types.pack_layouts import ChangeStatement, Later, Layout, PageSize
from compliance.types.seals import SealLevel
from compliance.types.shape import Day, Sha256, UtcTime, Uuid
from compliance.types.states import Audience


class SignerAdditions(TypedDict, total=False):
    """qualified: the certificate itself says that it is a qualified one for electronic seals under eIDAS."""

    qualified: bool


class SignerFacts(SignerAdditions):
    """How pages name the signer. `demonstration`: the key was made by this installation and nobody else trusts it."""

    subject: str
    certificate_sha256: Sha256
    root_subject: str
    root_sha256: Sha256
    demonstration: bool


class Beside(TypedDict):
    """The ZIP beside the PDF: a BagIt bag of `files` files. `registers` by file name: where each of them lies in it."""

    name: str
    sha256: Sha256
    size: int
    files: int
    registers: dict[str, str]


class Extra(TypedDict):
    """A further file for the pack, handed over in the folder of the registers under `file`."""

    name: str
    file: str
    media_type: str
    description: str
    relationship: str


class WithheldAdditions(TypedDict, total=False):
    """evidence: pieces left out by their handling labels; people, identities, addresses: how many, each with a mark in its
    place; registers: by file name, SHA-256 of the one that still names them; named_because: why whoever signed for management
    stays named. Each absent where there is none.
    """

    evidence: int
    people: int
    identities: int
    addresses: int
    registers: dict[str, Sha256]
    named_because: str


class Withheld(WithheldAdditions):
    """What external recipients were not given. freeze_sha256: of the document that still holds it."""

    freeze_sha256: Sha256
    pictures: int


class PackOrderAdditions(TypedDict, total=False):
    """What orders learned to say later.

    withheld: of packs for external recipients, whose document was prepared (compliance.packs.external); left_out: uuids of
    evidence of which the recipient may not know, with the label; beside: absent where the PDF holds everything; kept_until:
    the organisation keeps the pack at least until then; later: what was recorded between freeze and issue; statement: of the
    layout that tells of changes, and of no other; without_oscal: the record is too large for OSCAL documents in the PDF;
    seal_level: that the pages print, at which the pack is sealed or not at all, B-T where absent; seal_level_wanted: the
    higher one that could not be had.
    """

    withheld: Withheld
    left_out: dict[Uuid, HandlingLabel]
    beside: Beside
    layout: Layout
    page_size: PageSize
    kept_until: Day
    later: Later
    statement: ChangeStatement
    without_oscal: bool
    seal_level: SealLevel
    seal_level_wanted: SealLevel


class PackOrder(PackOrderAdditions):
    """JSON-shaped, because it crosses into the child. `version` counts from 1; `supersedes`: the pack it replaces.

    audience: external recipients get a document without working triggers and names (see compliance.packs.external);
    time_stamp_authority: host of the authority that will stamp; None: the installation's own stamper, from its own clock.
    """

    pack_id: Uuid
    version: int
    supersedes: Uuid | None
    generated_at: UtcTime
    audience: Audience
    recipient: str
    classification: str
    software_version: str
    time_stamp_authority: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedFile:
    """One file inside the pack, held as the PDF holds it. `relationship` as ISO 32000-2 §7.11.3 names it: Source, Data …

    packed: deflated (RFC 1950); size, sha256: of the file itself; rows: of a register; made_from: SHA-256 of the file that says
    the same in another form.
    """

    name: str
    packed: bytes
    size: int
    sha256: Sha256
    media_type: str
    description: str
    relationship: str
    rows: int | None = None
    made_from: str = ""

    @property
    def content(self) -> bytes:
        """The file itself."""
        return zlib.decompress(self.packed)


def attached(
    content: bytes,
    *,
    name: str,
    media_type: str,
    description: str,
    relationship: str,
    rows: int | None = None,
    made_from: str = "",
) -> AttachedFile:
    """A file for the pack; its bytes can be let go."""
    return AttachedFile(
        name=name,
        packed=zlib.compress(content),
        size=len(content),
        sha256=sha256_hex(content),
        media_type=media_type,
        description=description,
        relationship=relationship,
        rows=rows,
        made_from=made_from,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """All that the renderer needs. htmls: the pages, then shorter ones for the case that these are more than most_pages;
    pictures: name -> PNG as base64; at: when the files say that they were made."""

    htmls: tuple[str, ...]
    most_pages: int
    pictures: dict[str, str]
    files: Sequence[AttachedFile]
    identifier: bytes
    at: datetime
    freeze_sha256: str
