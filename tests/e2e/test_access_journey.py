"""The officer's way over who did and who could: imports, job log, entitlements, access review, unmatched records.

Everything is done with the keyboard alone, as somebody without a mouse does it, and every page on the way is judged by axe.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from tests.conftest import NewInstallation
from tests.e2e.conftest import PASSWORD, NewPage, sign_in
from tests.e2e.test_journeys import heading, menu, message
from tests.e2e.test_kill import WORKER, running
from tests.installations import ROOT, Site, running_site

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = [pytest.mark.e2e, pytest.mark.sqlite_only, pytest.mark.timeout(900)]
SAMPLES = ROOT / "tests" / "samples"
OFFICER, SYSTEM = "olga@example.org", "Support bot"
JOB_MILLISECONDS = 240_000.0
SET_UP = f"""
from compliance.services import inventory, people
from compliance.types.states import Role
olga = people.create_user(email={OFFICER!r}, name="Olga Officer", role=Role.OFFICER, password={PASSWORD!r}, actor=None)
inventory.define_system(name={SYSTEM!r}, description="", owner=olga, actor=olga)
"""
Judge = Callable[["Page"], list[str]]


@pytest.fixture
def site(new_installation: NewInstallation) -> Iterator[Site]:
    """An installation with an officer and an AI system, served, with a worker beside it."""
    made = new_installation("sqlite", "filesystem")
    made.succeed("load_catalog")
    made.python(SET_UP)
    with running_site(made) as serving, running(serving.installation, WORKER):
        yield serving


def press(place: Locator, key: str = "Enter") -> None:
    """Acts on what has the focus, as the keyboard does."""
    place.focus()
    place.press(key)


def usable(page: Page, axe: Judge) -> None:
    assert axe(page) == [], page.url


def hand_in(page: Page, file: Path, axe: Judge) -> None:
    """Imports a document, and waits for what came of it."""
    menu(page, "Imports")
    press(page.get_by_role("link", name="Import a document").first)
    heading(page, "Import a document")
    usable(page, axe)
    page.locator("#id_file").set_input_files(file)
    page.get_by_label("AI system").select_option(label=SYSTEM)
    press(page.get_by_role("button", name="Import", exact=True))
    heading(page, re.compile(re.escape(file.name)))
    recorded, failed = (
        page.get_by_text("recorded", exact=True),
        page.get_by_text("Nothing of this document was recorded"),
    )
    recorded.or_(failed).first.wait_for(timeout=JOB_MILLISECONDS)
    assert not failed.is_visible(), page.locator("main").inner_text()
    usable(page, axe)


def read_job_log(page: Page, axe: Judge) -> None:
    menu(page, "Job log")
    heading(page, "Job log")
    page.locator("main").get_by_text(re.compile(r"\d+ jobs? submitted")).wait_for()
    page.locator("main").get_by_text(re.compile(r"told by \d+ records?")).wait_for()
    usable(page, axe)
    page.get_by_label("Outcome").select_option(label="Denied")
    press(page.get_by_role("button", name=re.compile("Apply|Filter|Show")).first)
    page.wait_for_url(re.compile("outcome=denied"))
    press(page.locator("tbody th a").first)
    page.get_by_role("heading", name="Raw record").wait_for()
    usable(page, axe)


def open_review(page: Page, axe: Judge) -> None:
    menu(page, "Who can submit")
    heading(page, "Who can submit")
    page.get_by_role("heading", name="Ways to submit").or_(page.get_by_text("Ways to submit")).first.wait_for()
    usable(page, axe)
    press(page.get_by_role("link", name="Access reviews"))
    heading(page, "Access reviews")
    usable(page, axe)
    press(page.get_by_role("link", name="Open a review").first)
    heading(page, "Open an access review")
    usable(page, axe)
    page.get_by_label("Reading").select_option(index=1)
    day = timezone.localdate()
    page.get_by_label("Review due on").fill((day + timedelta(days=7)).isoformat())
    page.get_by_label("Removals due on").fill((day + timedelta(days=20)).isoformat())
    press(page.get_by_role("button", name="Open the review"))
    message(page, "The review is open; its population no longer changes.")
    usable(page, axe)


def decide_review(page: Page, axe: Judge) -> None:
    """Removes the first principal, keeps the others, and completes."""
    first = page.get_by_role("checkbox", name=re.compile("^Choose ")).first
    press(first, "Space")
    assert first.is_checked()
    page.get_by_label("Reason").fill("Left the team.")
    press(page.get_by_role("button", name="Remove", exact=True))
    message(page, "1 principal is decided.")
    page.get_by_label("Decision").select_option(label="not decided")
    press(page.get_by_role("button", name=re.compile("Apply|Filter|Show")).first)
    page.wait_for_url(re.compile("decision="))
    press(page.get_by_role("radio", name=re.compile("^for all")), "Space")
    page.get_by_label("Reason").fill("Works on the models.")
    press(page.get_by_role("button", name="Keep", exact=True))
    page.locator("main").get_by_text(re.compile(r"principals? (is|are) decided")).first.wait_for()
    usable(page, axe)
    press(page.get_by_text("Complete…"))
    page.get_by_label("Statement (optional)").fill("All were looked at.")
    press(page.get_by_role("button", name="Complete the review"))
    message(page, "Completed; it no longer changes")
    usable(page, axe)


def decide_unmatched(page: Page, site: Site, axe: Judge) -> None:
    """Says of one name that it is none of ours, saves a rule, finds it, and takes the word back."""
    page.goto(f"{site.url}/unmatched/")
    heading(page, "Unmatched records")
    usable(page, axe)
    waiting = page.locator("tbody tr").count()
    press(page.get_by_role("link", name=re.compile("^Decide")).first)
    heading(page, "What a name stands for")
    usable(page, axe)
    page.get_by_label("It is").select_option(label="none of ours")
    page.get_by_label("Reason").fill("A public sample.")
    press(page.get_by_label("Save a rule for names that begin so"), "Space")
    press(page.get_by_role("button", name="Bind"))
    page.locator("main").get_by_text(re.compile(r"\d+ places? (is|are) bound")).first.wait_for()
    page.get_by_role("heading", name="Decided by people").wait_for()
    assert page.locator("tbody tr").count() < waiting
    usable(page, axe)
    press(page.get_by_role("link", name="Saved rules"))
    heading(page, "Saved rules")
    page.get_by_text("A public sample.").first.wait_for()
    usable(page, axe)
    press(page.get_by_text("Withdraw…").first)
    press(page.get_by_role("button", name="Withdraw the rule"))
    page.locator("main").get_by_text("withdrawn").first.wait_for()
    page.goto(f"{site.url}/unmatched/")
    heading(page, "Unmatched records")
    press(page.get_by_role("button", name="Take back").first)
    message(page, "What was said of the name is taken back.")
    page.locator("tbody tr").nth(waiting - 1).wait_for()


def test_officer_goes_from_a_log_to_who_did_who_could_and_what_is_bound(
    site: Site, new_page: NewPage, axe: Judge
) -> None:
    page = new_page()
    sign_in(page, site, OFFICER)
    hand_in(page, SAMPLES / "cloudtrail" / "records.json", axe)
    hand_in(page, SAMPLES / "aws_iam" / "bundle.json", axe)
    read_job_log(page, axe)
    open_review(page, axe)
    decide_review(page, axe)
    decide_unmatched(page, site, axe)
