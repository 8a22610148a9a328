"""Documents on their way into the record: whole or not at all, once, with the rejected bytes kept."""

from __future__ import annotations

import json
import random
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings

from compliance.models import (
    AISystem,
    EntitlementSnapshot,
    Evidence,
    Finding,
    JobEvent,
    JobStep,
    LedgerEvent,
    Observation,
    Principal,
)
from compliance.oscal.catalog_files import SHIPPED
from compliance.services import catalogs, job_log, jobs, leases
from compliance.services.jobs import JobCancelledError
from compliance.types.drafts import Progress
from compliance.types.errors import UnknownFormatError
from compliance.types.states import EvidenceState, JobState
from scanning import intake
from scanning.models import Import, ImportReject, StagedRow
from scanning.services import imports, staging
from tests.bench.cloudtrail import training_job, write_log
from tests.bench.fuzz_parsers import known_samples

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def evidence_folder(settings: LazySettings, tmp_path: Path) -> None:
    options = {"location": str(tmp_path / "evidence")}
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "evidence": storage}


@pytest.fixture
def system() -> AISystem:
    return AISystem.objects.create(name="Fraud model")


def log_of(tmp_path: Path, events: int, seed: int = 7) -> bytes:
    return write_log(tmp_path / "log.json", events=events, seed=seed).read_bytes()


def received(system: AISystem, content: bytes, filename: str = "log.json", requested_format: str = "") -> Import:
    return intake.receive(
        system=system, stream=BytesIO(content), filename=filename, requested_format=requested_format,
        actor=None, dispatch=False,
    )  # fmt: skip


def imported(system: AISystem, content: bytes, filename: str = "log.json", requested_format: str = "") -> Import:
    document = received(system, content, filename, requested_format)
    leases.run_here(job=document.job)
    document.refresh_from_db()
    document.evidence.refresh_from_db()
    return document


def test_log_becomes_job_events(system: AISystem, tmp_path: Path) -> None:
    document = imported(system, log_of(tmp_path, 25))
    assert (document.job.state, document.format) == (JobState.SUCCEEDED, "cloudtrail")
    assert (document.read, document.recorded, document.duplicates, document.rejected) == (25, 25, 0, 0)
    assert document.evidence.state == EvidenceState.ACCEPTED
    event = JobEvent.objects.get(job_name="fraud-model-000010")
    assert (event.action, event.outcome, event.role.rpartition("/")[2]) == (
        "sagemaker:CreateTrainingJob", "denied", "TrainingSubmitter",
    )  # fmt: skip
    assert event.raw["requestParameters"]["trainingJobName"] == "fraud-model-000010"
    assert event.inputs[0]["uri"].startswith("s3://example-training/")
    assert event.actor is not None
    assert event.occurred_at.isoformat() == "2026-07-01T00:06:10+00:00"
    assert Principal.objects.count() <= 6
    assert not StagedRow.objects.exists()


def test_import_is_one_ledger_event_with_the_root_of_its_rows(system: AISystem, tmp_path: Path) -> None:
    document = imported(system, log_of(tmp_path, 12))
    (event,) = LedgerEvent.objects.filter(kind="import.published", subject_uuid=document.uuid)
    assert event.entry.payload["rows"] == 12
    assert event.entry.payload["rows_root"] == document.rows_root
    assert imports.is_unaltered(document=document)


@pytest.mark.parametrize("change", [{"outcome": "success"}, {"raw": {}}, {"job_name": "another"}, {"account": "1"}])
def test_altered_row_is_noticed(system: AISystem, tmp_path: Path, change: dict[str, Any]) -> None:
    document = imported(system, log_of(tmp_path, 12))
    denied = JobEvent.objects.filter(outcome="denied")
    assert denied.update(**change) == 1
    assert not imports.is_unaltered(document=document)


def test_removed_row_is_noticed(system: AISystem, tmp_path: Path) -> None:
    document = imported(system, log_of(tmp_path, 3))
    JobEvent.objects.filter(job_name="fraud-model-000001").delete()
    assert not imports.is_unaltered(document=document)


def test_second_import_of_the_same_bytes_records_nothing_twice(system: AISystem, tmp_path: Path) -> None:
    first = imported(system, log_of(tmp_path, 9))
    second = imported(system, log_of(tmp_path, 9))
    assert (second.recorded, second.duplicates) == (0, 9)
    assert JobEvent.objects.count() == 9
    assert Evidence.objects.count() == 1
    assert imports.is_unaltered(document=first)
    assert imports.is_unaltered(document=second)


def test_event_twice_in_one_document_is_recorded_once(system: AISystem, tmp_path: Path) -> None:
    records = json.loads(log_of(tmp_path, 4))["Records"]
    document = imported(system, json.dumps({"Records": [*records, records[2]]}).encode())
    assert (document.recorded, document.duplicates) == (4, 1)
    assert imports.is_unaltered(document=document)


def test_same_event_may_be_in_the_logs_of_two_systems(system: AISystem, tmp_path: Path) -> None:
    other = AISystem.objects.create(name="Another")
    assert imported(system, log_of(tmp_path, 2)).recorded == 2
    assert imported(other, log_of(tmp_path, 2)).recorded == 2


@pytest.mark.parametrize(
    ("filename", "content", "words"),
    [
        ("empty.json", b"", "empty.json is empty"),
        ("picture.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 64, "picture.png is of no format"),
        ("cut.json", None, "cut.json"),
        ("broken.json.gz", b"\x1f\x8b\x08\0garbage", "broken.json.gz"),
        ("utf16.json", '{"Records":[]}'.encode("utf-16"), "utf16.json"),
    ],
)
def test_unusable_file_is_kept_as_rejected_evidence(
    system: AISystem, tmp_path: Path, filename: str, content: bytes | None, words: str
) -> None:
    document = imported(system, log_of(tmp_path, 30)[:-500] if content is None else content, filename)
    assert document.job.state == JobState.FAILED
    assert words in document.job.error
    assert (document.evidence.state, document.evidence.rejection) == (EvidenceState.REJECTED, document.job.error)
    assert not JobEvent.objects.exists()
    assert not StagedRow.objects.exists()
    assert document.published_at is None


def test_format_that_nobody_reads_is_refused_before_a_byte_is_kept(system: AISystem) -> None:
    with pytest.raises(UnknownFormatError, match="cloudtrail"):
        received(system, b"{}", requested_format="parquet")
    assert not Evidence.objects.exists()


def test_bad_record_is_rejected_with_its_place_and_the_rest_goes_on(system: AISystem, tmp_path: Path) -> None:
    records = json.loads(log_of(tmp_path, 5))["Records"]
    records[3]["eventTime"] = "yesterday"
    document = imported(system, json.dumps({"Records": records}).encode())
    assert (document.job.state, document.recorded, document.rejected) == (JobState.SUCCEEDED, 4, 1)
    reject = ImportReject.objects.get(document_import=document)
    assert "yesterday" in reject.reason
    assert reject.locator


def test_altered_bytes_in_the_store_are_never_published(system: AISystem, tmp_path: Path) -> None:
    document = received(system, log_of(tmp_path, 3))
    stored = tmp_path / "evidence" / document.evidence.storage_name
    stored.chmod(0o600)
    stored.write_bytes(log_of(tmp_path, 3, seed=8))
    leases.run_here(job=document.job)
    assert "no longer match" in document.job.error
    assert not JobEvent.objects.exists()


def test_import_goes_on_where_it_was_cut_off(
    system: AISystem, tmp_path: Path, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.IMPORT_CHUNK_ROWS = 4
    document = received(system, log_of(tmp_path, 22))
    flush = staging.Stager.flush
    written: list[int] = []

    def counted(stager: staging.Stager) -> None:
        if len(written) == 3:
            raise SystemExit  # as abrupt as a test in one process can be; tests/e2e kills real workers
        flush(stager)
        written.append(1)

    with monkeypatch.context() as patch:
        patch.setattr(staging.Stager, "flush", counted)
        with pytest.raises(SystemExit):
            imports.perform(job_id=document.job_id)
    assert StagedRow.objects.filter(document_import=document).count() == 12
    assert not JobEvent.objects.exists()
    document.job.__class__.objects.filter(pk=document.job_id).update(state=JobState.QUEUED, lease_owner="")
    leases.run_here(job=document.job)
    document.refresh_from_db()
    assert (document.job.state, document.recorded, JobEvent.objects.count()) == (JobState.SUCCEEDED, 22, 22)
    assert list(JobStep.objects.filter(job=document.job).values_list("n", flat=True)) == [1, 2, 3, 4, 5, 6]


def test_cancelled_import_publishes_nothing_and_is_swept(
    system: AISystem, tmp_path: Path, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.IMPORT_CHUNK_ROWS = 4
    document = received(system, log_of(tmp_path, 22))

    def cancelled(_keeper: leases.LeaseKeeper, progress: Progress) -> None:
        if progress.stage == "Publishing":
            jobs.cancel(job=document.job, actor=None)
            raise JobCancelledError

    monkeypatch.setattr(leases.LeaseKeeper, "progress", cancelled)
    leases.run_here(job=document.job)
    assert document.job.state == JobState.CANCELLED
    assert not JobEvent.objects.exists()
    assert StagedRow.objects.count() == 22
    imports.sweep()
    assert not StagedRow.objects.exists()


def test_publishing_is_undone_when_the_lease_was_lost(
    system: AISystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = received(system, log_of(tmp_path, 5))
    publish = job_log.publish

    def robbed(**arguments: Any) -> None:
        publish(**arguments)
        document.job.__class__.objects.filter(pk=document.job_id).update(lease_owner="another worker")

    monkeypatch.setattr(job_log, "publish", robbed)
    imports.perform(job_id=document.job_id)
    assert not JobEvent.objects.exists()
    assert not LedgerEvent.objects.filter(kind="import.published").exists()
    assert StagedRow.objects.count() == 5


def test_import_takes_a_new_plan_when_another_was_quicker(
    system: AISystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rival = tmp_path / "rival"
    rival.mkdir()
    document = received(system, log_of(tmp_path, 6))
    other = received(system, log_of(rival, 2), "rival.json")
    plan = job_log.plan
    calls: list[int] = []

    def late(**arguments: Any) -> job_log.Plan:
        calls.append(1)
        made = plan(**arguments)
        if len(calls) == 1:
            leases.run_here(job=other.job)
        return made

    monkeypatch.setattr(job_log, "plan", late)
    leases.run_here(job=document.job)
    document.refresh_from_db()
    assert (document.job.state, document.recorded, document.duplicates) == (JobState.SUCCEEDED, 4, 2)
    assert imports.is_unaltered(document=document)


def test_distinct_events_for_distinct_numbers() -> None:
    chance = random.Random(1)
    identifiers = {training_job(n, chance)["eventID"] for n in range(50)}
    assert len(identifiers) == 50


def tables_of(system: AISystem) -> tuple[list[Any], ...]:
    """All that imports leave in the tables of a system, but for which import came first."""
    return (
        sorted(
            JobEvent.objects.filter(system=system).values_list(
                "fingerprint", "action", "outcome", "job_id", "raw_sha256"
            )
        ),
        sorted(
            Observation.objects.filter(system=system).values_list("fingerprint", "verdict", "asset_name", "raw_sha256")
        ),
        sorted(EntitlementSnapshot.objects.filter(system=system).values_list("fingerprint", flat=True)),
        sorted(
            Finding.objects.filter(system=system).values_list(
                "asset_key", "target__control_id", "rule_fingerprint", "state"
            )
        ),
    )


def test_documents_of_every_format_in_any_order_and_number_leave_the_same_tables() -> None:
    catalogs.load(folder=SHIPPED, apply=True, actor=None)
    first_of_each = list(dict(reversed(known_samples())).items())
    orders = [first_of_each, random.Random(5).sample(first_of_each * 2, k=2 * len(first_of_each))]
    found = []
    for number, order in enumerate(orders):
        system = AISystem.objects.create(name=f"Order {number}")
        for name, path in order:
            if name != "generic_log":
                imported(system, path.read_bytes(), path.name, name)
        found.append(tables_of(system))
    assert found[0] == found[1]
    assert all(found[0])
