"""An import while it runs, in a browser: how far, how fast, what was rejected; stopped by a person, and read again."""

from __future__ import annotations

import gzip
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.bench.cloudtrail import training_job
from tests.conftest import NewInstallation
from tests.e2e.conftest import NewPage
from tests.e2e.test_kill import CELERY, running
from tests.e2e.test_responsive import SIGN_IN
from tests.installations import Installation, Site, running_site

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.e2e, pytest.mark.sqlite_only, pytest.mark.timeout(300)]

EVENTS, DAMAGED_EVERY = 12_000, 300
ADD_SYSTEM = """
from compliance.services import inventory
inventory.define_system(name="Fraud model", description="", owner=user, actor=user)
"""
WORKER = [*CELERY, "worker", "--pool=solo", "--loglevel=WARNING", "--without-gossip", "--without-mingle"]


def write_damaged_log(path: Path) -> Path:
    """A log of which one record in so many does not say when it happened."""
    chance = random.Random(3)
    records = [training_job(n, chance) for n in range(EVENTS)]
    for record in records[::DAMAGED_EVERY]:
        del record["eventTime"]
    with gzip.open(path, "wt", compresslevel=1) as file:
        json.dump({"Records": records}, file)
    return path


@pytest.fixture
def installation(new_installation: NewInstallation) -> Installation:
    made = new_installation("sqlite", "filesystem")
    return Installation(made.var, made.env | {"IMPORT_CHUNK_ROWS": "100"})


@pytest.fixture
def session(installation: Installation) -> str:
    return installation.python(SIGN_IN + ADD_SYSTEM).strip()


@pytest.fixture
def site(installation: Installation, session: str) -> Iterator[Site]:
    with running_site(installation) as one, running(installation, WORKER):
        yield one


def figure(page: Page, pattern: str) -> float:
    """A figure of the live progress, once it is there."""
    text = page.locator("#import-progress")
    text.get_by_text(re.compile(pattern)).first.wait_for()
    found = re.search(pattern, re.sub(r"\s", " ", text.inner_text()))
    assert found, text.inner_text()
    return float(re.sub(r"[\s,]", "", found.group(1)))


def test_progress_rate_and_rejects_show_while_it_runs_and_a_stopped_import_is_read_again(
    site: Site, session: str, new_page: NewPage, tmp_path: Path
) -> None:
    page = new_page()
    page.context.add_cookies([{"name": "sessionid", "value": session, "url": site.url}])
    page.goto(f"{site.url}/imports/new/")
    page.get_by_label("Log, report or manifest").set_input_files(write_damaged_log(tmp_path / "damaged.json.gz"))
    page.get_by_role("button", name="Import").click()
    page.wait_for_url(re.compile(r"/imports/[0-9a-f-]{36}/$"))

    assert figure(page, r"([1-9]\d*) records? rejected") < EVENTS / DAMAGED_EVERY
    assert figure(page, r"([1-9][\d\s]*) rows? taken so far") < EVENTS
    assert figure(page, r"([\d.,]+) [KM]iB a second") > 0
    assert 0 <= figure(page, r"\((\d+) %\)") <= 100
    assert page.locator("#import-progress li").first.inner_text().startswith("Records[")

    page.get_by_text("Cancel…", exact=True).click()
    page.get_by_role("button", name="Cancel the import").click()
    page.get_by_text("Cancelled").first.wait_for()
    page.get_by_role("link", name="See what it was about").click()
    page.get_by_text("Nothing was recorded. The received document is kept.").wait_for()
    assert site.installation.rows("SELECT COUNT(*) FROM compliance_jobevent") == [(0,)]

    page.get_by_role("button", name="Read it again").click()
    page.get_by_role("heading", name="Rejected").wait_for(timeout=120_000)
    recorded = EVENTS - EVENTS // DAMAGED_EVERY
    assert site.installation.rows("SELECT COUNT(*) FROM compliance_jobevent") == [(recorded,)]
    assert page.get_by_text("eventTime is missing").count() == 25  # the first page of them
