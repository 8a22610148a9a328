"""An example ready to be issued."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from compliance.packs.authority import Authority
from compliance.packs.issue import IssuedPack, issue_pack
from compliance.packs.order import Extra, PackOrder
from compliance.packs.signers import SignerFiles
from compliance.types.freeze import Freeze


@dataclass(frozen=True)
class Example:
    """A document with an attached register, stored as the freezing service stores it."""

    freeze: Freeze
    document: Path
    attachments: Path
    keys: SignerFiles
    order: PackOrder

    def issue(self, out: Path, *, authority: Authority | None = None, extras: Sequence[Extra] = ()) -> IssuedPack:
        return issue_pack(
            freeze_document=self.document,
            attachments=self.attachments,
            order=self.order,
            keys=self.keys.folder,
            out=out / "pack.pdf",
            receipt_out=out / "pack.receipt.json",
            authority=authority,
            extras=extras,
        )
