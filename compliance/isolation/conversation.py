"""The parent's half of the protocol: reads the child's lines, watches its limits, ends it and everything it started."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import selectors
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
from compliance.types.keepable import keepable_text

_TICK_SECONDS = 0.1
_LONGEST_LINE = 64 << 20
_PIPE_BUF = 4096  # so much is written without blocking once a pipe is writable: pipe(7)
_STDERR_KEPT = 4_000
_LONGEST_REASON = 2_000
_KINDS: dict[str, type[IsolationError]] = {
    "bad_input": BadInput,
    "memory": ChildKilled,
    "network_isolation": NetworkIsolationUnavailable,
}


@dataclass
class Conversation:
    """One child from start to end. `run` returns its result or raises an IsolationError; the child is gone either way."""

    child: subprocess.Popen[bytes]
    wall_seconds: float
    cpu_seconds: int
    resident_bytes: int | None
    on_progress: Callable[[Progress], None] | None
    should_stop: Callable[[], bool] | None
    on_ask: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    _deadline: float = 0.0
    _partial: bytearray = field(default_factory=bytearray)
    _stderr: bytes = b""
    _result: dict[str, Any] | None = None

    def run(self, first: dict[str, Any] | None = None) -> dict[str, Any]:
        """`first`: sent before anything is read; None where the child has its request already."""
        self._deadline = time.monotonic() + self.wall_seconds
        try:
            if first is not None:
                self._say(first)
            self._listen()
        finally:
            self._end()
        if self._result is not None:
            return self._result
        raise self._obituary()

    def _listen(self) -> None:
        assert self.child.stdout
        assert self.child.stderr
        with selectors.DefaultSelector() as selector:
            selector.register(self.child.stdout, selectors.EVENT_READ, self._take_output)
            selector.register(self.child.stderr, selectors.EVENT_READ, self._take_error)
            while selector.get_map() and self._result is None:
                gone = self.child.poll() is not None
                ready = selector.select(0 if gone else _TICK_SECONDS)
                for key, _ in ready:
                    chunk = os.read(key.fd, 1 << 16)
                    key.data(chunk)
                    if not chunk:
                        selector.unregister(key.fileobj)
                if gone and not ready:
                    return
                self._watch()

    def _say(self, message: dict[str, Any]) -> None:
        """One line for the child, which may be slow to take it, or gone; then listening finds out why."""
        assert self.child.stdin
        line = memoryview(json.dumps(message).encode() + b"\n")
        with contextlib.suppress(BrokenPipeError):
            while line:
                self._watch()
                if select.select([], [self.child.stdin], [], _TICK_SECONDS)[1]:
                    line = line[os.write(self.child.stdin.fileno(), line[:_PIPE_BUF]) :]

    def _watch(self) -> None:
        if time.monotonic() > self._deadline:
            raise ChildTimeout(f"The work was ended after {self.wall_seconds:g} s, its limit.")
        if self.should_stop and self.should_stop():
            raise ChildStopped("The work was ended because a stop was asked for.")
        if self.resident_bytes and self._resident() > self.resident_bytes:
            raise ChildKilled(
                f"The work was ended because it used more than {self.resident_bytes >> 20} MiB of memory."
            )

    def _resident(self) -> int:
        try:
            pages = Path(f"/proc/{self.child.pid}/statm").read_text().split()[1]
        except (OSError, IndexError):
            return 0
        return int(pages) * resource.getpagesize()

    def _take_error(self, chunk: bytes) -> None:
        self._stderr = (self._stderr + chunk)[-_STDERR_KEPT:]

    def _take_output(self, chunk: bytes) -> None:
        self._partial += chunk
        if b"\n" in chunk:
            *lines, rest = bytes(self._partial).split(b"\n")
            self._partial = bytearray(rest)
            for line in lines:
                self._take_line(line)
        if len(self._partial) > _LONGEST_LINE:
            raise ChildFailed(f"The work wrote a line of more than {_LONGEST_LINE >> 20} MiB.")

    def _take_line(self, line: bytes) -> None:
        try:
            message = json.loads(line)
            (kind, body), *rest = message.items()
        except (ValueError, AttributeError, RecursionError) as error:
            raise self._garbage(line) from error
        if rest or not isinstance(body, dict) or kind not in ("progress", "ask", "result", "error"):
            raise self._garbage(line)
        if kind == "result":
            self._result = body
        elif kind == "error":
            error_class = _KINDS.get(str(body.get("kind")), ChildFailed)
            said = str(body.get("message") or "The work failed without saying why.")
            raise error_class(keepable_text(said)[:_LONGEST_REASON])
        elif kind == "ask":
            if self.on_ask is None:
                raise self._garbage(line)
            self._say(self.on_ask(body))
        else:
            self._report(body, line)

    def _report(self, body: dict[str, Any], line: bytes) -> None:
        stage, done, total = body.get("stage"), body.get("done"), body.get("total")
        if not (isinstance(stage, str) and isinstance(done, int) and isinstance(total, int | None)):
            raise self._garbage(line)
        if self.on_progress:
            self.on_progress(Progress(stage=stage, done=done, total=total))

    def _garbage(self, line: bytes) -> ChildFailed:
        return ChildFailed(f"The work wrote something that is no message of ours: {line[:80]!r}.")

    def _end(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()
        for pipe in (self.child.stdin, self.child.stdout, self.child.stderr):
            if pipe:
                pipe.close()

    def _obituary(self) -> IsolationError:
        code = self.child.returncode
        if code == -signal.SIGXCPU:
            return ChildTimeout(f"The work was ended after {self.cpu_seconds} s of processor time, its limit.")
        if code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
            return ChildKilled(f"The work was ended by signal {name}.")
        last = self._stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        return ChildFailed(f"The work ended with code {code} and without a result: {last or 'it wrote nothing'}")
