"""SHA-256 of every tensor of a safetensors file, straight from its bytes: no library and no tensor is loaded."""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

from compliance.types.errors import BadInputError
from scanning.filescan.base import ScanError, ScanLimits, TooMuchError
from scanning.filescan.hashing import side_by_side
from scanning.filescan.safetensors_header import gaps_of, read_header, span_of

_STEP = 8 << 20


class TensorDigest(TypedDict):
    """One tensor: its shape, its type as the header names it (F32, BF16 …), and the SHA-256 of its bytes."""

    shape: list[int]
    dtype: str
    sha256: str


def _unwatched(_: int) -> None:
    """The callback of a caller who does not watch."""


def safetensors_digests(
    path: Path, *, threads: int = 0, on_bytes: Callable[[int], None] = _unwatched
) -> dict[str, TensorDigest]:
    """Name -> shape, type and digest of every tensor, in the order of their names.

    The bytes are hashed as they lie in the file (little-endian, row by row), through a memory map and on all processors (or
    `threads`). on_bytes: told how many bytes are done. Raises BadInputError where the file is no whole safetensors file.
    """
    try:
        with path.open("rb") as stream:
            size = path.stat().st_size
            header, start = read_header(stream, size, ScanLimits().max_safetensors_header)
            header.pop("__metadata__", None)
            spans = {name: span_of(name, header[name]) for name in sorted(header)}
            gaps_of([(begin, end, name) for name, (begin, end) in spans.items()], size - start)
            if not spans:
                return {}
            with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as view:
                data = view[start:]

                def digest_of(name: str, count: Callable[[int], None]) -> str:
                    begin, end = spans[name]
                    digest = hashlib.sha256()
                    for at in range(begin, end, _STEP):
                        digest.update(data[at : min(at + _STEP, end)])
                        count(min(_STEP, end - at))
                    return digest.hexdigest()

                try:
                    digests = side_by_side(list(spans), digest_of, on_bytes=on_bytes, threads=threads)
                finally:
                    data.release()
    except (ScanError, TooMuchError) as error:
        raise BadInputError(f"{path.name} is no safetensors file that can be read: {error}.") from error
    except OSError as error:
        raise BadInputError(f"{path.name} cannot be read: {error.strerror}.") from error
    return {
        name: TensorDigest(shape=header[name]["shape"], dtype=header[name]["dtype"], sha256=sha256)
        for name, sha256 in zip(spans, digests, strict=True)
    }
