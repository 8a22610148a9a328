"""The child's half of a time stamp by an authority: asks its parent, and judges the answer before it goes into a pack.

pyHanko compares status and nonce alone; whether a stamp fits the seal, whose signature it bears and where its certificate
leads is looked at here, so that a pack is never issued with a stamp that fails at its first verification.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

from asn1crypto import cms, core, tsp, x509
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.validation.generic_cms import validate_tst_signed_data
from pyhanko.sign.validation.status import TimestampSignatureStatus
from pyhanko_certvalidator import ValidationContext

from compliance.isolation.child import Ask


class StampError(ValueError):
    """The authority's answer is no time stamp for this pack; the message says why."""


class _Answer(core.Sequence):  # type: ignore[misc]  # asn1crypto has no types
    """TimeStampResp as RFC 3161 §2.4.2 has it: a refusal holds no token, which asn1crypto's own class does not allow."""

    _fields = [("status", tsp.PKIStatusInfo), ("time_stamp_token", cms.ContentInfo, {"optional": True})]


class AskedTimeStamper(TimeStamper):
    """Stamps by the authority called `host`; None: by the installation's own stamper, under the seal's root.

    own_root: of the seal; an authority's stamp from under it would be no third party's word.

    roots: the authority's. Where there are none, a stamp is taken that this installation itself cannot verify.
    """

    def __init__(
        self, ask: Ask, *, host: str | None, roots: Sequence[x509.Certificate], own_root: x509.Certificate
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # pyHanko leaves it untyped
        self._ask, self._host, self._roots, self._own_root = ask, host, list(roots), own_root

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        """Raises StampError; compliance.isolation.IsolationError is raised by the parent, which ends this child."""
        imprint = req["message_imprint"]
        if imprint["hash_algorithm"]["algorithm"].native != "sha256":
            raise StampError("the seal asks for a time stamp over something other than a SHA-256")
        answer = self._ask({"sha256": imprint["hashed_message"].native.hex(), "nonce": req["nonce"].native})
        content = base64.b64decode(answer["response"])
        try:
            failure = await self._failure(_Answer.load(content, strict=True), req)
        except Exception as error:  # noqa: BLE001 - whatever an odd answer makes a reader raise, it is no time stamp
            failure = f"an answer that cannot be read ({type(error).__name__})"
        if failure:
            who = f"the time-stamp authority {self._host} (TSA_URL)" if self._host else "the own time stamper"
            raise StampError(f"{who} gave {failure}")
        return tsp.TimeStampResp.load(content)

    async def _failure(self, response: _Answer, request: tsp.TimeStampReq) -> str | None:
        if (status := response["status"]["status"].native) != "granted":
            return f"no time stamp (its status is {status})"
        signed = response["time_stamp_token"]["content"]
        stamped = signed["encap_content_info"]["content"].parsed
        if stamped["message_imprint"].native != request["message_imprint"].native:
            return "a time stamp for something else"
        if stamped["nonce"].native != request["nonce"].native:
            return "a time stamp that was asked for before"
        context = ValidationContext(
            trust_roots=[*self._roots, self._own_root], allow_fetching=False, revocation_mode="soft-fail"
        )
        digest = request["message_imprint"]["hashed_message"].native
        verdict = TimestampSignatureStatus(**await validate_tst_signed_data(signed, context, lambda _name: digest))
        if not (verdict.intact and verdict.valid):
            return "a time stamp that its certificate did not sign"
        if self._host is None:
            return None if verdict.trusted else "a time stamp that leads elsewhere than to the signer's root"
        if anchor_of(verdict) == self._own_root.sha256.hex():
            return "a time stamp from under the seal's own root, which is no third party's word"
        if self._roots and not verdict.trusted:
            return "a time stamp that leads to no root in TSA_ROOTS"
        return None


def anchor_of(status: TimestampSignatureStatus) -> str | None:
    """SHA-256 of the root that the path to a trusted stamper starts from."""
    path = status.validation_path if status.trusted else None
    certificate = getattr(path.trust_anchor, "certificate", None) if path else None
    return str(certificate.sha256.hex()) if certificate is not None else None
