"""The Ed25519 key (RFC 8032) that signs blocks and checkpoints of the ledger, in a file of its own beside the signer's keys.

Both name their key by the public key itself, so each can be checked with nothing but itself. Whether the
key is *ours* is another question: ours are the present key and those listed, one hexadecimal key a line, in
`ledger-earlier-keys` beside it, where a person puts the old one after replacing the key.
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from compliance.types.ledger_signatures import Signed

KEY_FILE, EARLIER_KEYS_FILE = "ledger.key", "ledger-earlier-keys"


def _folder() -> Path:
    return Path(settings.SIGNER_KEYS)


def _read(path: Path) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(path.read_text(encoding="ascii").strip()))


def signing_key() -> Ed25519PrivateKey:
    """This installation's key; made on first use, readable by its owner alone.

    Two processes may both be first: each writes a file of its own, and the one that is linked first is the key.
    """
    path = _folder() / KEY_FILE
    if path.exists():
        return _read(path)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{KEY_FILE}.{os.getpid()}.{os.urandom(4).hex()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(Ed25519PrivateKey.generate().private_bytes_raw().hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass  # another process was first, and its key is the one
    finally:
        draft.unlink()
    return _read(path)


def key_id(key: Ed25519PrivateKey) -> str:
    """The public key, 64 hexadecimal digits."""
    return key.public_key().public_bytes_raw().hex()


def sign(key: Ed25519PrivateKey, what: Signed, sha256: str) -> str:
    """Signature over the hash of a block or checkpoint, 128 hexadecimal digits."""
    return key.sign(what.message(sha256)).hex()


def own_key_ids() -> frozenset[str]:
    """Public keys that this installation signs or once signed with; empty where it holds none. Makes no key."""
    own: set[str] = set()
    if (path := _folder() / KEY_FILE).exists():
        own.add(key_id(_read(path)))
    if (earlier := _folder() / EARLIER_KEYS_FILE).exists():
        own.update(earlier.read_text(encoding="ascii").split())
    return frozenset(own)
