"""Scans with the real instruments in their isolated children: what is recorded, and what a failure says."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings

from compliance.models import AISystem, Evidence, LedgerEvent, ModelVersion, Observation
from compliance.services import evidence, inventory, jobs, leases
from compliance.services.errors import RefusedError
from compliance.types.canonical import sha256_hex
from compliance.types.drafts import ScanReport
from compliance.types.states import EvidenceState, JobState, ModelOrigin
from scanning.models import Scan
from scanning.services import isolated, scans
from tests.e2e.test_kill import make_model

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def evidence_folder(settings: LazySettings, tmp_path: Path) -> None:
    options = {"location": str(tmp_path / "evidence")}
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "evidence": storage}


@pytest.fixture
def system() -> AISystem:
    return AISystem.objects.create(name="Reader of digits")


def kept(system: AISystem, content: bytes, filename: str) -> Evidence:
    return evidence.receive(system=system, stream=BytesIO(content), filename=filename, title=filename, received_by=None)


def version_of(system: AISystem, content: bytes, filename: str) -> ModelVersion:
    return inventory.register_model_version(
        system=system, name="Reader", label=sha256_hex(content)[:8], evidence=kept(system, content, filename),
        origin=ModelOrigin.OWN, supplier="", parent=None, actor=None,
    )  # fmt: skip


def scanned(version: ModelVersion, kind: str = Scan.FILE, held_out: Evidence | None = None, *detectors: str) -> Scan:
    scan = scans.request_scan(
        model_version=version, kind=kind, detectors=detectors, held_out=held_out, actor=None, dispatch=False
    )
    leases.run_here(job=scan.job)
    scan.refresh_from_db()
    return scan


@pytest.fixture
def small_model(system: AISystem, tmp_path: Path) -> tuple[ModelVersion, Evidence]:
    model, held_out = make_model(tmp_path)
    return version_of(system, model.read_bytes(), model.name), kept(system, held_out.read_bytes(), held_out.name)


def test_detection_scan_records_what_each_instrument_saw(small_model: tuple[ModelVersion, Evidence]) -> None:
    version, held_out = small_model
    scan = scanned(version, Scan.DETECTION, held_out, "neural_cleanse")
    assert (scan.job.state, scan.job.error) == (JobState.SUCCEEDED, "")
    assert scan.verdict == "inconclusive"  # an untrained model labels nothing as given
    seen = Observation.objects.filter(source_uuid=scan.uuid)
    assert {row.rule: row.verdict for row in seen} == {"file-scan": "nothing_found", "neural_cleanse": "inconclusive"}
    assert {row.model_version for row in seen} == {version}
    stage = seen.get(rule="neural_cleanse")
    assert stage.facts["scan"]["model_sha256"] == version.digest
    version.refresh_from_db()
    assert (version.format, len(version.architecture_digest)) == ("safetensors", 64)
    assert LedgerEvent.objects.filter(kind="scan.finished", subject_uuid=scan.uuid).count() == 1


def test_stage_that_lacks_its_input_is_not_applicable_and_starts_no_child(
    small_model: tuple[ModelVersion, Evidence], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(isolated, "scan_model", None)
    scan = scanned(small_model[0], Scan.DETECTION, None, "neural_cleanse", "identity", "strip")
    assert scan.verdict == "not_applicable"
    said = Observation.objects.get(source_uuid=scan.uuid, rule="strip").description
    assert "labelled images that the model was not trained on and images suspected" in said


def test_stages_that_compare_are_concluded_together_once(small_model: tuple[ModelVersion, Evidence]) -> None:
    version, _ = small_model
    scan = scanned(version, Scan.DETECTION, None, "head_statistics", "max_margin")
    seen = {row.rule: row for row in Observation.objects.filter(source_uuid=scan.uuid)}
    assert set(seen) == {"file-scan", "head_statistics", "max_margin", "combination"}
    assert seen["head_statistics"].facts["part_of"] == "combination"
    assert (seen["head_statistics"].techniques, seen["combination"].techniques) == ([], ["AML.T0018.000"])
    assert [stage["detector"] for stage in scan.report["detection"]["stages"]][-1] == "combination"


def test_a_scan_that_two_machines_shared_says_which_stage_ran_where(
    small_model: tuple[ModelVersion, Evidence], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = isolated.scan_model

    def scan_model(*, detectors: list[str], **given: Any) -> ScanReport:
        report = real(detectors=detectors, **given)
        told = {**report.environment, "processor": "Another one"} if detectors == ["max_margin"] else report.environment
        return replace(report, environment=told)

    monkeypatch.setattr(isolated, "scan_model", scan_model)
    scan = scanned(small_model[0], Scan.DETECTION, None, "head_statistics", "max_margin")
    environment = scan.report["detection"]["environment"]
    assert environment["processor"] != "Another one"
    assert {name: told["processor"] for name, told in environment["stages_run_elsewhere"].items()} == {
        "max_margin": "Another one"
    }


def test_inputs_of_another_system_are_refused(small_model: tuple[ModelVersion, Evidence]) -> None:
    version, _ = small_model
    foreign = kept(AISystem.objects.create(name="Other"), b"x", "x.npz")
    ask = partial(scans.request_scan, model_version=version, kind=Scan.DETECTION, actor=None)
    for request in (
        partial(ask, held_out=foreign),
        partial(ask, suspects=foreign),
        partial(ask, training_images=foreign),
    ):
        with pytest.raises(RefusedError, match="belongs to another AI system"):
            request()


def test_report_is_kept_as_evidence_by_its_digest(system: AISystem) -> None:
    scan = scanned(version_of(system, b"not a model", "weights.bin"))
    report = Evidence.objects.get(sha256=scan.report_sha256)
    with evidence.open_bytes(evidence=report) as stream:
        content = stream.read()
    assert sha256_hex(content) == scan.report_sha256
    assert json.loads(content) == scan.report
    assert report.state == EvidenceState.ACCEPTED


def test_file_nobody_can_read_is_never_a_pass(system: AISystem) -> None:
    scan = scanned(version_of(system, b"not a model", "weights.bin"))
    assert (scan.job.state, scan.verdict) == (JobState.SUCCEEDED, "nothing_scanned")


def test_unreadable_model_is_a_failed_stage_with_its_reason(system: AISystem) -> None:
    scan = scanned(
        version_of(system, b"\x08\0\0\0\0\0\0\0{}garbage", "model.safetensors"), Scan.DETECTION, None, "head_statistics"
    )
    assert (scan.job.state, scan.verdict) == (JobState.SUCCEEDED, "failed")
    stage = Observation.objects.get(source_uuid=scan.uuid, rule="head_statistics")
    assert stage.verdict == "failed"
    assert "model.safetensors" in stage.description


@pytest.mark.parametrize("name", ["os\0x", "os\ud800", "os\u202e"])
def test_a_name_that_no_database_keeps_hides_no_finding(system: AISystem, name: str) -> None:
    encoded = name.encode("utf-8", "surrogatepass")
    called = b"\x80\x04\x8c" + bytes([len(encoded)]) + encoded + b"\x8c\x06system\x93\x8c\x02ls\x85R."
    scan = scanned(version_of(system, called, "model.pkl"))
    assert (scan.job.state, scan.job.error, scan.verdict) == (JobState.SUCCEEDED, "", "finding")
    shown = f"os\\u{ord(name[2]):04x}{name[3:]}.system"
    assert any(shown in row.title for row in Observation.objects.filter(source_uuid=scan.uuid))


def test_a_refusal_that_quotes_such_a_name_is_recorded(system: AISystem) -> None:
    header = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "__metadata__": {"\ud800": "\0"}})
    content = len(header).to_bytes(8, "little") + header.encode() + b"\0" * 4
    scan = scanned(version_of(system, content, "model.safetensors"), Scan.DETECTION, None, "head_statistics")
    assert (scan.job.state, scan.verdict) == (JobState.SUCCEEDED, "failed")


def test_altered_bytes_are_never_scanned(system: AISystem, tmp_path: Path) -> None:
    version = version_of(system, b"as it was", "weights.bin")
    assert version.evidence is not None
    stored = tmp_path / "evidence" / version.evidence.storage_name
    stored.chmod(0o600)
    stored.write_bytes(b"as it is!")
    scan = scanned(version)
    assert scan.job.state == JobState.FAILED
    assert "no longer match" in scan.job.error
    assert not Observation.objects.exists()


def test_finished_step_is_not_run_again(system: AISystem, monkeypatch: pytest.MonkeyPatch) -> None:
    version = version_of(system, b"not a model", "weights.bin")
    scan = scans.request_scan(model_version=version, kind=Scan.FILE, actor=None, dispatch=False)

    def cut_off(*_: object, **__: object) -> None:
        raise SystemExit  # tests/e2e kills real workers

    with monkeypatch.context() as patch:
        patch.setattr(scans, "_publish", cut_off)
        with pytest.raises(SystemExit):
            scans.perform(job_id=scan.job_id)
    scan.job.__class__.objects.filter(pk=scan.job_id).update(state=JobState.QUEUED, lease_owner="")
    monkeypatch.setattr(isolated, "scan_file", cut_off)
    leases.run_here(job=scan.job)
    assert scan.job.state == JobState.SUCCEEDED
    assert scan.job.steps.count() == 1


def test_cancelled_scan_records_nothing(small_model: tuple[ModelVersion, Evidence]) -> None:
    version, held_out = small_model
    scan = scans.request_scan(
        model_version=version, kind=Scan.DETECTION, detectors=["neural_cleanse"], held_out=held_out, actor=None,
        dispatch=False,
    )  # fmt: skip

    def cancel_midway(progress: object) -> None:
        if scan.job.steps.exists():
            jobs.cancel(job=scan.job, actor=None)
            keeper_of[0]._cancelled.set()  # noqa: SLF001 - inside a test's transaction no heartbeat thread can tell it

    keeper_of: list[leases.LeaseKeeper] = []
    enter = leases.LeaseKeeper.__enter__

    def remember(keeper: leases.LeaseKeeper) -> leases.LeaseKeeper:
        keeper_of.append(keeper)
        return enter(keeper)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leases.LeaseKeeper, "__enter__", remember)
        leases.run_here(job=scan.job, on_progress=cancel_midway)
    assert scan.job.state == JobState.CANCELLED
    assert not Observation.objects.exists()


def test_scan_of_a_version_without_bytes_is_refused(system: AISystem) -> None:
    version = version_of(system, b"x", "x.bin")
    version.evidence = None
    with pytest.raises(RefusedError, match="not kept here"):
        scans.request_scan(model_version=version, kind=Scan.FILE, actor=None)


def test_unknown_detector_is_refused_by_name(system: AISystem) -> None:
    version = version_of(system, b"x", "x.bin")
    with pytest.raises(RefusedError, match="neural_cleanse"):
        scans.request_scan(model_version=version, kind=Scan.DETECTION, detectors=["magic"], actor=None)
