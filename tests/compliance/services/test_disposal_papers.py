"""The certificate of a disposal as a PDF: drawn in the child, kept by its digest, fetched by those who see disposals."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.urls import reverse
from pypdf import PdfReader

from compliance.models import AISystem, DisposalRun, Evidence, Job, LedgerEvent, User
from compliance.services import disposal_papers, disposals, leases, rehash, stored_files
from compliance.services.errors import RefusedError
from compliance.types.canonical import sha256_hex
from compliance.types.states import JobState
from tests.compliance.conftest import Browse
from tests.compliance.records import evidence, log_events, state_bases

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def evidence_folder(settings: LazySettings, tmp_path: Path) -> None:
    options = {"location": str(tmp_path / "evidence")}
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "evidence": storage}


@pytest.fixture
def pieces(system: AISystem, officer: User) -> list[Evidence]:
    state_bases(officer)
    kept = [evidence(system, b"log %d" % n, title=f"Log of Ada {n}", actor=officer) for n in range(3)]
    log_events(system, kept[0], 4)
    Evidence.objects.update(created_at=datetime(2015, 3, 1, tzinfo=UTC))
    return kept


@pytest.fixture
def completed(pieces: list[Evidence], officer: User, manager: User) -> DisposalRun:
    run = disposals.propose(actor=officer, today=date(2026, 11, 27))
    assert run is not None
    note = "The <b>third</b> is needed once more, says \u202eOlive."
    leases.run_here(job=disposals.approve(run=run, keep=[pieces[2].uuid], note=note, actor=manager, dispatch=False))
    return DisposalRun.objects.get()


@pytest.fixture
def drawn(completed: DisposalRun) -> DisposalRun:
    assert completed.paper_job is not None  # queued by the run itself
    job = leases.run_here(job=completed.paper_job)
    assert job.state == JobState.SUCCEEDED, job.error
    return DisposalRun.objects.get()


def content_of(browse: Browse, user: User, run: DisposalRun) -> bytes:
    answer = browse(user).get(reverse("disposal-paper", args=[run.uuid]))
    assert answer["Content-Disposition"] == f'attachment; filename="disposal-certificate-{str(run.uuid)[:8]}.pdf"'
    return bytes(answer.getvalue())


def test_the_pdf_says_what_the_certificate_says(
    drawn: DisposalRun, pieces: list[Evidence], browse: Browse, officer: User, manager: User
) -> None:
    content = content_of(browse, officer, drawn)
    assert (sha256_hex(content), len(content)) == (drawn.paper_sha256, drawn.paper_size)
    reader = PdfReader(io.BytesIO(content))
    text = " ".join(" ".join(page.extract_text() for page in reader.pages).split())
    packed = text.replace(" ", "")
    assert reader.metadata is not None
    assert reader.metadata.title == f"Certificate of disposal {drawn.uuid}"
    assert drawn.certificate_sha256 in packed
    assert all(piece.sha256 in packed for piece in pieces)
    for words in ("disposed of: 2", "that stay: 1", officer.name, manager.name, "Section 147 of the tax code.",
                  "raw records: 4", "<b>third</b>", "bytes deleted"):  # fmt: skip
        assert words in text
    assert "Ada" not in text


def test_the_ledger_has_its_digest_and_the_file_is_hashed_again_and_stays(drawn: DisposalRun) -> None:
    told = LedgerEvent.objects.get(kind="disposal.certificate_drawn").entry.payload
    assert (told["sha256"], told["certificate_sha256"]) == (drawn.paper_sha256, drawn.certificate_sha256)
    assert rehash.stored()[drawn.paper_storage] == drawn.paper_sha256
    assert stored_files.is_needed(name=drawn.paper_storage, sha256=drawn.paper_sha256)


def test_it_is_drawn_once_and_only_of_a_completed_run(drawn: DisposalRun, officer: User) -> None:
    with pytest.raises(RefusedError, match="there already"):
        disposal_papers.request(run=drawn, actor=officer)
    waiting = DisposalRun.objects.create(proposed_by=officer, due_by=date(2026, 1, 1))
    with pytest.raises(RefusedError, match="Only a completed run"):
        disposal_papers.request(run=waiting, actor=officer)


def test_a_drawing_that_failed_can_be_asked_for_again(completed: DisposalRun, browse: Browse, manager: User) -> None:
    with pytest.raises(RefusedError, match="on its way"):
        disposal_papers.request(run=completed, actor=manager)
    assert completed.paper_job is not None
    Job.objects.filter(pk=completed.paper_job.pk).update(state=JobState.FAILED)
    client, url = browse(manager), reverse("disposal-detail", args=[completed.uuid])
    assert "Draw the certificate as PDF" in client.get(url).content.decode()
    assert client.get(reverse("disposal-paper", args=[completed.uuid])).status_code == 404
    client.post(reverse("disposal-draw", args=[completed.uuid]))
    fresh = DisposalRun.objects.get()
    assert fresh.paper_job_id != completed.paper_job_id
    assert fresh.paper_job is not None
    leases.run_here(job=fresh.paper_job)
    assert "Certificate as PDF" in client.get(url).content.decode()


def test_it_is_fetched_over_the_api_by_those_who_see_disposals(
    drawn: DisposalRun, browse: Browse, officer: User, contributor: User, auditor: User
) -> None:
    url = f"/api/v1/disposal-runs/{drawn.uuid}/certificate-pdf/"
    answer = browse(officer).get(url)
    assert sha256_hex(answer.getvalue()) == drawn.paper_sha256
    for user in (contributor, auditor):
        assert browse(user).get(url).status_code == 403
        assert browse(user).get(reverse("disposal-paper", args=[drawn.uuid])).status_code == 403


def test_it_is_drawn_for_the_paper_that_is_set_and_names_classes_by_their_titles(
    completed: DisposalRun, settings: LazySettings, browse: Browse, officer: User
) -> None:
    settings.PACK_PAPER = "A3"
    assert completed.paper_job is not None
    assert "PACK_PAPER is “A3”" in leases.run_here(job=completed.paper_job).error
    settings.PACK_PAPER = "letter"
    leases.run_here(job=disposal_papers.request(run=completed, actor=officer, dispatch=False))
    page = PdfReader(io.BytesIO(content_of(browse, officer, DisposalRun.objects.get()))).pages[0]
    assert round(float(page.mediabox.width)) == 612
    assert "Standard, version" in " ".join(page.extract_text().split())
    assert "Rows 1–3 of 3: the table is whole." in page.extract_text()
