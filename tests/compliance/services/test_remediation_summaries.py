"""Monthly summaries: one document, drawn in the isolated child, read back from the PDF; by hand and by schedule."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from openpyxl import load_workbook
from pypdf import PdfReader

from compliance.models import CostRate, Job, RemediationItem, RemediationSummary, TrailEntry, User, WorkEntry
from compliance.selectors.monthly_summary import summary_document
from compliance.services import leases, remediation_summaries
from compliance.services.errors import RefusedError
from compliance.templatetags.figures import figure_label, figure_value
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
    assert ("This period beside the one before", "Items opened", "This period", 3, "findings, items and days") in rows


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
    assert remediation_summaries.begin_month(today=date(2026, 11, 1)) == []
    (first,) = remediation_summaries.begin_month(today=date(2026, 10, 7))
    assert first.asked == {"month": "2026-09", "with_costs": False}
    assert remediation_summaries.begin_month(today=date(2026, 10, 7)) == []
    Job.objects.filter(pk=first.pk).update(state=JobState.FAILED)
    assert remediation_summaries.begin_month(today=date(2026, 10, 7)) != []


def test_where_rates_are_stated_the_schedule_asks_for_the_one_with_costs_as_well(
    summary: RemediationSummary, rate: CostRate
) -> None:
    (job,) = remediation_summaries.begin_month(today=date(2026, 11, 1))
    assert job.asked == {"month": "2026-10", "with_costs": True}
    assert remediation_summaries.begin_month(today=date(2026, 11, 1)) == []


# Costs ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def rate(manager: User) -> CostRate:
    return CostRate.objects.create(
        work_role="ML engineer", currency="EUR", amount_a_day=Decimal(800), effective_from=date(2026, 1, 1),
        stated_by=manager,
    )  # fmt: skip


@pytest.fixture
def costed(worked: list[RemediationItem], rate: CostRate, manager: User) -> RemediationSummary:
    """Of October, with costs: 2 days of an engineer in it, half a day without a rate, and 3 days in September."""
    entries = (
        (date(2026, 10, 6), "2", "ML engineer"),
        (date(2026, 10, 7), "0.5", ""),
        (date(2026, 9, 30), "3", "ML engineer"),
    )
    for day, days, role in entries:
        WorkEntry.objects.create(
            item=worked[1], person=manager, day=day, amount=Decimal(days), unit="days", person_days=Decimal(days),
            work_role=role, what="Retrained", remaining_after=Decimal(1), made_by=manager,
        )  # fmt: skip
    RemediationItem.objects.filter(pk=worked[1].pk).update(effort_spent=Decimal("5.5"))
    request = remediation_summaries.request(month=OCTOBER, with_costs=True, actor=manager, dispatch=False)
    job = leases.run_here(job=request)
    assert job.state == JobState.SUCCEEDED, job.error
    return RemediationSummary.objects.get(uuid=job.result["summary"])


def test_a_summary_with_costs_tells_effort_and_cost_of_the_month_by_hand(
    costed: RemediationSummary, browse: Browse, manager: User
) -> None:
    figures = {one["key"]: from_document(one) for one in costed.document["of_month"]}
    assert [[cell.value for cell in row.cells] for row in figures["effort-logged"].rows] == [[Decimal("2.50"), 1]]
    spent = figures["cost-of-period-eur"]
    assert [[cell.value for cell in row.cells] for row in spent.rows] == [[Decimal("1600.00")]]  # 2 days at 800
    assert spent.note.startswith("0.50 person-days have no rate")
    now = {one["key"]: from_document(one) for one in costed.document["as_made"]}["cost-eur"]
    assert now.rows[0].cells[1].value == Decimal("4000.00")  # 5 days at 800, whenever they were
    answer: Any = browse(manager).get(reverse("summary-download", args=[costed.uuid]))
    assert answer["Content-Disposition"] == 'attachment; filename="remediation-2026-10-with-costs.pdf"'
    text = pdf_text(answer.getvalue())
    assert "With costs: for managers" in text
    assert "Cost of the work of the period, EUR" in text
    assert "Digit reader 1\u202f600" in text or "Digit reader 1 600" in text


def test_without_being_asked_a_summary_tells_no_cost(
    summary: RemediationSummary, browse: Browse, rate: CostRate, manager: User
) -> None:
    keys = {one["key"] for part in ("of_month", "as_made") for one in summary.document[part]}
    assert "effort-logged" in keys
    assert not {key for key in keys if key.startswith("cost")}
    assert not summary.has_costs
    answer: Any = browse(manager).get(reverse("summary-download", args=[summary.uuid]))
    assert "EUR" not in pdf_text(answer.getvalue())


@pytest.mark.parametrize("place", ["summary-detail", "summary-download"])
def test_a_summary_with_costs_exists_for_those_alone_who_may_see_costs(
    costed: RemediationSummary, browse: Browse, manager: User, administrator: User, officer: User, contributor: User,
    auditor: User, place: str,
) -> None:  # fmt: skip
    url = reverse(place, args=[costed.uuid])
    assert [browse(user).get(url).status_code for user in (manager, administrator)] == [200, 200]
    assert [browse(user).get(url).status_code for user in (officer, contributor, auditor)] == [404, 403, 403]
    listed = reverse("summary-list")
    assert str(costed.uuid) in browse(manager).get(listed).text
    assert str(costed.uuid) not in browse(officer).get(listed).text
    assert str(costed.uuid) not in browse(officer).get(listed, {"export": "csv"}).getvalue().decode()


def test_the_api_keeps_costs_from_whoever_may_not_see_them(
    costed: RemediationSummary, browse: Browse, manager: User, officer: User
) -> None:
    root = "/api/v1/remediation-summaries/"
    for path in (f"{root}{costed.uuid}/", f"{root}{costed.uuid}/pdf/"):
        assert browse(manager).get(path).status_code == 200
        assert browse(officer).get(path).status_code == 404
    assert browse(manager).get(root).json()["results"][0]["has_costs"] is True
    assert browse(officer).get(root).json()["results"] == []
    assert "1600" not in browse(officer).get(root, {"export": "csv"}).getvalue().decode()


def test_only_those_who_may_see_costs_ask_for_a_summary_with_them(
    worked: list[RemediationItem], browse: Browse, manager: User, officer: User
) -> None:
    asked, form = {"month": "2026-10", "with_costs": "on"}, reverse("summary-new")
    assert browse(officer).post(form, asked).status_code == 403
    assert browse(officer).post("/api/v1/remediation-summaries/", {**asked, "with_costs": "true"}).status_code == 403
    assert not Job.objects.filter(kind=remediation_summaries.KIND).exists()
    assert browse(manager).post(form, asked).status_code == 302
    assert Job.objects.get(kind=remediation_summaries.KIND).asked == {"month": "2026-10", "with_costs": True}
    assert "With costs" in browse(manager).get(reverse("summary-list")).text
    assert "id_with_costs" not in browse(officer).get(reverse("summary-list")).text


def test_pdf_and_xlsx_hold_every_figure_of_the_selectors(
    costed: RemediationSummary, browse: Browse, manager: User
) -> None:
    figures = [from_document(one) for part in ("of_month", "as_made") for one in costed.document[part]]
    pdf: Any = browse(manager).get(reverse("summary-download", args=[costed.uuid]))
    text = pdf_text(pdf.getvalue()).replace("\u202f", " ")
    book: Any = browse(manager).get(reverse("summary-detail", args=[costed.uuid]), {"export": "xlsx"})
    told = list(load_workbook(io.BytesIO(book.getvalue()))["Rows"].iter_rows(min_row=2, values_only=True))
    expected = [
        (figure.title, row.label, name, None if cell.value is None else float(cell.value), figure.unit)
        for figure in figures
        for row in figure.rows
        for name, cell in zip(figure.series, row.cells, strict=True)
    ]
    assert [(one[0], one[1], one[2], None if one[3] is None else float(one[3]), one[4]) for one in told] == expected
    assert len(expected) > 200
    for figure in figures:
        assert figure.title in text
        for row in figure.rows:
            line = " ".join(
                [figure_label(row.label), *(figure_value(cell.value).replace("\u202f", " ") for cell in row.cells)]
            )
            assert line in text, (figure.key, line)


def test_a_document_is_the_same_after_a_journey_through_json(worked: list[RemediationItem]) -> None:
    document = summary_document(OCTOBER, now=datetime(2026, 11, 2, tzinfo=UTC))
    comparison = from_document(document["of_month"][0])
    assert comparison.key == "comparison"
    assert [cell.value for cell in comparison.rows[1].cells] == [3, 0, 3]
