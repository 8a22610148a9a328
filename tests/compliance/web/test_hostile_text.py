"""Text that is HTML, turns the direction of reading, begins a formula or is a megabyte long: kept, and shown safely everywhere.

What is filled in is found, not listed: every text column of every table that may be changed, so each field that a form
reaches is among them. A new column is in the walk by itself.
"""

from __future__ import annotations

import csv
import io
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import models
from django.urls import reverse
from django.utils.html import escape
from openpyxl import load_workbook

from compliance.management.routes import Gate, routes
from compliance.models import Answer, Assessment, Evidence, Finding, User
from compliance.models.trigger_tables import INSERT_ONLY, UNCHANGING
from compliance.oscal.export import Model
from compliance.packs.wording import visible
from compliance.selectors.table_files import LONGEST_TEXT
from compliance.services import answers, evidence, freeze_documents, freezes, leases, oscal_exports, packs
from compliance.types.spreadsheets import FORMULA_STARTS
from compliance.types.states import JobState
from tests.compliance.conftest import Browse, World
from tests.compliance.routes_world import Places, places
from tests.compliance.suppliers_on_record import reviewed
from tests.compliance.test_routes import address
from tests.compliance.web.test_every_list_as_file import lists

SCRIPT = "<script>alert(1)</script>"
IMAGE = "<img src=x onerror=alert(2)>"
HOSTILE = f"=1+1{SCRIPT}{IMAGE}“'\"&amp; \u202eevil\u202c שלום مرحبا 👩🏽‍💻 e\u0301 <!-- {{{{ x }}}} {{% y %}}"
KEPT_APART = {
    # Names by which programs find things; no form writes them.
    ("compliance", "Evidence", "storage_name"), ("compliance", "Evidence", "media_type"),
    ("compliance", "Job", "task_name"), ("compliance", "CatalogRelease", "key"), ("compliance", "User", "password"),
    ("compliance", "User", "email"), ("compliance", "Technique", "url"), ("compliance", "Mitigation", "url"),
    ("compliance", "CaseStudy", "url"), ("compliance", "JobBinding", "name_digest"),
    ("compliance", "Finding", "asset_key"), ("compliance", "Principal", "identifier"), ("scanning", "SigningKey", "pem"),
}  # fmt: skip
PAGES = [route for route in routes() if route.gate is Gate.PAGE and "GET" in route.verbs]


def text_fields() -> Iterator[tuple[type[models.Model], list[Any]]]:
    """Free text of every table that may be changed."""
    for app in ("compliance", "scanning"):
        for kind in apps.get_app_config(app).get_models():
            if kind._meta.db_table in {*INSERT_ONLY, *UNCHANGING}:
                continue
            found = [
                field
                for field in kind._meta.concrete_fields
                if isinstance(field, models.CharField | models.TextField)
                and not field.choices
                and (field.max_length is None or field.max_length >= 100)
                and (app, kind.__name__, field.name) not in KEPT_APART
            ]
            if found:
                yield kind, found


def hostile(field: models.Field[Any, Any], row: Any) -> str:
    """The text, cut to what the column holds, and told apart by row so that names stay unique."""
    mark = f" {row.pk}"
    text = HOSTILE if isinstance(field, models.TextField) or (field.max_length or 0) >= len(HOSTILE) + 20 else SCRIPT
    return text + mark


def fill() -> int:
    """Put the text into every field of every row; how many fields there were."""
    count = 0
    for kind, fields in text_fields():
        count += len(fields)
        for row in kind._default_manager.all():  # noqa: SLF001  # Django's documented API
            for field in fields:
                setattr(row, field.name, hostile(field, row))
            row.save(update_fields=[field.name for field in fields])
    return count


@pytest.fixture
def filled(world: World, officer: User, contributor: User) -> Places:
    known = places(world, officer, contributor)
    assert fill() > 80
    return known


def test_no_page_hands_text_over_as_markup(filled: Places, browse: Browse, officer: User, administrator: User) -> None:
    raw, showing = [], set()
    for user in (officer, administrator):
        client = browse(user)
        for route in PAGES:
            url = address(route, filled.own)
            assert url is not None
            response: Any = client.get(url)
            if response.status_code != 200 or response.streaming:
                continue
            page = response.content.decode("utf-8", "replace")
            if SCRIPT in page or IMAGE in page or "<!-- {{ x }}" in page:
                raw.append(url)
            if escape(SCRIPT) in page:
                showing.add(route.name)
    assert raw == []
    assert len(showing) > 30


def test_no_cell_of_any_file_begins_a_formula_and_none_loses_the_text(
    filled: Places, browse: Browse, officer: User
) -> None:
    client, wrong, whole = browse(officer), [], 0
    for _route, url, _page in lists(client, filled):
        mark = "&" if "?" in url else "?"
        answer: Any = client.get(f"{url}{mark}export=csv")
        rows = list(csv.reader(io.StringIO(answer.getvalue().decode("utf-8-sig"))))
        wrong += [f"{url}: {value[:40]}" for row in rows for value in row if value.lstrip().startswith(FORMULA_STARTS)]
        whole += sum(HOSTILE in value for row in rows for value in row)
        answer = client.get(f"{url}{mark}export=xlsx")
        assert answer.streaming, f"{url} has no XLSX"
        sheets = load_workbook(io.BytesIO(answer.getvalue())).worksheets
        wrong += [
            f"{url} (XLSX): {one.value}" for sheet in sheets for row in sheet for one in row if one.data_type == "f"
        ]
    assert [line for line in wrong if ": -" not in line] == []
    assert whole > 20


def pdf_text(path: Path) -> str:
    return subprocess.run(["pdftotext", "-raw", str(path), "-"], capture_output=True, check=True, text=True).stdout


def answered(world: World, officer: User, manager: User, browse: Browse, statement: str) -> Assessment:
    """Every question answered through its form, approved, and a supplier, a finding and evidence brought by theirs."""
    client = browse(officer)
    for answer in Answer.objects.filter(assessment=world.assessment).select_related("question", "assessment__system"):
        url = reverse("question-write", args=[world.assessment.uuid, answer.question.number])
        given = {"value": "yes", "statement": statement, "reason": statement[:5000], "version": str(answer.version)}
        assert client.post(url, given).status_code == 302
        written = Answer.objects.select_related("question", "assessment__system").get(pk=answer.pk)
        assert written.statement == statement
        evidence.link(evidence=world.log, target=written, actor=officer)
        sent = answers.submit(answer=written, actor=officer)
        answers.approve(answer=sent, actor=manager, justification=statement[:5000])
    return Assessment.objects.select_related("system", "technique").get(pk=world.assessment.pk)


def handed_in(world: World, browse: Browse, officer: User, text: str) -> None:
    """A piece of evidence with a hostile file name, and a finding, by their forms."""
    upload = io.BytesIO(b"note")
    upload.name = f"{IMAGE[:20]} \u202efdp.exe.txt"
    given = {
        "system": world.assessment.system.pk, "title": text[:300], "file": upload, "collected_how": text,
        "source_system": text[:200],
    }  # fmt: skip
    assert browse(officer).post(reverse("evidence-upload"), given).status_code == 302
    Finding.objects.filter(pk=world.finding.pk).update(condition=text, cause=text, effect=text, title=text[:500])


def test_text_survives_into_freeze_oscal_and_pdf_where_it_is_shown_and_never_acts(
    world: World, officer: User, manager: User, browse: Browse, tmp_path: Path
) -> None:
    handed_in(world, browse, officer, HOSTILE)
    reviewed(world.assessment.system, officer, name=SCRIPT, provides=HOSTILE, exceptions=HOSTILE, conclusion=HOSTILE)
    assessment = answered(world, officer, manager, browse, HOSTILE)
    freeze = freezes.freeze(assessment=assessment, actor=officer)
    document = freeze_documents.read(freeze=freeze)
    assert [row["answer"]["statement"] for row in document["questions"] if row["answer"]] == [HOSTILE] * 4
    assert Evidence.objects.filter(collected_how=HOSTILE).exists()
    for model in (Model.ASSESSMENT_PLAN, Model.ASSESSMENT_RESULTS, Model.PLAN_OF_ACTION, Model.CATALOG):
        content = b"".join(oscal_exports.oscal_of(assessment=assessment, model=model))
        assert json.loads(content)
        if model is Model.ASSESSMENT_RESULTS:
            assert "alert(1)" in content.decode()
            assert "שלום" in content.decode()
    job = leases.run_here(job=packs.request_issue(assessment=assessment, actor=officer, dispatch=False))
    assert (job.state, job.error) == (JobState.SUCCEEDED, "")
    packs.export(pack=freeze.packs.get(), out=tmp_path / "pack.pdf")
    text = pdf_text(tmp_path / "pack.pdf")
    flat = "".join(text.split())
    assert "<script>alert(1)</script>" in flat
    assert "⟨U+202E⟩" in flat
    assert "\u202e" not in text
    assert "שלום" in text or "םולש" in text  # pdftotext gives the order of reading or that of the page
    raw = (tmp_path / "pack.pdf").read_bytes()
    assert not any(word in raw for word in (b"/JavaScript", b"/Launch", b"/OpenAction"))


@pytest.mark.parametrize("word", ["word ", "x"])
def test_a_megabyte_is_kept_whole_and_frozen_and_cut_with_a_word_where_it_cannot_be_shown(
    world: World, officer: User, manager: User, browse: Browse, word: str
) -> None:
    text = (word * (1_000_000 // len(word))).strip() + f" {SCRIPT} end"
    client = browse(officer)
    supplier = reviewed(world.assessment.system, officer, provides=text).supplier
    Finding.objects.filter(pk=world.finding.pk).update(condition=text)
    for url in (
        reverse("supplier-detail", args=[supplier.uuid]),
        reverse("finding-detail", args=[world.finding.uuid]),
    ):
        page = client.get(url).content.decode()
        assert SCRIPT not in page
        assert f"{escape(SCRIPT)} end" in page
    listed: Any = client.get(f"{reverse('finding-list')}?export=csv")
    assert f"{SCRIPT} end" in listed.getvalue().decode()
    listed = client.get(f"{reverse('finding-list')}?export=xlsx")
    cells = [value for row in load_workbook(io.BytesIO(listed.getvalue())).worksheets[0].values for value in row]
    (cut,) = [value for value in cells if isinstance(value, str) and "[cut here:" in value]
    assert len(cut) <= LONGEST_TEXT
    assessment = answered(world, officer, manager, browse, "It holds.")
    freeze = freezes.freeze(assessment=assessment, actor=officer)
    document = freeze_documents.read(freeze=freeze)
    assert document["suppliers"]["records"][0]["provides"] == text
    assert text in {finding["condition"] for finding in document["findings"]}
    content = b"".join(oscal_exports.oscal_of(assessment=assessment, model=Model.ASSESSMENT_RESULTS))
    assert "alert(1)" in content.decode()
    assert len(visible(text)) < 30_000  # what a pack prints of it, with a word on the rest
    assert "characters more, see the attached data" in visible(text)


def test_an_answer_that_is_too_long_is_refused_in_a_sentence_and_what_was_typed_stays(
    world: World, officer: User, browse: Browse
) -> None:
    text = "x" * 1_000_000 + SCRIPT
    url = reverse("question-write", args=[world.assessment.uuid, 1])
    refused = browse(officer).post(url, {"value": "yes", "statement": text, "reason": "", "version": "0"})
    page = refused.content.decode()
    assert refused.status_code == 422
    assert "at most 20000 characters" in page
    assert escape(text) in page
    assert not Answer.objects.filter(statement__contains="xxx").exists()
