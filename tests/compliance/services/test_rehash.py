"""Stored files hashed again: each night's share, what differs said loudly, and going on after a break."""

from __future__ import annotations

import io
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.storage import storages
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from compliance.models import AISystem, Evidence, FileCheck, Freeze, LedgerEvent, RehashRun, User
from compliance.selectors.file_checks import bad_checks, file_figures
from compliance.selectors.overview import overview
from compliance.selectors.pre_audit import pre_audit_checks
from compliance.services import evidence as evidences
from compliance.services import leases, rehash
from compliance.types.pre_audit import PreAuditCheck
from tests.compliance.conftest import Browse, World
from tests.compliance.records import evidence

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def evidence_folder(settings: Settings, tmp_path: Path) -> None:
    options = {"location": str(tmp_path / "evidence")}
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "evidence": storage}
    settings.REHASH_BYTES_PER_SECOND = 10**9


def ran(*, whole: bool = True) -> RehashRun:
    run = rehash.begin(actor=None, whole=whole, dispatch=False)
    assert run.job is not None
    assert leases.run_here(job=run.job).error == ""
    run.refresh_from_db()
    return run


def file_of(piece: Evidence) -> Path:
    return Path(storages["evidence"].path(piece.storage_name))


def alter(piece: Evidence) -> None:
    file_of(piece).chmod(0o600)
    file_of(piece).write_bytes(b"other bytes")


def test_everything_is_hashed_and_counted(system: AISystem) -> None:
    pieces = [evidence(system, f"{n}".encode(), actor=None) for n in range(3)]
    run = ran()
    assert (run.checked, run.altered, run.missing, run.bytes_read) == (3, 0, 0, 3)
    assert {check.sha256 for check in FileCheck.objects.all()} == {piece.sha256 for piece in pieces}
    assert run.finished_at is not None
    assert LedgerEvent.objects.get(kind="files.rehashed").entry.payload["files"] == 3


def test_altered_and_missing_files_are_found_and_told_once(system: AISystem) -> None:
    altered, missing, _fine = (evidence(system, text, actor=None) for text in (b"a", b"b", b"c"))
    alter(altered)
    file_of(missing).unlink()
    run = ran()
    assert (run.altered, run.missing) == (1, 1)
    assert {(check.sha256, check.state) for check in bad_checks()} == {
        (altered.sha256, "altered"),
        (missing.sha256, "missing"),
    }
    ran()
    assert LedgerEvent.objects.filter(kind="file.found").count() == 2


def test_a_restored_file_is_told_too(system: AISystem) -> None:
    piece = evidence(system, b"a", actor=None)
    alter(piece)
    ran()
    file_of(piece).write_bytes(b"a")
    ran()
    assert not bad_checks().exists()
    states = [event.entry.payload["state"] for event in LedgerEvent.objects.filter(kind="file.found").order_by("pk")]
    assert states == ["altered", "unaltered"]


def test_the_nights_share_covers_everything_within_the_days(system: AISystem, settings: Settings) -> None:
    settings.REHASH_DAYS = 4
    for n in range(10):
        evidence(system, f"{n}".encode(), actor=None)
    counts = [ran(whole=False).checked for _night in range(4)]
    assert counts == [3, 3, 3, 3]
    assert FileCheck.objects.count() == 10
    assert file_figures().unchecked == 0


def test_files_checked_longest_ago_come_first(system: AISystem, settings: Settings) -> None:
    settings.REHASH_DAYS = 2
    pieces = [evidence(system, f"{n}".encode(), actor=None) for n in range(2)]
    ran()
    FileCheck.objects.filter(sha256=pieces[1].sha256).update(checked_at=timezone.now() - timedelta(days=9))
    run = ran(whole=False)
    assert [check.sha256 for check in run.checks.all()] == [pieces[1].sha256]


def test_freezes_and_their_registers_are_files_of_the_record(world: World, officer: User) -> None:
    name, sha256, _size, _head = evidences.store_bytes(stream=io.BytesIO(b"document"))
    blob, blob_sha256, _size, _head = evidences.store_bytes(stream=io.BytesIO(b"register"))
    Freeze.objects.create(
        assessment=world.assessment, sha256=sha256, storage_name=name, frozen_by=officer,
        attachments={"log.jsonl": {"storage_name": blob, "sha256": blob_sha256}},
    )  # fmt: skip
    assert rehash.stored().items() >= {name: sha256, blob: blob_sha256}.items()


def test_a_run_that_broke_off_goes_on_with_the_next_file(
    system: AISystem, officer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(5):
        evidence(system, f"{n}".encode(), actor=None)
    look = rehash.look
    seen: list[str] = []

    def twice(name: str, sha256: str, keeper: leases.LeaseKeeper | None = None) -> rehash.Found:
        if len(seen) == 2:
            raise OSError("the disk went away")
        seen.append(name)
        return look(name, sha256, keeper)

    run = rehash.begin(actor=None, whole=True, dispatch=False)
    assert run.job is not None
    with monkeypatch.context() as broken:
        broken.setattr(rehash, "look", twice)
        job = leases.run_here(job=run.job)
    assert job.state == "failed"
    type(job).objects.filter(pk=job.pk).update(state="queued", lease_owner="", error="")
    job.refresh_from_db()
    leases.run_here(job=job)
    run.refresh_from_db()
    assert (run.checked, FileCheck.objects.count(), RehashRun.objects.count()) == (5, 5, 1)


def test_one_run_at_a_time(system: AISystem) -> None:
    evidence(system, b"a", actor=None)
    first = rehash.begin(actor=None, dispatch=False)
    assert rehash.begin(actor=None, whole=True, dispatch=False) == first


def test_reading_is_throttled(system: AISystem, settings: Settings) -> None:
    settings.REHASH_BYTES_PER_SECOND = 10_000
    evidence(system, b"x" * 3_000, actor=None)
    began = time.monotonic()
    ran()
    assert time.monotonic() - began >= 0.3


# The alarm ------------------------------------------------------------------------------------------------------------


def test_an_altered_file_is_the_first_thing_on_the_overview_and_open_before_an_audit(
    world: World, officer: User, contributor: User
) -> None:
    alter(world.log)
    ran()
    first = overview(officer).urgent[0]
    assert (first.url, "1 stored file" in first.sentence) == (reverse("rehash-list"), True)
    assert all(one.url != reverse("rehash-list") for one in overview(contributor).urgent)
    (line,) = [one for one in pre_audit_checks(world.assessment) if one.check is PreAuditCheck.EVIDENCE_ALTERED]
    assert "was found altered" in line.open[0].sentence
    others = [one for one in pre_audit_checks(world.other_assessment) if one.check is PreAuditCheck.EVIDENCE_ALTERED]
    assert others[0].open == ()


def test_the_page_says_what_is_wrong_and_starts_a_run(browse: Browse, officer: User, world: World) -> None:
    alter(world.log)
    run = ran()
    client = browse(officer)
    said = client.get(reverse("rehash-list")).content.decode()
    assert "Files are not what the record says of them" in said
    assert client.get(reverse("rehash-run", args=[run.uuid])).status_code == 200
    assert client.post(reverse("rehash-begin")).status_code == 302
    assert RehashRun.objects.count() == 2
