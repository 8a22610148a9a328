"""A child that does what the request's "act" says, so that tests see real children misbehave."""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

from compliance.isolation.child import Ask, BadInputError, Report, serve_asking
from compliance.types.drafts import Progress


def _connect(request: dict[str, Any]) -> dict[str, Any]:
    refused = {}
    for name, family in (("inet", socket.AF_INET), ("inet6", socket.AF_INET6), ("unix", socket.AF_UNIX)):
        try:
            with socket.socket(family) as connection:
                connection.connect(("127.0.0.1", request["port"]) if name == "inet" else ("::1", request["port"]))
        except (OSError, TypeError) as error:
            refused[name] = type(error).__name__
    return {"refused": refused}


def _write(request: dict[str, Any]) -> dict[str, Any]:
    done = {}
    for path in request["paths"]:
        try:
            Path(path).write_text("x")
        except OSError as error:
            done[path] = type(error).__name__
        else:
            done[path] = "written"
    return {"done": done}


def _leave(_request: dict[str, Any]) -> dict[str, Any]:
    print("I am leaving", file=sys.stderr)
    sys.exit(7)


def _ask(request: dict[str, Any], ask: Ask) -> dict[str, Any]:
    if request.get("deaf"):
        sys.stdin = os.fdopen(os.pipe()[0])  # so that the answer is never read
    return {"answers": [ask({"number": number}) for number in range(request["times"])]}


def _handle(request: dict[str, Any], report: Report, ask: Ask) -> dict[str, Any]:
    act = request["act"]
    if act == "echo":
        return {"echo": request}
    if act == "progress":
        for done in range(3):
            report(Progress(stage="counting", done=done, total=3))
        print("a library talks on stdout")
        return {}
    if act == "environment":
        return {"environment": dict(os.environ), "uid": os.getuid()}
    if act == "bad_input":
        raise BadInputError("line 3 of upload.csv is not UTF-8.")
    if act == "crash":
        raise RuntimeError("the wheel came off")
    if act == "allocate":
        return {"length": len(bytearray(request["bytes"]))}
    if act == "hold":
        held = bytearray(os.urandom(1 << 20) * (request["bytes"] >> 20))
        time.sleep(30)
        return {"length": len(held)}
    if act == "spin":
        while True:
            pass
    if act == "ask":
        return _ask(request, ask)
    if act == "sleep":
        Path(request["pid_file"]).write_text(str(os.getpid()))
        time.sleep(60)
    return {"connect": _connect, "write": _write, "exit": _leave}[act](request)


if __name__ == "__main__":
    serve_asking(_handle)
