"""A test of a control from its population to its release, two auditors and the officer side by side, each in a browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import NewInstallation
from tests.e2e.conftest import PASSWORD, NewPage, sign_in
from tests.installations import Installation, Site, running_site

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.e2e, pytest.mark.sqlite_only, pytest.mark.timeout(900)]
OFFICER, LEAD, SECOND = "mara.lindqvist@example.org", "hana.sato@example.org", "jonas.berg@example.org"
FINDING = "One of three changes went live without an approval"
RECORD = f"""
from dataclasses import replace
from compliance.models import AISystem, Assessment, ReferenceControl
from compliance.services import assessments, controls, inventory, people
from compliance.types.states import Role
from tests.compliance import records, tests_of_controls
made = [people.create_user(email=email, name=name, role=role, password={PASSWORD!r}, actor=None) for email, name, role in (
    ({OFFICER!r}, "Mara Lindqvist", Role.OFFICER), ({LEAD!r}, "Hana Sato", Role.AUDITOR),
    ({SECOND!r}, "Jonas Berg", Role.AUDITOR))]
officer, lead, second = made
system = inventory.define_system(name="Letter sorter", description="", owner=officer, actor=officer)
reference = ReferenceControl.objects.order_by("control_id")[0].control_id
controls.adopt(system=system, terms=records.control_terms(reference), owner=officer, actor=officer)
draft = replace(records.audit(lead, [], title="Testing 2026"), systems=[system])
tests_of_controls.opened(draft, lead=lead, second=second, actor=officer)
"""
COUNT = """
from compliance.models import Population
from compliance.services import leases
print(leases.run_here(job=Population.objects.get().job).state)
"""


@pytest.fixture
def installation(new_installation: NewInstallation) -> Installation:
    made = new_installation("sqlite", "filesystem")
    made.succeed("load_catalog")
    made.python(RECORD)
    return made


@pytest.fixture
def site(installation: Installation) -> Iterator[Site]:
    with running_site(installation) as serving:
        yield serving


@pytest.fixture
def tickets(tmp_path: Path) -> Path:
    """A list of three changes, one a line."""
    kept = tmp_path / "tickets.csv"
    kept.write_text("ticket,team\nT-1,red\nT-2,red\nT-3,blue\n", encoding="utf-8")
    return kept


def heading(page: Page, name: str) -> None:
    page.get_by_role("heading", level=1, name=name).wait_for()


def population(page: Page, site: Site, tickets: Path) -> None:
    page.goto(f"{site.url}/populations/new/")
    page.get_by_label("Title").fill("Changes of the year")
    page.get_by_label("Made of").select_option("list")
    page.get_by_label("Period from").fill("2026-01-01")
    page.get_by_label("Period to").fill("2026-12-31")
    page.get_by_label("The list").set_input_files(tickets)
    page.get_by_label("Rows, as stated").fill("3")
    page.get_by_role("button", name="Count and freeze").click()
    heading(page, "Changes of the year")
    page.get_by_text("being counted", exact=True).wait_for()


def plan(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/tests/new/")
    page.get_by_label("Control").select_option(index=1)
    page.get_by_role("button", name="Go on").click()
    page.get_by_label("Kind").select_option("operation")
    page.get_by_label("Procedure").fill("Read the approval of each change.")
    page.get_by_label("Examine").check()
    page.get_by_label("Attributes").fill("A: Approved before the start")
    page.get_by_label("Covers from").fill("2026-01-01")
    page.get_by_label("Covers to").fill("2026-12-31")
    page.get_by_label("Population").select_option(index=1)
    page.get_by_role("button", name="Plan the test").click()
    page.get_by_role("heading", name="Sample").wait_for()


def draw(page: Page) -> None:
    """All three rows by a seed typed after the freeze."""
    page.get_by_label("Chosen").select_option("fixed")
    page.get_by_label("Seed").fill("27 November, Hana")
    page.get_by_label("Fixed size").fill("3")
    page.get_by_role("button", name="Draw", exact=True).click()
    page.get_by_role("cell", name="27 November, Hana").wait_for()


def judge(page: Page) -> None:
    """Two pass; the third is an exception, traced to its source."""
    page.get_by_role("link", name="Test the next instance").click()
    for n, result in enumerate(("pass", "pass", "exception"), start=1):
        heading(page, f"Instance {n} of 3")
        page.locator(f"input[name=result_A][value={result}]").check()
        if result == "exception":
            page.get_by_label("Note on A").fill("Approved two days after the start.")
        page.get_by_role("button", name="Keep and go on").click()
    page.get_by_text("Every instance has its results.").wait_for()


def write_finding(page: Page) -> str:
    page.get_by_role("link", name="Write a finding").click()
    page.get_by_label("Title").fill(FINDING)
    page.get_by_label("Condition: what was found").fill("The approval is two days later than the start.")
    page.get_by_label("Criteria: what should be").fill("Each change is approved before it starts.")
    page.get_by_label("Rating").select_option(index=0)
    page.get_by_label("Approved two days after the start.").check()
    page.get_by_role("button", name="Keep").click()
    heading(page, FINDING)
    page.locator("summary", has_text="Issue to management").click()
    page.get_by_role("button", name="Issue it").click()
    page.get_by_text("Not given yet").wait_for()
    return page.url


def conclude(page: Page, *, says: str) -> None:
    page.locator("summary", has_text="Conclude").click()
    page.get_by_role("combobox", name="Conclusion").select_option(says)
    page.get_by_label("On what it rests").fill("One of three instances was approved too late.")
    page.get_by_role("button", name="Conclude", exact=True).click()


def confirm(page: Page, act: str, button: str) -> None:
    page.locator("summary", has_text=act).click()
    page.get_by_role("button", name=button, exact=True).click()


def test_a_control_is_tested_from_population_to_release(
    new_page: NewPage, site: Site, installation: Installation, tickets: Path
) -> None:
    officer, lead, second = new_page(), new_page(), new_page()
    for page, email in ((officer, OFFICER), (lead, LEAD), (second, SECOND)):
        sign_in(page, site, email)

    # The population is frozen before a seed is typed.
    population(lead, site, tickets)
    assert installation.python(COUNT).split()[-1] == "succeeded"
    lead.reload()
    lead.get_by_text("agrees with what was stated").wait_for()
    plan(lead, site)
    draw(lead)
    test = lead.url.partition("#")[0]

    # "Operating effectively" does not follow from what nobody looked at.
    conclude(lead, says="effective")
    lead.get_by_text("3 instances still have attributes without a result.").wait_for()
    lead.goto(test)
    judge(lead)
    finding = write_finding(lead)

    # The organisation reads the finding, not the test, and answers.
    assert officer.request.get(test).status == 404
    officer.goto(finding)
    officer.get_by_label("Agrees", exact=True).check()
    officer.get_by_label("Response", exact=True).fill("The launcher asks for the approval from next month on.")
    officer.get_by_label("Action").fill("Make the launcher ask for the approval")
    officer.get_by_label("Who does it").select_option(label="Mara Lindqvist")
    officer.get_by_label(re.compile(r"^By\b")).fill("2099-01-31")
    officer.get_by_label("Effort in person-days").fill("3")
    officer.get_by_role("button", name="Respond").click()
    officer.get_by_role("link", name="Make the launcher ask for the approval").wait_for()
    lead.goto(finding)
    lead.get_by_label("In words").fill("The action removes the cause.")
    lead.get_by_role("button", name="Accept the response").click()
    lead.get_by_role("heading", name="Follow-up").wait_for()

    # Concluded by one, agreed by the other, released: then the organisation sees it.
    lead.goto(test)
    conclude(lead, says="not_effective")
    lead.get_by_text("Hana Sato").first.wait_for()
    second.goto(test)
    confirm(second, "Agree", "Agree")
    second.get_by_text("Jonas Berg").first.wait_for()
    lead.goto(test)
    confirm(lead, "Release", "Release it")
    officer.goto(test)
    officer.get_by_text("One of three instances was approved too late.").wait_for()
    officer.get_by_role("cell", name="27 November, Hana").wait_for()
