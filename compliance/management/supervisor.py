"""Keeps a few child processes running together: all start, all stop, one that dies comes back or ends the rest."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import FrameType

_STEADY_SECONDS = 60.0
_LONGEST_PAUSE = 30.0
_POLL_SECONDS = 0.2
_STOP_SECONDS = 45.0


@dataclass
class Part:
    """One child process and how it has fared. A part that ran for a minute counts as steady again."""

    name: str
    command: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    restart_at: float = 0.0


@dataclass
class Supervisor:
    """Runs parts until a signal comes, or until one of them failed `patience` times in a row."""

    parts: list[Part]
    say: Callable[[str], None]
    environment: Mapping[str, str] = field(default_factory=dict)
    patience: int = 5
    _stopping: bool = False

    def run(self) -> int:
        """0 after a signal, 1 when a part would not stay up."""
        before = {kind: signal.signal(kind, self._stop) for kind in (signal.SIGINT, signal.SIGTERM)}
        failed: Part | None = None
        try:
            for part in self.parts:
                self._start(part)
            while not self._stopping and failed is None:
                time.sleep(_POLL_SECONDS)
                failed = next((part for part in self.parts if not self._look_after(part)), None)
        finally:
            self._stop_all()
            for kind, handler in before.items():
                signal.signal(kind, handler)
        if failed:
            self.say(
                f"{failed.name} ended {failed.failures} times in a row, so everything was stopped; its messages are above."
            )
        return 1 if failed else 0

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _start(self, part: Part) -> None:
        """In a process group of its own, so that Ctrl-C reaches it through us alone and it may finish its work."""
        part.process = subprocess.Popen(part.command, env={**os.environ, **self.environment}, start_new_session=True)
        part.started = time.monotonic()

    def _look_after(self, part: Part) -> bool:
        """Restart a part that ended, later each time; False when it ended too often."""
        now = time.monotonic()
        if part.process is None:
            if now >= part.restart_at:
                self._start(part)
            return True
        code = part.process.poll()
        if code is None:
            return True
        _kill_group(part.process)  # whatever it left behind; the lease of a job that was cut off runs out by itself
        part.failures = 1 if now - part.started > _STEADY_SECONDS else part.failures + 1
        part.process = None
        if part.failures >= self.patience:
            return False
        pause = min(2.0 ** (part.failures - 1), _LONGEST_PAUSE)
        part.restart_at = now + pause
        self.say(f"{part.name} ended ({_reason(code)}); starting it again in {pause:g} s.")
        return True

    def _stop_all(self) -> None:
        running = [part.process for part in self.parts if part.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + _STOP_SECONDS
        for process in running:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
            _kill_group(process)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End a part for certain, with whatever it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _reason(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
