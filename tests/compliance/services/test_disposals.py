"""Disposal runs: proposed, decided by another, purged whole, and every chain as it was."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.files.storage import storages

from compliance.models import (
    AISystem,
    DisposalRun,
    Evidence,
    EvidencePack,
    Freeze,
    JobEvent,
    LedgerEvent,
    RetentionTerms,
    Tombstone,
    User,
)
from compliance.services import disposals, job_log, leases, ledger, rehash, retention, stored_files
from compliance.services import evidence as evidences
from compliance.services.errors import RefusedError
from compliance.types.canonical import digest_of
from compliance.types.retention import SHIPPED, ItemState, RunState
from compliance.types.states import EvidenceState, RetentionClass
from tests.compliance import tests_of_controls
from tests.compliance.conftest import World
from tests.compliance.records import evidence, log_events, state_bases

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 27)


@pytest.fixture(autouse=True)
def evidence_folder(settings: LazySettings, tmp_path: Path) -> Path:
    options = {"location": str(tmp_path / "evidence")}
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "evidence": storage}
    return tmp_path / "evidence"


@pytest.fixture(autouse=True)
def stated_bases(db: None) -> None:
    state_bases(None)


def test_nothing_goes_on_a_basis_that_nobody_stated(system: AISystem, officer: User, manager: User) -> None:
    piece = old(system, b"log")
    RetentionTerms.objects.create(
        key="standard", version=9, title="Standard", months=84, starts="last_use", kinds=[],
        legal_basis=SHIPPED[RetentionClass.STANDARD].legal_basis,
    )  # fmt: skip
    run = proposed(officer)
    with pytest.raises(RefusedError, match="Nobody stated the legal basis of the class “Standard”"):
        disposals.approve(run=run, actor=manager, dispatch=False)
    run.refresh_from_db()
    assert (run.state, Evidence.objects.get(pk=piece.pk).state) == (RunState.PROPOSED, piece.state)
    disposals.refuse(run=run, note="The basis comes first.", actor=manager)
    state_bases(officer)
    assert disposed(proposed(officer), manager).state == RunState.COMPLETED


def old(system: AISystem, content: bytes, actor: User | None = None) -> Evidence:
    kept = evidence(system, content, actor=actor, title="Log of Ada Lovelace", filename="ada.json")
    Evidence.objects.filter(pk=kept.pk).update(
        created_at=datetime(2015, 3, 1, tzinfo=UTC), collected_how="Asked Ada.", executed_by="ada@example.test"
    )
    return Evidence.objects.get(pk=kept.pk)


def proposed(actor: User | None = None) -> DisposalRun:
    run = disposals.propose(actor=actor, today=TODAY)
    assert run is not None
    return run


def disposed(run: DisposalRun, by: User, **given: object) -> DisposalRun:
    job = disposals.approve(run=run, actor=by, dispatch=False, **given)  # type: ignore[arg-type]
    leases.run_here(job=job)
    assert job.error == ""
    run.refresh_from_db()
    return run


def test_a_piece_goes_whole_and_leaves_its_tombstone(system: AISystem, officer: User, manager: User) -> None:
    kept = old(system, b"gone", officer)
    run = disposed(proposed(officer), manager)
    kept.refresh_from_db()
    tomb = Tombstone.objects.get(evidence=kept)
    assert (run.state, kept.state) == (RunState.COMPLETED, EvidenceState.DISPOSED)
    assert (tomb.sha256, tomb.size, tomb.approved_by) == (kept.sha256, 4, manager)
    assert not stored_files.exists(kept.storage_name)
    row = json.dumps(Evidence.objects.filter(pk=kept.pk).values().get(), default=str)
    assert "ada" not in row.casefold()
    with pytest.raises(RefusedError, match=r"disposed of on .* under “Standard”, version 2"):
        evidences.open_bytes(evidence=kept)


def test_the_certificate_says_what_went_on_which_basis_and_where_the_ledger_has_it(
    system: AISystem, officer: User, manager: User
) -> None:
    kept = old(system, b"gone")
    run = disposed(proposed(officer), manager)
    assert run.certificate_sha256 == digest_of(run.certificate)
    (line,) = run.certificate["pieces"]
    assert (line["sha256"], line["state"], line["bytes_deleted"]) == (kept.sha256, "disposed", True)
    assert line["legal_basis"] == "Section 147 of the tax code."
    assert line["ledger"]["position"] > 0
    completed = LedgerEvent.objects.get(kind="disposal.completed").entry.payload
    assert completed["certificate_sha256"] == run.certificate_sha256
    assert "Ada" not in json.dumps(run.certificate)
    ledger.seal()
    assert ledger.verify().is_intact


def test_nobody_decides_on_a_run_that_they_proposed(system: AISystem, officer: User, manager: User) -> None:
    old(system, b"gone")
    run = proposed(officer)
    with pytest.raises(RefusedError, match="somebody else"):
        disposals.approve(run=run, actor=officer)
    with pytest.raises(RefusedError, match="somebody else"):
        disposals.refuse(run=run, note="No.", actor=officer)
    disposals.refuse(run=run, note="The auditor may come back.", actor=manager)
    with pytest.raises(RefusedError, match="already"):
        disposals.approve(run=run, actor=manager)
    assert Evidence.objects.get().state == EvidenceState.ACCEPTED
    assert proposed().items.count() == 1  # a refused one may be proposed again


def test_assay_proposes_and_any_one_person_with_the_right_may_approve(system: AISystem, officer: User) -> None:
    old(system, b"gone")
    run = proposed()
    assert run.proposed_by is None
    assert disposals.propose(actor=None, today=TODAY) is None  # nothing is in two open runs
    assert disposed(run, officer).state == RunState.COMPLETED


def test_pieces_are_taken_out_of_a_run_with_a_reason(system: AISystem, officer: User) -> None:
    first, second = old(system, b"1"), old(system, b"2")
    run = proposed()
    with pytest.raises(RefusedError, match="why"):
        disposals.approve(run=run, keep=[first.uuid], actor=officer)
    run = disposed(run, officer, keep=[first.uuid], note="Needed once more.")
    assert stored_files.exists(first.storage_name)
    assert not stored_files.exists(second.storage_name)
    assert dict(run.items.values_list("evidence", "state")) == {first.pk: "kept", second.pk: "disposed"}
    assert (run.certificate["disposed"], run.certificate["kept"]) == (1, 1)


def test_a_hold_placed_after_the_approval_still_stops_it(system: AISystem, officer: User) -> None:
    kept = old(system, b"held")
    job = disposals.approve(run=proposed(), actor=officer, dispatch=False)
    retention.place_hold(title="Case", reason="Claim.", evidence=kept, actor=officer)
    leases.run_here(job=job)
    run = DisposalRun.objects.get()
    assert (run.state, run.items.get().state) == (RunState.COMPLETED, ItemState.HELD)
    assert evidences.is_unaltered(evidence=Evidence.objects.get())


def test_bytes_stay_while_another_record_rests_on_them(system: AISystem, other_system: AISystem, officer: User) -> None:
    kept, twin = old(system, b"same"), evidence(other_system, b"same", actor=officer)
    run = disposed(proposed(), officer)
    item = run.items.get()
    assert (item.evidence, item.bytes_deleted) == (kept, False)
    assert evidences.is_unaltered(evidence=twin)
    assert "Another record" in item.note


@pytest.mark.parametrize("by", ["freeze", "register", "pack"])
def test_freezes_and_packs_are_exempt(world: World, officer: User, by: str) -> None:
    """Whatever goes, no file that a freeze or an issued pack rests on goes with it."""
    name, sha256, size, _head = evidences.store_bytes(stream=io.BytesIO(b"shared"))
    register = {"job-log.jsonl": {"storage_name": name, "sha256": sha256}} if by == "register" else {}
    freeze = Freeze.objects.create(
        assessment=world.assessment,
        sha256="0" * 64 if by != "freeze" else sha256,
        storage_name="x" if by != "freeze" else name,
        attachments=register,
        frozen_by=officer,
    )
    if by == "pack":
        EvidencePack.objects.create(
            freeze=freeze, number=1, storage_name=name, sha256=sha256, size=size, receipt={}, issued_by=officer
        )
    kept = old(world.assessment.system, b"shared")
    run = disposed(proposed(), officer)
    assert run.items.get(evidence=kept).bytes_deleted is False
    assert stored_files.exists(name)


def test_the_raw_records_go_and_the_root_of_the_import_stays(system: AISystem, officer: User) -> None:
    kept = old(system, b"log")
    events = log_events(system, kept, 25)
    JobEvent.objects.filter(pk=events[0].pk).update(source_address="192.0.2.7", session="ada@example.test")
    source = events[0].source_uuid
    before = job_log.rows_root(source_uuid=source)
    disposed(proposed(), officer)
    assert job_log.rows_root(source_uuid=source) == before
    assert set(JobEvent.objects.values_list("session", "source_address")) == {("", "")}
    assert all(event.raw == {} and event.is_purged for event in JobEvent.objects.all())
    assert Tombstone.objects.get().records == 25


def test_an_altered_leaf_of_a_purged_record_is_noticed(system: AISystem, officer: User) -> None:
    kept = old(system, b"log")
    source = log_events(system, kept, 3)[0].source_uuid
    before = job_log.rows_root(source_uuid=source)
    disposed(proposed(), officer)
    JobEvent.objects.filter(pk=JobEvent.objects.order_by("pk")[0].pk).update(purged_leaf="0" * 64)
    assert job_log.rows_root(source_uuid=source) != before


@pytest.mark.parametrize("at", ["the raw records", "the tombstone", "the file", "the certificate"])
def test_a_run_that_broke_off_goes_on_and_leaves_nothing_half_done(
    system: AISystem, officer: User, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, other = old(system, b"log"), old(system, b"other")
    log_events(system, kept, 5)
    step = {
        "the raw records": "_purge_records",
        "the tombstone": "_forget_names",
        "the file": "_remove_file",
        "the certificate": "_certificate",
    }[at]
    job = disposals.approve(run=proposed(), actor=officer, dispatch=False)

    def died(*_given: object, **_named: object) -> None:
        raise RuntimeError("the power went")

    with monkeypatch.context() as broken:
        broken.setattr(disposals, step, died)
        leases.run_here(job=job)
    run = DisposalRun.objects.get()
    assert run.state == RunState.APPROVED
    for item in run.items.select_related("evidence"):
        tombs = Tombstone.objects.filter(evidence=item.evidence).count()
        assert (item.evidence.state == EvidenceState.DISPOSED) is bool(tombs)  # never one without the other
        assert tombs or stored_files.exists(item.evidence.storage_name)
    leases.run_here(job=disposals.go_on(run=run, actor=officer, dispatch=False))
    run.refresh_from_db()
    assert run.state == RunState.COMPLETED
    assert set(run.items.values_list("state", "bytes_deleted")) == {("disposed", True)}
    assert not stored_files.exists(kept.storage_name)
    assert not stored_files.exists(other.storage_name)
    assert LedgerEvent.objects.filter(kind="evidence.disposed").count() == 2


def test_bytes_on_which_a_population_rests_stay_and_are_hashed_again(
    world: World, auditor: User, officer: User, manager: User
) -> None:
    population = tests_of_controls.audit(world, auditor, officer).population
    piece = old(world.assessment.system, tests_of_controls.TICKETS)
    assert piece.storage_name == population.source_storage
    disposed(proposed(officer), manager)
    assert Evidence.objects.get(pk=piece.pk).state == EvidenceState.DISPOSED
    assert stored_files.exists(population.source_storage)
    kept = rehash.stored()
    assert (kept[population.source_storage], kept[population.storage_name]) == (
        population.source_sha256,
        population.sha256,
    )


def test_only_an_approved_run_whose_job_ended_goes_on(system: AISystem, officer: User) -> None:
    old(system, b"gone")
    run = proposed()
    with pytest.raises(RefusedError, match="approved"):
        disposals.go_on(run=run, actor=officer)
    disposals.approve(run=run, actor=officer, dispatch=False)
    with pytest.raises(RefusedError, match="under way"):
        disposals.go_on(run=run, actor=officer)


def test_the_same_bytes_are_not_taken_again_for_the_same_system(
    system: AISystem, other_system: AISystem, officer: User
) -> None:
    kept = old(system, b"gone")
    disposed(proposed(), officer)
    with pytest.raises(RefusedError, match="not taken again"):
        evidence(system, b"gone", actor=officer)
    assert not stored_files.exists(kept.storage_name)
    assert evidences.is_unaltered(evidence=evidence(other_system, b"gone", actor=officer))


def test_disposed_evidence_is_attached_nowhere(world: World, officer: User) -> None:
    kept = old(world.assessment.system, b"gone")
    disposed(proposed(), officer)
    kept.refresh_from_db()
    with pytest.raises(RefusedError, match="no longer kept"):
        evidences.link(evidence=kept, target=world.assessment.answers.all()[0], actor=officer)


def test_bytes_that_come_while_they_go_are_kept(
    system: AISystem, other_system: AISystem, officer: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The upload's file is there, then a disposal elsewhere takes it away before the upload is on record."""
    kept = old(system, b"same")
    lock = stored_files.lock

    def slow(sha256: str) -> None:
        monkeypatch.setattr(stored_files, "lock", lock)
        storages["evidence"].delete(kept.storage_name)
        lock(sha256)

    monkeypatch.setattr(stored_files, "lock", slow)
    twin = evidence(other_system, b"same", actor=officer)
    assert evidences.is_unaltered(evidence=twin)
