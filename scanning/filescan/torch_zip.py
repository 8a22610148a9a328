"""PyTorch files since 1.6 (.pt, .pth, .bin): a ZIP archive with `data.pkl` and one raw member for each storage.

A TorchScript archive holds program text as well (`code/`), and classes that its pickle names are in that text.
"""

from __future__ import annotations

import re

from scanning.filescan.archive import nothing_hides, scan_zip
from scanning.filescan.base import CERTAIN, NO, Findings, Target

_MAIN = re.compile(r"(?:[^/]+/)?data\.pkl")
_STORAGE = re.compile(r"(?:[^/]+/)?(?:data|constants|tensors|traced_inputs)/\d+")
_SMALL = re.compile(
    r"(?:[^/]+/)?(?:version|byteorder|\.data/(?:serialization_id|version)|\.format_version|\.storage_alignment)"
)
_CONSTANTS = re.compile(r"(?:[^/]+/)?constants\.pkl")
_CODE = re.compile(r"(?:[^/]+/)?code/(.+)\.py")
_OWN = "__torch__"


def _leave(name: str) -> str:
    if _STORAGE.fullmatch(name):
        return "raw tensor bytes"
    return "a line of text about the archive" if _SMALL.fullmatch(name) else nothing_hides(name)


class TorchZip:
    """The format."""

    name = "torch-zip"

    def identify(self, target: Target) -> int:
        """See scanning.filescan.base.FileFormat."""
        return CERTAIN if any(_MAIN.fullmatch(name) for name in target.zip_names) else NO

    def scan(self, target: Target) -> Findings:
        """See scanning.filescan.base.FileFormat."""
        findings = scan_zip(target, _leave)
        own = _own_modules(target.zip_names)
        if own:
            findings.issues = [
                issue
                for issue in findings.issues
                if not (issue.rule == "pickle.import" and issue.facts.get("module") in own)
            ]
            findings.facts["program_texts"] = len(own)
        return findings


def _own_modules(names: tuple[str, ...]) -> set[str]:
    """Modules that a TorchScript archive brings as program text: PyTorch finds their classes there and asks Python for none."""
    if not any(_CONSTANTS.fullmatch(name) for name in names):
        return set()
    found = [match.group(1).replace("/", ".") for name in names if (match := _CODE.fullmatch(name)) is not None]
    return {module for module in found if module.split(".")[0] == _OWN}


FORMAT = TorchZip()
