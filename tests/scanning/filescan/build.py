"""Files for the scanners, built in code. The pickles ask for calls that would do no harm, and are never loaded."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

from compliance.types.drafts import FileScanReport
from scanning.filescan.base import ScanLimits
from scanning.filescan.registry import scan_path


def scan(folder: Path, name: str, content: bytes, limits: ScanLimits | None = None) -> FileScanReport:
    path = folder / name
    path.write_bytes(content)
    return scan_path(path, limits=limits)


def rules(report: FileScanReport) -> set[str]:
    return {issue.rule for issue in report.issues}


def call_pickle(module: str, name: str, argument: str = "hello") -> bytes:
    """Protocol 0: module.name(argument)."""
    return f'c{module}\n{name}\n(S"{argument}"\ntR.'.encode()


def text(value: str) -> bytes:
    return b"\x8c" + bytes([len(value)]) + value.encode()


def stack_global_pickle(module: str, name: str) -> bytes:
    """Protocol 4: the names travel over the stack."""
    return b"\x80\x04" + text(module) + text(name) + b"\x93" + text("hello") + b"\x85R."


def memo_pickle(module: str, name: str) -> bytes:
    """Protocol 4: the names come back from the memo, under a heap of other values."""
    stored = text(module) + b"\x940" + text(name) + b"\x940" + text("decoy") + b"\x940"
    return b"\x80\x04" + stored + b"h\x00h\x01\x93" + text("hello") + b"\x85R."


def zip_of(members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return content.getvalue()


def torch_file(data: bytes) -> bytes:
    return zip_of({"m/data.pkl": data, "m/byteorder": b"little", "m/data/0": b"\0" * 12, "m/version": b"3\n"})


def safetensors(header: dict[str, Any] | bytes, body: bytes) -> bytes:
    encoded = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(encoded)) + encoded + body
