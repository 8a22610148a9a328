"""Canonical JSON, SHA-256 and Merkle trees: the ground that ledger, manifests and packs stand on.

Canonical JSON follows RFC 8785 for the values we allow: objects, arrays, strings, booleans, null, integers
within ±(2^53 - 1), and finite floats (written as ECMAScript does, see `_number`). Merkle trees follow RFC 9162 §2.1.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any

from compliance.types.merkle import GrowingTree, leaf_hash

_SAFE_INTEGER = 2**53 - 1
# Characters that sort otherwise by UTF-16 code unit than by code point, and lone surrogates, which have no UTF-8 form.
_UNSURE_TEXT = re.compile("[\ud800-\udfff\ue000-\U0010ffff]")
_WRITER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
_AS_THEY_ARE = frozenset({str, bool, type(None)})
_ONLY_TEXT = frozenset({str})


class NotCanonicalError(ValueError):
    """The value cannot be written as canonical JSON."""


def _number(value: float) -> str:
    """ECMAScript's Number::toString (ECMA-262 §6.1.6.1.20), as RFC 8785 §3.2.2.3 asks."""
    if not math.isfinite(value):
        raise NotCanonicalError(f"{value!r} has no JSON form")
    if value == int(value) and abs(value) < 1e21:
        return str(int(value)) if abs(value) < 1e16 else f"{Decimal(repr(value)):f}"
    mantissa, _, exponent = repr(value).partition("e")
    if not exponent:
        return mantissa
    power = int(exponent)
    if -6 <= power < 0:
        return f"{value:.{-power + len(mantissa.replace('-', '').replace('.', '')) - 1}f}"
    if mantissa.endswith(".0"):
        mantissa = mantissa[:-2]
    return f"{mantissa}e{'+' if power > 0 else '-'}{abs(power)}"


def _string(value: str) -> str:
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise NotCanonicalError("a string holds a lone surrogate") from error
    return encode_basestring(value)


def _code_units(key: str) -> bytes:
    return key.encode("utf-16-be", "surrogatepass")


def _encode(value: Any) -> str:
    if isinstance(value, str):
        return _string(value)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int):
        if abs(value) > _SAFE_INTEGER:
            raise NotCanonicalError(f"{value} is beyond the integers that JSON readers keep exact")
        return str(int(value))
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise NotCanonicalError("an object key is not a string")
        return "{" + ",".join(f"{_string(key)}:{_encode(value[key])}" for key in sorted(value, key=_code_units)) + "}"
    if isinstance(value, Sequence):
        return "[" + ",".join(map(_encode, value)) + "]"
    raise NotCanonicalError(f"{type(value).__name__} has no JSON form")


def canonical_json(value: Any) -> bytes:
    """UTF-8 bytes of the value in RFC 8785 form. Raises NotCanonicalError.

    The encoder of the standard library, which is written in C, gives that form but for some numbers, some orders of keys and
    what is no JSON; whatever may be one of these is written by `_encode`.
    """
    if isinstance(value, dict | list | tuple) and _is_plain(value):
        text = _WRITER.encode(value)
        if text.isascii() or not _UNSURE_TEXT.search(text):
            return text.encode("utf-8")
    return _encode(value).encode("utf-8")


def _is_plain(value: Any) -> bool:
    """Whether the encoder of the standard library writes a value as `_encode` does, the order of its keys apart."""
    kind = type(value)
    if kind is dict:
        if not _ONLY_TEXT.issuperset(map(type, value)):
            return False
        value = value.values()
    elif kind is int:
        return bool(-_SAFE_INTEGER <= value <= _SAFE_INTEGER)
    elif kind is float:
        return bool(1e-4 <= abs(value) < 1e16 and not value.is_integer())
    elif kind is not list and kind is not tuple:
        return isinstance(value, str | bool | None)
    for part in value:  # noqa: SIM110 - a generator here takes twice as long, and this is the innermost loop
        if type(part) not in _AS_THEY_ARE and not _is_plain(part):
            return False
    return True


def sha256_hex(content: bytes) -> str:
    """Lower-case hexadecimal SHA-256."""
    return hashlib.sha256(content).hexdigest()


def digest_of(value: Any) -> str:
    """SHA-256 of the canonical JSON of a value, hexadecimal."""
    return sha256_hex(canonical_json(value))


def merkle_root(leaves: Iterable[bytes]) -> str:
    """Root of an RFC 9162 §2.1.1 Merkle tree over the leaves in order, hexadecimal; the empty tree is SHA-256("").

    Streams: holds one node per level, so a million leaves need twenty digests of memory.
    """
    return GrowingTree(map(leaf_hash, leaves)).root().hex()
