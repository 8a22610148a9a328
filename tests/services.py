"""Real servers for tests: PostgreSQL, Redis, Chromium. Found on this machine, started on free ports, stopped after.

A test that needs one that is absent fails with the way to get it; nothing is skipped.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from compliance import preflight

START_SECONDS = 60.0
# The tests kill workers, never the server, so nothing there has to survive a power cut.
POSTGRES_IN_A_HURRY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
POSTGRES_SETTINGS = {
    "shared_buffers": "64MB",
    "max_connections": "80",
    "listen_addresses": "127.0.0.1",
    "timezone": "UTC",
}


class ServiceMissingError(AssertionError):
    """A server that a test needs is not on this machine; the message says how to get it."""


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running PostgreSQL. The role owns its databases and may create more; it is no superuser."""

    port: int
    password: str
    role: str = "assay"

    def url(self, database: str = "postgres") -> str:
        """The DATABASE_URL of one of its databases."""
        return f"postgres://{self.role}:{self.password}@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: sql.Composed) -> None:
        """Runs one statement outside any transaction, as CREATE DATABASE demands."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement)

    def create(self, database: str, template: str = "template1") -> str:
        """A new database, copied from the template; returns its URL. Nobody may be connected to the template."""
        self.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(database), sql.Identifier(template))
        )
        return self.url(database)

    def has(self, database: str) -> bool:
        """Whether there is a database of that name."""
        with psycopg.connect(self.url()) as connection:
            return bool(connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database]).fetchone())

    def dump(self, database: str, file: Path) -> None:
        """Writes a whole database to a file, as `restore` reads it."""
        self._program("pg_dump", "--format=custom", f"--file={file}", self.url(database))

    def restore(self, database: str, file: Path) -> None:
        """Fills an empty database from such a file."""
        self._program("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={self.url(database)}", str(file))

    def _program(self, name: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(Path(find("postgresql")) / name), *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{name} failed: {done.stdout}{done.stderr}"

    def rename(self, database: str, to: str) -> None:
        """Gives a database to which nobody is connected another name."""
        self.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(database), sql.Identifier(to)))

    def drop(self, database: str) -> None:
        """Removes a database and whoever is connected to it; FORCE would fail where the server is just vacuuming it."""
        ours = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND usename = current_user"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(ours, [database])
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(database)))


def free_port() -> int:
    """A TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def find(name: str) -> str:
    """Where preflight finds this need; raises ServiceMissingError with the way to get it."""
    need = next(need for need in preflight.TEST_NEEDS if need.name == name)
    place = need.find()
    if place is None:
        raise ServiceMissingError(
            f"This test needs {name}: run `python -m compliance.preflight --tests` "
            f"or `sudo {' '.join(preflight.install_command([need.package]))}`."
        )
    return place


def chromium_path() -> str:
    """The browser's executable."""
    return find("chromium")


def server_account() -> pwd.struct_passwd:
    """Who runs PostgreSQL, which refuses root: this account, or postgres or nobody when this one is root."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


def run_as(account: pwd.struct_passwd, command: list[str]) -> None:
    """Runs a command to its end as that account; raises AssertionError with what it said."""
    user, group, groups = _identity(account)
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd="/", user=user, group=group, extra_groups=groups
    )
    assert done.returncode == 0, f"{command[0]} failed: {done.stdout}{done.stderr}"


def _identity(account: pwd.struct_passwd) -> tuple[int | None, int | None, list[int] | None]:
    """User, group and further groups for subprocess; all None when the process stays who it is."""
    if os.geteuid() == account.pw_uid:
        return None, None, None
    return account.pw_uid, account.pw_gid, []


@contextlib.contextmanager
def server_folder(prefix: str, account: pwd.struct_passwd) -> Iterator[Path]:
    """A folder that account owns, straight under the system's temporary folder: pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    os.chown(folder, account.pw_uid, account.pw_gid)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def started(
    command: list[str], log: Path, account: pwd.struct_passwd, answers: Callable[[], bool]
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a server until the block ends; waits until it answers, fails with its log when it does not."""
    user, group, groups = _identity(account)
    with log.open("wb") as sink:
        server = subprocess.Popen(
            command, stdout=sink, stderr=subprocess.STDOUT, cwd="/", user=user, group=group, extra_groups=groups
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not answers():
            alive = server.poll() is None and time.monotonic() < deadline
            assert alive, f"{command[0]} did not start: {log.read_text(errors='replace')[-2000:]}"
            time.sleep(0.05)
        yield server
    finally:
        stop(server, signal.SIGINT)


def stop(server: subprocess.Popen[bytes], polite: signal.Signals) -> None:
    """Asks a process to end, and ends it when it does not within ten seconds."""
    server.send_signal(polite)
    try:
        server.wait(10)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


@contextlib.contextmanager
def running_postgres(*, durable: bool = False) -> Iterator[Postgres]:
    """PostgreSQL on a free port of 127.0.0.1, with a random password, gone with its files afterwards.

    durable: whether what it commits is on the disk, as it comes; otherwise it is faster.
    """
    programs = Path(find("postgresql"))
    account = server_account()
    password = secrets.token_hex(16)
    with server_folder("assay-pg-", account) as folder:
        secret = folder / "password"
        secret.write_text(password)
        os.chown(secret, account.pw_uid, account.pw_gid)
        options = ["--no-sync", "--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256", "--username=postgres"]
        run_as(account, [str(programs / "initdb"), f"--pgdata={folder / 'db'}", f"--pwfile={secret}", *options])
        port = free_port()
        owner = f"postgres://postgres:{password}@127.0.0.1:{port}/postgres"
        hurry = {} if durable else POSTGRES_IN_A_HURRY
        settings = {**POSTGRES_SETTINGS, **hurry, "port": str(port), "unix_socket_directories": str(folder)}
        arguments = [f"--{name}={value}" for name, value in settings.items()]
        command = [str(programs / "postgres"), "-D", str(folder / "db"), *arguments]
        with started(command, folder / "log", account, lambda: _postgres_answers(owner)):
            with psycopg.connect(owner, autocommit=True) as connection:
                statement = sql.SQL("CREATE ROLE assay LOGIN CREATEDB PASSWORD {}").format(sql.Literal(password))
                connection.execute(statement)
            yield Postgres(port, password)


def _postgres_answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


@contextlib.contextmanager
def running_redis() -> Iterator[str]:
    """Redis on a free port of 127.0.0.1, nothing kept on disk; gives its address without a database."""
    program = find("redis")
    port = free_port()
    account = pwd.getpwuid(os.geteuid())
    with server_folder("assay-redis-", account) as folder:
        options = {"port": str(port), "bind": "127.0.0.1", "save": "", "appendonly": "no", "dir": str(folder)}
        command = [program, *(word for name, value in options.items() for word in (f"--{name}", value))]
        with started(command, folder / "log", account, lambda: _redis_answers(port)):
            yield f"redis://127.0.0.1:{port}"


def _redis_answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False
