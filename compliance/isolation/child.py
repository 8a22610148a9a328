"""The child's half: takes limits upon itself before it reads a byte of input, then runs the module it was started for.

A module takes part by calling `serve(handler)` under `if __name__ == "__main__":`. Limits are set here, after exec and not
between fork and exec, because code that runs between the two can deadlock in a parent with threads.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import runpy
import signal
import sys
from collections.abc import Callable
from typing import Any

from compliance.isolation.network import leave_network
from compliance.isolation.writes import allow_writes_below
from compliance.types.drafts import Progress, Told

_PR_SET_PDEATHSIG = 1
_OPEN_FILES = 256

Report = Told
Ask = Callable[[dict[str, Any]], dict[str, Any]]
Handler = Callable[[dict[str, Any], Report], dict[str, Any]]
AskingHandler = Callable[[dict[str, Any], Report, Ask], dict[str, Any]]


class BadInputError(ValueError):
    """Raised by a handler: the input is wrong, and the message says where, in one sentence."""


def _write(stream: int, message: dict[str, Any]) -> None:
    line = json.dumps(message, allow_nan=False).encode() + b"\n"
    while line:
        line = line[os.write(stream, line) :]


def _error(stream: int, kind: str, message: str) -> None:
    _write(stream, {"error": {"kind": kind, "message": message}})


def serve(handler: Handler) -> None:
    """Answer the one request on stdin by `handler(request, report)`."""
    serve_asking(lambda request, report, _ask: handler(request, report))


def serve_asking(handler: AskingHandler) -> None:
    """Answer the one request on stdin by `handler(request, report, ask)`; `ask` waits for the parent's answer.

    Whatever libraries print goes to stderr, so that stdout carries messages alone.
    """
    stream = os.dup(1)
    os.dup2(2, 1)

    def report(progress: Progress) -> None:
        _write(stream, {"progress": {"stage": progress.stage, "done": progress.done, "total": progress.total}})

    def ask(question: dict[str, Any]) -> dict[str, Any]:
        _write(stream, {"ask": question})
        answer: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
        return answer

    try:
        result = handler(json.loads(sys.stdin.buffer.readline()), report, ask)
    except BadInputError as error:
        _error(stream, "bad_input", str(error))
    except MemoryError:
        _error(stream, "memory", "The work was ended because it needs more memory than it is given.")
    except RecursionError:
        _error(stream, "failed", "The work was ended because its input is nested too deeply.")
    except Exception as error:  # the one boundary of the child: every failure becomes one message
        _error(stream, "failed", f"{type(error).__name__}: {error}")
        raise
    else:
        _write(stream, {"result": result})


def _limit(limits: dict[str, Any]) -> None:
    cpu = limits["cpu_seconds"]
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 5))
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits["file_bytes"],) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    files = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    if limits["address_space"]:
        resource.setrlimit(resource.RLIMIT_AS, (limits["address_space"],) * 2)


def _die_with_parent(parent: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the parent is gone")


def main(arguments: list[str]) -> None:
    """`arguments`: one JSON object of limits, or --probe, which says what this machine isolates by."""
    if arguments == ["--probe"]:
        print(leave_network())
        print("confined" if allow_writes_below([os.environ["TMPDIR"]]) else "unconfined")
        return
    limits = json.loads(arguments[0])
    method = leave_network()
    # After leaving the network: a change of credentials would clear the death signal again.
    _die_with_parent(limits["parent"])
    if method == "none" and not limits["accept_unisolated"]:
        _error(
            1,
            "network_isolation",
            "This machine lets no process leave the network (neither user namespaces nor seccomp), so the work was refused; "
            "set ASSAY_ACCEPT_UNISOLATED=1 to run it all the same.",
        )
        return
    allow_writes_below([*limits["writable"], os.environ["TMPDIR"]])
    _limit(limits)
    sys.argv = [limits["module"]]
    runpy.run_module(limits["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(sys.argv[1:])
