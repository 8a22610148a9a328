"""Members of ZIP archives within limits: what is opened, what is not, and names that would escape. Nothing is extracted."""

from __future__ import annotations

import lzma
import stat
import tempfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable
from typing import IO, BinaryIO, cast

from compliance.types.drafts import FileIssue
from compliance.types.states import Severity
from scanning.filescan.base import EMBEDDED_MALWARE, Findings, ScanError, Target, TooMuchError

_SPOOL = 32 << 20
_CHUNK = 1 << 20
_HARMLESS_SUFFIXES = (".txt", ".md", ".rst", ".csv", ".png", ".jpg", ".jpeg", ".gif", ".svg")
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


def nothing_hides(name: str) -> str:
    """Reason to leave a member alone, or ""."""
    return "plain text or picture" if name.lower().endswith(_HARMLESS_SUFFIXES) else ""


def escapes(name: str) -> bool:
    """Whether extracting a member of this name could write outside the folder chosen."""
    parts = name.replace("\\", "/").split("/")
    return name.startswith(("/", "\\")) or ".." in parts or (len(name) > 1 and name[1] == ":")


def _issue(rule: str, title: str, description: str, location: str, severity: Severity) -> FileIssue:
    return FileIssue(
        rule=rule,
        title=title,
        description=description,
        severity=severity,
        location=location,
        atlas_techniques=(EMBEDDED_MALWARE,),
    )


def name_issues(target: Target, names: list[str], links: list[str]) -> list[FileIssue]:
    """What the names alone give away."""
    issues = [
        _issue(
            "archive.path_traversal",
            "A member's name leaves the folder it is extracted to",
            f"Extracting {name[:200]!r} writes outside the folder chosen, and careless loaders do. It was not extracted here.",
            target.place(name),
            Severity.HIGH,
        )
        for name in names
        if escapes(name)
    ]
    issues += [
        _issue(
            "archive.duplicate_member",
            "Two members have the same name",
            f"{name[:200]!r} is there {count} times; a scan and a loader may disagree on which one they read.",
            target.place(name),
            Severity.MEDIUM,
        )
        for name, count in Counter(names).items()
        if count > 1
    ]
    issues += [
        _issue(
            "archive.link",
            "A member is a link",
            f"{name[:200]!r} is a symbolic link and may point anywhere on the machine that extracts it. It was not followed.",
            target.place(name),
            Severity.MEDIUM,
        )
        for name in links
    ]
    return issues[:200]


def spool(target: Target, source: IO[bytes], compressed: int) -> tuple[BinaryIO, int]:
    """Unpack one member to a temporary file. Raises TooMuchError at a limit."""
    limits, budget = target.limits, target.budget
    copy = cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=_SPOOL))  # noqa: SIM115 - the caller closes it
    size = 0
    while chunk := source.read(_CHUNK):
        size += len(chunk)
        budget.unpacked -= len(chunk)
        if budget.unpacked < 0:
            raise TooMuchError(f"the file unpacks to more than {limits.max_unpacked} bytes")
        if size > limits.ratio_from and size > max(compressed, 1) * limits.max_ratio:
            raise TooMuchError(f"it grows more than {limits.max_ratio}-fold when unpacked")
        copy.write(chunk)
    copy.seek(0)
    return copy, size


def _scan_member(target: Target, archive: zipfile.ZipFile, member: zipfile.ZipInfo, findings: Findings) -> None:
    location = target.place(member.filename)
    if member.flag_bits & 0x1:
        findings.skipped.append((location, "it is encrypted"))
        return
    try:
        with archive.open(member) as source:
            copy, size = spool(target, source, member.compress_size)
    except TooMuchError as error:
        findings.skipped.append((location, str(error)))
        return
    except _BROKEN as error:
        findings.failed.append((location, f"it cannot be unpacked: {error}"))
        return
    with copy:
        findings.absorb(target.scan_member(target.member(member.filename, size, copy)))


def scan_zip(target: Target, leave: Callable[[str], str]) -> Findings:
    """Every member of a ZIP archive, in its own format. `leave(name)` gives the reason for leaving a member unopened, or "".

    Raises ScanError where the archive's directory cannot be read.
    """
    findings = Findings(speaks_to={EMBEDDED_MALWARE})
    target.stream.seek(0)
    try:
        archive = zipfile.ZipFile(target.stream)
    except _BROKEN as error:
        raise ScanError(f"the archive cannot be read: {error}") from error
    with archive:
        members = [member for member in archive.infolist() if not member.filename.endswith("/")]
        links = [member.filename for member in members if stat.S_ISLNK(member.external_attr >> 16)]
        findings.issues += name_issues(target, [member.filename for member in members], links)
        for member in members:
            location = target.place(member.filename)
            reason = leave(member.filename)
            target.budget.members -= 1
            if reason:
                findings.ignored.append((location, reason))
            elif target.depth >= target.limits.max_depth:
                findings.skipped.append((location, f"more than {target.limits.max_depth} archives lie in one another"))
            elif target.budget.members < 0:
                findings.skipped.append((location, f"more than {target.limits.max_members} members"))
                break
            else:
                _scan_member(target, archive, member, findings)
        findings.facts = {"members": len(members)}
    return findings
