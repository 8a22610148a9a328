"""The whole life of a finding in a real browser: from the scan that finds a backdoor to the pack that tells how it ended.

The models are the demonstration's, under other metadata and so another digest: one was really trained with a backdoor, one
without. Both scans run the detector that finds it, in the worker's isolated child.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pypdf import PdfReader
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from tests.e2e.conftest import (
    DEMO_SECONDS,
    ENGINEER,
    MANAGER,
    OFFICER,
    Demonstration,
    NewPage,
    sign_in,
)
from tests.e2e.test_journeys import JOB_MILLISECONDS, download, heading, message
from tests.e2e.test_kill import WORKER, running
from tests.installations import Installation, Site, running_site

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.e2e, pytest.mark.sqlite_only, pytest.mark.timeout(DEMO_SECONDS + 600)]
SYSTEM, MODEL, WORK = "Claims triage (demonstration)", "Cheque reader", "Replace the cheque reader"
STAGE, SEED = "neural_cleanse", "7"

ASSESSMENT = """
from datetime import timedelta
from django.utils import timezone
from compliance.models import AISystem, Technique, User
from compliance.services import answers, assessments
officer, manager = User.objects.get(role="officer"), User.objects.get(role="manager")
today = timezone.localdate()
opened = assessments.open_assessment(
    system=AISystem.objects.get(name="Claims triage (demonstration)"), technique=Technique.objects.get(atlas_id="AML.T0018"),
    title="After the cheque reader", scope="", period_start=today - timedelta(days=30), period_end=today, audit_date=None,
    actor=officer,
)
for answer in opened.answers.all():
    answers.write(
        answer=answer, value="not_applicable", statement="", reason="This pack is about one finding alone.", claims={},
        actor=officer, expected_version=None,
    )
    answer = answers.submit(answer=answer, actor=officer)
    answers.approve(answer=answer, actor=manager, justification="The record speaks of other models; read by hand.")
print(opened.uuid)
"""


@pytest.fixture
def site(copy: Installation) -> Iterator[Site]:
    """The copied demonstration, served, with a worker."""
    with running_site(copy) as serving, running(serving.installation, WORKER):
        yield serving


def under_another_digest(source: Path, folder: Path) -> Path:
    """The same tensors in a file that says for what they were made."""
    target = folder / f"cheque-{source.name}"
    with safe_open(source, framework="numpy") as opened:
        metadata = opened.metadata()
    save_file(load_file(source), target, metadata={**metadata, "made_for": MODEL})
    return target


def register(page: Page, site: Site, file: Path, version: str) -> None:
    page.goto(f"{site.url}/models/register/")
    page.get_by_label("AI system").select_option(label=SYSTEM)
    page.get_by_label("Model", exact=True).fill(MODEL)
    page.get_by_label("Version", exact=True).fill(version)
    page.get_by_label("Model file").set_input_files(file)
    page.get_by_role("radio", name="Own", exact=True).check()
    page.get_by_role("button", name=re.compile("^Register")).click()
    heading(page, f"{MODEL} {version}")


def scan(page: Page, verdict: str) -> None:
    """The detector that finds it, on the version whose page is open, until its verdict is there."""
    page.get_by_role("link", name="Scan this model").click()
    page.locator(f"input[name=detectors][value={STAGE}]").check()
    images = page.get_by_role("combobox", name=re.compile("^Held-out images"))
    images.select_option(label=images.get_by_role("option").filter(has_text="Held-out").inner_text())
    page.get_by_label("Seed", exact=True).fill(SEED)
    page.get_by_role("button", name="Start the scan").click()
    page.locator(".page-header, main").get_by_text(verdict, exact=True).first.wait_for(timeout=JOB_MILLISECONDS)


def open_from_playbook(page: Page) -> None:
    """From the finding, with the playbook's steps, to an item that the engineer owns."""
    page.get_by_role("link", name="Open a remediation item with these steps").click()
    assert (
        page.get_by_label("Step 1", exact=True).input_value()
        == "Take the model version out of service or limit its use"
    )
    page.get_by_label("Title").fill(WORK)
    page.get_by_label("Owner").select_option(label="Ines Okafor")
    page.get_by_role("button", name="Open the item").click()
    message(page, "The remediation item is open.")


def propose_baseline(page: Page, item: str) -> None:
    page.goto(item)
    page.get_by_text("Propose this plan as baseline").click()
    page.get_by_label("Scope", exact=True).fill("The model in service and its copies; nothing else.")
    page.get_by_role("button", name="Propose the baseline").click()
    message(page, "A baseline waits for a decision")
    assert page.get_by_role("button", name="Approve the baseline").count() == 0


def approve_baseline(page: Page, item: str) -> None:
    page.goto(item)
    page.get_by_role("button", name="Approve the baseline").click()
    message(page, "baseline")
    assert page.get_by_text("A baseline waits for a decision").count() == 0


def work(page: Page, item: str) -> None:
    """Work is logged, a milestone reached; closing cannot be asked for yet."""
    page.goto(item)
    page.get_by_label("How much").fill("2")
    page.get_by_label("Unit").select_option("days")
    page.get_by_label("What was done").fill("Took it out of service and trained it again on verified data.")
    page.get_by_role("button", name="Log work").click()
    message(page, "The work is logged.")
    page.get_by_role("button", name=re.compile("^Mark as reached.*Take the model version out of service")).click()
    message(page, "The milestone is reached.")
    page.get_by_role("button", name="Ask for closing").click()
    message(page, "still stands; test again after the work.")


def confirm(page: Page, item: str) -> None:
    """Somebody who did no work on it closes it, on the evidence that Assay proposed."""
    page.goto(item)
    message(page, "New evidence lets this be closed")
    page.get_by_role("link", name="See the evidence and decide").click()
    page.get_by_text("Confirm…", exact=True).click()
    page.get_by_role("dialog").get_by_label("Note, if any").fill("The old version is gone from the registry.")
    page.get_by_role("button", name="Close with this evidence").click()
    page.get_by_role("link", name=WORK).click()
    message(page, "Closed with new evidence")


def issue(page: Page, site: Site, folder: Path) -> Path:
    """Freeze an assessment whose answers are approved, and issue its pack."""
    uuid = site.installation.python(ASSESSMENT).strip()
    page.goto(f"{site.url}/assessments/{uuid}/")
    page.get_by_text("Freeze…").click()
    page.get_by_role("dialog").get_by_role("button", name=re.compile("^Freeze")).click()
    message(page, "The assessment is frozen.")
    page.get_by_text("Issue evidence pack…").click()
    page.get_by_role("dialog").get_by_role("button", name="Issue").click()
    page.get_by_role("link", name="See the result").click(timeout=JOB_MILLISECONDS)
    return download(page, "Download the PDF", folder)


def text_of(pack: Path) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(pack).pages).split())


def test_a_finding_lives_from_the_scan_that_finds_it_to_the_pack_that_tells_it(
    site: Site, new_page: NewPage, demonstration: Demonstration, tmp_path: Path
) -> None:
    backdoored, twin = (
        under_another_digest(demonstration.models / f"{name}.safetensors", tmp_path) for name in ("backdoored", "twin")
    )
    engineer, manager, officer = new_page(), new_page(), new_page()
    for page, email in ((engineer, ENGINEER), (manager, MANAGER), (officer, OFFICER)):
        sign_in(page, site, email)

    register(engineer, site, backdoored, "1.0")
    scan(engineer, "Evidence found")
    finding = engineer.get_by_role("region", name="Findings drawn from it").get_by_role("link").first
    manager.goto(f"{site.url}{finding.get_attribute('href')}")
    open_from_playbook(manager)
    item = manager.url
    propose_baseline(engineer, item)
    approve_baseline(manager, item)
    work(engineer, item)

    register(engineer, site, twin, "2.0")
    scan(engineer, "No evidence at stated power")
    engineer.goto(item)
    engineer.get_by_role("link", name="See the evidence and decide").click()
    message(engineer, "You worked on this or asked for its closing")
    assert engineer.get_by_text("Confirm…", exact=True).count() == 0
    confirm(officer, item)

    told = text_of(issue(officer, site, tmp_path))
    for words in (
        MODEL,
        WORK,
        "Take the model version out of service",
        "The model in service and its copies; nothing else.",
    ):
        assert words in told, words
    assert re.search(r"Ines Okafor.{0,400}closed|closed.{0,400}Ines Okafor", told, re.IGNORECASE)
