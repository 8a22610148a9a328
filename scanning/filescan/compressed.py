"""One compressed file (gzip, zlib, bzip2, xz, LZMA, LZ4; joblib writes them all): unpacked within limits, then looked into."""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any, BinaryIO, cast

from scanning.filescan import lz4_frame
from scanning.filescan.archive import spool
from scanning.filescan.base import EMBEDDED_MALWARE, LIKELY, NO, Findings, ScanError, Target, TooMuchError

_CHUNK = 256 << 10
_BELOW_TAR = LIKELY - 10
_OLD_JOBLIB = b"ZF"
_OLD_JOBLIB_HEADER = 21
_MOST_LZ4 = 256 << 20
_MOST_MEMORY = 256 << 20
_SUFFIXES = (".gz", ".gzip", ".z", ".zlib", ".bz2", ".xz", ".lzma", ".lz4")
_BROKEN = (zlib.error, lzma.LZMAError, lz4_frame.Lz4Error, EOFError, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class Packing:
    """One way of compressing. `unpacked`: its content in pieces; a piece may be large, and the reader stops asking."""

    label: str
    unpacked: Callable[[BinaryIO], Iterator[bytes]]


def _inflated(window: int, skip: int = 0) -> Callable[[BinaryIO], Iterator[bytes]]:
    def pieces(stream: BinaryIO) -> Iterator[bytes]:
        stream.seek(skip)
        data, machine, begun = b"", zlib.decompressobj(window), False
        while data := data or stream.read(_CHUNK):
            piece = machine.decompress(data, _CHUNK)
            data, begun = machine.unconsumed_tail, True
            yield piece
            if machine.eof:
                data = machine.unused_data or stream.read(_CHUNK)
                if data[:1] not in (b"\x1f", b"\x78"):
                    return
                machine, begun = zlib.decompressobj(window), False
        while begun and (piece := machine.decompress(b"", _CHUNK)):
            yield piece
        if begun and not machine.eof:
            raise EOFError("the compressed data breaks off")

    return pieces


def _whole(machine_of: Callable[[], Any]) -> Callable[[BinaryIO], Iterator[bytes]]:
    """Pieces from the decompressors of bz2 and lzma, which hold back what does not fit into one piece."""

    def pieces(stream: BinaryIO) -> Iterator[bytes]:
        stream.seek(0)
        machine, data = machine_of(), stream.read(_CHUNK)
        while data or not machine.needs_input:
            yield machine.decompress(data, _CHUNK)
            if machine.eof:
                data = machine.unused_data + stream.read(_CHUNK)
                if data[:3] not in (b"BZh", b"\xfd7z"):
                    return
                machine = machine_of()
            else:
                data = stream.read(_CHUNK) if machine.needs_input else b""
        raise EOFError("the compressed data breaks off")

    return pieces


def _lz4(stream: BinaryIO) -> Iterator[bytes]:
    stream.seek(0)
    size = 0
    for piece in lz4_frame.blocks(stream):
        size += len(piece)
        if size > _MOST_LZ4:
            raise TooMuchError(f"it unpacks to more than the {_MOST_LZ4} bytes that are read for LZ4")
        yield piece


GZIP = Packing("gzip", _inflated(31))
ZLIB = Packing("zlib", _inflated(15))
OLD_JOBLIB = Packing("zlib as joblib wrote it before 0.10", _inflated(15, _OLD_JOBLIB_HEADER))
BZIP2 = Packing("bzip2", _whole(bz2.BZ2Decompressor))
XZ = Packing("xz", _whole(lambda: lzma.LZMADecompressor(memlimit=_MOST_MEMORY)))
LZ4 = Packing("LZ4", _lz4)
_MAGIC = ((b"\x1f\x8b\x08", GZIP), (b"BZh", BZIP2), (b"\xfd7zXZ\x00", XZ), (lz4_frame.MAGIC, LZ4))


class _Pieces:
    """Pieces as a file to read from; never more than the next piece is held."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def read(self, count: int = -1) -> bytes:
        """The next piece, whatever its length; b"" at the end."""
        return next((piece for piece in self._pieces if piece), b"")


def _opens(packing: Packing, head: bytes) -> bool:
    """Whether the first bytes of a stream that has no long magic number unpack at all."""
    try:
        return bool(_Pieces(packing.unpacked(io.BytesIO(head))).read())
    except _BROKEN:
        return False


def packing_of(head: bytes) -> Packing | None:
    """How a file is compressed, by its first bytes."""
    for magic, packing in _MAGIC:
        if head.startswith(magic):
            return packing
    if head.startswith(_OLD_JOBLIB + b"0x") and head[_OLD_JOBLIB_HEADER : _OLD_JOBLIB_HEADER + 1] == b"x":
        return OLD_JOBLIB
    if head[:1] == b"\x78" and int.from_bytes(head[:2], "big") % 31 == 0 and _opens(ZLIB, head):
        return ZLIB
    return XZ if head.startswith(b"\x5d\x00\x00") and _opens(XZ, head) else None


class CompressedFile:
    """The format. What the content is decides what is known of it."""

    name = "compressed"

    def identify(self, target: Target) -> int:
        """See scanning.filescan.base.FileFormat. A compressed TAR archive is one of those."""
        return NO if packing_of(target.head) is None else _BELOW_TAR

    def scan(self, target: Target) -> Findings:
        """See scanning.filescan.base.FileFormat."""
        packing = packing_of(target.head)
        if packing is None:
            raise ScanError("it is compressed in no way that is known")
        if target.depth >= target.limits.max_depth:
            raise TooMuchError(f"more than {target.limits.max_depth} archives lie in one another")
        try:
            copy, size = spool(target, cast("IO[bytes]", _Pieces(packing.unpacked(target.stream))), target.size)
        except _BROKEN as error:
            raise ScanError(f"it cannot be unpacked as {packing.label}: {error}") from error
        base = target.name.rsplit("/", 1)[-1]
        inner = base.rsplit(".", 1)[0] if base.lower().endswith(_SUFFIXES) else base
        with copy:
            findings = target.scan_member(target.member(inner or "content", size, copy))
        findings.speaks_to.add(EMBEDDED_MALWARE)
        findings.facts = {**findings.facts, "compression": packing.label, "unpacked_bytes": size}
        return findings


FORMAT = CompressedFile()
