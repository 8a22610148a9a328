"""What stands in a record where a person's name was erased, and what a name counts as under a Merkle root.

A name is never hashed as it is: its commitment is, made under the key of the principal that the record is of. An erased name
leaves that commitment and the pseudonym of the person, so that every root stays as it was and equal names stay equal.
"""

from __future__ import annotations

import hmac
import re

_ERASED = re.compile(r"erased:([0-9a-f]{64}):([0-9a-f]{64})")
_SHOWN = 16


def commitment(*, key: bytes, name: str) -> str:
    """HMAC-SHA-256 (RFC 2104), hex, of a name under a principal's key."""
    return hmac.digest(key, name.encode("utf-8"), "sha256").hex()


def erased(*, key: bytes, name: str, pseudonym: str) -> str:
    """What takes the place of a name. pseudonym: of the person who was erased."""
    return f"erased:{commitment(key=key, name=name)}:{pseudonym}"


def is_erased(value: str) -> bool:
    """Whether a name was erased."""
    return _ERASED.fullmatch(value) is not None


def committed(value: str, *, key: bytes | None) -> str:
    """What a value counts as under a root: the commitment that an erased one left, else that of the name; "" for none.

    key: of the principal, None once it was destroyed: a name that still stands then has no commitment, and no root is true.
    """
    found = _ERASED.fullmatch(value)
    if found:
        return found[1]
    return commitment(key=key, name=value) if value and key is not None else ""


def in_words(value: str) -> str:
    """The value as people and exports get it."""
    found = _ERASED.fullmatch(value)
    return f"erased {found[2][:_SHOWN]}" if found else value
