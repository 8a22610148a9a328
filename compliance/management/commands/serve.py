"""Web, workers and scheduler under one command."""

from __future__ import annotations

import os
import socket
import sys
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import OperationalError
from django.urls import reverse

from compliance.management.supervisor import Part, Supervisor
from compliance.services import broker, first_administrator, schedules
from compliance.types.verdicts import ExitCode

_LAST_PORT = 65_535
_CELERY = (sys.executable, "-m", "celery", "--app", "compliance.celery", "--quiet")


class Command(BaseCommand):
    help = "Serve the pages and run background work until Ctrl-C: web server, workers and scheduler together."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=_port, default=8000, help="port of the pages (default: 8000)")
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine alone)")
        parser.add_argument("--workers", type=int, default=2, help="background jobs at the same time (default: 2)")
        parser.add_argument("--pack-workers", type=int, default=2, help="packs made at the same time (default: 2)")
        parser.add_argument("--web-workers", type=int, default=2, help="processes that answer requests (default: 2)")
        parser.add_argument("--threads", type=int, default=8, help="requests at the same time in each (default: 8)")

    def handle(self, *_args: Any, **options: Any) -> None:
        port, host = options["port"], options["host"]
        self._check_port(host, port)
        self._check_database()
        broker.prepare()
        schedules.seed()
        settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # whitenoise warns of a folder that is not there
        url = settings.BASE_URL if "BASE_URL" in os.environ else f"http://localhost:{port}"
        supervisor = Supervisor(
            parts=_parts(
                host=host,
                port=port,
                workers=options["workers"],
                pack_workers=options["pack_workers"],
                web_workers=options["web_workers"],
                threads=options["threads"],
            ),
            say=self._say,
            environment={"BASE_URL": url},
        )
        self._say(f"Assay is at {url} (Ctrl-C stops it)")
        if first_administrator.is_wanted():
            path = reverse("first-admin", kwargs={"token": first_administrator.invitation()})
            self._say(f"There is no administrator yet. Become the first, once, within a day, at:\n  {url}{path}")
        sys.exit(supervisor.run())

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()

    @staticmethod
    def _check_port(host: str, port: int) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise CommandError(
                    f"Port {port} of {host} cannot be used ({error.strerror}); name another with --port.",
                    returncode=ExitCode.BAD_INPUT,
                )

    @staticmethod
    def _check_database() -> None:
        connection = connections[DEFAULT_DB_ALIAS]
        try:
            executor = MigrationExecutor(connection)
        except OperationalError as error:
            raise CommandError(
                f"The database cannot be reached ({str(error).strip()}); see DATABASE_URL.",
                returncode=ExitCode.BAD_INPUT,
            )
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            raise CommandError(
                "The database is not up to date; run `manage.py migrate` first.", returncode=ExitCode.BAD_INPUT
            )
        connection.close()


def _port(text: str) -> int:
    """A TCP port. Raises ArgumentTypeError."""
    if not text.isdecimal() or not 0 < int(text) <= _LAST_PORT:
        raise ArgumentTypeError(f"a port is a number from 1 to {_LAST_PORT}, not {text!r}")
    return int(text)


def _worker(name: str, *, queues: str, concurrency: int) -> Part:
    """A worker of its own for these queues: what fills one queue never waits in front of another's."""
    return Part(
        name=f"The {name}",
        command=[
            *_CELERY, "worker", "--pool=prefork", f"--concurrency={concurrency}", "--loglevel=WARNING",
            f"--queues={queues}", "--without-gossip", "--without-mingle", "--without-heartbeat",
            f"--hostname=assay-{name.replace(' ', '-')}-{os.getpid()}@%h",
        ],
    )  # fmt: skip


def _parts(*, host: str, port: int, workers: int, pack_workers: int, web_workers: int, threads: int) -> list[Part]:
    bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return [
        Part(
            name="The web server",
            command=[
                sys.executable, "-m", "gunicorn", "compliance.wsgi", f"--bind={bind}", "--worker-class=gthread",
                f"--workers={web_workers}", f"--threads={threads}", "--log-level=warning", "--graceful-timeout=10",
            ],
        ),
        _worker("worker", queues=settings.CELERY_QUEUES_SERVED, concurrency=workers),
        _worker("pack worker", queues=settings.CELERY_PACK_QUEUE, concurrency=pack_workers),
        Part(
            name="The scheduler",
            command=[
                *_CELERY, "beat", "--loglevel=WARNING", "--pidfile=",
            ],
        ),
    ]  # fmt: skip
