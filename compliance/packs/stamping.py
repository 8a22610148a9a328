"""The door to time stamps over a digest, for what is no PDF: checkpoints of the ledger are stamped and judged here.

What an authority answers, and what lay in a table, is read in an isolated child; the own stamper's answer is our own work.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict

from compliance.isolation import ChildFailed, run_isolated
from compliance.packs.authority import Authority
from compliance.packs.issue import Signing
from compliance.packs.own_stamper import OwnStamper
from compliance.packs.questions import Answers
from compliance.packs.signers import SignerError
from compliance.types.shape import Base64, Sha256, UtcTime

_CHILD = "compliance.packs.stamp_child"
_MEMORY_BYTES = 1 << 30
_SECONDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestStamp:
    """authority: its host; None: the installation's own stamper. token: base64 of the DER (RFC 3161 §2.4.2)."""

    authority: str | None
    stamped_at: datetime
    token: str


class GivenStamp(TypedDict):
    """A token, and what it should be over."""

    sha256: Sha256
    token: Base64


class JudgedStamp(TypedDict):
    """failure: why it is no time stamp over the digest; is_trusted: leads to a root that is known here, as of its own time."""

    failure: str | None
    is_trusted: bool
    stamped_at: UtcTime | None
    by: str


def stamp_digest(*, sha256: str, signing: Signing) -> DigestStamp:
    """Raises compliance.isolation.IsolationError."""
    if signing.authority is None:
        return _own_stamp(sha256, signing)
    told = _in_child(
        {
            "act": "stamp",
            "sha256": sha256,
            "host": signing.authority.host,
            "time_roots": signing.authority.roots,
            "root": signing.files.root.read_text(encoding="ascii"),
        },
        accept_unisolated=signing.accept_unisolated,
        authority=signing.authority,
    )
    at = datetime.fromisoformat(told["stamped_at"])
    return DigestStamp(authority=signing.authority.host, stamped_at=at, token=told["token"])


def _own_stamp(sha256: str, signing: Signing) -> DigestStamp:
    from asn1crypto import tsp  # noqa: PLC0415 - the PDF libraries are loaded only where something is stamped

    try:
        answer = OwnStamper(signing.files).stamp({"sha256": sha256, "nonce": secrets.randbits(63)})
    except SignerError as error:
        raise ChildFailed(f"The checkpoint was not stamped: {error}.") from error
    token = tsp.TimeStampResp.load(answer)["time_stamp_token"]
    at = token["content"]["encap_content_info"]["content"].parsed["gen_time"].native
    return DigestStamp(authority=None, stamped_at=at, token=base64.b64encode(token.dump()).decode("ascii"))


def judge_stamps(
    *, stamps: Sequence[GivenStamp], time_roots: Sequence[str], own_roots: Sequence[str], accept_unisolated: bool
) -> list[JudgedStamp]:
    """One verdict for each token, in one child. time_roots: PEM; own_roots: SHA-256 of roots that this installation had.

    Raises compliance.isolation.IsolationError.
    """
    if not stamps:
        return []
    request = {"act": "judge", "stamps": list(stamps), "time_roots": "".join(time_roots), "own_roots": list(own_roots)}
    told: list[JudgedStamp] = _in_child(request, accept_unisolated=accept_unisolated)["judged"]
    return told


def _in_child(
    request: dict[str, Any], *, accept_unisolated: bool, authority: Authority | None = None
) -> dict[str, Any]:
    return run_isolated(
        module=_CHILD,
        request=request,
        wall_seconds=_SECONDS,
        cpu_seconds=_SECONDS,
        memory_bytes=_MEMORY_BYTES,
        on_ask=Answers(stamper=authority) if authority else None,
        accept_unisolated=accept_unisolated,
    )
