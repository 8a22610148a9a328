"""safetensors: an 8-byte length, a JSON header, then tensor bytes without holes. Read here from scratch, no library.

Format: huggingface/safetensors, README "Format". The format cannot carry code; what is looked for is a header that lies.
"""

from __future__ import annotations

import re
from collections import Counter

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
)
from scanning.filescan.safetensors_header import gaps_of, read_header, span_of

_CODE = re.compile(
    r"\b(?:import\s+(?:os|sys|subprocess|socket)\b|os\.system\b|subprocess\.\w+|__import__\b|(?:eval|exec)\s*\()|<script\b",
    re.IGNORECASE,
)
_LIMITS = (
    "safetensors cannot carry code; the check is that its header describes the bytes exactly.",
    "Whether the weights were tampered with is not looked at here.",
)


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
        header, start = read_header(target.stream, target.size, target.limits.max_safetensors_header)
        metadata = header.pop("__metadata__", {})
        if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
            raise ScanError("__metadata__ is no object of texts")
        spans = [(*span_of(name, entry), name) for name, entry in header.items()]
        findings = Findings(scanned=[target.location], speaks_to={EMBEDDED_MALWARE}, limits=list(_LIMITS))
        for problem in gaps_of(spans, target.size - start)[:50]:
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
        words = sorted({found.group() for value in metadata.values() for found in _CODE.finditer(value[:100_000])})
        if words:
            findings.issues.append(
                FileIssue(
                    rule="safetensors.code_in_metadata",
                    title="The file's notes hold program text",
                    description=f"The metadata holds {words[0][:60]!r}. Nothing runs it on loading; ask what it is there for.",
                    severity=Severity.LOW,
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
