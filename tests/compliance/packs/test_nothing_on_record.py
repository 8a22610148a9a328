"""Documents of an organisation with nothing on record say so: no empty chart, no lone mark, no page with a heading alone."""

from __future__ import annotations

import io
import re
from typing import Any

import pikepdf
import pytest
from pypdf import PdfReader

from compliance.packs.certificate_child import _TEMPLATE
from compliance.packs.child import render_unsigned
from compliance.packs.order import PackOrder
from compliance.packs.render import html_of, render_pages, template_html
from compliance.packs.summary_child import summary_html
from compliance.types.canonical import canonical_json
from compliance.types.figures import Cell, Drawn, Figure, Row, as_document
from compliance.types.pack_layouts import Layout, PageSize
from tests.compliance.packs.example_audit import audited, later, statement
from tests.compliance.packs.example_freeze import empty_freeze
from tests.compliance.packs.example_pack import Example
from tests.compliance.packs.other_papers import paper_of
from tests.compliance.packs.test_pages import _context, _text

FEWEST_WORDS = 12
HOLLOW = re.compile(r"\bNone\b(?! of| is known)|\bnan\b|\bNo row\.|; ;|, ,|\( ?\)|>\s*[;,]\s*<")


def ordered(order: PackOrder, **more: Any) -> PackOrder:
    given: Any = {**order, "later": later(0), "statement": statement(), **more}
    given["later"] |= {"events": 0, "acts": [], "findings": [], "findings_total": 0}
    made: PackOrder = given
    return made


@pytest.mark.parametrize("layout", Layout)
def test_no_layout_prints_a_value_that_is_not_there(order: PackOrder, layout: Layout) -> None:
    page = html_of(_context(empty_freeze(), ordered(order, layout=layout)))
    body = page[page.index("<body") :]
    assert HOLLOW.findall(body) == []
    assert "<tbody></tbody>" not in re.sub(r"\s", "", body)
    if layout is not Layout.SUMMARY:
        assert "no event about this AI system was recorded" in _text(page)


def test_each_register_that_is_empty_is_told(order: PackOrder) -> None:
    text = _text(html_of(_context(empty_freeze(), ordered(order))))
    for words in (
        "No evidence was collected for this assessment.",
        "No model version is on record.",
        "No dataset is on record.",
        "Coverage is told of model versions, and there is none: nothing was tested.",
        "No model was scanned in the period.",
        "No file was scanned.",
        "No job event is on record for the period.",
        "there is no model version that could have been tested",
        "No risk is on record. No remediation item is on record. No closing is on record.",
        "No waiver of a scanner rule is on record.",
    ):
        assert words in text
    assert "see the coverage table" not in text


def test_evidence_whose_source_is_not_stated_says_so(order: PackOrder) -> None:
    freeze: Any = audited()
    freeze["evidence"] = [{**one, "source": "", "collected_how": ""} for one in freeze["evidence"]]
    page = html_of(_context(freeze, order))
    assert page.count("source not stated; how it was collected is not stated") == len(freeze["evidence"])
    assert "stay with the organisation; whoever is shown one" in page


def words_by_page(content: bytes) -> list[int]:
    """How many words stand on each page, but for head and foot."""
    return [len(page.extract_text().split()) - 22 for page in PdfReader(io.BytesIO(content)).pages]


@pytest.mark.parametrize("paper", PageSize)
def test_no_page_holds_a_heading_alone(example: Example, paper: PageSize) -> None:
    freeze: Any = empty_freeze()
    full: Any = audited()
    # Twenty-five scans have more figures than one page of the list of figures holds.
    freeze |= {name: full[name] for name in ("models", "coverage")} | {"scans": full["scans"] * 25}
    content = render_unsigned(
        freeze=freeze, canonical=canonical_json(freeze), order=ordered(example.order, page_size=paper),
        keys=example.keys.folder, attachments=example.attachments,
    )  # fmt: skip
    assert [n for n, words in enumerate(words_by_page(content), 1) if words < FEWEST_WORDS] == []


def blank(rows: int, drawn: Drawn = Drawn.GROUPED) -> dict[str, Any]:
    lines = tuple(Row(label=f"2026-10-{n + 1:02}", cells=(Cell(0), Cell(None))) for n in range(rows))
    return as_document(
        Figure(key="k", title="Opened", lead="Opened in each week.", head="Week", series=("a", "b"), rows=lines,
               unit="items", drawn=drawn)
    )  # fmt: skip


def month_of(*figures: dict[str, Any]) -> dict[str, Any]:
    _template, context = paper_of("month")
    return {**context["summary"], "of_month": list(figures), "as_made": []}


def test_a_month_without_anything_has_no_empty_chart_and_no_pages_of_zeros() -> None:
    text = _text(summary_html(month_of(blank(24)), PageSize.A4))
    assert "Nothing to tell: all 24 rows from 1 Oct 2026 on are 0 or not known." in text
    page = summary_html(month_of(blank(24), blank(4)), PageSize.A4)
    assert "<svg" not in page
    assert page.count("<table") == 2  # facts, and the short one, in which each row says its zero
    told = blank(24)
    told["rows"][3]["cells"][0]["value"] = 1
    assert "<svg" in summary_html(month_of(told), PageSize.A4)


@pytest.mark.parametrize(("paper", "width"), [(PageSize.A4, 595), (PageSize.LETTER, 612)])
def test_months_and_certificates_are_drawn_for_the_paper_that_is_set(paper: PageSize, width: int) -> None:
    month = summary_html(month_of(blank(3)), paper)
    template, context = paper_of("certificate")
    for page in (month, template_html(template, {**context, "page_size": paper})):
        with pikepdf.open(io.BytesIO(render_pages(page, identifier=b"one"))) as pdf:
            assert {round(float(one.mediabox[2])) for one in pdf.pages} == {width}


def test_a_certificate_counts_its_rows_and_leaves_no_cell_empty() -> None:
    _template, context = paper_of("certificate")
    kept = {
        **context["pieces"][0],
        "state": "kept",
        "state_words": "Kept by the decision",
        "purged": None,
        "ledger": None,
    }
    page = template_html(_TEMPLATE, {**context, "pieces": [*context["pieces"][:2], kept]})
    assert "Rows 1–3 of 3: the table is whole." in _text(page)
    assert not re.search(r"<td>\s*</td>", page)
    assert page.count("<td>–</td>") == 1


def test_no_head_of_a_month_is_broken_within_a_word() -> None:
    heads = ("Weeks planned", "Weeks taken", "Items", "Items closed", "Person-days planned", "Person-days spent")
    row = Row(label="Cryptographic provenance of training data and of whatever was made of it", cells=(Cell(0),) * 6)
    figure = Figure(key="k", title="T", lead="L", head="Task", series=heads, rows=(row,) * 3, unit="items")
    made = render_pages(summary_html(month_of(as_document(figure)), PageSize.LETTER), identifier=b"one")
    assert PdfReader(io.BytesIO(made)).pages[0].extract_text().split().count("Items") == 2
