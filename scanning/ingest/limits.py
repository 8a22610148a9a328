"""Bounds on what a document may cost, and the one way to read its bytes: gzip or plain, counted, never past a limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, cast

from isal import isal_zlib
from isal.igzip_lib import IsalError

from compliance.types.errors import BadInputError

GZIP_MAGIC = b"\x1f\x8b"
UTF8_BOM = b"\xef\xbb\xbf"
_OTHER_BOMS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
_CHUNK = 1 << 18
_DAMAGED = cast(type[Exception], IsalError)
_HEAD = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes in bytes. `max_ratio` bounds decompressed to compressed size once `ratio_from` bytes have come out.

    CloudTrail logs were measured at up to 32:1; deflate itself ends at about 1030:1.
    """

    max_bytes: int = 8 << 30
    max_ratio: int = 250
    ratio_from: int = 32 << 20
    max_record: int = 2 << 20
    max_document: int = 64 << 20


class BoundedReader:
    """Reads a stream's bytes decompressed, within limits. `read(n)` returns at most n bytes, and b"" at the end."""

    def __init__(
        self,
        stream: BinaryIO,
        file_name: str,
        limits: Limits,
        on_offset: Callable[[int], None],
        on_content: Callable[[bytes], None] | None = None,
    ) -> None:
        self._stream, self._name, self._limits, self._on_offset = stream, file_name, limits, on_offset
        self._in = self._out = 0
        self._on_content = on_content
        self._pending = self._raw()
        self.is_gzip = self._pending.startswith(GZIP_MAGIC)
        self._inflater = isal_zlib.decompressobj(31) if self.is_gzip else None
        self._first = b""
        first = self.read(_CHUNK)
        for mark, encoding in _OTHER_BOMS.items():
            if first.startswith(mark):
                raise BadInputError(f"{file_name} is {encoding} text; save it as UTF-8 and try again.")
        self._first = first.removeprefix(UTF8_BOM)

    def _raw(self) -> bytes:
        chunk = self._stream.read(_CHUNK)
        self._in += len(chunk)
        self._on_offset(self._in)
        return chunk

    def read(self, size: int) -> bytes:
        """At most `size` decompressed bytes. Raises BadInputError at a limit or where the gzip stream is broken."""
        if self._first:
            content, self._first = self._first[:size], self._first[size:]
            return content
        return self._more(size)

    def peek(self) -> bytes:
        """The bytes that are read next, at least 64 KiB where there are as many. Raises BadInputError as `read` does."""
        while len(self._first) < _HEAD and (content := self._more(_CHUNK)):
            self._first += content
        return self._first

    def whole(self, most: int) -> bytes | None:
        """All that is left, where it is at most so many bytes; None where it is more. It can be read again in either case."""
        parts, size = [self._first], len(self._first)
        while size <= most and (content := self._more(_CHUNK)):
            parts.append(content)
            size += len(content)
        self._first = b"".join(parts)
        return self._first if size <= most else None

    def _more(self, size: int) -> bytes:
        content = self._inflate(size) if self._inflater else self._plain(size)
        self._out += len(content)
        if self._on_content:
            self._on_content(content)
        self._check()
        return content

    def _plain(self, size: int) -> bytes:
        if not self._pending:
            self._pending = self._raw()
        content, self._pending = self._pending[:size], self._pending[size:]
        return content

    def _inflate(self, size: int) -> bytes:
        content = b""
        while not content and self._inflater is not None:
            if self._inflater.eof and not self._next_member():
                return b""
            self._pending = self._pending or self._raw()
            at_end = not self._pending
            try:
                # Even without new input, zlib may hold output that an earlier size limit kept back.
                content = self._inflater.decompress(self._pending, size)
            except _DAMAGED as error:
                raise BadInputError(
                    f"{self._name} is damaged gzip near byte {self._in}: {error}; fetch it again."
                ) from error
            self._pending = self._inflater.unconsumed_tail
            if at_end and not content and not self._inflater.eof:
                raise BadInputError(
                    f"{self._name} breaks off inside its gzip stream after byte {self._in}; fetch it again."
                )
        return content

    def _next_member(self) -> bool:
        """Begin the next gzip member (RFC 1952 §2.2), if there is one. Zero padding at the end is let pass."""
        assert self._inflater is not None
        rest = self._inflater.unused_data.lstrip(b"\0")
        while len(rest) < len(GZIP_MAGIC):
            more = self._raw()
            if not more:
                break
            rest = (rest + more).lstrip(b"\0")
        if not rest:
            return False
        if not rest.startswith(GZIP_MAGIC):
            raise BadInputError(
                f"{self._name} has bytes after the end of its gzip stream near byte {self._in}; fetch it again."
            )
        self._inflater, self._pending = isal_zlib.decompressobj(31), rest
        return True

    def _check(self) -> None:
        limits = self._limits
        if self._out > limits.max_bytes:
            raise BadInputError(f"{self._name} holds more than {limits.max_bytes} bytes decompressed; split it.")
        if (
            self.is_gzip
            and self._out > limits.ratio_from
            and self._out > (self._in - len(self._pending)) * limits.max_ratio
        ):
            raise BadInputError(
                f"{self._name} grows more than {limits.max_ratio}-fold when decompressed, as archives made to exhaust a "
                "machine do; decompress it yourself and give the plain file if you trust it."
            )


class Replayed:
    """A stream whose first bytes were read already, in `head`, and are read again."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.head = self._left = stream.read(_HEAD)

    def read(self, size: int = -1) -> bytes:
        """As a file's read."""
        if not self._left:
            return self._stream.read(size)
        if size < 0:
            content, self._left = self._left + self._stream.read(), b""
        else:
            content, self._left = self._left[:size], self._left[size:]
        return content


def plain_head(raw: bytes) -> bytes:
    """The first bytes of a document as a parser wants them for `identify`: decompressed, without byte-order mark."""
    if raw.startswith(GZIP_MAGIC):
        try:
            raw = isal_zlib.decompressobj(31).decompress(raw, _HEAD)
        except _DAMAGED:
            return b""
    return raw.removeprefix(UTF8_BOM)


def read_document(reader: BoundedReader, file_name: str, limits: Limits) -> bytes:
    """A whole document in memory, for formats that are small by nature. Raises BadInputError beyond `max_document`."""
    parts: list[bytes] = []
    size = 0
    while chunk := reader.read(_CHUNK):
        size += len(chunk)
        if size > limits.max_document:
            raise BadInputError(
                f"{file_name} is larger than {limits.max_document} bytes, too large for a report; split it."
            )
        parts.append(chunk)
    return b"".join(parts)
