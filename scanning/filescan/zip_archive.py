"""Any other ZIP archive: each member in its own format."""

from __future__ import annotations

from scanning.filescan.archive import nothing_hides, scan_zip
from scanning.filescan.base import LIKELY, NO, Findings, Target


class ZipArchive:
    """The format. What the archive's members are decides what is known of it."""

    name = "zip"

    def identify(self, target: Target) -> int:
        """See scanning.filescan.base.FileFormat."""
        return LIKELY if target.head.startswith((b"PK\x03\x04", b"PK\x05\x06")) else NO

    def scan(self, target: Target) -> Findings:
        """See scanning.filescan.base.FileFormat."""
        return scan_zip(target, nothing_hides)


FORMAT = ZipArchive()
