"""One command keeps its parts running: all stop together, a part that dies comes back, a hopeless one ends the rest."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from compliance.management import supervisor
from compliance.management.supervisor import Part, Supervisor

PATIENT = [sys.executable, "-c", "import time; time.sleep(600)"]
HOPELESS = [sys.executable, "-c", "raise SystemExit(3)"]


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "_LONGEST_PAUSE", 0.05)
    monkeypatch.setattr(supervisor, "_POLL_SECONDS", 0.02)


def is_running(process: subprocess.Popen[bytes] | None) -> bool:
    return process is not None and process.poll() is None


def test_signal_stops_all_parts() -> None:
    parts = [Part(name="one", command=PATIENT), Part(name="two", command=PATIENT)]
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGTERM)).start()
    assert Supervisor(parts=parts, say=lambda _line: None).run() == 0
    assert not any(is_running(part.process) for part in parts)


def test_part_that_dies_is_started_again(tmp_path: Path) -> None:
    said: list[str] = []
    starts = tmp_path / "starts"
    script = f"""
import pathlib, time
with open({str(starts)!r}, "a") as log:
    log.write("x")
time.sleep(0 if len(pathlib.Path({str(starts)!r}).read_text()) < 2 else 600)
"""
    part = Part(name="The worker", command=[sys.executable, "-c", script])

    def stop_when_it_is_back() -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not (starts.exists() and len(starts.read_text()) >= 2):
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=stop_when_it_is_back).start()
    assert Supervisor(parts=[part], say=said.append).run() == 0
    assert starts.read_text() == "xx"
    assert "The worker ended (exit code 0); starting it again" in said[0]


def test_part_that_never_stays_up_ends_the_rest_with_a_message() -> None:
    said: list[str] = []
    parts = [Part(name="The web server", command=PATIENT), Part(name="The worker", command=HOPELESS)]
    assert Supervisor(parts=parts, say=said.append, patience=3).run() == 1
    assert not any(is_running(part.process) for part in parts)
    assert said[-1] == "The worker ended 3 times in a row, so everything was stopped; its messages are above."
