"""Kinds that are known by name and not looked into: the reader is told which, instead of "unknown"."""

from __future__ import annotations

from compliance.types.drafts import FileIssue
from compliance.types.states import Severity
from scanning.filescan.base import EMBEDDED_MALWARE, LIKELY, NO, Findings, Target

_KINDS = (
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x28\xb5\x2f\xfd", "compressed with Zstandard"),
    (b"LZIP", "compressed with lzip"),
    (b"\x02\x21\x4c\x18", "compressed with LZ4 in its old form"),
    (b"MSCF", "a Windows cabinet"),
    (b"\x7fELF", "a program or library for Linux (ELF), which is no model"),
    (b"\xcf\xfa\xed\xfe", "a program or library for macOS (Mach-O), which is no model"),
    (b"\xed\xab\xee\xdb", "an RPM package"),
    (b"!<arch>\n", "an ar archive or Debian package"),
    (b"TFL3", "a TensorFlow Lite model"),
)
_AT_FOUR = (b"TFL3",)
_WINDOWS = b"MZ"
_WINDOWS_LEAST = 64
_PROGRAM = "a program or library"


def kind_of(head: bytes) -> str:
    """What the first bytes say a file is, in words, or ""."""
    for magic, words in _KINDS:
        if head.startswith(magic) or (magic in _AT_FOUR and head[4:8] == magic):
            return words
    at = int.from_bytes(head[60:64], "little")
    if head.startswith(_WINDOWS) and len(head) >= _WINDOWS_LEAST and head[at : at + 4] == b"PE\0\0":
        return "a program or library for Windows (PE), which is no model"
    return ""


class UnreadFile:
    """The format."""

    name = "unread"

    def identify(self, target: Target) -> int:
        """See scanning.filescan.base.FileFormat."""
        return LIKELY if kind_of(target.head) else NO

    def scan(self, target: Target) -> Findings:
        """See scanning.filescan.base.FileFormat."""
        reason = f"it is {kind_of(target.head)}: no such file is looked into; hand in what is in it, unpacked"
        findings = Findings(unsupported=[(target.location, reason)])
        if target.depth and _PROGRAM in reason:
            findings.speaks_to.add(EMBEDDED_MALWARE)
            findings.issues.append(
                FileIssue(
                    rule="archive.native_code",
                    title="A program or library lies among the model's files",
                    description=f"{target.location[:200]} is {kind_of(target.head)}; a loader may run it. Review it.",
                    severity=Severity.HIGH,
                    location=target.location,
                    atlas_techniques=(EMBEDDED_MALWARE,),
                )
            )
        return findings


FORMAT = UnreadFile()
