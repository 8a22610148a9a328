"""`manage.py serve`: everything starts, introduces the first administrator, and stops together."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import NewInstallation
from tests.installations import Installation
from tests.services import free_port

pytestmark = [pytest.mark.sqlite_only, pytest.mark.timeout(300)]
PATIENCE_SECONDS = 120.0


def children(pid: int) -> list[int]:
    answer = subprocess.run(["ps", "--ppid", str(pid), "-o", "pid="], capture_output=True, text=True, check=False)
    return [int(line) for line in answer.stdout.split()]


def is_up(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture
def served(new_installation: NewInstallation, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], str, Path]]:
    installation: Installation = new_installation("sqlite", "filesystem")
    port, log = free_port(), tmp_path / "serve.log"
    stale = installation.var / "broker" / "messages" / "1_x.celery@gone.celery.pidbox.msg"
    stale.parent.mkdir(parents=True, exist_ok=True)
    stale.write_text("{}")
    process = installation.start("serve", f"--port={port}", "--workers=1", log=log)
    url = f"http://localhost:{port}"
    deadline = time.monotonic() + PATIENCE_SECONDS
    try:
        while not is_up(f"{url}/readyz"):
            alive = process.poll() is None and time.monotonic() < deadline
            assert alive, log.read_text()
            time.sleep(0.2)
        assert not stale.exists()
        yield process, url, log
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def test_all_parts_start_and_stop_together(served: tuple[subprocess.Popen[bytes], str, Path]) -> None:
    process, url, log = served
    said = log.read_text()
    assert f"Assay is at {url}" in said
    link = re.search(r"http://\S+/first-administrator/\S+", said)
    assert link is not None
    assert is_up(link.group())
    parts = children(process.pid)
    assert len(parts) == 4  # web server, workers, workers of packs, scheduler
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    assert [pid for pid in parts if Path(f"/proc/{pid}").exists()] == []


def test_port_in_use_is_said_in_a_sentence(served: tuple[subprocess.Popen[bytes], str, Path]) -> None:
    process, url, _log = served
    port = url.rpartition(":")[2]
    arguments = Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
    environment = dict(entry.decode().partition("=")[::2] for entry in arguments if entry)
    again = Installation(Path(environment["ASSAY_VAR"]), {**environment, "PATH": os.environ["PATH"]})
    answer = again.manage("serve", f"--port={port}")
    assert answer.returncode == 2
    assert f"Port {port} of 127.0.0.1 cannot be used" in answer.stderr
    assert "Traceback" not in answer.stderr
