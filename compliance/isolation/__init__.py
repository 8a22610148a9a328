"""Runs untrusted work in a child process of its own: JSON in and out, limits, no network, no secrets.

    result = run_isolated(module="compliance.packs.child", request={...}, wall_seconds=60, cpu_seconds=50)

The child is a module run with `python -m`; `compliance.isolation.child.serve` writes its half of the protocol. It reads one
JSON value on stdin and writes JSON lines on stdout: {"progress": {"stage", "done", "total"}} any number of times, then either
{"result": {...}} or {"error": {"kind", "message"}}. A child that may ask writes {"ask": {...}} and reads the answer as the next
line of stdin: the one way to something outside, and the parent judges every question. The child gets no environment but the
one named here, so no password, key or database address reaches it. It dies with its parent. docs/trust-model.md says what
this does not protect against.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any, Literal

from compliance.isolation.conversation import Conversation
from compliance.isolation.errors import (
    BadInput,
    ChildFailed,
    ChildKilled,
    ChildStopped,
    ChildTimeout,
    IsolationError,
    NetworkIsolationUnavailable,
)
from compliance.types.drafts import Progress

__all__ = [
    "BadInput",
    "ChildFailed",
    "ChildKilled",
    "ChildStopped",
    "ChildTimeout",
    "IsolationError",
    "NetworkIsolationUnavailable",
    "confines_writes",
    "network_isolation_method",
    "run_isolated",
]

MemoryKind = Literal["address_space", "resident"]
ROOT = Path(__file__).resolve().parents[2]
_ENTRY = "compliance.isolation.child"


def _environment(scratch: str, extra: Mapping[str, str] | None) -> dict[str, str]:
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "HOME": scratch,
        "TMPDIR": scratch,
        "XDG_CACHE_HOME": scratch,
        "PYTHONPATH": str(ROOT),
        "PYTHONDONTWRITEBYTECODE": "1",
        **(extra or {}),
    }


def _start(arguments: list[str], stdin: IO[bytes] | int, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", _ENTRY, *arguments],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        cwd=environment["TMPDIR"],
        start_new_session=True,
    )


def _filled(file: IO[bytes], request: Mapping[str, Any]) -> IO[bytes]:
    file.write(json.dumps(request).encode())
    file.seek(0)
    return file


def run_isolated(
    *,
    module: str,
    request: Mapping[str, Any],
    wall_seconds: float,
    cpu_seconds: int,
    memory_bytes: int | None = None,
    memory_kind: MemoryKind = "address_space",
    file_bytes: int = 1 << 30,
    writable: Sequence[Path] = (),
    environment: Mapping[str, str] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    on_ask: Callable[[dict[str, Any]], dict[str, Any]] | None = None,
    accept_unisolated: bool = False,
) -> dict[str, Any]:
    """Run `module` on `request` and return its result.

    memory_bytes is a hard limit of the address space, or, with memory_kind "resident" (CUDA maps far more than it uses), a
    watched limit of resident memory. file_bytes bounds each file it writes. It may write below the `writable` folders and
    its own scratch folder only (Landlock, where the kernel has it). `environment` adds variables: never put a secret there.
    should_stop is asked several times a second; True ends the child. on_ask answers what the child asks: it must judge each
    question as a stranger's, and bound its own time; what it raises ends the child and comes out here.

    Raises BadInput, ChildTimeout, ChildKilled, ChildFailed, ChildStopped, NetworkIsolationUnavailable.
    """
    limits = {
        "module": module,
        "parent": os.getpid(),
        "cpu_seconds": cpu_seconds,
        "address_space": memory_bytes if memory_kind == "address_space" else None,
        "file_bytes": file_bytes,
        "writable": [str(Path(folder).resolve()) for folder in writable],
        "accept_unisolated": accept_unisolated,
    }
    with tempfile.TemporaryDirectory(prefix="assay-child-") as scratch, tempfile.TemporaryFile() as stdin:
        source = subprocess.PIPE if on_ask else _filled(stdin, request)
        child = _start([json.dumps(limits)], source, _environment(scratch, environment))
        conversation = Conversation(
            child=child,
            wall_seconds=wall_seconds,
            cpu_seconds=cpu_seconds,
            resident_bytes=memory_bytes if memory_kind == "resident" else None,
            on_progress=on_progress,
            should_stop=should_stop,
            on_ask=on_ask,
        )
        return conversation.run(dict(request) if on_ask else None)


@cache
def _probe() -> tuple[str, str]:
    with tempfile.TemporaryDirectory(prefix="assay-child-") as scratch:
        probe = subprocess.run(
            [sys.executable, "-P", "-m", _ENTRY, "--probe"],
            env=_environment(scratch, None),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    method, writes = probe.stdout.splitlines()
    return method, writes


def network_isolation_method() -> str:
    """How children are kept off the network here: "namespace and seccomp", "namespace", "seccomp", or "none"."""
    return _probe()[0]


def confines_writes() -> bool:
    """Whether the kernel keeps children from writing outside the folders they are given (Landlock)."""
    return _probe()[1] == "confined"
