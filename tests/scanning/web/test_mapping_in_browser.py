"""Mapping a log in a real browser: the preview follows each choice, on a wide and on a narrow screen, in light and dark."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import NewInstallation
from tests.installations import Site, running_site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.sqlite_only, pytest.mark.e2e, pytest.mark.timeout(300)]

GATEWAY = Path(__file__).parents[2] / "samples" / "generic_log" / "gateway.csv"
PICTURES = os.environ.get("ASSAY_PICTURES", "")
SIGN_IN = """
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from compliance.services import people
from compliance.types.states import Role
from scanning.models import Import
user = people.create_user(
    email="olga@example.org", name="Olga Officer", role=Role.OFFICER, password="correct-horse-battery", actor=None
)
session = SessionStore()
session[SESSION_KEY] = str(user.pk)
session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
session.create()
print(session.session_key, Import.objects.get().uuid)
"""


@pytest.fixture
def served(new_installation: NewInstallation) -> Iterator[tuple[Site, str, str]]:
    """A site with one import that needs a mapping, the session of an officer, and the import's identifier."""
    installation = new_installation("sqlite", "filesystem")
    installation.manage("ingest", str(GATEWAY), "--system", "Fraud model")
    session, document = installation.python(SIGN_IN).split()
    with running_site(installation) as site:
        yield site, session, document


def opened(browser: Browser, served: tuple[Site, str, str], *, width: int, theme: str = "light") -> Page:
    """The mapping page as the officer sees it."""
    site, session, document = served
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)  # type: ignore[arg-type]
    page.context.add_cookies([{"name": "sessionid", "value": session, "url": site.url}])
    page.goto(f"{site.url}/imports/{document}/mapping/")
    return page


def pictured(page: Page, name: str) -> None:
    """Leaves a picture where ASSAY_PICTURES names a folder."""
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


def fill(page: Page) -> None:
    """As a person fills the form for the gateway's log, choice by choice."""
    page.get_by_label("How times are written").select_option("day_first")
    page.get_by_label("Time zone of times that state none").fill("Europe/Berlin")
    page.get_by_label("Training data", exact=True).select_option("/Data")
    page.get_by_label("Source address", exact=True).select_option("/Client address")
    page.locator("label", has_text="fine-tune").locator("xpath=..").locator("select").select_option("submit")
    page.get_by_text("2 records become events").wait_for()


def test_each_choice_shows_at_once_and_saving_reads_the_log(browser: Browser, served: tuple[Site, str, str]) -> None:
    page = opened(browser, served, width=1440)
    assert page.get_by_label("Who acted", exact=True).input_value() == "/User"
    page.get_by_text("says of no action what it does").wait_for()
    pictured(page, "mapping-1440-empty")
    fill(page)
    page.get_by_role("cell", name="mallory@example.test").first.wait_for()
    page.get_by_text("came twice in Europe/Berlin").wait_for()
    page.get_by_text("More fields").click()
    constant = page.get_by_label("Account or project, the same for every record")
    assert not constant.is_visible()
    page.get_by_label("Account or project", exact=True).select_option("=")
    constant.fill("gateway-eu")
    page.get_by_label("Name of the mapping").fill("Gateway")
    page.get_by_label("Name of the source").fill("ft-gateway")
    pictured(page, "mapping-1440")
    page.get_by_role("button", name="Keep the mapping and read the log").click()
    page.get_by_text("is read by the mapping “Gateway, version 1”").wait_for()
    page.goto(f"{served[0].url}/column-mappings/")
    pictured(page, "mappings-1440")
    page.get_by_role("link", name="Gateway").click()
    page.get_by_role("heading", level=1, name="Gateway, version 1").wait_for()
    pictured(page, "mapping-detail-1440")


def test_the_choice_that_was_made_keeps_the_focus(browser: Browser, served: tuple[Site, str, str]) -> None:
    page = opened(browser, served, width=1440)
    page.get_by_label("How times are written").select_option("day_first")
    page.get_by_label("Time zone of times that state none").fill("Europe/Berlin")
    choice = page.locator("label", has_text="fine-tune").locator("xpath=..").locator("select")
    choice.focus()
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        choice.select_option("submit")
    page.get_by_text("become events").or_(page.get_by_text("becomes an event")).wait_for()
    assert page.evaluate("document.activeElement.name").startswith("actions_")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_narrow_screen_needs_no_sideways_scrolling(
    browser: Browser, served: tuple[Site, str, str], theme: str
) -> None:
    page = opened(browser, served, width=360, theme=theme)
    fill(page)
    pictured(page, f"mapping-360-{theme}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.goto(f"{served[0].url}/imports/{served[2]}/")
    page.get_by_role("link", name="Say what its columns mean").wait_for()
    pictured(page, f"import-360-{theme}")
    page.goto(f"{served[0].url}/imports/")
    pictured(page, f"imports-360-{theme}")
