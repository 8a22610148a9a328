"""One audit from plan to follow-up, the officer and the auditor side by side, each in a browser of their own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.conftest import NewInstallation
from tests.e2e.conftest import PASSWORD, NewPage, sign_in
from tests.installations import Installation, Site, running_site

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.e2e, pytest.mark.sqlite_only, pytest.mark.timeout(900)]
OFFICER, AUDITOR = "mara.lindqvist@example.org", "hana.sato@example.org"
TITLE = "Certification of the letter sorter"
PEOPLE = f"""
import io
from compliance.models import AISystem
from compliance.services import evidence, inventory, people
from compliance.types.states import Role
officer = people.create_user(email={OFFICER!r}, name="Mara Lindqvist", role=Role.OFFICER, password={PASSWORD!r}, actor=None)
people.create_user(email={AUDITOR!r}, name="Hana Sato", role=Role.AUDITOR, password={PASSWORD!r}, actor=None)
system = inventory.define_system(name="Letter sorter", description="", owner=officer, actor=officer)
piece = evidence.receive(system=system, stream=io.BytesIO(b"Mara, Ines"), filename="submitters.txt",
    title="Approved submitters", received_by=officer)
evidence.accept(evidence=piece, actor=officer)
print(piece.sha256)
"""


@pytest.fixture
def installation(new_installation: NewInstallation) -> Installation:
    return new_installation("sqlite", "filesystem")


@pytest.fixture
def digest(installation: Installation) -> str:
    """The SHA-256 of a piece of evidence that nothing leads an auditor to yet."""
    return installation.python(PEOPLE).split()[-1]


@pytest.fixture
def site(installation: Installation, digest: str) -> Iterator[Site]:
    with running_site(installation) as serving:
        yield serving


def message(page: Page, text: str | re.Pattern[str]) -> None:
    page.locator("main").get_by_text(text).first.wait_for()


def open_engagement(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/engagements/new/")
    page.get_by_label("Title").fill(TITLE)
    page.get_by_label("Type").select_option("iso_stage_2")
    page.get_by_label("Edition").fill("ISO/IEC 42001:2023")
    page.get_by_label("Letter sorter").check()
    page.get_by_label("Records from").fill("2026-01-01")
    page.get_by_label("Records to").fill("2026-12-31")
    page.get_by_label("Exclusions").fill("The laboratory.")
    page.get_by_label("Access ends after").fill("2099-12-31")
    page.get_by_label("Person 1").select_option(label="Hana Sato")
    page.get_by_label("Part 1").select_option("lead")
    page.get_by_role("button", name="Open the engagement").click()
    page.get_by_role("heading", level=1, name=TITLE).wait_for()


def to_room(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/engagements/")
    page.get_by_role("link", name=TITLE).click()
    page.get_by_role("heading", level=1, name=TITLE).wait_for()


def move(page: Page, site: Site, state: str) -> None:
    """Moves the audit on by the confirmation of its page."""
    to_room(page, site)
    page.locator("summary", has_text="Move on").click()
    page.get_by_label("To", exact=True).select_option(label=state)
    page.get_by_role("button", name="Move", exact=True).click()
    message(page, "The audit has moved on.")


def reply(page: Page, words: str, *, to: str = "", digest: str = "") -> None:
    page.get_by_role("textbox", name="Reply").fill(words)
    if to:
        page.get_by_label("Move to").select_option(label=to)
    if digest:
        page.get_by_label(digest[:8]).check()
    page.get_by_role("button", name="Reply", exact=True).click()
    message(page, "The reply is in the thread.")


def test_an_audit_from_plan_to_follow_up(new_page: NewPage, site: Site, digest: str) -> None:
    officer, auditor = new_page(), new_page()
    sign_in(officer, site, OFFICER)
    sign_in(auditor, site, AUDITOR)
    message(auditor, "No engagement is open to you")
    open_engagement(officer, site)

    # Plan: the auditor finds the room on the first page and states their independence.
    auditor.goto(site.url)
    auditor.get_by_role("link", name=TITLE).click()
    auditor.get_by_label("Statement of independence").fill("I hold no shares and took no part in the design.")
    auditor.get_by_role("button", name="State my independence").click()
    message(auditor, "Your statement is on record")
    move(officer, site, "Fieldwork")

    # Fieldwork: a request, its clarification, the answer with a document, and its acceptance.
    to_room(auditor, site)
    auditor.get_by_role("link", name="Requests", exact=True).last.click()
    auditor.get_by_role("link", name="Ask for something").first.click()
    auditor.get_by_label("Title").fill("Who may submit jobs")
    auditor.get_by_role("button", name="Ask", exact=True).click()
    message(auditor, "Request 1 is on record.")
    request = auditor.url
    officer.goto(request)
    reply(officer, "As of which day?", to="Clarification asked")
    auditor.reload()
    reply(auditor, "As of 30 June 2026.", to="Open")
    officer.reload()
    reply(officer, "The list is attached.", to="Answered", digest=digest[:16])
    auditor.reload()
    auditor.get_by_role("link", name="Approved submitters").click()
    auditor.get_by_role("heading", level=1, name="Approved submitters").wait_for()
    with auditor.expect_download() as download:
        auditor.get_by_role("link", name="Download").click()
    assert download.value.path().read_bytes() == b"Mara, Ines"
    auditor.goto(request)
    reply(auditor, "Thank you.", to="Accepted")

    # The report: only the auditor moves it.
    for state in ("Draft report", "Management’s response", "Final report"):
        move(auditor, site, state)
    to_room(officer, site)
    move(officer, site, "Follow-up")

    # The officer sees what was read, down to the download.
    officer.get_by_role("link", name="What auditors read").click()
    row = officer.get_by_role("row").filter(has_text="Downloaded").filter(has_text="Evidence, its bytes")
    row.get_by_text("Hana Sato").wait_for()

    # Access ends at once, for the room and for the document.
    to_room(officer, site)
    officer.locator("summary", has_text="End access").click()
    officer.get_by_role("button", name="End access", exact=True).click()
    message(officer, "The team has no access any more.")
    auditor.goto(f"{site.url}/engagements/")
    message(auditor, "No engagement")
    assert auditor.request.get(request).status == 404
