"""Monthly summaries: one document, drawn in the isolated child, read back from the PDF; by hand and by schedule."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook
from pypdf import PdfReader

from compliance.models import Job, RemediationItem, RemediationSummary, TrailEntry, User
from compliance.selectors.monthly_summary import summary_document
from compliance.services import leases, remediation_summaries
from compliance.services.errors import RefusedError
from compliance.types.canonical import sha256_hex
from compliance.types.figures import from_document
from compliance.types.states import JobState
from tests.compliance import records
from tests.compliance.conftest import Browse, World

pytestmark = pytest.mark.django_db
OCTOBER = date(2026, 10, 1)


@pytest.fixture
def worked(world: World, manager: User) -> list[RemediationItem]:
    """Three items opened in October, one of them closed in it."""
    items = [records.remediation_item(world.finding, owner=manager, actor=manager, title=f"Item {n}") for n in range(3)]
    for n, item in enumerate(items):
        at = datetime(2026, 10, 5 + n, 12, tzinfo=UTC)
        closing = {"state": "closed", "closed_at": datetime(2026, 10, 20, 12, tzinfo=UTC)} if n == 0 else {}
        RemediationItem.objects.filter(pk=item.pk).update(created_at=at, **closing)
    return items


@pytest.fixture
def summary(worked: list[RemediationItem], manager: User) -> RemediationSummary:
    job = leases.run_here(job=remediation_summaries.request(month=OCTOBER, actor=manager, dispatch=False))
    assert job.state == JobState.SUCCEEDED, job.error
    return RemediationSummary.objects.get(uuid=job.result["summary"])


def pdf_text(content: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages).split())


def test_the_pdf_says_what_the_month_was(summary: RemediationSummary, browse: Browse, manager: User) -> None:
    answer: Any = browse(manager).get(reverse("summary-download", args=[summary.uuid]))
    content = answer.getvalue()
    assert sha256_hex(content) == summary.sha256
    assert answer["Content-Disposition"] == 'attachment; filename="remediation-2026-10.pdf"'
    reader = PdfReader(io.BytesIO(content))
    assert len(reader.pages) == summary.pages
    assert reader.metadata is not None
    assert reader.metadata.title == "Remediation summary October 2026"
    text = pdf_text(content)
    assert "Remediation summary, October 2026" in text
    assert "Items opened 3 0 3" in text
    assert "Items closed 1 0 1" in text
    assert "Not enough history" in text
    assert "not of the end of the month" in text


def test_its_figures_as_xlsx_are_those_of_the_document(
    summary: RemediationSummary, browse: Browse, manager: User
) -> None:
    answer: Any = browse(manager).get(reverse("summary-detail", args=[summary.uuid]), {"export": "xlsx"})
    rows = list(load_workbook(io.BytesIO(answer.getvalue()))["Rows"].iter_rows(min_row=2, values_only=True))
    figures = [from_document(one) for part in ("of_month", "as_made") for one in summary.document[part]]
    assert len(rows) == sum(len(row.cells) for figure in figures for row in figure.rows)
    assert ("This period beside the one before", "Items opened", "This period", 3, "number") in rows


def test_its_page_shows_the_figures_and_the_list_the_summary(
    summary: RemediationSummary, browse: Browse, officer: User
) -> None:
    client: Client = browse(officer)
    assert "Burn-down" in client.get(reverse("summary-detail", args=[summary.uuid])).text
    assert reverse("summary-download", args=[summary.uuid]) in client.get(reverse("summary-list")).text


def test_making_it_is_on_record_with_its_digest(summary: RemediationSummary, manager: User) -> None:
    told = TrailEntry.objects.get(event__kind="remediation_summary.made")
    assert (told.actor, told.payload["sha256"], told.payload["month"]) == (manager, summary.sha256, "2026-10")


def test_the_command_writes_the_same_pdf_that_is_kept(
    worked: list[RemediationItem], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "october.pdf"
    call_command("remediation_summary", "--month", "2026-10", "--out", str(out))
    kept = RemediationSummary.objects.get()
    assert sha256_hex(out.read_bytes()) == kept.sha256
    assert kept.made_by is None
    assert kept.sha256 in capsys.readouterr().out


@pytest.mark.parametrize("month", ["2026-13", "October", "26-10", "2026-10-01", "0000-01", ""])
def test_what_is_no_month_ends_the_command_with_two_and_a_sentence(
    db: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], month: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        call_command("remediation_summary", "--month", month, "--out", str(tmp_path / "x.pdf"))
    assert ended.value.code == 2
    assert "is no month; write it as 2026-10" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_month_that_is_not_over_is_refused(manager: User) -> None:
    with pytest.raises(RefusedError, match="is not over"):
        remediation_summaries.request(month=date(2999, 1, 1), actor=manager)


def test_the_schedule_asks_for_each_month_once(summary: RemediationSummary) -> None:
    assert remediation_summaries.begin_month(today=date(2026, 11, 1)) is None
    first = remediation_summaries.begin_month(today=date(2026, 10, 7))
    assert first is not None
    assert first.asked == {"month": "2026-09"}
    assert remediation_summaries.begin_month(today=date(2026, 10, 7)) is None
    Job.objects.filter(pk=first.pk).update(state=JobState.FAILED)
    assert remediation_summaries.begin_month(today=date(2026, 10, 7)) is not None


def test_a_document_is_the_same_after_a_journey_through_json(worked: list[RemediationItem]) -> None:
    document = summary_document(OCTOBER, now=datetime(2026, 11, 2, tzinfo=UTC))
    comparison = from_document(document["of_month"][0])
    assert comparison.key == "comparison"
    assert [cell.value for cell in comparison.rows[1].cells] == [3, 0, 3]
