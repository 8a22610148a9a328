"""What a report says of the program and the machine that made it, besides the versions of its libraries."""

from __future__ import annotations

import hashlib
import platform
import re
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

import compliance
from compliance.types.drafts import JSON

_PACKAGE = Path(__file__).parent
_CPU_INFO = Path("/proc/cpuinfo")


def program() -> JSON:
    """Version of Assay, and the digest of the code that measured: a changed line of any stage changes it."""
    return {"assay": compliance.__version__, "code_sha256": code_sha256(_PACKAGE)}


def machine() -> JSON:
    """The processor by name, and the library that computes convolutions on it."""
    found = re.search(r"(?:MKL-DNN|oneDNN) v([\w.]+)", torch.__config__.show())
    return {"processor": processor(), "onednn": found[1] if found else ""}


@cache
def code_sha256(folder: Path) -> str:
    """SHA-256 over path and bytes of every Python file in a folder, in the order of their paths."""
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        whole.update(f"{path.relative_to(folder).as_posix()} {path.stat().st_size}\n".encode())
        whole.update(path.read_bytes())
    return whole.hexdigest()


def processor() -> str:
    """The processor's own name where the system tells it."""
    rows = _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines() if _CPU_INFO.is_file() else []
    named = next((row.partition(":")[2].strip() for row in rows if row.startswith("model name")), "")
    return named or platform.processor()


def tensors_sha256(*tensors: Tensor) -> str:
    """SHA-256 over the shapes and the float32 values of tensors: a picture of them is rounded to 256 steps."""
    whole = hashlib.sha256()
    for tensor in tensors:
        values = tensor.detach().float().cpu().contiguous().numpy()
        whole.update(repr(values.shape).encode())
        whole.update(values.astype("<f4").tobytes())
    return whole.hexdigest()
