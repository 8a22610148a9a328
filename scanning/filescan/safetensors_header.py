"""The header of a safetensors file, read from scratch and checked: an 8-byte length, a JSON object, then tensor bytes.

Format: huggingface/safetensors, README "Format".
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, BinaryIO

from scanning.filescan.base import ScanError, TooMuchError

_BITS = {
    "F64": 64, "I64": 64, "U64": 64, "C64": 64, "F32": 32, "I32": 32, "U32": 32, "F16": 16, "BF16": 16, "I16": 16, "U16": 16,
    "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "I8": 8, "U8": 8, "BOOL": 8, "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4,
}  # fmt: skip
_MOST_DIMENSIONS = 64


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    counted = Counter(key for key, _ in pairs)
    for key, count in counted.items():
        if count > 1:
            raise ScanError(f"the header names {key[:100]!r} {count} times, and readers differ in which they take")
    return dict(pairs)


def read_header(stream: BinaryIO, size: int, longest: int) -> tuple[dict[str, Any], int]:
    """The header and the offset of the tensor bytes. Raises ScanError, or TooMuchError beyond `longest` bytes."""
    stream.seek(0)
    first = stream.read(8)
    if len(first) < 8:
        raise ScanError("the file is shorter than its first field")
    length = int.from_bytes(first, "little")
    if length > longest:
        raise TooMuchError(f"the header claims {length} bytes")
    if 8 + length > size:
        raise ScanError(f"the header claims {length} bytes and the file has {size}")
    try:
        header = json.loads(stream.read(length).decode("utf-8"), object_pairs_hook=_no_repeats)
    except ScanError:
        raise
    except (ValueError, RecursionError) as error:
        raise ScanError(f"the header is no JSON: {error}") from error
    if not isinstance(header, dict):
        raise ScanError("the header is no JSON object")
    return header, 8 + length


def span_of(name: str, entry: object) -> tuple[int, int]:
    """Begin and end of a tensor within the data, checked against its shape and type. Raises ScanError."""
    fields = entry if isinstance(entry, dict) else {}
    shape, offsets, dtype = fields.get("shape"), fields.get("data_offsets"), fields.get("dtype")
    if not (isinstance(shape, list) and isinstance(offsets, list) and len(offsets) == 2 and isinstance(dtype, str)):
        raise ScanError(f"tensor {name[:100]!r} lacks dtype, shape or data_offsets")
    if not all(type(number) is int and 0 <= number < 2**63 for number in [*shape, *offsets]):
        raise ScanError(f"tensor {name[:100]!r} has a shape or an offset that is no count")
    if len(shape) > _MOST_DIMENSIONS:
        raise ScanError(f"tensor {name[:100]!r} has {len(shape)} dimensions")
    if dtype not in _BITS:
        raise ScanError(f"tensor {name[:100]!r} has the unknown type {dtype[:20]!r}")
    bits = _BITS[dtype]
    for dimension in shape:
        bits *= dimension
    begin, end = offsets
    if (end - begin) * 8 != bits:
        raise ScanError(f"tensor {name[:100]!r} takes {end - begin} bytes where its shape and type take {bits // 8}")
    return begin, end


def gaps_of(spans: list[tuple[int, int, str]], size: int) -> list[str]:
    """Places where tensors overlap, leave a hole or end before the file. Raises ScanError where one ends beyond it."""
    problems, at = [], 0
    for begin, end, name in sorted(spans):
        if begin < at:
            problems.append(f"tensor {name[:100]!r} overlaps the one before it by {at - begin} bytes")
        elif begin > at:
            problems.append(f"{begin - at} bytes before tensor {name[:100]!r} belong to no tensor")
        at = max(at, end)
    if at < size:
        problems.append(f"{size - at} bytes at the end belong to no tensor")
    elif at > size:
        raise ScanError(f"the tensors need {at} bytes and the file has {size}: it is cut off")
    return problems
