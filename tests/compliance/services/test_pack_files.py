"""What goes with a pack: files for other programs in the PDF, large registers and originals in a ZIP that it names."""

from __future__ import annotations

import csv
import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import bagit
import pikepdf
import pytest
from django.core.files.storage import storages
from django.test import Client
from django.urls import reverse

from compliance.models import Evidence, EvidencePack, Freeze, Job, User
from compliance.oscal.export_checks import check_document
from compliance.packs import registers
from compliance.services import evidence as evidences
from compliance.services import freezes, handling, jobs, leases, pack_files, pack_releases, packs, rehash, stored_files
from compliance.types.canonical import sha256_hex
from compliance.types.drafts import Progress
from compliance.types.handling import HandlingLabel, Recipient
from compliance.types.states import Audience, JobState
from tests.compliance.conftest import World
from tests.compliance.records import evidence
from tests.compliance.services.test_freezes import approve_all

pytestmark = pytest.mark.django_db


@pytest.fixture
def opinion(world: World, officer: User) -> Evidence:
    kept = evidence(
        world.assessment.system, b"what counsel says", actor=officer, title="Opinion", filename="opinion.pdf"
    )
    evidences.link(evidence=kept, target=world.assessment.answers.all()[0], actor=officer)
    return kept


@pytest.fixture
def frozen(world: World, opinion: Evidence, officer: User, manager: User) -> Freeze:
    return freezes.freeze(assessment=approve_all(world, officer, manager), actor=officer)


def job_of(frozen: Freeze, actor: User, **asked: Any) -> Job:
    return leases.run_here(job=packs.request_issue(assessment=frozen.assessment, actor=actor, dispatch=False, **asked))


def issued(frozen: Freeze, actor: User, **asked: Any) -> EvidencePack:
    job = job_of(frozen, actor, **asked)
    assert (job.state, job.error) == (JobState.SUCCEEDED, "")
    return EvidencePack.objects.get(uuid=job.result["pack"])


def attached(pack: EvidencePack, folder: Path) -> dict[str, bytes]:
    packs.export(pack=pack, out=folder / "pack.pdf")
    with pikepdf.open(folder / "pack.pdf") as pdf:
        return {name: spec.get_file().read_bytes() for name, spec in pdf.attachments.items()}


def unpacked(folder: Path) -> bagit.Bag:
    with zipfile.ZipFile(folder / "pack.files.zip") as opened:
        opened.extractall(folder / "files")
        (name,) = {entry.split("/")[0] for entry in opened.namelist()}
    return bagit.Bag(str(folder / "files" / name))


def index_of(bag: bagit.Bag) -> list[dict[str, str]]:
    with Path(bag.path, "data", "index.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_pdf_holds_each_register_as_frozen_and_as_a_table_and_oscal(
    frozen: Freeze, world: World, officer: User, tmp_path: Path
) -> None:
    files = attached(issued(frozen, officer), tmp_path)
    manifest = {entry["name"]: entry for entry in json.loads(files["manifest.json"])["attachments"]}
    log = manifest["job-events.jsonl"]
    assert (log["rows"], log["sha256"]) == (len(world.events), frozen.attachments["job-events.jsonl"]["sha256"])
    assert manifest["job-events.csv"]["made_from"] == log["sha256"]
    rows = list(csv.DictReader(files["job-events.csv"].decode().splitlines()))
    assert len(rows) == manifest["job-events.csv"]["rows"] == len(world.events)
    for name in ("assessment-plan", "assessment-results", "plan-of-action-and-milestones"):
        document = json.loads(files[f"{name}.json"])
        check_document(document)
        assert list(document) == [name]
    plan = sha256_hex(files["assessment-plan.json"])
    assert plan in files["assessment-results.json"].decode()


def _is_fetched(pack: EvidencePack, officer: User, contributor: User, client: Client) -> None:
    client.force_login(officer)
    answer = client.get(reverse("pack-files", args=[pack.uuid]), follow=True)
    assert answer.streaming
    assert sha256_hex(b"".join(answer)) == pack.bag_sha256
    assert answer["Content-Disposition"].endswith('-files.zip"')
    assert pack.handovers.count() == 1
    client.force_login(contributor)
    assert client.get(reverse("pack-files", args=[pack.uuid])).status_code == 403


def test_original_files_lie_in_a_bag_that_the_manifest_names(
    frozen: Freeze, world: World, opinion: Evidence, officer: User, contributor: User, client: Client, tmp_path: Path
) -> None:
    pack = issued(frozen, officer)
    beside = json.loads(attached(pack, tmp_path)["manifest.json"])["beside"]
    archive = (tmp_path / "pack.files.zip").read_bytes()
    assert (beside["sha256"], beside["size"], beside["files"]) == (sha256_hex(archive), len(archive), pack.bag_files)
    assert (pack.bag_sha256, pack.bag_size) == (beside["sha256"], beside["size"])
    bag = unpacked(tmp_path)
    assert bag.validate()
    lines = {line["evidence"]: line for line in index_of(bag)}
    assert len(lines) == frozen.assessment.system.evidence.count()
    for piece in (world.log, opinion):
        line = lines[str(piece.uuid)]
        assert Path(bag.path, "data", line["path"]).read_bytes() == evidences.open_bytes(evidence=piece).read()
        assert (line["sha256"], line["filename"]) == (piece.sha256, piece.filename)
    assert lines[str(opinion.uuid)]["path"].split("/")[0] in {"controls", "questions"}
    assert packs.verify(pack=tmp_path / "pack.pdf", receipt=tmp_path / "pack.receipt.json").is_genuine
    assert rehash.stored()[pack.bag_storage_name] == pack.bag_sha256
    assert stored_files.is_needed(name=pack.bag_storage_name, sha256=pack.bag_sha256)
    _is_fetched(pack, officer, contributor, client)


def test_a_large_register_lies_in_the_bag_and_not_in_the_pdf(
    frozen: Freeze, world: World, officer: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registers, "MOST_ROWS", 1)
    job = packs.request_issue(assessment=frozen.assessment, actor=officer, with_originals=False, dispatch=False)
    job = leases.run_here(job=job)
    # The child counts by its own limit, under which the register is small enough: it attaches what also lies beside.
    assert job.state == JobState.SUCCEEDED, job.error
    pack = EvidencePack.objects.get(uuid=job.result["pack"])
    packs.export(pack=pack, out=tmp_path / "pack.pdf")
    bag = unpacked(tmp_path)
    assert bag.validate()
    frozen_lines = Path(bag.path, "data", "registers", "job-events.jsonl").read_bytes()
    assert sha256_hex(frozen_lines) == frozen.attachments["job-events.jsonl"]["sha256"]
    table = Path(bag.path, "data", "registers", "job-events.csv").read_text(encoding="utf-8")
    assert len(list(csv.reader(table.splitlines()))) == 1 + len(world.events)


def test_a_handling_label_keeps_a_file_out_and_the_index_says_why(
    world: World, opinion: Evidence, officer: User, manager: User, tmp_path: Path
) -> None:
    labels = {HandlingLabel.PRIVILEGED: opinion}
    for label in (HandlingLabel.INTERNAL, HandlingLabel.NDA):
        labels[label] = evidence(
            world.assessment.system, f"secret {label}".encode(), actor=officer, filename=f"{label}-opinion.txt"
        )
    frozen = freezes.freeze(assessment=approve_all(world, officer, manager), actor=officer)
    for label, piece in labels.items():
        handling.label(target=piece, handling=label, region="", reason="Counsel.", actor=officer)
    packs.export(pack=issued(frozen, officer), out=tmp_path / "pack.pdf")
    bag = unpacked(tmp_path)
    lines = {line["evidence"]: line for line in index_of(bag)}
    for label, piece in labels.items():
        line = lines[str(piece.uuid)]
        assert (line["path"], f"({label.value})" in line["left out because"]) == ("", True)
    assert not any("opinion" in path for path in bag.payload_entries())


def test_external_recipients_get_no_original_file(frozen: Freeze, officer: User, manager: User, tmp_path: Path) -> None:
    pack = issued(frozen, officer, audience=Audience.EXTERNAL, recipient=Recipient(name="Customer AG"))
    assert (pack.bag_files, pack.bag_storage_name) == (0, "")
    pack_releases.release(pack=pack, actor=manager)
    assert "beside" not in json.loads(attached(pack, tmp_path)["manifest.json"])
    assert not (tmp_path / "pack.files.zip").exists()


def test_an_original_that_is_not_what_it_was_ends_the_pack(frozen: Freeze, opinion: Evidence, officer: User) -> None:
    path = Path(storages["evidence"].path(opinion.storage_name))
    before = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(b"what counsel never said")
    try:
        job = job_of(frozen, officer)
    finally:
        path.write_bytes(before)
    assert (job.state, "“opinion.pdf” no longer match their SHA-256" in job.error) == (JobState.FAILED, True)
    assert not EvidencePack.objects.exists()


def test_a_pack_without_a_zip_answers_with_nothing(frozen: Freeze, officer: User, client: Client) -> None:
    pack = issued(frozen, officer, with_originals=False)
    assert (pack.bag_files, pack.bag_storage_name) == (0, "")
    client.force_login(officer)
    assert client.get(reverse("pack-files", args=[pack.uuid])).status_code == 404
    assert client.get(f"/api/packs/{pack.uuid}/files/").status_code in {401, 404}


def test_a_record_too_large_for_oscal_says_so_on_its_pages(
    frozen: Freeze, officer: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack_files, "MOST_OSCAL_RECORDS", 0)
    files = attached(issued(frozen, officer, with_originals=False), tmp_path)
    assert not {name for name in files if name.startswith(("assessment-", "plan-of"))}
    text = subprocess.run(["pdftotext", tmp_path / "pack.pdf", "-"], capture_output=True, text=True, check=True).stdout
    assert "too large for OSCAL documents" in " ".join(text.split())


def test_a_pack_is_told_by_chapter_and_page_and_ends_when_it_is_cancelled(frozen: Freeze, officer: User) -> None:
    job = packs.request_issue(assessment=frozen.assessment, actor=officer, dispatch=False)
    seen: list[str] = []

    def watch(progress: Progress) -> None:
        seen.append(progress.stage)
        if progress.stage in {"Pages", "Seal"}:
            jobs.cancel(job=Job.objects.get(pk=job.pk), actor=officer)

    job = leases.run_here(job=job, on_progress=watch)
    assert job.state == JobState.CANCELLED
    assert list(dict.fromkeys(seen))[:2] == ["Registers", "Original files"]
    assert {"Pages", "Seal"} & set(seen)
    assert not EvidencePack.objects.exists()
