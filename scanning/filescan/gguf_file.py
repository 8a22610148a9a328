"""GGUF models (llama.cpp and others): a header that lies, and the chat templates within. Read from scratch, no library.

Format: ggml project, docs/gguf.md; sizes of quantised blocks from the same project. No tensor is decoded.
"""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import dataclass, field
from math import prod
from typing import Any, BinaryIO

from compliance.types.drafts import FileIssue
from compliance.types.states import Severity
from scanning.filescan.base import (
    CERTAIN,
    CHANGED_PROMPT_LOGIC,
    EMBEDDED_MALWARE,
    NO,
    Findings,
    ScanError,
    Target,
    TooMuchError,
)
from scanning.filescan.template_rules import LIMITS, template_issues

_MAGIC = b"GGUF"
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "B", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_BLOCKS = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 40), 10: (256, 84),
    11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292), 16: (256, 66), 17: (256, 74),
    18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82), 23: (256, 136), 24: (1, 1), 25: (1, 2),
    26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66), 39: (32, 17),
    40: (64, 36), 41: (128, 18),
}  # fmt: skip
_TEMPLATE = "tokenizer.chat_template"
_MOST_KEYS, _MOST_TENSORS, _MOST_ELEMENTS = 100_000, 1_000_000, 20_000_000
_LONGEST_NAME = 64 << 10
_DEEPEST = 4
_KEPT = 8
_OWN_LIMITS = ("GGUF cannot carry code; its header is checked, and the chat templates in it are read.",)


@dataclass(slots=True)
class _Reader:
    """Values one after another, never beyond the end. order: "<" or ">"."""

    stream: BinaryIO
    size: int
    longest: int
    order: str = "<"
    wide: bool = True
    elements: int = _MOST_ELEMENTS

    def take(self, count: int) -> bytes:
        found = self.stream.read(count) if count <= self.size - self.stream.tell() else b""
        if len(found) != count:
            raise ScanError(f"the header claims {count} bytes at byte {self.stream.tell()}, beyond the end of the file")
        return found

    def number(self, code: str) -> Any:
        return struct.unpack(self.order + code, self.take(struct.calcsize(self.order + code)))[0]

    def count(self) -> int:
        return int(self.number("Q" if self.wide else "I"))

    def text(self, longest: int) -> str:
        length = self.count()
        if length > longest:
            raise TooMuchError(f"a text in the header claims {length} bytes")
        return self.take(length).decode("utf-8", "replace")

    def value(self, kind: int, depth: int = 0) -> Any:
        """A value; of an array its length and first few members."""
        if kind in _SCALARS:
            return self.number(_SCALARS[kind])
        if kind == _STRING:
            return self.text(self.longest)
        if kind != _ARRAY:
            raise ScanError(f"the header has a value of the unknown kind {kind}")
        if depth >= _DEEPEST:
            raise TooMuchError(f"more than {_DEEPEST} arrays lie in one another")
        return self.array(depth)

    def array(self, depth: int) -> list[Any]:
        kind, length = int(self.number("I")), self.count()
        self.elements -= length
        if self.elements < 0:
            raise TooMuchError(f"the header's arrays have more than {_MOST_ELEMENTS} members")
        if kind not in _SCALARS:
            return [found for index in range(length) for found in [self.value(kind, depth + 1)] if index < _KEPT]
        width = struct.calcsize(self.order + _SCALARS[kind])
        if length * width > self.size - self.stream.tell():
            raise ScanError(f"an array in the header claims {length} members, more than the file has")
        kept = [self.number(_SCALARS[kind]) for _ in range(min(length, _KEPT))]
        self.stream.seek((length - len(kept)) * width, 1)
        return kept


@dataclass(slots=True)
class GgufHeader:
    """The header. tensors: (offset in the data, bytes, name); start: where the data begins."""

    version: int
    order: str
    values: dict[str, Any] = field(default_factory=dict)
    tensors: list[tuple[int, int, str]] = field(default_factory=list)
    types: Counter[int] = field(default_factory=Counter)
    start: int = 0
    alignment: int = 32


def _tensor(reader: _Reader, header: GgufHeader) -> None:
    name, dimensions = reader.text(_LONGEST_NAME), int(reader.number("I"))
    if dimensions > 8:
        raise ScanError(f"tensor {name[:100]!r} claims {dimensions} dimensions")
    shape = [reader.count() for _ in range(dimensions)]
    kind, offset = int(reader.number("I")), int(reader.number("Q"))
    if kind not in _BLOCKS:
        raise TooMuchError(f"tensor {name[:100]!r} has the type {kind}, whose size is not known here")
    elements, width = _BLOCKS[kind]
    if shape and shape[0] % elements:
        raise ScanError(f"tensor {name[:100]!r} has rows of {shape[0]}, which do not fill blocks of {elements}")
    header.types[kind] += 1
    header.tensors.append((offset, prod(shape) // elements * width, name))


def read_header(stream: BinaryIO, size: int, longest: int) -> GgufHeader:
    """The header of a GGUF file. Raises ScanError, or TooMuchError at a limit."""
    stream.seek(0)
    reader = _Reader(stream, size, longest)
    if reader.take(4) != _MAGIC:
        raise ScanError("it is no GGUF file")
    version = int(reader.number("I"))
    if version >= 1 << 16:
        reader.order, version = ">", int.from_bytes(version.to_bytes(4, "little"), "big")
    if version not in (1, 2, 3):
        raise TooMuchError(f"version {version} of GGUF is not known here")
    reader.wide = version > 1
    header = GgufHeader(version, reader.order)
    tensors, keys = reader.count(), reader.count()
    if keys > _MOST_KEYS or tensors > _MOST_TENSORS:
        raise TooMuchError(f"the header claims {keys} settings and {tensors} tensors")
    for _ in range(keys):
        key = reader.text(_LONGEST_NAME)
        if key in header.values:
            raise ScanError(f"the header names {key[:100]!r} twice, and readers differ in which they take")
        header.values[key] = reader.value(int(reader.number("I")))
    for _ in range(tensors):
        _tensor(reader, header)
    alignment = header.values.get("general.alignment", 32)
    if not isinstance(alignment, int) or not 0 < alignment <= 1 << 20 or alignment & (alignment - 1):
        raise ScanError("the header asks for an alignment that is no power of two")
    header.alignment = alignment
    header.start = -(-stream.tell() // alignment) * alignment
    return header


def layout_problems(header: GgufHeader, size: int) -> list[str]:
    """Places where tensors overlap, stand askew or leave room. Raises ScanError where one ends beyond the file."""
    problems, at = [], 0
    names = Counter(name for _, _, name in header.tensors)
    problems += [f"{count} tensors are named {name[:100]!r}" for name, count in names.items() if count > 1]
    for offset, length, name in sorted(header.tensors):
        if header.start + offset + length > size:
            raise ScanError(f"tensor {name[:100]!r} ends beyond the file: it is cut off, or its header lies")
        if offset % header.alignment:
            problems.append(f"tensor {name[:100]!r} does not begin where the alignment asks")
        elif offset < at:
            problems.append(f"tensor {name[:100]!r} overlaps the one before it by {at - offset} bytes")
        elif offset - at >= header.alignment:
            problems.append(f"{offset - at} bytes before tensor {name[:100]!r} belong to no tensor")
        at = max(at, offset + length)
    if size - header.start - at >= header.alignment:
        problems.append(f"{size - header.start - at} bytes at the end belong to no tensor")
    return problems


def _templates(values: dict[str, Any]) -> list[tuple[str, str]]:
    return [(key, value) for key, value in values.items() if key.startswith(_TEMPLATE) and isinstance(value, str)]


class GgufFile:
    """The format."""

    name = "gguf"

    def identify(self, target: Target) -> int:
        """See scanning.filescan.base.FileFormat."""
        return CERTAIN if target.head.startswith(_MAGIC) else NO

    def scan(self, target: Target) -> Findings:
        """See scanning.filescan.base.FileFormat."""
        header = read_header(target.stream, target.size, target.limits.max_text)
        findings = Findings(scanned=[target.location], speaks_to={EMBEDDED_MALWARE}, limits=list(_OWN_LIMITS))
        for problem in layout_problems(header, target.size)[:50]:
            findings.issues.append(
                FileIssue(
                    rule="gguf.layout",
                    title="The file holds bytes that its header does not account for",
                    description=f"{problem[0].upper()}{problem[1:]}; such room can hide things, and readers differ on it.",
                    severity=Severity.MEDIUM,
                    location=target.location,
                    atlas_techniques=(EMBEDDED_MALWARE,),
                )
            )
        templates = _templates(header.values)
        for key, template in templates:
            findings.issues += template_issues(template, target.place(key))
            findings.scanned.append(target.place(key))
        if templates:
            findings.speaks_to.add(CHANGED_PROMPT_LOGIC)
            findings.limits += LIMITS
        findings.facts = {
            "version": header.version,
            "byte_order": "little" if header.order == "<" else "big",
            "tensors": len(header.tensors),
            "tensor_types": {str(kind): count for kind, count in header.types.items()},
            "templates": len(templates),
            "metadata": {key[:100]: str(value)[:200] for key, value in list(header.values.items())[:60]},
        }
        return findings


FORMAT = GgufFile()
