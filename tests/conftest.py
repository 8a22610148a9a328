"""Which database the suite runs on, and the fixtures every part may use.

`ASSAY_TEST_DB=postgres python -m pytest` starts a PostgreSQL of its own; otherwise the suite runs on SQLite. The
choice is made here, when pytest loads this file: before Django reads its settings, and, under xdist, once in the
controlling process, whose environment the workers inherit.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import hashlib
import itertools
import os
import secrets
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import django
import psycopg
import pytest
from django.conf import settings
from django.db import connections
from redis import Redis

from tests import services
from tests.installations import ROOT, Installation, Site, copy_sqlite, environment, migrate, running_site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page
    from pytest_django import DjangoDbBlocker

Database = Literal["sqlite", "postgres"]
Broker = Literal["filesystem", "redis"]
NewInstallation = Callable[..., Installation]

TEMPLATES = ROOT / "var" / "test-databases"
AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
CHROMIUM_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run", "--no-default-browser-check",
]  # fmt: skip


def _prepare_environment() -> None:
    """Sets the environment of this run; xdist's workers find it set, and take a folder each for the files they keep."""
    if "ASSAY_TEST_VAR" in os.environ:
        own = Path(os.environ["ASSAY_TEST_VAR"], os.environ.get("PYTEST_XDIST_WORKER", "."))
        own.mkdir(exist_ok=True)
        os.environ.update({"ASSAY_VAR": str(own), "DJANGO_SETTINGS_MODULE": "compliance.settings"})
        return
    stack = contextlib.ExitStack()
    atexit.register(stack.close)
    var = Path(tempfile.mkdtemp(prefix="assay-tests-"))
    stack.callback(shutil.rmtree, var, ignore_errors=True)
    url = f"sqlite:///{var / 'unused.sqlite3'}"
    if os.environ.get("ASSAY_TEST_DB") == "postgres":
        server = stack.enter_context(services.running_postgres())
        os.environ["ASSAY_TEST_POSTGRES"] = f"{server.port}:{server.password}"
        url = server.url()
    os.environ.update(environment(var=var, database_url=url) | {"ASSAY_TEST_VAR": str(var)})


_prepare_environment()
django.setup()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """Workers find no settings named: pytest-django would read them before this file gives the worker its folder."""
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuses tests that would flush tables which refuse DELETE; what takes longest begins first, so no worker idles."""
    _order(items)
    for test in items:
        mark = test.get_closest_marker("django_db")
        if mark and mark.kwargs.get("transaction"):
            raise pytest.UsageError(
                f"{test.nodeid}: the ledger's tables cannot be flushed; take the `installation` fixture to commit."
            )


def _order(items: list[pytest.Item]) -> None:
    """The largest module that needs the demonstration begins and makes it; meanwhile others have work that needs none."""
    needing = Counter(test.path for test in items if "demonstration" in getattr(test, "fixturenames", ()))
    largest = max(needing, key=lambda path: needing[path], default=None)

    def turn(test: pytest.Item) -> int:
        if test.path == largest:
            return 0
        if "e2e" in test.path.parts:
            return 2 if test.path in needing else 1
        return 3

    items.sort(key=turn)


def pytest_report_header() -> str:
    """The database of this run, in pytest's first lines."""
    return f"assay: database {os.environ['DATABASE_URL'].partition(':')[0]}"


# Servers -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[services.Postgres]:
    """A running PostgreSQL: the suite's own when it runs on one, else one for this session."""
    if started := os.environ.get("ASSAY_TEST_POSTGRES"):
        port, _, password = started.partition(":")
        yield services.Postgres(int(port), password)
        return
    with services.running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """The address of a Redis of this session's own; a BROKER_URL adds the number of a database, `/0` to `/15`."""
    with services.running_redis() as url:
        yield url


# Installations: for tests that commit, run commands, workers or a browser ---------------------------------------------


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy. Migrating takes most of a minute, so it is kept until anything it is made of changes."""
    template = TEMPLATES / f"{made_of()}.sqlite3"
    with _one_at_a_time():
        if not template.exists():
            making = template.with_suffix(".making")
            making.unlink(missing_ok=True)
            migrate(environment(var=tmp_path_factory.mktemp("template"), database_url=f"sqlite:///{making}"))
            for older in TEMPLATES.glob("*.sqlite3"):
                older.unlink()
            making.rename(template)
    return template


@pytest.fixture(scope="session")
def postgres_template(postgres_server: services.Postgres, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a migrated PostgreSQL database to copy; made once for all xdist workers of a server, from a kept dump."""
    with _one_at_a_time():
        if not postgres_server.has("template_migrated"):
            url = postgres_server.create("template_making")
            dump = TEMPLATES / f"{made_of()}-{server_version(url)}.dump"
            if dump.exists():
                postgres_server.restore("template_making", dump)
            else:
                migrate(environment(var=tmp_path_factory.mktemp("template"), database_url=url))
                for older in TEMPLATES.glob("*.dump"):
                    older.unlink()
                making = dump.with_suffix(".making")
                postgres_server.dump("template_making", making)
                making.rename(dump)
            postgres_server.rename("template_making", "template_migrated")
    return "template_migrated"


def server_version(url: str) -> int:
    """The version of a running PostgreSQL as one number; a dump of one is not for another."""
    with psycopg.connect(url) as connection:
        return connection.info.server_version


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    TEMPLATES.mkdir(parents=True, exist_ok=True)
    with (TEMPLATES / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def made_of() -> str:
    """A digest of whatever decides how a migrated database looks."""
    parts = [ROOT / "requirements.txt"]
    for app in ("compliance", "scanning"):
        parts += sorted((ROOT / app / "migrations").glob("*.py"))
        parts += sorted((ROOT / app).glob("models*/**/*.py")) + sorted((ROOT / app).glob("models.py"))
    digest = hashlib.sha256(f"{sys.version} {sqlite3.sqlite_version}".encode())
    for part in parts:
        digest.update(part.name.encode() + part.read_bytes())
    return digest.hexdigest()[:16]


@pytest.fixture(scope="session")
def sqlite_name() -> str:
    """What SQLite calls the database of the tests that roll back. In memory; a bench that measures memory names a file."""
    return f"file:tests_{secrets.token_hex(6)}?mode=memory&cache=shared"


@pytest.fixture(scope="session")
def django_db_setup(
    request: pytest.FixtureRequest, django_db_blocker: DjangoDbBlocker, django_test_environment: None, sqlite_name: str
) -> Iterator[None]:
    """The database of the tests that roll back: a copy of the template, instead of pytest-django's migrating anew."""
    connection = connections["default"]
    with django_db_blocker.unblock(), contextlib.ExitStack() as stack:
        connection.close()
        if connection.vendor == "postgresql":
            server: services.Postgres = request.getfixturevalue("postgres_server")
            name = f"test_{secrets.token_hex(6)}"
            server.create(name, template=request.getfixturevalue("postgres_template"))
            stack.callback(server.drop, name)
        else:
            name = sqlite_name
        settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = name
        connection.ensure_connection()
        stack.callback(connection.close)
        if connection.vendor == "sqlite":
            template = sqlite3.connect(request.getfixturevalue("sqlite_template"))
            template.backup(connection.connection)
            template.close()
        with django_db_blocker.block():
            yield


@pytest.fixture
def new_installation(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[NewInstallation]:
    """Makes installations on the database and broker asked for: `new_installation("postgres", "redis")`."""
    databases = itertools.count()
    with contextlib.ExitStack() as stack:

        def broker_url(broker: Broker) -> str:
            if broker == "filesystem":
                return "filesystem://"
            server: str = request.getfixturevalue("redis_server")
            number = next(databases) % 16
            with Redis.from_url(f"{server}/{number}") as client:
                client.flushdb()
            return f"{server}/{number}"

        def make(database: Database = "sqlite", broker: Broker = "filesystem") -> Installation:
            var = tmp_path / f"var-{secrets.token_hex(3)}"
            var.mkdir()
            if database == "postgres":
                name = f"assay_{secrets.token_hex(6)}"
                server: services.Postgres = request.getfixturevalue("postgres_server")
                url = server.create(name, template=request.getfixturevalue("postgres_template"))
                stack.callback(server.drop, name)
            else:
                url = copy_sqlite(request.getfixturevalue("sqlite_template"), var / "assay.sqlite3")
            return Installation(var, environment(var=var, database_url=url, broker_url=broker_url(broker)))

        yield make


@pytest.fixture
def installation(new_installation: NewInstallation) -> Installation:
    """An installation on the suite's database with the filesystem broker, migrated and empty."""
    return new_installation("postgres" if "ASSAY_TEST_POSTGRES" in os.environ else "sqlite")


@pytest.fixture
def committed_database(installation: Installation) -> dict[str, str]:
    """The environment of an installation of this test's own, for processes that commit."""
    return installation.env


@pytest.fixture
def site(installation: Installation) -> Iterator[Site]:
    """A web server of this test's own installation; fill the installation before, through `site.installation`."""
    with running_site(installation) as running:
        yield running


# The browser -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, one per module: playwright's event loop must not outlive the tests that use it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=services.chromium_path(), args=CHROMIUM_ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh page in a context of its own. The test fails when a script throws or the policy blocks something."""
    context = browser.new_context(locale="en-GB", timezone_id="Europe/Berlin", reduced_motion="reduce")
    complaints: list[str] = []
    opened = context.new_page()
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda line: complaints.append(line.text) if "Content Security Policy" in line.text else None)
    yield opened
    context.close()
    assert not complaints, complaints


@pytest.fixture(scope="session")
def axe() -> Callable[[Page], list[str]]:
    """Runs axe-core on the page as it stands; gives one line per violation, so a test says `assert axe(page) == []`."""
    source = AXE.read_text(encoding="utf-8")

    def run(opened: Page) -> list[str]:
        if not opened.evaluate("() => 'axe' in window"):  # half a megabyte; some pages are judged three times
            opened.evaluate(source)
        found = opened.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{violation['id']}: {violation['help']} at {' '.join(node['target'][-1] for node in violation['nodes'])}"
            for violation in found["violations"]
        ]

    return run
