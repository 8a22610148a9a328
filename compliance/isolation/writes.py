"""Lets the calling process write below named folders only, by Landlock (Linux 5.13 and later). Reading stays free.

Without Landlock nothing happens: this is a second line behind the rest, not a promise. Source: landlock(7).
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG, _PATH_BENEATH, _PR_SET_NO_NEW_PRIVS = 1, 1, 38
_WRITE_FILE, _REMOVE_AND_MAKE, _REFER, _TRUNCATE = 1 << 1, 0b1_1111_1111 << 4, 1 << 13, 1 << 14
_DEVICES = ("/dev/null", "/dev/zero")


class _RulesetAttribute(ctypes.Structure):
    _fields_ = [("handled", ctypes.c_uint64)]


class _PathAttribute(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32)]


def _rights(version: int) -> tuple[int, int]:
    on_files = _WRITE_FILE | (_TRUNCATE if version >= 3 else 0)
    return on_files | _REMOVE_AND_MAKE | (_REFER if version >= 2 else 0), on_files


def _add_rule(libc: ctypes.CDLL, ruleset: int, path: str, allowed: int) -> None:
    folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        attribute = _PathAttribute(allowed, folder)
        if libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(attribute), 0) != 0:
            raise OSError(ctypes.get_errno(), f"Landlock refused a rule for {path}")
    finally:
        os.close(folder)


def allow_writes_below(folders: Iterable[str]) -> bool:
    """Returns whether the kernel took the restriction. Raises OSError where a folder is missing."""
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE_RULESET, None, 0, _VERSION_FLAG)
    if version < 1:
        return False
    everything, on_files = _rights(version)
    ruleset = libc.syscall(_CREATE_RULESET, ctypes.byref(_RulesetAttribute(everything)), 8, 0)
    if ruleset < 0:
        return False
    try:
        for folder in folders:
            _add_rule(libc, ruleset, folder, everything)
        devices = [*_DEVICES, *(str(path) for path in Path("/dev").glob("nvidia*") if not path.is_dir())]
        for device in filter(os.path.exists, devices):
            _add_rule(libc, ruleset, device, on_files)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        return bool(libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)
