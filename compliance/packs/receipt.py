"""The receipt: a small file handed out beside the pack, by another way, that pins the pack's every byte.

A DSSE envelope (github.com/secure-systems-lab/dsse) whose payload is canonical JSON, signed by the key that sealed the pack.
The signature's `certificate` is the signer's, DER in base64; whether to trust it is the reader's question.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Literal, TypedDict, cast

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from compliance.packs.sealers import Sealer
from compliance.types.canonical import canonical_json, sha256_hex
from compliance.types.freeze import LedgerHead
from compliance.types.seals import SealLevel
from compliance.types.shape import Base64, Sha256, ShapeError, UtcTime, Uuid, check_shape

FILENAME = "pack.receipt.json"
LARGEST_BYTES = 100_000
PAYLOAD_TYPE = "application/vnd.assay.receipt+json"


class ReceiptError(ValueError):
    """The file is no receipt; the message says where."""


class Receipt(TypedDict):
    """`sha256` and `size` are of the whole sealed PDF; level: that the seal reached, level_wanted: that was asked for."""

    schema: Literal["assay-receipt/2"]
    pack_id: Uuid
    version: int
    renewal: int
    sha256: Sha256
    size: int
    level: SealLevel
    level_wanted: SealLevel
    manifest_sha256: Sha256
    manifest_root: Sha256
    issued_at: UtcTime
    freeze_sha256: Sha256
    signer_certificate_sha256: Sha256
    root_certificate_sha256: Sha256
    ledger: LedgerHead
    demonstration: bool


class ReceiptSignature(TypedDict):
    """keyid: SHA-256 of the certificate."""

    keyid: Sha256
    sig: Base64
    certificate: Base64


class Envelope(TypedDict):
    """DSSE."""

    payloadType: str
    payload: Base64
    signatures: list[ReceiptSignature]


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    """problem: why the signature is not the one of the certificate that it names; None where it is."""

    receipt: Receipt
    certificate_sha256: str | None
    certificate: bytes
    problem: str | None


def _signed_bytes(payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def sign_receipt(receipt: Receipt, *, sealer: Sealer, certificate: x509.Certificate) -> ReceiptSignature:
    """Raises SignerError."""
    return {
        "keyid": certificate.fingerprint(hashes.SHA256()).hex(),
        "sig": _text(sealer.sign(_signed_bytes(canonical_json(receipt)), "sha256")),
        "certificate": _text(certificate.public_bytes(serialization.Encoding.DER)),
    }


def envelope_bytes(receipt: object, signatures: object) -> bytes:
    """The file that is handed out: canonical JSON of the envelope."""
    return canonical_json(
        {"payloadType": PAYLOAD_TYPE, "payload": _text(canonical_json(receipt)), "signatures": signatures}
    )


def read_receipt(content: bytes) -> SignedReceipt:
    """Raises ReceiptError with one sentence where it is no receipt; a signature that does not fit is told in `problem`."""
    if len(content) > LARGEST_BYTES:
        raise ReceiptError(f"the receipt has {len(content)} bytes; a receipt has a few thousand.")
    try:
        envelope = cast(Envelope, json.loads(content))
        check_shape(envelope, Envelope, "receipt")
        payload = base64.b64decode(envelope["payload"], validate=True)
        value = json.loads(payload)
        check_shape(value, Receipt, "receipt")
    except ShapeError as error:
        raise ReceiptError(f"the receipt is not of the form assay-receipt/2: {error}.") from error
    except (ValueError, RecursionError, binascii.Error) as error:
        raise ReceiptError("the receipt is not a JSON file.") from error
    return _checked(cast(Receipt, value), payload, envelope)


def _checked(receipt: Receipt, payload: bytes, envelope: Envelope) -> SignedReceipt:
    if canonical_json(receipt) != payload or envelope["payloadType"] != PAYLOAD_TYPE:
        return SignedReceipt(receipt, None, b"", "The receipt is not written in canonical form.")
    if len(envelope["signatures"]) != 1:
        return SignedReceipt(
            receipt, None, b"", f"The receipt has {len(envelope['signatures'])} signatures; one is made."
        )
    signature = envelope["signatures"][0]
    der = base64.b64decode(signature["certificate"])
    if sha256_hex(der) != signature["keyid"] or signature["keyid"] != receipt["signer_certificate_sha256"]:
        return SignedReceipt(receipt, None, b"", "The receipt is signed by another certificate than it names.")
    fits = _fits(der, base64.b64decode(signature["sig"]), _signed_bytes(payload))
    problem = None if fits else "The receipt's signature does not fit: it was altered."
    return SignedReceipt(receipt, signature["keyid"], der, problem)


def _fits(der: bytes, signature: bytes, data: bytes) -> bool:
    try:
        key = x509.load_der_x509_certificate(der).public_key()
        if isinstance(key, RSAPublicKey):
            key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
        else:
            return False
    except (ValueError, InvalidSignature):
        return False
    return True
