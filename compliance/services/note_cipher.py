"""Ciphers of work-paper notes: a key that a passphrase opens, and texts that this key opens.

scrypt (RFC 7914) turns the passphrase into the key that wraps a random data key; AES-256-GCM (NIST SP 800-38D) wraps it and
seals every text, with a fresh random nonce of 96 bits and the text's identity as associated data, so that no ciphertext can be
moved to another note, author or engagement.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

KEY_BYTES = 32
SALT_BYTES = 16
NONCE_BYTES = 12
# 32 MiB and about a tenth of a second for each guess; stored with each key, so that they can be raised.
COST, BLOCK, LANES = 2**15, 8, 3
_WRAPPING = b"assay work-paper key"


class CannotOpenError(Exception):
    """The passphrase is another one, or the bytes were altered: a cipher does not tell which."""


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key under a passphrase. salt: 16 bytes; cost, block, lanes: scrypt's N, r, p; wrapped: nonce, ciphertext, tag."""

    salt: bytes
    cost: int
    block: int
    lanes: int
    wrapped: bytes


def new_key() -> bytes:
    """A random key of 32 bytes."""
    return os.urandom(KEY_BYTES)


def wrap(*, data_key: bytes, passphrase: str) -> WrappedKey:
    """The data key under a passphrase, with a fresh salt."""
    salt = os.urandom(SALT_BYTES)
    under = _derived(passphrase, salt, COST, BLOCK, LANES)
    return WrappedKey(salt, COST, BLOCK, LANES, seal(key=under, content=data_key, identity=_WRAPPING))


def unwrap(*, key: WrappedKey, passphrase: str) -> bytes:
    """The data key. Raises CannotOpenError."""
    under = _derived(passphrase, key.salt, key.cost, key.block, key.lanes)
    return unseal(key=under, sealed=key.wrapped, identity=_WRAPPING)


def _derived(passphrase: str, salt: bytes, cost: int, block: int, lanes: int) -> bytes:
    return Scrypt(salt=salt, length=KEY_BYTES, n=cost, r=block, p=lanes).derive(passphrase.encode("utf-8"))


def seal(*, key: bytes, content: bytes, identity: bytes) -> bytes:
    """Nonce, ciphertext and tag of the content."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, content, identity)


def unseal(*, key: bytes, sealed: bytes, identity: bytes) -> bytes:
    """The content that was sealed under this key for this identity. Raises CannotOpenError."""
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], identity)
    except (InvalidTag, ValueError) as error:
        raise CannotOpenError from error
