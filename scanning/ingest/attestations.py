"""Signed statements: DSSE envelopes (1.0.0), Sigstore bundles around them, and in-toto statements inside.

A signature is right only by a key that a person stated. What the document says of its own key (`keyid`, `hint`) is a hint that
anybody may write; it serves to tell a wrong signature from one by a key that nobody stated. A certificate in the bundle is
never trusted for being there. Certificate chains, Sigstore identities and transparency logs are not followed.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from compliance.types.canonical import sha256_hex
from compliance.types.errors import BadInputError
from compliance.types.verdicts import FileScanVerdict, StageVerdict
from scanning.ingest.records import list_of, object_of, text_of
from scanning.ingest.report_reading import decoded, document_text
from scanning.ingest.signing_keys import SigningKey, certified_key

PAYLOAD_TYPE = "application/vnd.in-toto+json"
BUNDLE = "application/vnd.dev.sigstore.bundle"
STATEMENTS = ("https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1")
LIMITS = (
    "A signature shows who vouches for these bytes, not that the model is free of a backdoor.",
    "Certificate chains, Sigstore identities and transparency logs are not followed.",
)
_AGAIN = "fetch it again"


class SignatureState(StrEnum):
    """What is known of a signature."""

    RIGHT = "right"
    WRONG = "wrong"
    NOT_VERIFIED = "not verified"


VERDICTS: Mapping[SignatureState, FileScanVerdict | StageVerdict] = {
    SignatureState.RIGHT: FileScanVerdict.NOTHING_FOUND,
    SignatureState.WRONG: FileScanVerdict.FINDING,
    SignatureState.NOT_VERIFIED: StageVerdict.INCONCLUSIVE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The outcome of checking an envelope. reason: one sentence; key: fingerprint of the key it turns on, "" where none."""

    state: SignatureState
    reason: str
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a statement is about. digest: SHA-256, None where it names other digests only; digests: all of them."""

    name: str
    digest: str | None
    digests: Mapping[str, str]
    pointer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """A statement with what is known of its signature. keyids: what the document calls its keys."""

    carrier: str
    checked: Checked
    keyids: tuple[str, ...]
    predicate_type: str
    predicate: Mapping[str, Any]
    subjects: tuple[Subject, ...]
    payload_sha256: str

    def facts(self) -> dict[str, Any]:
        """What every observation made from it says."""
        return {
            "carrier": self.carrier,
            "signature": self.checked.state.value,
            "signature_reason": self.checked.reason,
            "key": self.checked.key,
            "keyids": list(self.keyids),
            "predicate_type": self.predicate_type,
            "payload_sha256": self.payload_sha256,
        }


def pae(payload_type: str, payload: bytes) -> bytes:
    """The pre-authentication encoding of DSSE 1.0.0: the bytes that are signed. Lengths count bytes."""
    kind = payload_type.encode("utf-8", "surrogatepass")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def unbase64(value: object, what: str) -> bytes:
    """Bytes from base64, of the standard or the URL-safe alphabet, padded or not. Raises BadInputError."""
    text = text_if_any(value).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadInputError(f"{what} is not base64; {_AGAIN}.") from error


def text_if_any(value: object) -> str:
    """A string whole, however long; "" for anything else."""
    return value if isinstance(value, str) else ""


def read_attestation(content: bytes, name: str, keys: tuple[SigningKey, ...]) -> Attestation:
    """A Sigstore bundle, a DSSE envelope, or a bare in-toto statement. Raises BadInputError for anything else."""
    record = decoded(document_text(content, name), name, again=_AGAIN)
    if not isinstance(record, dict):
        raise BadInputError(f"{name} is JSON but neither an envelope nor a statement.")
    if text_of(record.get("mediaType")).startswith(BUNDLE) or "verificationMaterial" in record:
        return _bundle(record, name, keys)
    if "payload" in record:
        return _envelope(record, name, keys, carrier="DSSE envelope", certificates=(), hints=())
    checked = Checked(state=SignatureState.NOT_VERIFIED, reason="It carries no signature.")
    return _statement(record, name, carrier="bare statement", checked=checked, keyids=(), payload=content)


def _bundle(record: Mapping[str, Any], name: str, keys: tuple[SigningKey, ...]) -> Attestation:
    material = object_of(record.get("verificationMaterial"))
    if "messageSignature" in record:
        raise BadInputError(f"{name} signs plain bytes and states nothing about them; there is nothing to import.")
    chain = [
        material.get("certificate"),
        *list_of(object_of(material.get("x509CertificateChain")).get("certificates"))[:1],
    ]
    certificates = tuple(
        certified_key(
            unbase64(object_of(one).get("rawBytes"), f"{name}: the certificate"), name=f"{name}: the certificate"
        )
        for one in chain
        if one is not None
    )
    hint = text_of(object_of(material.get("publicKey")).get("hint"))
    envelope = object_of(record.get("dsseEnvelope"))
    return _envelope(envelope, name, keys, carrier="Sigstore bundle", certificates=certificates, hints=(hint,))


def _envelope(
    envelope: Mapping[str, Any],
    name: str,
    keys: tuple[SigningKey, ...],
    *,
    carrier: str,
    certificates: tuple[SigningKey, ...],
    hints: tuple[str, ...],
) -> Attestation:
    payload_type = text_if_any(envelope.get("payloadType"))
    if payload_type != PAYLOAD_TYPE:
        raise BadInputError(
            f"{name} carries {payload_type[:80] or 'a payload of no type'!r}, not an in-toto statement."
        )
    payload = unbase64(envelope.get("payload"), f"{name}: the payload")
    signatures = [object_of(one) for one in list_of(envelope.get("signatures"))]
    keyids = tuple(dict.fromkeys(filter(None, (*(text_of(one.get("keyid")) for one in signatures), *hints))))
    checked = _check(
        [unbase64(one.get("sig"), f"{name}: a signature") for one in signatures],
        message=pae(payload_type, payload),
        keys=keys,
        named=keyids,
        certificates=certificates,
    )
    record = decoded(document_text(payload, f"{name}: the payload"), f"{name}: the payload", again=_AGAIN)
    return _statement(record, name, carrier=carrier, checked=checked, keyids=keyids, payload=payload)


def _check(
    signatures: list[bytes],
    *,
    message: bytes,
    keys: tuple[SigningKey, ...],
    named: Iterable[str],
    certificates: tuple[SigningKey, ...],
) -> Checked:
    if not signatures:
        return Checked(state=SignatureState.NOT_VERIFIED, reason="It carries no signature.")
    right = next((key for key in keys if any(key.made(one, message) for one in signatures)), None)
    if right is not None:
        reason = f"The signature is right by the {right.algorithm} key {right.fingerprint}."
        return Checked(state=SignatureState.RIGHT, reason=reason, key=right.fingerprint)
    for own in certificates:
        if not any(own.made(one, message) for one in signatures):
            reason = "The signature does not fit the certificate that the document carries: it was altered."
            return Checked(state=SignatureState.WRONG, reason=reason, key=own.fingerprint)
    claimed = next((key for key in keys if key.names & set(named)), None)
    if claimed is not None:
        reason = f"It names the key {claimed.fingerprint}, which did not make its signature: it was altered."
        return Checked(state=SignatureState.WRONG, reason=reason, key=claimed.fingerprint)
    return Checked(state=SignatureState.NOT_VERIFIED, reason=_why_not(keys, certificates))


def _why_not(keys: tuple[SigningKey, ...], certificates: tuple[SigningKey, ...]) -> str:
    own = " It fits the certificate that the document itself carries, which says nothing of whose that is." * bool(
        certificates
    )
    if not keys:
        return f"The signature was not verified: no key was stated.{own}"
    return f"The signature was not verified: none of the {len(keys)} stated keys made it.{own}"


def _statement(
    record: object, name: str, *, carrier: str, checked: Checked, keyids: tuple[str, ...], payload: bytes
) -> Attestation:
    if not isinstance(record, dict) or record.get("_type") not in STATEMENTS:
        raise BadInputError(f"{name} holds no in-toto statement: its _type is not {STATEMENTS[0]}.")
    subjects = tuple(_subjects(record))
    if not subjects:
        raise BadInputError(f"{name} states nothing about anything: it has no subject with a digest.")
    return Attestation(
        carrier=carrier,
        checked=checked,
        keyids=keyids,
        predicate_type=text_of(record.get("predicateType")),
        predicate=object_of(record.get("predicate")),
        subjects=subjects,
        payload_sha256=sha256_hex(payload),
    )


def _subjects(record: Mapping[str, Any]) -> Iterable[Subject]:
    for index, entry in enumerate(list_of(record.get("subject"))):
        digests = digests_of(object_of(entry).get("digest"))
        if digests:
            name = text_of(object_of(entry).get("name")) or next(iter(digests.values()))
            yield Subject(name=name, digest=sha256_digest(digests), digests=digests, pointer=f"/subject/{index}")


def digests_of(value: object) -> dict[str, str]:
    """Algorithm -> digest of an in-toto DigestSet; members that are no text are left out."""
    return {str(name)[:40]: text_of(digest) for name, digest in object_of(value).items() if text_of(digest)}


def sha256_digest(digests: Mapping[str, str]) -> str | None:
    """The SHA-256 among them, in lower case."""
    found = digests.get("sha256", "").lower()
    return found if len(found) == 64 and set(found) <= set("0123456789abcdef") else None


def head_payload(head: bytes) -> bytes:
    """As much of an envelope's payload as the first bytes of a document hold, to tell formats apart; b"" without one."""
    at = head.find(b'"payload"')
    start = head.find(b'"', at + 9) + 1 if at >= 0 else 0
    if not start:
        return b""
    text = head[start:].partition(b'"')[0]
    try:
        return base64.b64decode(text[: len(text) // 4 * 4])
    except (binascii.Error, ValueError):
        return b""
