"""Scans on pages and over the API: started, watched, and answered for stage by stage."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.urls import reverse

from compliance.choices import label
from compliance.models import Job, JobStep, User
from compliance.types.states import JobState
from compliance.types.verdicts import FileScanVerdict
from scanning.models import ReferenceBank, Scan
from scanning.services import scans
from tests.compliance import records
from tests.compliance.api.conftest import Api
from tests.compliance.conftest import Browse, World

NEW = reverse("scan-new")
LIST = reverse("scan-list")
FILE_SCAN: dict[str, Any] = {
    "scanner": "assay", "scanner_version": "1", "path": "digits-2.onnx", "size": 2048, "sha256": "a" * 64,
    "format": "onnx", "verdict": "finding", "scanned": ["digits-2.onnx"], "not_scanned": [["extra.bin", "lies outside"]],
    "speaks_to": ["AML.T0018.001"], "limits": ["Weights are not judged."], "facts": {},
    "issues": [
        {
            "rule": "onnx-domain", "title": "Operator of an unknown domain", "description": "A runtime would load code.",
            "severity": "high", "location": "graph/node[3]", "atlas_techniques": ["AML.T0018.001"], "facts": {},
        }
    ],
}  # fmt: skip
STAGE: dict[str, Any] = {
    "detector": "neural_cleanse", "detector_version": "1", "verdict": "evidence_found",
    "parameters": {"repr": "NeuralCleanse(images=300)", "images": 300},
    "statement": "A mask of 6.4 pixels turns 98 of 100 held-out images into class 0.",
    "speaks_to": ["AML.T0018.000"], "limits": ["One small, fixed patch alone."],
    "facts": {
        "norms": [6.4, 38.1, 41.5], "first_ranked_class": 0, "smallest_norm": 6.4,
        "held_out": {"flipped": 98, "tried": 100, "flip_rate": 0.98, "interval_95": [0.93, 0.998]},
        "reference_smallest_norms": [36.1, 35.2, 37.9], "references": 3, "p_value": 0.25, "p_value_resolution": 0.25,
    },
    "images": {"trigger": records.DOT_PNG}, "seconds": 20.5, "peak_memory_bytes": 1024,
}  # fmt: skip


def report(**detection: Any) -> dict[str, Any]:
    """The document that a scan leaves on its row."""
    return {"schema": "assay-scan-report/1", "file_scan": FILE_SCAN, "detection": detection or None}


@pytest.fixture
def scan(world: World, contributor: User) -> Scan:
    """A detection that ran to its end."""
    made = scans.request_scan(model_version=world.tuned, kind=Scan.DETECTION, actor=contributor, dispatch=False)
    made.verdict = "evidence_found"
    made.report = report(stages=[STAGE], data={"images": 400}, environment={"torch": "2", "deterministic": True})
    made.save()
    Job.objects.filter(pk=made.job_id).update(state=JobState.SUCCEEDED)
    return made


@pytest.fixture
def held_out(world: World, contributor: User) -> str:
    kept = records.evidence(world.assessment.system, b"PK", actor=contributor, filename="held-out.npz")
    return str(kept.uuid)


def text_of(browse: Browse, user: User, scan: Scan) -> str:
    return " ".join(browse(user).get(reverse("scan-detail", args=[scan.uuid])).content.decode().split())


def test_a_scan_is_asked_for_and_watched(world: World, browse: Browse, contributor: User, held_out: str) -> None:
    bank = ReferenceBank.objects.create(name="Small networks", architecture="cnn", evidence=world.log, size=9)
    client = browse(contributor)
    sent = {
        "model_version": str(world.tuned.uuid), "kind": "detection", "detectors": ["neural_cleanse"],
        "held_out": held_out, "training_images": held_out, "suspects": held_out,
        "base_version": str(world.base.uuid), "reference_bank": str(bank.uuid), "seed": 7,
    }  # fmt: skip
    response = client.post(NEW, sent)
    made = Scan.objects.get()
    assert (response.status_code, response["Location"]) == (303, reverse("scan-detail", args=[made.uuid]))
    assert (made.detectors, made.seed, made.reference_bank) == (["neural_cleanse"], 7, bank)
    assert made.held_out == made.training_images == made.suspects
    assert made.base_version == world.base
    assert made.job.subject_url_name == "scan-detail"
    body = text_of(browse, contributor, made)
    assert f'hx-get="{reverse("scan-progress", args=[made.uuid])}"' in body
    assert "Trigger inversion (Neural Cleanse)" in body


def test_progress_names_the_finished_steps_and_ends_by_itself(
    world: World, browse: Browse, contributor: User, auditor: User
) -> None:
    made = scans.request_scan(model_version=world.tuned, kind=Scan.DETECTION, actor=contributor, dispatch=False)
    Job.objects.filter(pk=made.job_id).update(state=JobState.RUNNING, stage="searching triggers", done=3, total=10)
    JobStep.objects.create(job_id=made.job_id, n=1)
    url = reverse("scan-progress", args=[made.uuid])
    shown = browse(auditor).get(url)
    assert shown.status_code == 200
    assert [step.state for step in shown.context["steps"]][:3] == ["done", "current", "todo"]
    assert "searching triggers" in shown.content.decode()
    Job.objects.filter(pk=made.job_id).update(state=JobState.FAILED, error="Out of memory.")
    ended = browse(auditor).get(url)
    assert (ended.status_code, ended["HX-Refresh"]) == (286, "true")
    assert "Out of memory." in text_of(browse, auditor, made)


def test_a_stage_shows_its_strength_and_its_limits(browse: Browse, scan: Scan, auditor: User) -> None:
    body = text_of(browse, auditor, scan)
    assert STAGE["statement"] in body
    assert "98 % of 100 images that the search never saw; 95 % interval 93 % to 99.8 %" in body
    assert "0.2500" in body or "0.25" in body
    assert "3 reference models allow none below 0.25" in body
    assert "One small, fixed patch alone." in body
    assert "<svg" in body
    assert f"data:image/png;base64,{records.DOT_PNG}" in body
    assert "NeuralCleanse(images=300)" in body
    assert "deterministic" in body.lower()


def test_norms_stand_beside_the_chart_smallest_first(browse: Browse, scan: Scan, officer: User) -> None:
    page = browse(officer).get(reverse("scan-detail", args=[scan.uuid])).context["content"]
    assert [row.label for row in page.stages[0].ranked] == ["0", "1", "2"]
    assert page.stages[0].smallest_reference == 35.2


def test_a_file_scan_names_what_it_found_and_what_it_left_out(browse: Browse, scan: Scan, officer: User) -> None:
    body = text_of(browse, officer, scan)
    for words in (
        "Operator of an unknown domain",
        "graph/node[3]",
        "extra.bin",
        "lies outside",
        "Weights are not judged.",
    ):
        assert words in body


def test_a_stage_that_does_not_apply_shows_no_figures(browse: Browse, scan: Scan, officer: User) -> None:
    stage = {**STAGE, "verdict": "not_applicable", "statement": "No images.", "facts": {}, "images": {}}
    scan.report = report(stages=[stage], data={}, environment={})
    scan.save()
    body = text_of(browse, officer, scan)
    assert "No images." in body
    assert '<svg class="chart' not in body
    assert "allow none below" not in body


def test_scanning_again_starts_from_the_same_version(
    world: World, browse: Browse, scan: Scan, contributor: User
) -> None:
    link = f"{NEW}?model={scan.model_version.uuid}"
    assert link in text_of(browse, contributor, scan)
    form = browse(contributor).get(link).context["form"]
    assert form.initial["model_version"] == scan.model_version.uuid
    assert form.initial["base_version"] == world.base.uuid


def test_scanning_again_offers_what_the_scan_was_given(
    world: World, browse: Browse, contributor: User, held_out: str
) -> None:
    bank = ReferenceBank.objects.create(name="Small networks", architecture="cnn", evidence=world.log, size=9)
    client = browse(contributor)
    sent = {
        "model_version": str(world.tuned.uuid), "kind": "detection", "detectors": ["neural_cleanse", "max_margin"],
        "held_out": held_out, "training_images": "", "suspects": "", "base_version": "",
        "reference_bank": str(bank.uuid), "seed": 7,
    }  # fmt: skip
    client.post(NEW, sent)
    first = Scan.objects.get()
    Job.objects.filter(pk=first.job_id).update(state=JobState.SUCCEEDED)
    page = client.get(reverse("scan-detail", args=[first.uuid])).text
    link = re.search(r'href="([^"]*)">Scan again<', page)
    assert link is not None
    initial = client.get(unescape(link[1])).context["form"].initial
    assert {name: str(value) for name, value in initial.items() if name not in ("detectors", "base_version")} == {
        name: str(sent[name]) for name in ("model_version", "kind", "held_out", "reference_bank", "seed")
    }
    assert initial["detectors"] == sent["detectors"]
    assert client.get(f"{NEW}?like={world.tuned.uuid}").status_code == 404


def test_each_stage_says_what_it_needs_and_what_it_takes(world: World, browse: Browse, contributor: User) -> None:
    text = browse(contributor).get(NEW).text
    assert "Needs held-out images. Takes a minute or so for a small model. Speaks to AML.T0018.000." in text
    assert "Needs the model alone." in text
    assert "those that ship for the architecture, if any" in text


def test_foreign_versions_and_data_cannot_be_chosen(world: World, browse: Browse, contributor: User) -> None:
    client = browse(contributor)
    assert client.get(f"{NEW}?model={world.other_version.uuid}").status_code == 404
    sent = {"model_version": str(world.other_version.uuid), "kind": "file", "seed": 0}
    assert client.post(NEW, sent).status_code == 200
    assert not Scan.objects.exists()


def test_data_of_another_system_is_refused_in_words(world: World, browse: Browse, officer: User) -> None:
    kept = records.evidence(world.other_assessment.system, b"PK", actor=officer, filename="other.npz")
    sent = {"model_version": str(world.tuned.uuid), "kind": "detection", "held_out": str(kept.uuid), "seed": 0}
    assert "belongs to another AI system" in browse(officer).post(NEW, sent).content.decode()
    assert not Scan.objects.exists()


def test_the_list_filters_by_verdict_model_and_digest(browse: Browse, scan: Scan, world: World, officer: User) -> None:
    scans.request_scan(model_version=world.base, kind=Scan.FILE, actor=officer, dispatch=False)
    client = browse(officer)
    for query in (
        {"verdict": "evidence_found"},
        {"model": str(world.tuned.uuid)},
        {"q": world.tuned.digest},
        {"kind": "detection"},
    ):
        shown = client.get(LIST, query)
        assert [row.uuid for row in shown.context["page"]] == [scan.uuid]
        assert shown.context["total"] == 2


def test_what_was_found_in_the_file_stands_beside_what_was_found_in_the_model(
    browse: Browse, scan: Scan, officer: User
) -> None:
    client, detail = browse(officer), reverse("scan-detail", args=[scan.uuid])
    scan.verdict = "no_evidence_at_power"
    for found, shown in (("finding", True), ("failed", True), ("nothing_found", False)):
        scan.report = {**scan.report, "file_scan": {**scan.report["file_scan"], "verdict": found}}
        scan.save()
        row = client.get(LIST).content.decode().partition("<tbody")[2]
        head = client.get(detail).content.decode().partition("page-header-state")[2].partition("page-header-actions")[0]
        assert "No evidence at stated power" in row
        assert "No evidence at stated power" in head
        assert ("(file)" in row, "(file)" in head) == (shown, shown), found
        file = b"".join(client.get(LIST, {"export": "csv"})).decode()
        assert str(label(FileScanVerdict(found))) in file


def test_the_list_asks_no_more_for_more_rows(
    browse: Browse, scan: Scan, world: World, officer: User, count_queries: object
) -> None:
    assert callable(count_queries)
    client = browse(officer)
    few = count_queries(lambda: client.get(LIST))
    for version in (world.base, world.tuned, world.other_version):
        scans.request_scan(model_version=version, kind=Scan.FILE, actor=officer, dispatch=False)
    assert count_queries(lambda: client.get(LIST)) == few


# Over the API --------------------------------------------------------------------------------------------------------


def test_a_scan_is_started_and_read_over_the_api(world: World, api: Api, contributor: User) -> None:
    client = api(contributor)
    sent = {"model_version": str(world.tuned.uuid), "kind": "detection", "detectors": ["neural_cleanse"], "seed": 3}
    response = client.post("/api/v1/scans/", sent | {"base_version": str(world.base.uuid)})
    assert response.status_code == 202
    made = Scan.objects.get()
    assert (made.base_version, response.json()["base_version"]) == (world.base, str(world.base.uuid))
    assert (response.json()["uuid"], response.json()["state"]) == (str(made.uuid), "queued")
    assert client.get(f"/api/v1/scans/{made.uuid}/").json()["report"] == {}


def test_the_report_belongs_to_one_scan_and_not_to_lists(scan: Scan, api: Api, auditor: User) -> None:
    client = api(auditor)
    assert client.get(f"/api/v1/scans/{scan.uuid}/").json()["report"]["file_scan"]["verdict"] == "finding"
    assert "report" not in client.get("/api/v1/scans/").json()["results"][0]


@pytest.mark.parametrize(
    "sent",
    [
        {"kind": "poem"},
        {"detectors": ["poem"]},
        {"seed": -1},
        {"model_version": "00000000-0000-4000-8000-000000000000"},
        {"base_version": "00000000-0000-4000-8000-000000000000"},
    ],
)
def test_bad_words_are_named_by_field(world: World, api: Api, contributor: User, sent: dict[str, object]) -> None:
    whole = {"model_version": str(world.tuned.uuid), "kind": "file", **sent}
    response = api(contributor).post("/api/v1/scans/", whole)
    assert response.status_code == 400
    assert set(response.json()) == set(sent)
