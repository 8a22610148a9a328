"""The protobuf wire format, read field by field without any schema or library.

Format: protobuf.dev, "Encoding". Lengths are checked against what is there before anything is taken.
"""

from __future__ import annotations

from collections.abc import Iterator

from scanning.filescan.base import ScanError

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10


def varint(view: memoryview, at: int) -> tuple[int, int]:
    """A variable-length integer and the offset behind it. Raises ScanError where it does not end."""
    value = shift = 0
    for place in range(at, min(at + _LONGEST_VARINT, len(view))):
        byte = view[place]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place + 1
        shift += 7
    raise ScanError(f"a number at byte {at} of a message does not end")


def fields(view: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """Number, wire type and value of every field: integers as such, all else as the bytes they take. Raises ScanError."""
    at, end = 0, len(view)
    while at < end:
        tag, at = varint(view, at)
        number, kind = tag >> 3, tag & 7
        if not number or kind not in (VARINT, FIXED64, LENGTH, FIXED32):
            raise ScanError(f"a field at byte {at} has a kind that protobuf does not know")
        if kind == VARINT:
            value, at = varint(view, at)
            yield number, kind, value
            continue
        length, at = varint(view, at) if kind == LENGTH else (8 if kind == FIXED64 else 4, at)
        if length > end - at:
            raise ScanError(f"a field at byte {at} claims {length} bytes of {end - at}")
        yield number, kind, view[at : at + length]
        at += length


def messages(view: memoryview, wanted: int) -> Iterator[memoryview]:
    """The contents of every field of one number that has a length."""
    for number, kind, value in fields(view):
        if number == wanted and kind == LENGTH and isinstance(value, memoryview):
            yield value


def text_of(view: memoryview, wanted: int) -> str:
    """The last value of a text field, or ""."""
    found = b""
    for value in messages(view, wanted):
        found = bytes(value[:1000])
    return found.decode("utf-8", "replace")
