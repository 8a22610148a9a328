"""Every document on paper holds to its standards: each layout, both papers, unsealed and sealed at each level."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable
from functools import cache, partial
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

# Each level is sealed on one paper: what a seal adds does not depend on the paper.
PAPERS = {SealLevel.B_T: PageSize.A4, SealLevel.B_LT: PageSize.LETTER, SealLevel.B_LTA: PageSize.A4}
Rendered = Callable[[Layout, PageSize], bytes]


@pytest.fixture(scope="module")
def rendered(example: Example) -> Rendered:
    """Each document is drawn once for all levels."""
    return cache(partial(_rendered, example))


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
def test_a_pack_holds_to_its_standards_before_its_seal(
    rendered: Rendered, layout: Layout, paper: PageSize, tmp_path: Path
) -> None:
    unsigned, path = rendered(layout, paper), tmp_path / "pack.pdf"
    path.write_bytes(unsigned)
    signed, told = _read(path)
    assert "does not contain any signatures" in signed
    with pikepdf.open(io.BytesIO(unsigned)) as pdf:
        assert faults(pdf, pages=int(told.split("Pages:")[1].split()[0]), is_sealed=False) == []


@pytest.mark.parametrize("level", SealLevel)
@pytest.mark.parametrize("layout", Layout)
def test_every_layout_holds_to_its_standards_sealed_at_every_level(
    example: Example, rendered: Rendered, layout: Layout, level: SealLevel, tmp_path: Path
) -> None:
    unsigned, path = rendered(layout, PAPERS[level]), tmp_path / "pack.pdf"
    path.write_bytes(sealed(unsigned, example.keys, level=level))
    signed, told = _read(path)
    assert "Signature is Valid" in signed
    with pikepdf.open(path) as pdf:
        assert faults(pdf, pages=int(told.split("Pages:")[1].split()[0]), is_sealed=True) == []
    context = ValidationContext(trust_roots=[certificate(example.keys.root)], allow_fetching=False)
    with path.open("rb") as file:
        reader = PdfFileReader(file)
        assert validate_pdf_signature(reader.embedded_regular_signatures[0], context, skip_diff=True).bottom_line
        assert ("/DSS" in reader.root) is (level is not SealLevel.B_T)
        assert bool(reader.embedded_timestamp_signatures) is (level is SealLevel.B_LTA)


def test_what_is_asserted_can_fail(rendered: Rendered) -> None:
    with pikepdf.open(io.BytesIO(rendered(Layout.CHANGES, PageSize.A4))) as pdf:
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
