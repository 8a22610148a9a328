"""safetensors: an 8-byte length, a JSON header, then tensor bytes without holes. Read here from scratch, no library.

Format: huggingface/safetensors, README "Format". The format cannot carry code; what is looked for is a header that lies.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from compliance.types.drafts import FileIssue
from compliance.types.states import Severity
from scanning.filescan.base import (
    CERTAIN,
    EMBEDDED_MALWARE,
    LIKELY,
    NO,
    POSSIBLE,
    Findings,
    ScanError,
    Target,
    TooMuchError,
)

_BITS = {
    "F64": 64, "I64": 64, "U64": 64, "C64": 64, "F32": 32, "I32": 32, "U32": 32, "F16": 16, "BF16": 16, "I16": 16, "U16": 16,
    "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "I8": 8, "U8": 8, "BOOL": 8, "F6_E2M3": 6, "F6_E3M2": 6, "F4": 4,
}  # fmt: skip
_LIMITS = (
    "safetensors cannot carry code; the check is that its header describes the bytes exactly.",
    "Whether the weights were tampered with is not looked at here.",
)


def _no_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    counted = Counter(key for key, _ in pairs)
    for key, count in counted.items():
        if count > 1:
            raise ScanError(f"the header names {key[:100]!r} {count} times, and readers differ in which they take")
    return dict(pairs)


def _header(target: Target) -> tuple[dict[str, Any], int]:
    """The header and the offset of the tensor bytes."""
    if len(target.head) < 8:
        raise ScanError("the file is shorter than its first field")
    length = int.from_bytes(target.head[:8], "little")
    if length > target.limits.max_safetensors_header:
        raise TooMuchError(f"the header claims {length} bytes")
    if 8 + length > target.size:
        raise ScanError(f"the header claims {length} bytes and the file has {target.size}")
    target.stream.seek(8)
    try:
        header = json.loads(target.stream.read(length).decode("utf-8"), object_pairs_hook=_no_repeats)
    except ScanError:
        raise
    except (ValueError, RecursionError) as error:
        raise ScanError(f"the header is no JSON: {error}") from error
    if not isinstance(header, dict):
        raise ScanError("the header is no JSON object")
    return header, 8 + length


def _span(name: str, entry: object) -> tuple[int, int]:
    """Begin and end of a tensor, checked against its shape and type."""
    fields = entry if isinstance(entry, dict) else {}
    shape, offsets, dtype = fields.get("shape"), fields.get("data_offsets"), fields.get("dtype")
    if not (isinstance(shape, list) and isinstance(offsets, list) and len(offsets) == 2 and isinstance(dtype, str)):
        raise ScanError(f"tensor {name[:100]!r} lacks dtype, shape or data_offsets")
    if not all(type(number) is int and 0 <= number < 2**63 for number in [*shape, *offsets]):
        raise ScanError(f"tensor {name[:100]!r} has a shape or an offset that is no count")
    if dtype not in _BITS:
        raise ScanError(f"tensor {name[:100]!r} has the unknown type {dtype[:20]!r}")
    bits = _BITS[dtype]
    for dimension in shape:
        bits *= dimension
    begin, end = offsets
    if (end - begin) * 8 != bits:
        raise ScanError(f"tensor {name[:100]!r} takes {end - begin} bytes where its shape and type take {bits / 8:g}")
    return begin, end


def _gaps(spans: list[tuple[int, int, str]], size: int) -> list[str]:
    """Places where tensors overlap, leave a hole, or end before or beyond the file."""
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


class SafeTensors:
    """The format."""

    name = "safetensors"

    def identify(self, target: Target) -> int:
        """See scanning.filescan.base.FileFormat."""
        head = target.head
        named = target.name.lower().endswith(".safetensors")
        length = int.from_bytes(head[:8], "little")
        if len(head) > 9 and head[8:9] == b"{" and length + 8 <= target.size:
            return CERTAIN if b'"data_offsets"' in head or b'"__metadata__"' in head or length == 2 else LIKELY
        return POSSIBLE + 10 if named else NO

    def scan(self, target: Target) -> Findings:
        """See scanning.filescan.base.FileFormat."""
        header, start = _header(target)
        metadata = header.pop("__metadata__", {})
        if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
            raise ScanError("__metadata__ is no object of texts")
        spans = [(*_span(name, entry), name) for name, entry in header.items()]
        findings = Findings(scanned=[target.location], speaks_to={EMBEDDED_MALWARE}, limits=list(_LIMITS))
        for problem in _gaps(spans, target.size - start)[:50]:
            findings.issues.append(
                FileIssue(
                    rule="safetensors.layout",
                    title="The file holds bytes that its header does not account for",
                    description=f"{problem[0].upper()}{problem[1:]}; the format forbids that, and such room can hide things.",
                    severity=Severity.MEDIUM,
                    location=target.location,
                    atlas_techniques=(EMBEDDED_MALWARE,),
                )
            )
        findings.facts = {
            "tensors": len(header),
            "types": dict(Counter(entry["dtype"] for entry in header.values())),
            "tensor_bytes": sum(end - begin for begin, end, _ in spans),
            "metadata": {str(key)[:100]: str(value)[:300] for key, value in list(metadata.items())[:50]},
        }
        return findings


FORMAT = SafeTensors()
