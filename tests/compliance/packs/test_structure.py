"""Every document on paper holds to its standards: each layout, both papers, unsealed and sealed at each level."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pikepdf
import pytest
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from compliance.packs.child import render_unsigned
from compliance.packs.order import PackOrder
from compliance.packs.render import render_pages, template_html
from compliance.types.canonical import canonical_json
from compliance.types.pack_layouts import Layout, PageSize
from compliance.types.seals import SealLevel
from tests.compliance.packs.example_audit import audited, later, statement
from tests.compliance.packs.example_pack import Example
from tests.compliance.packs.in_process import certificate, sealed
from tests.compliance.packs.other_papers import paper_of
from tests.compliance.packs.structure import elements, faults

# The largest layout is sealed at the highest level alone: what a seal adds does not depend on the pages.
LEVELS = {
    Layout.FULL: (SealLevel.B_LTA,),
    Layout.SUMMARY: (SealLevel.B_T, SealLevel.B_LT),
    Layout.CHANGES: tuple(SealLevel),
}


def _rendered(example: Example, layout: Layout, paper: PageSize) -> bytes:
    order: PackOrder = {**example.order, "layout": layout, "page_size": paper, "later": later()}
    if layout is Layout.CHANGES:
        order["statement"] = statement()
    freeze = audited()
    return render_unsigned(
        freeze=freeze, canonical=canonical_json(freeze), order=order, keys=example.keys.folder,
        attachments=example.attachments,
    )  # fmt: skip


def _read(path: Path) -> tuple[str, str]:
    checked = subprocess.run(["qpdf", "--check", path], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    signed = subprocess.run(["pdfsig", path], capture_output=True, text=True, check=False).stdout
    counted = subprocess.run(["pdfinfo", path], capture_output=True, text=True, check=True).stdout
    return signed, counted


@pytest.mark.parametrize("paper", PageSize)
@pytest.mark.parametrize("layout", Layout)
def test_a_pack_holds_to_its_standards_before_and_after_its_seal(
    example: Example, layout: Layout, paper: PageSize, tmp_path: Path
) -> None:
    unsigned, path = _rendered(example, layout, paper), tmp_path / "pack.pdf"
    path.write_bytes(unsigned)
    signed, told = _read(path)
    assert "does not contain any signatures" in signed
    pages = int(told.split("Pages:")[1].split()[0])
    with pikepdf.open(io.BytesIO(unsigned)) as pdf:
        assert faults(pdf, pages=pages, is_sealed=False) == []
    for level in LEVELS[layout]:
        path.write_bytes(sealed(unsigned, example.keys, level=level))
        signed, _told = _read(path)
        assert "Signature is Valid" in signed
        with pikepdf.open(path) as pdf:
            assert faults(pdf, pages=pages, is_sealed=True) == []
        context = ValidationContext(trust_roots=[certificate(example.keys.root)], allow_fetching=False)
        with path.open("rb") as file:
            seal = PdfFileReader(file).embedded_regular_signatures[0]
            assert validate_pdf_signature(seal, context, skip_diff=True).bottom_line


def test_what_is_asserted_can_fail(example: Example) -> None:
    with pikepdf.open(io.BytesIO(_rendered(example, Layout.CHANGES, PageSize.A4))) as pdf:
        pages = len(pdf.pages)
        for figure in elements(pdf.Root.StructTreeRoot):
            figure.S = pikepdf.Name.Figure
            break
        del pdf.Root.Lang, pdf.Root.PageLabels
        pdf.Root.AF.append(pdf.Root.AF[0])
        pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String("app.alert(1)"))
        told = " ".join(faults(pdf, pages=pages + 1, is_sealed=False))
    for words in (
        "a figure without words",
        "no language",
        "no labels",
        "not listed once",
        "/OpenAction",
        "another number",
    ):
        assert words in told


@pytest.mark.parametrize("layout", ["certificate", "month"])
def test_documents_without_a_seal_hold_to_them_too(layout: str) -> None:
    template, context = paper_of(layout)
    made = render_pages(template_html(template, context), identifier=b"one")
    assert made == render_pages(template_html(template, context), identifier=b"one")
    with pikepdf.open(io.BytesIO(made)) as pdf:
        assert faults(pdf, pages=len(pdf.pages), is_sealed=False) == []
