"""The three people who open Assay, each once through their whole way, in a real browser."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from tests.e2e.conftest import AUDITOR, DEMO_SECONDS, MANAGER, OFFICER, Demonstration, NewPage, sign_in
from tests.e2e.test_kill import WORKER, running
from tests.installations import Installation, Site, running_site

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.sqlite_only,
    pytest.mark.timeout(DEMO_SECONDS + 600),  # whichever test comes first waits for the one run of the demonstration
]
JOB_MILLISECONDS = 240_000.0
TITLE, SYSTEM, GAP = "Model manipulation of the letter sorter", "Letter sorter", "Nobody reviews who may submit jobs"


@pytest.fixture
def site(copy: Installation) -> Iterator[Site]:
    """The copied demonstration, served."""
    with running_site(copy) as serving:
        yield serving


def heading(page: Page, text: str | re.Pattern[str]) -> None:
    """Waits until the page has this heading."""
    page.get_by_role("heading", level=1, name=text).wait_for()


def message(page: Page, text: str) -> None:
    """Waits for this word on the page."""
    page.locator("main").get_by_text(text).first.wait_for()


def menu(page: Page, name: str) -> None:
    """Follows an entry of the main menu."""
    page.get_by_role("navigation", name="Main").get_by_role("link", name=name, exact=True).click()


def days(count: int) -> str:
    """A day from today on, as a date field takes it."""
    return (timezone.localdate() + timedelta(days=count)).isoformat()


def sign_out(page: Page, site: Site) -> None:
    page.locator("details[data-menu] summary").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{site.url}/sign-in/")


def drop(page: Page, label: str, file: Path) -> None:
    """Drops a file on the field with this label, as a mouse would."""
    script = """([text, name]) => {
        const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
        const files = new DataTransfer();
        files.items.add(new File([bytes], name));
        return files;
    }"""
    handed = page.evaluate_handle(script, [base64.b64encode(file.read_bytes()).decode(), file.name])
    zone = page.locator("[data-dropzone]").filter(has_text=label)
    zone.dispatch_event("dragover", {"dataTransfer": handed})
    zone.dispatch_event("drop", {"dataTransfer": handed})
    zone.locator("[data-files]").get_by_text(file.name).wait_for()


# The officer: is the audit going to hold? ----------------------------------------------------------------------------


def open_assessment(page: Page) -> None:
    menu(page, "Assessments")
    page.get_by_role("link", name="Open an assessment").click()
    page.get_by_label("or a new AI system").fill(SYSTEM)
    page.get_by_label("Title").fill(TITLE)
    page.get_by_label("Period from").fill(days(-90))
    page.get_by_label("Period to").fill(days(0))
    page.get_by_label("Audit on").fill(days(28))
    page.get_by_label("Scope and exclusions").fill("One account; nothing is left out.")
    page.get_by_label("Scope and exclusions").press("Tab")
    page.keyboard.press("Enter")
    heading(page, TITLE)
    message(page, "The assessment is open.")


def to_question(page: Page, number: int) -> None:
    menu(page, "Assessments")
    page.get_by_role("link", name=TITLE).click()
    page.get_by_role("link", name=re.compile(rf"^{number}\.")).click()
    page.get_by_label("Breadcrumb").get_by_text(f"Question {number}").wait_for()


def write(page: Page, value: str, statement: str, reason: str = "") -> None:
    """Writes the answer as a draft; the choice is made with the keyboard."""
    page.get_by_role("radio", name="Yes", exact=True).focus()
    page.keyboard.press("Space")
    steps = ["Yes", "Partly", "No", "Not applicable"].index(value)
    for _step in range(steps):
        page.keyboard.press("ArrowDown")
    assert page.get_by_role("radio", name=value, exact=True).is_checked()
    page.get_by_label("Statement").fill(statement)
    page.get_by_label("Reason").fill(reason)
    page.get_by_role("button", name="Save as draft").click()
    message(page, "The answer is saved as a draft.")


def record_finding(page: Page) -> None:
    page.get_by_role("link", name="Open a new finding").click()
    page.get_by_label("AI system").select_option(label=SYSTEM)
    control = page.get_by_label("Control")
    control.select_option(label=control.get_by_role("option").filter(has_text="BDM-07").inner_text())
    page.get_by_label("Title").fill(GAP)
    page.get_by_label("Condition: what was found").fill("No review was held since January.")
    page.get_by_label("Severity").select_option(label="High")
    page.get_by_role("button", name="Record the finding").click()
    heading(page, GAP)


def name_finding(page: Page) -> None:
    page.get_by_role("combobox", name="Finding", exact=True).select_option(label=GAP)
    page.get_by_role("button", name="Name the finding").click()
    message(page, "The finding is named in the answer.")


def add_evidence(page: Page, document: Path) -> None:
    """Drops a document, comes back to the question, attaches it."""
    page.get_by_role("link", name="Add new evidence").click()
    page.get_by_label("AI system").select_option(label=SYSTEM)
    drop(page, "Document", document)
    page.get_by_label("Title").fill("Approvals of the quarter")
    page.get_by_role("button", name="Keep as evidence").click()
    message(page, "The evidence is kept.")
    evidence = page.get_by_role("combobox", name="Evidence", exact=True)
    title = evidence.get_by_role("option", name="Approvals of the quarter").inner_text()
    evidence.select_option(label=title)
    page.get_by_label("What it shows").fill("Each set was approved before its job.")
    page.get_by_role("button", name="Attach").click()
    message(page, "The evidence is attached.")


def submit(page: Page) -> None:
    page.get_by_role("button", name="Send for review").click()
    message(page, "The answer is in review; a second person decides it.")


def answer_all(page: Page, document: Path) -> None:
    """The four answers: one with evidence, two with a finding, one that does not apply."""
    to_question(page, 1)
    write(page, "Yes", "Each approved training set has a manifest that the launcher checks.")
    message(page, "“Yes” needs at least one piece of evidence.")
    add_evidence(page, document)
    submit(page)
    to_question(page, 2)
    write(page, "Partly", "A list of submitters exists.", "Nobody reviews it.")
    record_finding(page)
    to_question(page, 2)
    name_finding(page)
    submit(page)
    to_question(page, 3)
    write(page, "Not applicable", "", "No model was taken over from outside.")
    submit(page)
    to_question(page, 4)
    write(page, "No", "No log of fine-tune jobs is kept.", "The platform does not record them.")
    name_finding(page)
    submit(page)


def approve_all(page: Page) -> None:
    """The second person finds what waits on the overview and approves it."""
    page.get_by_role("link", name=f"4 answers of “{TITLE}” wait for a reviewer.").click()
    for number in range(1, 5):
        page.get_by_role("link", name=re.compile(rf"^{number}\.")).first.click()
        page.get_by_label("Breadcrumb").get_by_text(f"Question {number}").wait_for()
        page.get_by_label("Comment").fill("Read and agreed.")
        contradicted = page.get_by_label("Why it is approved although the record contradicts it")
        if contradicted.count():
            contradicted.fill(
                "The register of data sets is brought over next month; the launcher's log was read by hand."
            )
        page.get_by_role("button", name="Approve", exact=True).click()
        message(page, "The answer is approved.")
        page.get_by_label("Breadcrumb").get_by_role("link", name=TITLE).click()
        heading(page, TITLE)


def freeze_and_issue(page: Page) -> None:
    menu(page, "Assessments")
    page.get_by_role("link", name=TITLE).click()
    page.get_by_text("Freeze…").press("Enter")
    dialog = page.get_by_role("dialog", name="Freeze this assessment?")
    dialog.get_by_role("button", name="Go back").wait_for()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    message(page, "The assessment is frozen.")
    page.get_by_text("Issue evidence pack…").click()
    page.get_by_role("dialog").get_by_role("button", name="Issue").click()
    page.get_by_role("link", name="See the result").click(timeout=JOB_MILLISECONDS)
    heading(page, "Evidence pack 1")


def download(page: Page, name: str, folder: Path) -> Path:
    with page.expect_download() as started:
        page.get_by_role("link", name=name).click()
    path = folder / started.value.suggested_filename
    started.value.save_as(path)
    return path


def test_officer_gets_from_an_empty_assessment_to_a_verified_pack(
    site: Site, new_page: NewPage, tmp_path: Path
) -> None:
    document = tmp_path / "approvals.csv"
    document.write_text("set,approved by,approved on\nletters-2026,M. Lindqvist,2026-09-30\n")
    officer, manager = new_page(), new_page()
    sign_in(officer, site, OFFICER)
    open_assessment(officer)
    answer_all(officer, document)
    sign_in(manager, site, MANAGER)
    approve_all(manager)
    with running(site.installation, WORKER):
        freeze_and_issue(officer)
    pack = download(officer, "Download the PDF", tmp_path)
    receipt = download(officer, "Download the receipt", tmp_path)
    officer.goto(f"{site.url}/verify/")
    officer.get_by_label("Evidence pack (PDF)").set_input_files(pack)
    officer.get_by_label("Receipt (JSON)").set_input_files(receipt)
    officer.get_by_role("button", name="Verify", exact=True).click()
    message(officer, "Genuine and whole")
    assert hashlib.sha256(pack.read_bytes()).hexdigest() in re.sub(r"\s", "", officer.locator("main").inner_text())


# The auditor: show me, and let me check it myself. -------------------------------------------------------------------

OTHER_SYSTEM = """
from datetime import date
from compliance.models import Technique, User
from compliance.services import assessments, inventory
officer = User.objects.get(role="officer")
system = inventory.define_system(name="Letter sorter", description="", owner=officer, actor=officer)
assessment = assessments.open_assessment(
    system=system, technique=Technique.objects.get(atlas_id="AML.T0018"), title="Not for this auditor", scope="",
    period_start=date(2026, 1, 1), period_end=date(2026, 12, 31), audit_date=None, actor=officer,
)
print(assessment.uuid)
"""


def shown_digest(page: Page, label: str) -> str:
    """The digest that the page shows beside this word."""
    words = page.locator("dt", has_text=re.compile(rf"^\s*{re.escape(label)}\s*$"))
    text = words.locator("xpath=following-sibling::dd[1]").inner_text()
    return re.sub(r"\s", "", text.replace("SHA-256", ""))


def test_auditor_walks_to_the_raw_record_and_takes_the_pack_home(
    site: Site, new_page: NewPage, demonstration: Demonstration, tmp_path: Path
) -> None:
    foreign = site.installation.python(OTHER_SYSTEM).strip()
    page = new_page()
    sign_in(page, site, AUDITOR)
    assert page.get_by_text("Letter sorter").count() == 0
    menu(page, "Assessments")
    rows = page.locator("main tbody tr")
    rows.first.wait_for()
    assert rows.count() == 1
    assert page.request.get(f"{site.url}/assessments/{foreign}/").status == 404
    assert page.request.get(f"{site.url}/assessments/{foreign}/questions/1/").status == 404
    assert page.request.get(f"{site.url}/jobs/").status == 403

    rows.get_by_role("link").click()
    page.get_by_role("link", name=re.compile(r"^4\.")).click()
    page.get_by_role("region", name="Evidence", exact=True).get_by_role(
        "link", name="AWS CloudTrail (demonstration)"
    ).click()
    heading(page, "AWS CloudTrail (demonstration)")
    digest = shown_digest(page, "SHA-256")
    log = download(page, "Download", tmp_path)
    assert hashlib.sha256(log.read_bytes()).hexdigest() == digest
    page.get_by_role("button", name="Check the bytes now").click()
    message(page, "Hashed again just now")

    page.get_by_role("link", name=re.compile(r"job events? w(as|ere) read from it")).click()
    heading(page, "Job log")
    page.locator("main tbody tr").first.get_by_role("link").click()
    page.get_by_role("heading", name="Raw record").wait_for()
    assert shown_digest(page, "Document SHA-256") == digest
    assert '"eventName"' in page.get_by_role("region", name="Raw record").inner_text()

    page.get_by_role("region", name="Where it comes from").get_by_role(
        "link", name="AWS CloudTrail (demonstration)"
    ).click()
    heading(page, "AWS CloudTrail (demonstration)")
    page.go_back()
    page.get_by_label("Breadcrumb").get_by_role("link", name="Job log").click()
    heading(page, "Job log")

    menu(page, "Packs")
    page.locator("main tbody tr").get_by_role("link").first.click()
    pack = download(page, "Download the PDF", tmp_path)
    receipt = download(page, "Download the receipt", tmp_path)
    assert pack.read_bytes() == demonstration.pack.read_bytes()
    sign_out(page, site)
    page.get_by_role("link", name="Verify an evidence pack without signing in").click()
    drop(page, "Evidence pack (PDF)", pack)
    drop(page, "Receipt (JSON)", receipt)
    page.get_by_role("button", name="Verify", exact=True).click()
    message(page, "Genuine and whole")
    message(page, "Demonstration signer, trusted by nobody else.")


# The manager: who fixes what by when, and what does it cost? ---------------------------------------------------------

WORK = "Replace the files that run commands"


def open_remediation(page: Page) -> None:
    """From the most urgent sentence on the overview to an item with an owner, a date and two steps."""
    page.get_by_role("link", name=re.compile("^Nobody works on the finding")).first.click()
    message(page, "Nobody works on this yet")
    page.get_by_role("link", name="Open a remediation item", exact=True).first.click()
    page.get_by_label("Title").fill(WORK)
    page.get_by_label("Owner").select_option(label="Ines Okafor")
    page.get_by_label("Planned effort in person-days").fill("3.5")
    page.locator("#id_due_on").fill(days(30))
    for number, (step, due) in enumerate((("Files withdrawn", 10), ("Files replaced and scanned", 25)), start=1):
        page.get_by_label(f"Step {number}", exact=True).fill(step)
        page.get_by_label(f"Due on {number}", exact=True).fill(days(due))
    page.get_by_role("button", name="Open the item").click()
    message(page, "The remediation item is open.")
    heading(page, WORK)


def move_by_keyboard(page: Page) -> None:
    """On the board: to the card's select, one state further, to its button."""
    page.get_by_label(f"Move “{WORK}” to").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    message(page, f"“{WORK}” is now in “In progress”.")
    page.get_by_role("region", name=re.compile("In progress")).get_by_role("link", name=WORK).wait_for()


def test_manager_sees_what_is_urgent_and_cannot_close_by_a_statement(site: Site, new_page: NewPage) -> None:
    page = new_page()
    sign_in(page, site, MANAGER)
    open_remediation(page)
    page.get_by_label("How much").fill("1.5")
    page.get_by_label("Unit").select_option("days")
    page.get_by_label("What was done").fill("Withdrew the files from the registry.")
    page.get_by_role("button", name="Log work").click()
    message(page, "The work is logged.")
    message(page, "1.5 of 3.5 person-days")
    page.get_by_role("button", name=re.compile("^Mark as reached.*Files withdrawn")).press("Enter")
    message(page, "The milestone is reached.")

    menu(page, "Remediation")
    page.get_by_role("link", name="Board", exact=True).click()
    move_by_keyboard(page)
    page.get_by_role("link", name=WORK).click()
    message(page, "Nobody can close it by a statement.")
    page.get_by_role("button", name="Ask for closing").click()
    message(page, "still stands; test again after the work.")
    page.locator("main").get_by_text("In progress").first.wait_for()
