"""NumPy files: .npy (one array) and .npz (a ZIP archive of them). An array of objects is a pickle in disguise.

Header: NumPy Enhancement Proposal 1 (NEP 1). It is a Python literal, read by `ast.literal_eval` alone.
"""

from __future__ import annotations

import ast
import io
import re

from compliance.types.drafts import FileIssue
from compliance.types.states import Severity
from scanning.filescan.archive import nothing_hides, scan_zip
from scanning.filescan.base import CERTAIN, EMBEDDED_MALWARE, LIKELY, NO, Findings, ScanError, Target
from scanning.filescan.pickle_rules import scan_pickles

_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 1 << 20
_LIMITS = ("An array of numbers holds no code; whether its values were tampered with is not looked at.",)


def _has_objects(description: object) -> bool:
    """Whether a dtype description contains Python objects (`O`), at any depth of a structured type."""
    if isinstance(description, str):
        return bool(re.fullmatch(r"[|<>=]?O\d*", description))
    if isinstance(description, (list, tuple)):
        return any(_has_objects(member) for member in description)
    return False


def _header(target: Target) -> tuple[dict[str, object], int]:
    """The header and the offset of the array behind it."""
    head = target.head
    if len(head) < 10:
        raise ScanError("the header breaks off")
    wide = head[6] >= 2
    length = int.from_bytes(head[8:12] if wide else head[8:10], "little")
    start = 12 if wide else 10
    if length > min(_LONGEST_HEADER, len(head) - start):
        raise ScanError(f"the header claims {length} bytes")
    try:
        header = ast.literal_eval(head[start : start + length].decode("utf-8" if head[6] >= 3 else "latin-1").strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError) as error:
        raise ScanError(f"the header is no literal: {error}") from error
    if not isinstance(header, dict) or "descr" not in header or not isinstance(header.get("shape"), tuple):
        raise ScanError("the header has no descr and shape")
    return header, start + length


class NumpyArray:
    """One array."""

    name = "numpy-array"

    def identify(self, target: Target) -> int:
        """See scanning.filescan.base.FileFormat."""
        return CERTAIN if target.head.startswith(_MAGIC) else NO

    def scan(self, target: Target) -> Findings:
        """See scanning.filescan.base.FileFormat."""
        header, start = _header(target)
        facts = {"dtype": str(header["descr"])[:500], "shape": str(header["shape"])[:200]}
        if not _has_objects(header["descr"]):
            findings = Findings(scanned=[target.location], speaks_to={EMBEDDED_MALWARE}, limits=list(_LIMITS))
            findings.facts = facts
            return findings
        content = io.BytesIO(target.read_all(target.limits.max_protobuf)[start:])
        findings = scan_pickles(content, target.size - start, target.location, target.limits)
        findings.facts |= facts
        findings.issues.append(
            FileIssue(
                rule="numpy.object_array",
                title="The array holds Python objects and is loaded as a pickle",
                description="Loading it needs allow_pickle=True, which runs whatever the pickle asks for. Store numbers only.",
                severity=Severity.MEDIUM,
                location=target.location,
                atlas_techniques=(EMBEDDED_MALWARE,),
            )
        )
        return findings


class NumpyArchive:
    """Several arrays."""

    name = "numpy-archive"

    def identify(self, target: Target) -> int:
        """See scanning.filescan.base.FileFormat."""
        names = target.zip_names
        return LIKELY + 10 if names and all(name.endswith(".npy") for name in names) else NO

    def scan(self, target: Target) -> Findings:
        """See scanning.filescan.base.FileFormat."""
        return scan_zip(target, nothing_hides)


ARRAY = NumpyArray()
ARCHIVE = NumpyArchive()
