"""Signatures of the ledger (Ed25519, RFC 8032): what they are over, and whether one fits. Whose key it is, others say."""

from __future__ import annotations

from enum import StrEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Signed(StrEnum):
    """What a signature is over, so that none can be passed off as the other's: the first line of what is signed."""

    BLOCK = "assay ledger checkpoint v1"
    CHECKPOINT = "assay ledger tree head v1"

    def message(self, sha256: str) -> bytes:
        """The bytes that are signed."""
        return f"{self}\n{sha256}".encode()


def is_signed_by(public_key: str, signature: str, what: Signed, sha256: str) -> bool:
    """Whether the signature over this hash was made with that key; malformed values are not."""
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(signature), what.message(sha256))
    except (ValueError, InvalidSignature):
        return False
    return True
