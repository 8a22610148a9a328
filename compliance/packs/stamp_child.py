"""What runs in the isolated child that reads time stamps over digests (`python -m compliance.packs.stamp_child`)."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from asn1crypto import cms, tsp, x509
from pyhanko.sign.validation.generic_cms import validate_tst_signed_data
from pyhanko.sign.validation.status import TimestampSignatureStatus
from pyhanko_certvalidator import ValidationContext

from compliance.isolation.child import Ask, BadInputError, Report, serve_asking
from compliance.packs.certificates import read_certificates
from compliance.packs.stamper import AskedTimeStamper, StampError


def _roots(pem: str) -> list[x509.Certificate]:
    return read_certificates([pem.encode()]) if pem else []


def _contents(token: cms.ContentInfo) -> tsp.TSTInfo:
    return token["content"]["encap_content_info"]["content"].parsed


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _stamped(request: dict[str, Any], ask: Ask) -> dict[str, Any]:
    (own,) = _roots(request["root"])
    stamper = AskedTimeStamper(ask, host=request["host"], roots=_roots(request["time_roots"]), own_root=own)
    try:
        token = asyncio.run(stamper.async_timestamp(bytes.fromhex(request["sha256"]), "sha256"))
    except StampError as error:
        raise BadInputError(f"the checkpoint was not stamped: {error}.") from error
    at = _contents(token)["gen_time"].native
    return {"token": base64.b64encode(token.dump()).decode("ascii"), "stamped_at": _utc(at)}


def _judged(stamp: dict[str, str], roots: Sequence[x509.Certificate], own: Sequence[str]) -> dict[str, Any]:
    """Never raises: whatever an odd token makes a reader raise, it is no time stamp."""
    try:
        return _verdict(bytes.fromhex(stamp["sha256"]), base64.b64decode(stamp["token"]), roots, own)
    except Exception as error:  # noqa: BLE001 - as above
        told = f"it cannot be read ({type(error).__name__})"
        return {"failure": told, "is_trusted": False, "stamped_at": None, "by": ""}


def _verdict(digest: bytes, der: bytes, roots: Sequence[x509.Certificate], own: Sequence[str]) -> dict[str, Any]:
    """As of the moment that the stamp states: a certificate that has ended since counts."""
    token = cms.ContentInfo.load(der, strict=True)
    signed, stated = token["content"], _contents(token)
    at = stated["gen_time"].native
    brought = [each.chosen for each in signed["certificates"] if each.name == "certificate"]
    known = [*roots, *(each for each in brought if each.sha256.hex() in own)]
    context = ValidationContext(trust_roots=known, allow_fetching=False, revocation_mode="soft-fail", moment=at)
    told = asyncio.run(validate_tst_signed_data(signed, context, lambda _name: digest))
    status, failure = TimestampSignatureStatus(**told), None
    imprint = stated["message_imprint"]
    if (imprint["hash_algorithm"]["algorithm"].native, imprint["hashed_message"].native) != ("sha256", digest):
        failure = "it is over something else"
    elif not (status.intact and status.valid):
        failure = "its certificate did not sign it"
    by = str(status.signing_cert.subject.native.get("common_name") or status.signing_cert.subject.human_friendly)
    shown = "".join(sign for sign in by if sign.isprintable())[:100]
    return {"failure": failure, "is_trusted": bool(status.trusted), "stamped_at": _utc(at), "by": shown}


def _handle(request: dict[str, Any], _report: Report, ask: Ask) -> dict[str, Any]:
    if request["act"] == "stamp":
        return _stamped(request, ask)
    roots = _roots(request["time_roots"])
    return {"judged": [_judged(stamp, roots, request["own_roots"]) for stamp in request["stamps"]]}


if __name__ == "__main__":
    serve_asking(_handle)
