"""One run of the demonstration for all tests here, copies of it to change, and people who sign in as people do.

The run is what `make demo` does: `migrate`, `load_catalog`, `demo`, in an installation of its own that has no reference
models yet. It takes minutes, so it is made once: xdist's workers take turns behind a lock and all find the same folder.

While writing tests, `ASSAY_E2E_VAR=FOLDER` takes a finished demonstration (`SERVE=0 make demo` leaves one in `var/`) in
place of that run. The folder is copied and never changed. CI does not set it.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from scanning.detectors.mnist import WHEEL_NAME
from tests.installations import MIGRATE_SECONDS, ROOT, Installation, Site, environment

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

DEMO_SECONDS = 1500.0
PASSWORD = "a long phrase for the tests"
OFFICER, MANAGER = "mara.lindqvist@example.org", "tomasz.wieczorek@example.org"
ENGINEER, AUDITOR = "ines.okafor@example.org", "hana.sato@example.org"
NewPage = Callable[..., "Page"]


@dataclass(frozen=True, slots=True)
class Demonstration:
    """A finished demonstration. `code`, `document` and `seconds` are of its one run; nobody changes the folder."""

    installation: Installation
    code: int
    document: dict[str, Any]
    seconds: float

    @property
    def pack(self) -> Path:
        """The signed PDF; its receipt lies beside it."""
        return self.installation.var / "demo" / "pack.pdf"

    @property
    def receipt(self) -> Path:
        """The receipt of the pack."""
        return self.pack.with_suffix(".receipt.json")

    @property
    def models(self) -> Path:
        """The folder with the backdoored model and its twin."""
        (folder,) = (self.installation.var / "demo").glob("pair-*")
        return folder


def installation_in(var: Path) -> Installation:
    """The installation that lives in this folder, with the embedded defaults: SQLite, files, keys and secret in `var`."""
    environ = environment(var=var, database_url=f"sqlite:///{var / 'assay.sqlite3'}") | {"SCAN_THREADS": "2"}
    for name in ("SECRET_KEY", "OMP_NUM_THREADS"):
        del environ[name]
    return Installation(var, environ)


def copied(var: Path, target: Path) -> Installation:
    """A copy of a finished demonstration that may be changed."""
    shutil.copytree(var, target, ignore=shutil.ignore_patterns("coverage", "check"))
    return installation_in(target)


def _run_demonstration(var: Path) -> None:
    """What `make demo` does; leaves `run.json` beside the folder."""
    given = os.environ.get("ASSAY_E2E_VAR")
    installation = copied(Path(given), var) if given else installation_in(var)
    cached = ROOT / "var" / "data" / WHEEL_NAME
    if cached.is_file() and not given:  # the images alone, so that a test run needs no network; no models
        (var / "data").mkdir(parents=True)
        shutil.copy(cached, var / "data")
    installation.succeed("migrate", "--verbosity=0", timeout=MIGRATE_SECONDS)
    installation.succeed("load_catalog")
    started = time.monotonic()
    done = installation.manage("demo", "--json", timeout=DEMO_SECONDS)
    seconds = time.monotonic() - started
    assert done.stdout, f"the demonstration ended {done.returncode}:\n{done.stderr}"
    run = {"code": done.returncode, "seconds": seconds, "document": json.loads(done.stdout)}
    var.with_suffix(".json").write_text(json.dumps(run))


@pytest.fixture(scope="session")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Demonstration:
    """The finished demonstration, made once for all workers. Read it; take `copy` to change something."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    shared = tmp_path_factory.getbasetemp().parent if worker else tmp_path_factory.getbasetemp()
    var = shared / "demonstration"
    with (shared / "demonstration.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not var.with_suffix(".json").exists():
            shutil.rmtree(var, ignore_errors=True)
            _run_demonstration(var)
    run = json.loads(var.with_suffix(".json").read_text())
    return Demonstration(installation_in(var), run["code"], run["document"], run["seconds"])


def with_passwords(installation: Installation) -> Installation:
    """The same installation, with a known password for each of its people."""
    installation.python(
        "from compliance.models import User\n"
        "for user in User.objects.all():\n"
        f"    user.set_password({PASSWORD!r})\n"
        "    user.save(update_fields=['password'])\n"
    )
    return installation


@pytest.fixture
def copy(demonstration: Demonstration, tmp_path: Path) -> Installation:
    """A copy of the demonstration for one test to change; its people have a known password."""
    return with_passwords(copied(demonstration.installation.var, tmp_path / "copy"))


@pytest.fixture
def new_page(browser: Browser, tmp_path: Path) -> Iterator[NewPage]:
    """Opens pages, each in a browser context of its own. The test fails when one of them complained to its console."""
    complaints: list[str] = []
    names = itertools.count(1)
    with contextlib.ExitStack() as stack:

        def opened(**options: Any) -> Page:
            context = browser.new_context(
                locale="en-GB", timezone_id="Europe/Berlin", reduced_motion="reduce", **options
            )
            stack.callback(context.close)
            context.set_default_timeout(30_000)
            page, name = context.new_page(), f"page {next(names)}"
            page.on("pageerror", lambda error: complaints.append(f"{name}: {error}"))
            page.on("console", lambda line: complaints.append(f"{name}: {line.text}") if line.type == "error" else None)
            return page

        yield opened
    assert not complaints, complaints


def sign_in(page: Page, site: Site, email: str) -> None:
    """Signs a demonstration person in by the form, with the keyboard alone."""
    page.goto(f"{site.url}/sign-in/")
    page.get_by_label("E-mail address").focus()
    page.keyboard.type(email)
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{site.url}/")
