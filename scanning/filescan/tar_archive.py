"""TAR archives, plain or compressed (.tar, .tar.gz as SageMaker writes them, .nemo …): each member in its own format."""

from __future__ import annotations

import lzma
import tarfile
import zlib
from typing import IO

from scanning.filescan.archive import name_issues, nothing_hides, spool
from scanning.filescan.base import CERTAIN, EMBEDDED_MALWARE, LIKELY, NO, Findings, ScanError, Target, TooMuchError

_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00")
_BROKEN = (tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, OSError, ValueError)


class TarArchive:
    """The format. Names, links and devices are looked at before any content."""

    name = "tar"

    def identify(self, target: Target) -> int:
        """See scanning.filescan.base.FileFormat. A compressed stream is a TAR where its first block says so."""
        if target.head[257:262] == b"ustar":
            return CERTAIN
        if not target.head.startswith(_COMPRESSED):
            return NO
        target.stream.seek(0)
        try:
            with tarfile.open(fileobj=target.stream, mode="r:*") as archive:
                return LIKELY if archive.next() is not None else NO
        except _BROKEN:
            return NO

    def scan(self, target: Target) -> Findings:
        """See scanning.filescan.base.FileFormat."""
        findings = Findings(speaks_to={EMBEDDED_MALWARE})
        names: list[str] = []
        links: list[str] = []
        target.stream.seek(0)
        try:
            with tarfile.open(fileobj=target.stream, mode="r:*") as archive:
                for member in archive:
                    names.append(member.name)
                    if member.issym() or member.islnk():
                        links.append(member.name)
                    if not self._member(target, archive, member, findings):
                        break
        except _BROKEN as error:
            raise ScanError(f"the archive cannot be read beyond member {len(names)}: {error}") from error
        findings.issues += name_issues(target, names, links)
        findings.facts = {"members": len(names)}
        return findings

    def _member(self, target: Target, archive: tarfile.TarFile, member: tarfile.TarInfo, findings: Findings) -> bool:
        """Look at one member; False where the archive has to be left."""
        location = target.place(member.name)
        target.budget.members -= 1
        if target.budget.members < 0:
            findings.skipped.append((location, f"more than {target.limits.max_members} members"))
            return False
        if member.isdir() or member.issym() or member.islnk():
            return True
        if member.size > target.budget.unpacked:
            findings.skipped.append((location, f"the file unpacks to more than {target.limits.max_unpacked} bytes"))
            return False
        reason = nothing_hides(member.name)
        source = archive.extractfile(member)
        if source is None:
            findings.skipped.append((location, "it is a device or another special file"))
        elif reason:
            findings.ignored.append((location, reason))
        elif target.depth >= target.limits.max_depth:
            findings.skipped.append((location, f"more than {target.limits.max_depth} archives lie in one another"))
        else:
            self._content(target, source, member, findings)
        return True

    def _content(self, target: Target, source: IO[bytes], member: tarfile.TarInfo, findings: Findings) -> None:
        try:
            copy, size = spool(target, source, member.size)
        except TooMuchError as error:
            findings.skipped.append((target.place(member.name), str(error)))
            return
        with copy:
            findings.absorb(target.scan_member(target.member(member.name, size, copy)))


FORMAT = TarArchive()
