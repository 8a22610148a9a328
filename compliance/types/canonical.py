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
from json.encoder import encode_basestring
from typing import Any

_SAFE_INTEGER = 2**53 - 1
# A number whose form may differ, as the encoder of the standard library writes it; at times only text that looks like one.
_UNSURE_NUMBER = re.compile(r"[:,\[]-?(?:\d+\.\d+(?:e[+-]?\d+)?|\d+e[+-]?\d+|\d{16,}|NaN|Infinity)[,}\]]")
_UNSURE_ORDER = re.compile("[\ud800-\udfff\ue000-\U0010ffff]")
_LEAF, _NODE = b"\x00", b"\x01"


class NotCanonicalError(ValueError):
    """The value cannot be written as canonical JSON."""


def _number(value: float) -> str:
    """ECMAScript's Number::toString (ECMA-262 §6.1.6.1.20), as RFC 8785 §3.2.2.3 asks."""
    if not math.isfinite(value):
        raise NotCanonicalError(f"{value!r} has no JSON form")
    if value == int(value) and abs(value) < 1e21:
        return str(int(value))
    mantissa, _, exponent = repr(value).partition("e")
    if not exponent:
        return mantissa
    power = int(exponent)
    if -7 <= power < 0:
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
    """UTF-8 bytes of the value in RFC 8785 form. Raises NotCanonicalError."""
    return _encode(value).encode("utf-8")


def canonical_json_of_parsed(value: Mapping[str, Any]) -> bytes:
    """As `canonical_json`, several times as fast, for an object whose keys are all strings because it came from JSON.

    The encoder of the standard library writes RFC 8785 form already, but for fractions, great integers, and keys that sort
    otherwise by UTF-16 code unit than by code point. Whatever might be one of these (sometimes only a string that looks
    like it) goes the slow way.
    """
    try:
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    except (TypeError, ValueError):
        return canonical_json(value)
    if _UNSURE_NUMBER.search(text) or (not text.isascii() and _UNSURE_ORDER.search(text)):
        return canonical_json(value)
    return text.encode("utf-8")


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
    stack: list[tuple[int, bytes]] = []
    for leaf in leaves:
        height, node = 0, hashlib.sha256(_LEAF + leaf).digest()
        while stack and stack[-1][0] == height:
            node = hashlib.sha256(_NODE + stack.pop()[1] + node).digest()
            height += 1
        stack.append((height, node))
    if not stack:
        return hashlib.sha256(b"").hexdigest()
    _, root = stack.pop()
    while stack:
        root = hashlib.sha256(_NODE + stack.pop()[1] + root).digest()
    return root.hex()
