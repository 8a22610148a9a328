"""Pickle files (.pkl, .pickle, legacy .pt …): followed opcode by opcode, never loaded."""

from __future__ import annotations

import io
import pickletools
import struct
import warnings

from scanning.filescan.base import CERTAIN, LIKELY, NO, POSSIBLE, Findings, ScanError, Target
from scanning.filescan.pickle_rules import scan_pickles

_SUFFIXES = (".pkl", ".pickle", ".pck", ".pcl", ".p", ".joblib", ".dill", ".pt", ".pth", ".ckpt", ".bin")
_TELLING = frozenset({"GLOBAL", "INST", "STACK_GLOBAL", "REDUCE", "BUILD", "PROTO"})
_PROBE = 4096


def _probe(head: bytes) -> tuple[int, bool, bool]:
    """Opcodes that can be read, whether STOP was reached, and whether one of them is telling."""
    count, telling, last = 0, False, ""
    try:
        with warnings.catch_warnings(action="ignore"):  # of escapes in what may well be no pickle at all
            for opcode, _, _ in pickletools.genops(io.BytesIO(head[:_PROBE])):
                count, last = count + 1, opcode.name
                telling = telling or last in _TELLING
    except (ValueError, struct.error, IndexError, KeyError, OverflowError, EOFError):
        pass
    return count, last == "STOP", telling


class PickleFile:
    """The format. Protocols 0 and 1 have no magic number: their opcodes are tried, and the name settles doubt."""

    name = "pickle"

    def identify(self, target: Target) -> int:
        """See scanning.filescan.base.FileFormat."""
        head = target.head
        named = target.name.lower().endswith(_SUFFIXES)
        if len(head) > 1 and head[0] == 0x80 and head[1] <= 5:
            return CERTAIN
        count, stopped, telling = _probe(head)
        if telling and (stopped or count >= 4):
            return LIKELY + 10
        if named and (stopped or count >= 4):
            return LIKELY
        return POSSIBLE if target.name.lower().endswith(_SUFFIXES[:5]) else NO

    def scan(self, target: Target) -> Findings:
        """See scanning.filescan.base.FileFormat."""
        if not target.size:
            raise ScanError("the file is empty")
        target.stream.seek(0)
        return scan_pickles(target.stream, target.size, target.location, target.limits)


FORMAT = PickleFile()
