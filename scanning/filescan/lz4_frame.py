"""LZ4 frames, which joblib can write: decoded here, since the standard library has no LZ4.

Format: lz4_Frame_format.md and lz4_Block_format.md of the LZ4 project. Checksums are passed over, dictionaries refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

MAGIC = b"\x04\x22\x4d\x18"
_WINDOW = 64 << 10
_LARGEST_BLOCK = 4 << 20
_STORED = 1 << 31


class Lz4Error(ValueError):
    """The frame is damaged or of a kind that is not read."""


def _exactly(stream: BinaryIO, count: int) -> bytes:
    found = stream.read(count)
    if len(found) != count:
        raise Lz4Error("the LZ4 frame breaks off")
    return found


def blocks(stream: BinaryIO) -> Iterator[bytes]:
    """The content of one frame, block by block. Raises Lz4Error."""
    if _exactly(stream, 4) != MAGIC:
        raise Lz4Error("it is no LZ4 frame")
    flags = _exactly(stream, 2)[0]
    if flags >> 6 != 1 or flags & 0x01:
        raise Lz4Error("the LZ4 frame is of another version or needs a dictionary")
    _exactly(stream, 9 if flags & 0x08 else 1)
    linked, checked = not flags & 0x20, bool(flags & 0x10)
    window = b""
    while size := int.from_bytes(_exactly(stream, 4), "little"):
        stored, size = bool(size & _STORED), size & (_STORED - 1)
        if size > _LARGEST_BLOCK:
            raise Lz4Error("an LZ4 block claims to be longer than blocks can be")
        data = _exactly(stream, size)
        content = data if stored else _block(data, window)
        if checked:
            _exactly(stream, 4)
        window = (window + content)[-_WINDOW:] if linked else b""
        yield content
    if flags & 0x04:
        _exactly(stream, 4)


def _length(data: bytes, at: int, start: int) -> tuple[int, int]:
    """A length whose four bits are full goes on in further bytes."""
    length = start
    while start == 15:
        step = data[at]
        at += 1
        length += step
        if step != 255:
            break
    return length, at


def _block(data: bytes, window: bytes) -> bytes:
    out = bytearray(window)
    at, end = 0, len(data)
    try:
        while at < end:
            token = data[at]
            literals, at = _length(data, at + 1, token >> 4)
            if at + literals > end:
                raise Lz4Error("an LZ4 block breaks off")
            out += data[at : at + literals]
            at += literals
            if at >= end:
                break
            offset = data[at] | data[at + 1] << 8
            count, at = _length(data, at + 2, token & 15)
            count += 4
            if not 0 < offset <= len(out) or len(out) - len(window) + count > _LARGEST_BLOCK:
                raise Lz4Error("an LZ4 block copies from where nothing stands, or too much")
            pattern = bytes(out[len(out) - offset : len(out) - offset + count])
            out += (pattern * (count // len(pattern) + 1))[:count]
    except IndexError as error:
        raise Lz4Error("an LZ4 block breaks off") from error
    return bytes(out[len(window) :])
