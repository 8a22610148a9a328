"""PyTorch files since 1.6 (.pt, .pth, .bin): a ZIP archive with `data.pkl` and one raw member for each storage."""

from __future__ import annotations

import re

from scanning.filescan.archive import nothing_hides, scan_zip
from scanning.filescan.base import CERTAIN, NO, Findings, Target

_MAIN = re.compile(r"(?:[^/]+/)?data\.pkl")
_STORAGE = re.compile(r"(?:[^/]+/)?data/\d+")
_SMALL = re.compile(r"(?:[^/]+/)?(?:version|byteorder|\.data/serialization_id|\.format_version|\.storage_alignment)")


def _leave(name: str) -> str:
    if _STORAGE.fullmatch(name):
        return "raw tensor bytes"
    return "a line of text about the archive" if _SMALL.fullmatch(name) else nothing_hides(name)


class TorchZip:
    """The format. TorchScript archives hold program text as well, which is not judged and reported as not scanned."""

    name = "torch-zip"

    def identify(self, target: Target) -> int:
        """See scanning.filescan.base.FileFormat."""
        return CERTAIN if any(_MAIN.fullmatch(name) for name in target.zip_names) else NO

    def scan(self, target: Target) -> Findings:
        """See scanning.filescan.base.FileFormat."""
        return scan_zip(target, _leave)


FORMAT = TorchZip()
