"""Whole installations for tests that commit: a database of their own, files of their own, commands as processes.

Tables that refuse DELETE cannot be flushed, so a test that commits gets a copy of a migrated template database
(a file copy, or `CREATE DATABASE ... TEMPLATE`) and everything it runs is a process with that installation's
environment: `manage.py` commands, workers, a web server. The test reads the outcome with `rows()`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.services import START_SECONDS, free_port, stop

ROOT = Path(__file__).resolve().parent.parent
COMMAND_SECONDS = 110.0
MIGRATE_SECONDS = 400.0
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "PYTHONPATH", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")


def environment(*, var: Path, database_url: str, broker_url: str = "filesystem://") -> dict[str, str]:
    """What a process of an installation gets: nothing of the caller's but paths, so a developer's settings stay out."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return kept | {
        "DJANGO_SETTINGS_MODULE": "compliance.settings",
        "ASSAY_VAR": str(var),
        "DATABASE_URL": database_url,
        "BROKER_URL": broker_url,
        "SECRET_KEY": "only-for-tests-" + "x" * 50,
        "EMAIL_URL": "memorymail://",
        "OMP_NUM_THREADS": "1",
        "SCAN_THREADS": "1",
        "API_RATE": "",  # the suite asks faster than people and programs do
        "API_UPLOAD_RATE": "",
        "VERIFY_RATE": "",
    }


@dataclass(frozen=True, slots=True)
class Installation:
    """One installation: its folder for files, and the environment that makes any process part of it."""

    var: Path
    env: dict[str, str]

    def manage(self, *arguments: str, timeout: float = COMMAND_SECONDS) -> subprocess.CompletedProcess[str]:
        """Runs one `manage.py` command to its end; the exit code is the caller's to judge."""
        command = [sys.executable, str(ROOT / "manage.py"), *arguments]
        return subprocess.run(
            command, env=self.env, cwd=ROOT, capture_output=True, text=True, check=False, timeout=timeout
        )

    def succeed(self, *arguments: str, timeout: float = COMMAND_SECONDS) -> str:
        """Runs one command that must exit 0; returns its stdout."""
        done = self.manage(*arguments, timeout=timeout)
        assert done.returncode == 0, f"manage.py {' '.join(arguments)} exited {done.returncode}:\n{done.stderr}"
        return done.stdout

    def json(self, *arguments: str, code: int = 0, timeout: float = COMMAND_SECONDS) -> Any:
        """Runs one command with `--json` and the expected exit code; returns the document it prints."""
        done = self.manage(*arguments, "--json", timeout=timeout)
        assert done.returncode == code, f"manage.py {' '.join(arguments)} exited {done.returncode}:\n{done.stderr}"
        return json.loads(done.stdout)

    def python(self, code: str, timeout: float = COMMAND_SECONDS) -> str:
        """Runs Python with Django set up inside this installation; returns its stdout."""
        done = subprocess.run(
            [sys.executable, "-c", f"import django; django.setup()\n{code}"],
            env=self.env, cwd=ROOT, capture_output=True, text=True, check=False, timeout=timeout,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, *arguments: str, log: Path | None = None) -> subprocess.Popen[bytes]:
        """Starts `manage.py` in a process group of its own (kill the group with os.killpg); the caller ends it."""
        return self.start_process([str(ROOT / "manage.py"), *arguments], log=log)

    def start_process(self, arguments: Sequence[str], log: Path | None = None) -> subprocess.Popen[bytes]:
        """Starts this Python with these arguments (`-m celery ...`, a script) as part of the installation."""
        with (log or self.var / "process.log").open("ab") as sink:
            return subprocess.Popen(
                [sys.executable, *arguments],
                env=self.env, cwd=ROOT, stdout=sink, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    def rows(self, query: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """What one SELECT gives, read over a connection of its own. `%s` stands for a parameter on both databases."""
        url = self.env["DATABASE_URL"]
        if url.startswith("postgres"):
            with psycopg.connect(url) as connection:
                return connection.execute(query.encode(), parameters or None).fetchall()  # without any, % is itself
        with contextlib.closing(sqlite3.connect(url.removeprefix("sqlite:///"), timeout=20)) as file:
            return file.execute(query.replace("%s", "?"), tuple(parameters)).fetchall()


def migrate(environ: dict[str, str]) -> None:
    """Brings a template database to the newest migration; the system checks have tests of their own."""
    Installation(Path(environ["ASSAY_VAR"]), environ).succeed(
        "migrate", "--verbosity=0", "--skip-checks", timeout=MIGRATE_SECONDS
    )


def copy_sqlite(template: Path, target: Path) -> str:
    """Copies a migrated SQLite file that nobody has open; returns the copy's DATABASE_URL."""
    shutil.copyfile(template, target)
    return f"sqlite:///{target}"


@dataclass(frozen=True, slots=True)
class Site:
    """A web server of one installation, reached as people reach it."""

    url: str
    installation: Installation
    log: Path
    process: int


@contextlib.contextmanager
def running_site(installation: Installation, workers: int = 1) -> Iterator[Site]:
    """Serves the installation's pages on a free port with gunicorn until the block ends."""
    port = free_port()
    url = f"http://localhost:{port}"
    served = Installation(installation.var, installation.env | {"BASE_URL": url, "ALLOWED_HOSTS": "localhost"})
    log = installation.var / "site.log"
    command = ["-m", "gunicorn", "compliance.wsgi", f"--bind=127.0.0.1:{port}", "--worker-class=gthread", "--threads=4"]
    command.append(f"--workers={workers}")
    server = served.start_process(command, log=log)
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(url):
            alive = server.poll() is None and time.monotonic() < deadline
            assert alive, f"the site did not start: {log.read_text(errors='replace')[-3000:]}"
            time.sleep(0.1)
        yield Site(url, served, log, server.pid)
    finally:
        stop(server, signal.SIGTERM)


def _answers(url: str) -> bool:
    """Whether the server answers at all; any HTTP status is an answer."""
    try:
        urllib.request.urlopen(f"{url}/healthz", timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
