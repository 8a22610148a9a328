"""Layouts of one freeze: the summary that keeps to its pages, the statement that nobody assures, and paper by setting."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from compliance.packs.child import render_unsigned
from compliance.packs.order import PackOrder
from compliance.packs.render import html_of
from compliance.types.canonical import canonical_json, sha256_hex
from compliance.types.pack_layouts import SUMMARY_PAGES, Layout, PageSize, gap_fault
from tests.compliance.packs.example_audit import audited, later, statement
from tests.compliance.packs.example_freeze import empty_freeze
from tests.compliance.packs.example_pack import Example
from tests.compliance.packs.test_chapters import many
from tests.compliance.packs.test_pages import _context, _text


def rendered(example: Example, freeze: Any, **order: Any) -> pikepdf.Pdf:
    given: PackOrder = {**example.order, **order}  # type: ignore[typeddict-item]  # parts of the same shape
    content = render_unsigned(
        freeze=freeze, canonical=canonical_json(freeze), order=given, keys=example.keys.folder,
        attachments=example.attachments,
    )  # fmt: skip
    return pikepdf.open(io.BytesIO(content))


@pytest.mark.parametrize("document", [empty_freeze, audited, lambda: many(300)], ids=["nothing", "example", "much"])
def test_a_summary_keeps_to_its_pages_and_to_the_standards(example: Example, document: Any) -> None:
    with rendered(example, document(), layout=Layout.SUMMARY) as pdf:
        assert len(pdf.pages) <= SUMMARY_PAGES
        assert bool(pdf.Root.MarkInfo.Marked)
        xmp = bytes(pdf.Root.Metadata.read_bytes())
        assert re.search(rb'pdfaid:part="3"', xmp)
        assert re.search(rb'pdfuaid:part="1"', xmp)
        assert "freeze.json" in pdf.attachments


@pytest.mark.parametrize(("paper", "size"), [(PageSize.A4, (595, 842)), (PageSize.LETTER, (612, 792))])
def test_paper_is_as_the_order_says(example: Example, paper: PageSize, size: tuple[int, int]) -> None:
    with rendered(example, empty_freeze(), page_size=paper, layout=Layout.SUMMARY) as pdf:
        for page in pdf.pages:
            assert (round(float(page.mediabox[2])), round(float(page.mediabox[3]))) == size


def test_a_statement_of_changes_names_its_signer_and_says_that_nobody_assures_it(order: PackOrder) -> None:
    told: PackOrder = {**order, "layout": Layout.CHANGES, "later": later(), "statement": statement()}
    text = _text(html_of(_context(audited(), told)))
    for words in (
        "Statement of changes since pack 1",
        "Not assured. Management states this. Nobody has examined it",
        "1 October 2026 – 1 November 2026",
        "digits-cnn 2026.10 took the place of 2026.09",
        "Incidents None is known to us.",
        "Tomasz Żółkiewski Head of model risk 2 November 2026, 10:05 UTC states for management",
        "7 events about this AI system were recorded",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("ends", "fault"),
    [
        ("2026-09-30", "before"),
        ("2026-10-01", ""),
        ("2026-12-31", ""),
        ("2027-01-01", "too_long"),
        ("2027-02-01", "future"),
    ],
)
def test_a_statement_speaks_of_three_months_at_most_and_of_no_day_to_come(ends: str, fault: str) -> None:
    found = gap_fault(period_end=date(2026, 9, 30), ends=date.fromisoformat(ends), today=date(2027, 1, 2))
    assert found == fault


_RENDER = """
import hashlib, sys
from pathlib import Path
import django
from django.conf import settings
settings.configure(USE_I18N=True, LANGUAGE_CODE="en", INSTALLED_APPS=[], USE_TZ=True)
django.setup()
from compliance.packs.child import render_unsigned
from compliance.types.canonical import canonical_json
from tests.compliance.packs.example_audit import audited, later
order = {order!r}
order["later"] = later()
freeze = audited()
made = render_unsigned(freeze=freeze, canonical=canonical_json(freeze), order=order, keys=Path({keys!r}),
    attachments=Path({keys!r}))
print(hashlib.sha256(made).hexdigest())
"""


@pytest.mark.parametrize("layout", ["full", "summary"])
def test_same_freeze_same_bytes_whatever_the_process_seed_zone_and_locale(example: Example, layout: str) -> None:
    order = {**example.order, "audience": str(example.order["audience"]), "layout": layout, "page_size": "A4"}
    script = _RENDER.format(order=order, keys=str(example.keys.folder))
    made = set()
    for seed, zone, locale in (("1", "Pacific/Auckland", "C"), ("4711", "America/St_Johns", "de_DE.UTF-8")):
        surroundings = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": locale, "LANG": locale}
        ran = subprocess.run(
            [sys.executable, "-c", script], env=surroundings, capture_output=True, text=True, check=False,
            cwd=Path(__file__).resolve().parents[3],
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        made.add(ran.stdout.strip())
    assert len(made) == 1
    assert made != {sha256_hex(b"")}
