"""The PDF itself: standards, structure, attachments, sameness, and that two other programs accept it."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from weasyprint import HTML

from compliance.packs.issue import IssuedPack
from compliance.packs.order import PackOrder, attached
from compliance.packs.receipt import read_receipt
from compliance.packs.render import RenderError, _enlarged, _PackFetcher, nothing_left_out
from compliance.packs.seal import SealError, refuse_active_content
from compliance.types.canonical import canonical_json
from tests.compliance.packs.example_freeze import empty_freeze
from tests.compliance.packs.example_pack import Example


@pytest.fixture(scope="module")
def pdf(issued: IssuedPack) -> Iterator[pikepdf.Pdf]:
    with pikepdf.open(issued.pack) as opened:
        yield opened


def _elements(node: Any) -> Iterator[Any]:
    if isinstance(node, pikepdf.Dictionary):
        yield node
        kids: Any = node.get("/K", [])
        for kid in kids if isinstance(kids, pikepdf.Array) else [kids]:
            yield from _elements(kid)


def test_two_processes_render_the_same_bytes(issued: IssuedPack, unsigned: bytes) -> None:
    assert issued.unsigned_sha256 == hashlib.sha256(unsigned).hexdigest()


def test_the_catalogue_says_tagged_language_and_title(pdf: pikepdf.Pdf) -> None:
    assert bool(pdf.Root.MarkInfo.Marked)
    assert str(pdf.Root.Lang) == "en"
    assert bool(pdf.Root.ViewerPreferences.DisplayDocTitle)
    assert "/StructTreeRoot" in pdf.Root
    assert len(pdf.Root.OutputIntents) == 1
    assert "/ID" in pdf.trailer
    assert "/Encrypt" not in pdf.trailer
    assert len(pdf.Root.Outlines.keys()) > 0


def test_xmp_claims_pdf_a_3a_and_pdf_ua_1(pdf: pikepdf.Pdf) -> None:
    xmp = bytes(pdf.Root.Metadata.read_bytes())
    assert re.search(rb'pdfaid:part="3"', xmp)
    assert re.search(rb'pdfaid:conformance="A"', xmp)
    assert re.search(rb'pdfuaid:part="1"', xmp)
    assert xmp.count(b"</rdf:RDF>") == 1


def test_all_fonts_are_embedded_and_only_bundled_ones_used(pdf: pikepdf.Pdf) -> None:
    names = set()
    for found in pdf.objects:
        if isinstance(found, pikepdf.Dictionary) and found.get("/Type") == "/FontDescriptor":
            names.add(str(found.FontName).rpartition("+")[2])
            assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(found.keys())
    assert {"Noto-Sans", "Noto-Sans-Arabic", "Droid-Sans-Fallback"} <= names
    assert all(name.startswith(("Noto", "Droid")) for name in names)


def test_every_figure_has_words_for_those_who_cannot_see_it(pdf: pikepdf.Pdf) -> None:
    figures = [e for e in _elements(pdf.Root.StructTreeRoot) if e.get("/S") == "/Figure"]
    assert len(figures) >= 3
    assert all(str(figure.get("/Alt", "")) for figure in figures)


def test_tables_have_header_cells_and_headings_are_tagged(pdf: pikepdf.Pdf) -> None:
    kinds = {str(element.get("/S")) for element in _elements(pdf.Root.StructTreeRoot) if "/S" in element}
    assert {"/Table", "/TH", "/TD", "/H1", "/H2", "/L", "/Link"} <= kinds


def test_each_attachment_is_listed_once_with_its_relationship(pdf: pikepdf.Pdf) -> None:
    names = [str(name) for name in pdf.Root.Names.EmbeddedFiles.Names[0::2]]
    assert names == sorted(names)
    kinds = {str(spec.UF): str(spec.AFRelationship) for spec in pdf.Root.AF}
    assert kinds == {
        "freeze.json": "/Source",
        "evidence-register.csv": "/Data",
        "entitlements.jsonl": "/Data",
        "access-review.jsonl": "/Data",
        "completeness.jsonl": "/Data",
        "job-events.jsonl": "/Data",
        "entitlements.csv": "/Data",
        "access-review.csv": "/Data",
        "completeness.csv": "/Data",
        "job-events.csv": "/Data",
        **{
            f"{name}.{form}": "/Data"
            for name in ("file-scans", "findings", "remediation-items", "risks", "closings")
            for form in ("jsonl", "csv")
        },
        "scans.jsonl": "/Data",
        "assay_verify.py": "/Supplement",
        "manifest.json": "/Supplement",
    }
    assert len(pdf.Root.AF) == len(kinds)


def test_manifest_names_every_attachment_by_digest(pdf: pikepdf.Pdf, example: Example, issued: IssuedPack) -> None:
    files = {name: spec.get_file().read_bytes() for name, spec in pdf.attachments.items()}
    manifest = json.loads(files.pop("manifest.json"))
    assert {e["name"]: e["sha256"] for e in manifest["attachments"]} == {
        name: hashlib.sha256(content).hexdigest() for name, content in files.items()
    }
    assert files["freeze.json"] == example.document.read_bytes()
    assert manifest["pack_id"] == example.order["pack_id"]
    assert manifest["signer"]["certificate_sha256"] == issued.receipt["signer_certificate_sha256"]
    assert manifest["counts"]["job_events"] == 41
    assert manifest["ledger"] == example.freeze["ledger"]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", " =", "\u3000@"])
def test_a_formula_in_the_register_is_defused(example: Example, start: str) -> None:
    from compliance.packs.manifest import evidence_register

    freeze = {**example.freeze, "evidence": [{**example.freeze["evidence"][0], "title": f"{start}cmd|' /C calc'!A0"}]}
    (row,) = csv.DictReader(io.StringIO(evidence_register(freeze).decode(), newline=""))  # type: ignore[arg-type]  # same shape
    assert row["title"] == f"'{start}cmd|' /C calc'!A0"


def test_nothing_acts_and_only_links_lie_over_pages(pdf: pikepdf.Pdf, unsigned: bytes) -> None:
    refuse_active_content(unsigned)
    assert not {"/OpenAction", "/AA", "/OCProperties"} & set(pdf.Root.keys())
    assert "/JavaScript" not in pdf.Root.Names


@pytest.mark.parametrize("key", ["/OpenAction", "/AcroForm", "/OCProperties"])
def test_a_file_that_could_act_is_not_sealed(unsigned: bytes, key: str) -> None:
    with pikepdf.open(io.BytesIO(unsigned)) as opened:
        opened.Root[key] = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS=pikepdf.String("app.alert(1)"))
        buffer = io.BytesIO()
        opened.save(buffer)
    with pytest.raises(SealError, match=key):
        refuse_active_content(buffer.getvalue())


def test_each_page_names_pack_data_hash_and_its_number(issued: IssuedPack, example: Example) -> None:
    text = subprocess.run(["pdftotext", "-layout", issued.pack, "-"], capture_output=True, text=True, check=True).stdout
    pages = text.rstrip("\f").split("\f")
    digest = issued.receipt["freeze_sha256"]
    for number, page in enumerate(pages, 1):
        assert f"page {number} of {len(pages)}" in page
        assert f"{example.order['pack_id']} · version 2" in page
        assert f"{digest[:4]} {digest[4:8]}" in page
        assert "Demonstration data" in page


def test_qpdf_and_pdfsig_accept_the_pack(issued: IssuedPack) -> None:
    checked = subprocess.run(["qpdf", "--check", issued.pack], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    shown = subprocess.run(["pdfsig", issued.pack], capture_output=True, text=True, check=False).stdout
    assert "Signature Validation: Signature is Valid." in shown
    assert "Total document signed" in shown


def test_the_receipt_is_of_the_file(issued: IssuedPack) -> None:
    signed = read_receipt(issued.receipt_file.read_bytes())
    receipt = signed.receipt
    assert signed.problem is None
    assert receipt["sha256"] == hashlib.sha256(issued.pack.read_bytes()).hexdigest()
    assert receipt["demonstration"] is True


@pytest.mark.parametrize(
    "markup",
    [
        '<img src="file:///etc/hostname">',
        '<img src="https://example.org/x.png">',
        '<link rel="attachment" href="file:///etc/hostname">',
        '<style>@import url("https://example.org/x.css");</style>',
        '<p style="background: url(data:image/png;base64,AAAA)">x</p>',
        '<svg><image href="file:///etc/hostname"/></svg>',
    ],
)
def test_nothing_outside_the_pack_is_fetched(markup: str) -> None:
    with (
        pytest.raises(RenderError, match=r"which is no part of the pack|the pages would not be whole"),
        nothing_left_out(),
    ):
        HTML(string=markup, base_url=None, url_fetcher=_PackFetcher({})).write_pdf()


def test_a_hostile_document_is_rendered_within_its_limits(order: PackOrder, example: Example, tmp_path: Path) -> None:
    freeze = empty_freeze()
    freeze["assessment"]["scope"] = "a" * 199_000 + "\u202e" * 900
    freeze["assessment"]["exclusions"] = "<div>" * 30_000
    document = tmp_path / "freeze.json"
    document.write_bytes(canonical_json(freeze))
    hostile = Example(freeze, document, tmp_path, example.keys, order)
    assert hostile.issue(tmp_path).receipt["size"] > 0


@pytest.mark.parametrize("png", ["", "aGVsbG8=", base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\0" * 40).decode()])
def test_a_picture_that_is_none_is_refused(png: str) -> None:
    with pytest.raises(RenderError, match="picture 1-1-1 is no readable PNG"):
        _enlarged("1-1-1", png)


def test_two_attachments_of_one_name_are_refused() -> None:
    from compliance.packs.manifest import AttachmentError, entries

    file = attached(b"", name="a.csv", media_type="text/csv", description="", relationship="Data")
    with pytest.raises(AttachmentError, match=r"two attached files are called a\.csv"):
        entries([file, file])


@pytest.mark.parametrize("name", ["../x", "manifest.json", "", "a b", "x" * 101])
def test_unsafe_attachment_names_are_refused(name: str) -> None:
    from compliance.packs.manifest import AttachmentError, entries

    with pytest.raises(AttachmentError, match="is no name for an attached file"):
        entries([attached(b"", name=name, media_type="text/csv", description="", relationship="Data")])
