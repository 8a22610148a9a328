"""What the sealing child may ask its parent: a signature, time stamps, revocation data. Each is judged as a stranger's.

One pack takes one signature over signed attributes (RFC 5652 §5.4: a DER SET), so that a child that was taken over cannot have
anything else signed: receipts begin with other bytes, and are signed by the parent alone.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypedDict

from asn1crypto import cms, tsp

from compliance.isolation import ChildFailed
from compliance.packs.authority import StampQuestion
from compliance.packs.revocation import RevocationSource
from compliance.packs.sealers import Sealer
from compliance.packs.signers import SignerError
from compliance.types.shape import Base64, ShapeError, check_shape

_MOST_STAMPS = 4  # to learn the size, the seal's, the archive's, and one to spare
_LONGEST_ATTRIBUTES = 4096


class Stamper(Protocol):
    """`authority.Authority`, or the installation's own."""

    def stamp(self, question: StampQuestion) -> bytes:
        """A response as RFC 3161 has it, DER."""


class SignQuestion(TypedDict):
    """sign: the DER of a CMS's signed attributes."""

    sign: Base64
    digest: str


class RevocationQuestion(TypedDict):
    """revocation_of: a certificate, DER."""

    revocation_of: Base64


def _certificates(response: bytes) -> list[bytes]:
    """Those that came with a stamp; none where it cannot be read, since the child judges it."""
    try:
        signed = tsp.TimeStampResp.load(response)["time_stamp_token"]["content"]
        return [each.chosen.dump() for each in signed["certificates"] if each.name == "certificate"]
    except (ValueError, TypeError, KeyError):
        return []


@dataclass(slots=True)
class Answers:
    """For `run_isolated(on_ask=...)`, one child each. No sealer: nothing is signed; no source: nothing is fetched."""

    stamper: Stamper
    sealer: Sealer | None = None
    source: RevocationSource | None = None
    stamps: int = 0
    signatures: int = 0

    def __call__(self, question: dict[str, Any]) -> dict[str, Any]:
        """Raises ChildFailed for what is out of order, which ends the child; and what stamper and sealer raise."""
        kinds: tuple[tuple[str, type, Callable[[Any], dict[str, Any]]], ...] = (
            ("sign", SignQuestion, self._sign),
            ("revocation_of", RevocationQuestion, self._revocation),
            ("", StampQuestion, self._stamp),
        )
        _key, shape, answer = next(each for each in kinds if each[0] in question or not each[0])
        try:
            check_shape(question, shape, "question")
        except ShapeError as error:
            raise ChildFailed(f"the pack's child asked for something other than a time stamp: {error}.") from error
        return answer(question)

    def _stamp(self, question: StampQuestion) -> dict[str, Any]:
        self.stamps += 1
        if self.stamps > _MOST_STAMPS or not 0 <= question["nonce"] < 1 << 64:
            raise ChildFailed("the pack's child asked for more time stamps than a pack needs.")
        try:
            content = self.stamper.stamp(StampQuestion(sha256=question["sha256"], nonce=question["nonce"]))
        except SignerError as error:
            raise ChildFailed(f"The pack was not stamped: {error}.") from error
        if self.source is not None:
            self.source.learn(_certificates(content))
        return {"response": base64.b64encode(content).decode("ascii")}

    def _sign(self, question: SignQuestion) -> dict[str, Any]:
        data = base64.b64decode(question["sign"])
        self.signatures += 1
        if self.sealer is None or self.signatures > 1 or question["digest"] != "sha256":
            raise ChildFailed("the pack's child asked for more signatures than a pack needs.")
        if len(data) > _LONGEST_ATTRIBUTES or not _is_attributes(data):
            raise ChildFailed("the pack's child asked for a signature over something other than signed attributes.")
        try:
            return {"signature": base64.b64encode(self.sealer.sign(data, "sha256")).decode("ascii")}
        except SignerError as error:
            raise ChildFailed(f"The pack was not sealed: {error}.") from error

    def _revocation(self, question: RevocationQuestion) -> dict[str, Any]:
        if self.source is None:
            raise ChildFailed("the pack's child asked for revocation data that its level has no room for.")
        return dict(self.source.about(base64.b64decode(question["revocation_of"])))


def _is_attributes(data: bytes) -> bool:
    try:
        kinds = {attribute["type"].native for attribute in cms.CMSAttributes.load(data, strict=True)}
    except (ValueError, TypeError):
        return False
    return {"content_type", "message_digest"} <= kinds
