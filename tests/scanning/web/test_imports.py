"""Importing on pages and over the API: handed in, watched, and answered for record by record."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from compliance.models import AISystem, Job, JobEvent, User
from compliance.services import jobs, leases, people
from compliance.types.states import EvidenceState, JobState, Role
from scanning import intake
from scanning.models import Import, ImportReject
from tests.bench.cloudtrail import write_folder
from tests.compliance.api.conftest import Api
from tests.compliance.conftest import Browse, World

SAMPLES = Path(__file__).parents[2] / "samples"
CLOUDTRAIL = SAMPLES / "cloudtrail" / "records.json"
TRAPS = SAMPLES / "cloudtrail" / "traps.jsonl"
MODELSCAN = SAMPLES / "modelscan" / "dir.json"
NEW = reverse("import-new")
LIST = reverse("import-list")


def upload(path: Path) -> SimpleUploadedFile:
    return SimpleUploadedFile(path.name, path.read_bytes())


def read(system: AISystem, path: Path, actor: User) -> Import:
    """A document that was read to its end."""
    document = intake.receive(
        system=system, stream=io.BytesIO(path.read_bytes()), filename=path.name, actor=actor, dispatch=False
    )
    leases.run_here(job=document.job)
    document.refresh_from_db()
    return document


def text_of(client: Client, document: Import, query: str = "") -> str:
    body = client.get(reverse("import-detail", args=[document.uuid]) + query).content.decode()
    return " ".join(body.split())


def test_an_upload_answers_303_and_leads_to_its_page(world: World, browse: Browse, contributor: User) -> None:
    response = browse(contributor).post(NEW, {"system": world.assessment.system.pk, "file": upload(CLOUDTRAIL)})
    document = Import.objects.get()
    assert (response.status_code, response["Location"]) == (303, reverse("import-detail", args=[document.uuid]))
    assert document.job.state == JobState.QUEUED
    assert document.job.subject_url_name == "import-detail"
    assert document.evidence.state == EvidenceState.RECEIVED


def test_a_waiting_import_polls_and_can_be_cancelled(world: World, browse: Browse, contributor: User) -> None:
    client = browse(contributor)
    client.post(NEW, {"system": world.assessment.system.pk, "file": upload(CLOUDTRAIL)})
    document = Import.objects.get()
    body = text_of(client, document)
    assert f'hx-get="{reverse("import-progress", args=[document.uuid])}"' in body
    assert reverse("job-cancel", args=[document.job.uuid]) in body
    client.post(reverse("job-cancel", args=[document.job.uuid]))
    progress = client.get(reverse("import-progress", args=[document.uuid]))
    assert (progress.status_code, progress["HX-Refresh"]) == (286, "true")
    assert "Nothing was recorded" in text_of(client, document)


@pytest.mark.parametrize("missing", ["system", "file"])
def test_what_is_missing_is_named_with_a_link(world: World, browse: Browse, contributor: User, missing: str) -> None:
    sent = {"system": world.assessment.system.pk, "file": upload(CLOUDTRAIL)}
    del sent[missing]
    body = browse(contributor).post(NEW, sent).content.decode()
    assert f'href="#id_{missing}"' in body
    assert not Import.objects.exists()


def test_a_foreign_system_cannot_be_chosen(world: World, browse: Browse, contributor: User) -> None:
    sent = {"system": world.other_assessment.system.pk, "file": upload(CLOUDTRAIL)}
    assert browse(contributor).post(NEW, sent).status_code == 200
    assert not Import.objects.exists()


def test_figures_lead_to_their_rows(world: World, browse: Browse, contributor: User) -> None:
    document = read(world.assessment.system, CLOUDTRAIL, contributor)
    client = browse(contributor)
    body = text_of(client, document)
    recorded = JobEvent.objects.filter(source_uuid=document.uuid).count()
    assert recorded == document.recorded > 0
    assert f"{recorded} events of fine-tune jobs" in body
    link = f"{reverse('job-log')}?evidence={document.evidence.uuid}"
    assert link in body
    assert len(client.get(link).context["page"].object_list) == recorded
    assert "AWS CloudTrail log" in body
    assert "111122223333" in body or "Accounts" in body


def test_a_running_import_shows_how_far_it_is_and_what_it_rejected_so_far(
    world: World, browse: Browse, contributor: User, auditor: User
) -> None:
    document = intake.receive(
        system=world.assessment.system, stream=io.BytesIO(b"{}"), filename="a.json", actor=contributor, dispatch=False
    )
    lease = jobs.claim(job_id=document.job_id)
    assert lease is not None
    jobs.report_progress(lease=lease, stage="Reading", done=512, total=2048)
    jobs.checkpoint(lease=lease, n=1, result={"upto": 1000})
    ImportReject.objects.bulk_create(
        ImportReject(document_import=document, n=n, locator=f"line {n}", reason="no time") for n in range(5)
    )
    address = reverse("import-progress", args=[document.uuid])
    response = browse(contributor).get(address)
    body = " ".join(response.content.decode().split())
    assert (response.status_code, response["Cache-Control"]) == (200, "no-store")
    for words in ("512 B of 2.0 KiB", "(25 %)", "995 rows taken so far", "5 records rejected", "line 4", "line 2"):
        assert words in body
    assert "line 1" not in body
    assert "line 4" in text_of(browse(contributor), document)
    assert browse(auditor).get(address).status_code == 403


def test_an_import_that_was_asked_to_stop_says_so_and_offers_it_no_second_time(
    world: World, browse: Browse, contributor: User
) -> None:
    document = intake.receive(
        system=world.assessment.system, stream=io.BytesIO(b"{}"), filename="a.json", actor=contributor, dispatch=False
    )
    jobs.claim(job_id=document.job_id)
    jobs.cancel(job=document.job, actor=contributor)
    body = text_of(browse(contributor), document)
    assert "It was asked to stop, and does so at its next step." in body
    assert reverse("job-cancel", args=[document.job.uuid]) not in body


def test_the_same_document_again_is_known_already(world: World, browse: Browse, contributor: User) -> None:
    first = read(world.assessment.system, CLOUDTRAIL, contributor)
    again = read(world.assessment.system, CLOUDTRAIL, contributor)
    assert (again.recorded, again.duplicates) == (0, first.recorded)
    assert "every record that matters here was already known" in text_of(browse(contributor), again)


def test_each_reject_has_its_place_and_reason(world: World, browse: Browse, contributor: User) -> None:
    document = read(world.assessment.system, TRAPS, contributor)
    body = text_of(browse(contributor), document)
    assert document.rejected == document.rejects.count() > 0
    for reject in document.rejects.all():
        assert f"<code>{reject.locator}</code>" in body
    assert "eventTime is missing" in body


def test_rejects_are_paged(world: World, browse: Browse, contributor: User, tmp_path: Path) -> None:
    log = tmp_path / "broken.jsonl"
    good = TRAPS.read_text(encoding="utf-8").splitlines()[0]
    log.write_text(good + "\n" + '{"eventSource": "sagemaker.amazonaws.com", "eventName": "x"\n' * 60, encoding="utf-8")
    document = read(world.assessment.system, log, contributor)
    assert document.rejects.count() == 60
    client = browse(contributor)
    first = client.get(reverse("import-detail", args=[document.uuid])).context["rejects"]
    last = client.get(reverse("import-detail", args=[document.uuid]) + "?page=3").context["rejects"]
    assert (len(first), len(last), last.paginator.count) == (25, 10, 60)


def test_files_of_no_known_model_are_named(world: World, browse: Browse, contributor: User) -> None:
    document = read(world.assessment.system, MODELSCAN, contributor)
    body = text_of(browse(contributor), document)
    assert "Not bound to a known model" in body
    assert "evil.pkl" in body
    assert reverse("model-register") in body


def test_a_document_that_cannot_be_read_says_why(
    world: World, browse: Browse, contributor: User, tmp_path: Path
) -> None:
    odd = tmp_path / "poem.txt"
    odd.write_text("Shall I compare thee", encoding="utf-8")
    document = read(world.assessment.system, odd, contributor)
    body = text_of(browse(contributor), document)
    assert "poem.txt is of no format that can be imported" in body
    assert "rejected evidence" in body
    assert reverse("import-retry", args=[document.uuid]) not in body


def test_a_lost_import_is_read_again(world: World, browse: Browse, contributor: User) -> None:
    client = browse(contributor)
    client.post(NEW, {"system": world.assessment.system.pk, "file": upload(CLOUDTRAIL)})
    document = Import.objects.get()
    Job.objects.filter(pk=document.job_id).update(state=JobState.FAILED, error="The worker was lost.")
    retry = reverse("import-retry", args=[document.uuid])
    assert retry in text_of(client, document)
    response = client.post(retry)
    again = Import.objects.exclude(pk=document.pk).get()
    assert (response.status_code, response["Location"]) == (303, reverse("import-detail", args=[again.uuid]))
    assert again.evidence == document.evidence


def test_what_succeeded_is_not_read_again(world: World, browse: Browse, contributor: User) -> None:
    document = read(world.assessment.system, CLOUDTRAIL, contributor)
    browse(contributor).post(reverse("import-retry", args=[document.uuid]))
    assert Import.objects.count() == 1


def test_the_list_filters_and_counts(world: World, browse: Browse, contributor: User) -> None:
    for path in (CLOUDTRAIL, MODELSCAN):
        read(world.assessment.system, path, contributor)
    client = browse(contributor)
    shown = client.get(LIST, {"format": "modelscan"})
    assert [row.evidence.filename for row in shown.context["page"]] == [MODELSCAN.name]
    assert shown.context["total"] == 2
    assert [row.evidence.filename for row in client.get(LIST, {"sort": "file"}).context["page"]] == sorted(
        (CLOUDTRAIL.name, MODELSCAN.name)
    )


def test_an_empty_list_offers_the_first_step(world: World, browse: Browse, contributor: User, manager: User) -> None:
    assert f'href="{NEW}"' in browse(contributor).get(LIST).content.decode()
    assert f'href="{NEW}"' not in browse(manager).get(LIST).content.decode()


def test_the_list_asks_no_more_for_more_rows(
    world: World, browse: Browse, contributor: User, count_queries: object
) -> None:
    assert callable(count_queries)
    client = browse(contributor)
    read(world.assessment.system, CLOUDTRAIL, contributor)
    few = count_queries(lambda: client.get(LIST))
    for path in (MODELSCAN, TRAPS):
        read(world.assessment.system, path, contributor)
    assert count_queries(lambda: client.get(LIST)) == few


# Over the API --------------------------------------------------------------------------------------------------------


def test_a_collector_hands_in_and_learns_no_more_than_its_receipt(
    world: World, api: Api, collector: User, officer: User
) -> None:
    people.grant_membership(system=world.assessment.system, role=Role.COLLECTOR, actor=None, user=collector)
    client = api(collector)
    sent = {"system": str(world.assessment.system.uuid), "file": upload(CLOUDTRAIL)}
    response = client.post("/api/v1/imports/", sent, format="multipart")
    document = Import.objects.get()
    assert response.status_code == 202
    assert response.json()["uuid"] == str(document.uuid)
    assert set(response.json()) == {"uuid", "job", "sha256", "created_at"}
    for url in ("/api/v1/imports/", f"/api/v1/imports/{document.uuid}/", f"/api/v1/jobs/{document.job.uuid}/"):
        assert client.get(url).status_code == 403


def test_an_import_is_followed_over_the_api(world: World, api: Api, contributor: User) -> None:
    document = read(world.assessment.system, TRAPS, contributor)
    client = api(contributor)
    shown = client.get(f"/api/v1/imports/{document.uuid}/").json()
    assert (shown["state"], shown["rejected"], shown["format"]) == ("succeeded", document.rejected, "cloudtrail")
    rejects = client.get(f"/api/v1/imports/{document.uuid}/rejects/").json()
    assert rejects["count"] == document.rejected
    assert {"n", "locator", "reason"} == set(rejects["results"][0])


def test_an_unknown_format_is_refused_by_name(world: World, api: Api, contributor: User) -> None:
    sent = {"system": str(world.assessment.system.uuid), "file": upload(CLOUDTRAIL), "requested_format": "poem"}
    response = api(contributor).post("/api/v1/imports/", sent, format="multipart")
    assert response.status_code == 400
    assert "requested_format" in response.json()


def test_the_page_of_a_report_says_what_it_looked_at_and_why_it_closes_nothing(
    world: World, browse: Browse, officer: User
) -> None:
    document = read(world.assessment.system, MODELSCAN, officer)
    text = text_of(browse(officer), document)
    assert "It closes no finding that it does not list" in text
    assert "Files could not be read." in text
    assert "It looked at 4 files or models:" in text
    assert "<code>pytorch_model.bin</code>" in text
    assert "not before" not in text


def test_the_page_of_a_whole_report_says_what_it_closed(world: World, browse: Browse, officer: User) -> None:
    first = read(world.assessment.system, SAMPLES / "sarif" / "model_scan.sarif", officer)
    assert "It does not say which files were analysed." in text_of(browse(officer), first)
    later = read(world.assessment.system, SAMPLES / "sarif" / "quiet.sarif", officer)
    assert "It states all that is needed to close what it no longer lists." in text_of(browse(officer), later)


def test_a_log_has_no_runs(world: World, browse: Browse, officer: User) -> None:
    document = read(world.assessment.system, CLOUDTRAIL, officer)
    assert "What it looked at" not in text_of(browse(officer), document)


def test_page_and_evidence_say_what_is_kept(
    world: World, browse: Browse, officer: User, contributor: User, tmp_path: Path
) -> None:
    files = [(path, path.name) for path in write_folder(tmp_path, records=60, records_a_file=20, relevant_every=6)]
    document = intake.receive_matches(
        system=world.assessment.system, files=files, filename="matches.jsonl.gz", original_held_at="s3://acme-trail",
        actor=contributor, dispatch=False,
    )  # fmt: skip
    leases.run_here(job=document.job)
    document.refresh_from_db()
    assert (document.read, document.recorded, document.rejected) == (60, 10, 0)
    whole = read(world.assessment.system, CLOUDTRAIL, contributor)
    for kept, words in ((document, "held by the organisation at “s3://acme-trail”"), (whole, "The whole file")):
        page = text_of(browse(officer), kept)
        evidence = browse(officer).get(reverse("evidence-detail", args=[kept.evidence.uuid])).content.decode()
        assert words in page
        assert words in " ".join(evidence.split())


def test_files_and_their_matches_are_the_same_events(world: World, contributor: User, tmp_path: Path) -> None:
    paths = write_folder(tmp_path, records=60, records_a_file=20, relevant_every=6)
    read(world.assessment.system, paths[1], contributor)
    document = intake.receive_matches(
        system=world.assessment.system, files=[(path, path.name) for path in paths], filename="m", original_held_at="x",
        actor=contributor, dispatch=False,
    )  # fmt: skip
    leases.run_here(job=document.job)
    document.refresh_from_db()
    assert (document.recorded, document.duplicates) == (7, 3)
    assert JobEvent.objects.filter(evidence=document.evidence).count() == 7
