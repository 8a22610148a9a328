"""Evidence, packs, verification, jobs, trail, people, tokens and catalogue as pages."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from knox.models import AuthToken

from compliance.models import Evidence, Job, User
from compliance.services import jobs
from compliance.types.states import JobState
from tests.compliance import records
from tests.compliance.conftest import Browse, World

pytestmark = pytest.mark.django_db


def test_an_upload_is_kept_and_leads_back(world: World, browse: Browse, contributor: User) -> None:
    given = {
        "system": str(world.log.system_id),
        "file": SimpleUploadedFile("policy.pdf", b"%PDF-1.7 policy"),
        "title": "Policy",
        "next": "/assessments/",
    }
    response = browse(contributor).post("/evidence/new/", given)
    assert response.headers["Location"] == "/assessments/"
    kept = Evidence.objects.get(title="Policy")
    assert (kept.media_type, kept.state, kept.received_by) == ("application/pdf", "accepted", contributor)


def test_an_upload_does_not_lead_to_another_site(world: World, browse: Browse, contributor: User) -> None:
    given = {
        "system": str(world.log.system_id),
        "file": SimpleUploadedFile("a.txt", b"a"),
        "next": "https://evil.example/",
    }
    response = browse(contributor).post("/evidence/new/", given)
    assert response.headers["Location"].startswith("/evidence/")


def test_a_contributor_cannot_add_to_a_system_they_are_not_on(world: World, browse: Browse, contributor: User) -> None:
    given = {"system": str(world.other_log.system_id), "file": SimpleUploadedFile("a.txt", b"b")}
    html = browse(contributor).post("/evidence/new/", given).content.decode()
    assert "Select a valid choice" in html


def test_a_download_is_an_inert_attachment(world: World, browse: Browse, auditor: User, officer: User) -> None:
    page = records.evidence(world.log.system, b"<script>alert(1)</script>", actor=officer, filename="page.html")
    response = browse(officer).get(f"/evidence/{page.uuid}/download/", follow=True)
    assert response.headers["Content-Type"] == "application/octet-stream"
    assert response.headers["Content-Disposition"].startswith("attachment")
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response.headers["Content-Security-Policy"]


def test_the_page_shows_digest_custody_and_use(world: World, browse: Browse, officer: User) -> None:
    html = browse(officer).get(f"/evidence/{world.log.uuid}/").content.decode()
    assert world.log.sha256 in html
    assert "Chain of custody" in html
    assert f"/job-log/?evidence={world.log.uuid}" in html


def test_checking_says_whether_the_bytes_are_as_received(world: World, browse: Browse, officer: User) -> None:
    response = browse(officer).post(f"/evidence/{world.log.uuid}/check/", follow=True)
    assert "still have the SHA-256" in response.content.decode()


def test_evidence_is_found_by_the_start_of_its_digest(world: World, browse: Browse, officer: User) -> None:
    digest = world.log.sha256
    html = browse(officer).get(f"/evidence/?q={digest[:4]}+{digest[4:8]}").content.decode()
    assert world.log.filename in html
    assert world.other_log.filename not in html
    assert "filtered from" in html


def test_anybody_may_verify_and_hears_in_words_what_is_no_pack(db: None) -> None:
    response = Client().post("/verify/", {"pack": SimpleUploadedFile("x.pdf", b"not a pdf")})
    assert response.status_code == 200
    assert "error-summary" in response.content.decode()


def job_of(world: World, officer: User) -> Job:
    return jobs.create(
        kind="pack",
        task_name="compliance.tasks.issue_pack",
        queue="pdf",
        subject=world.assessment,
        subject_url_name="assessment-detail",
        title="Evidence pack",
        system=world.assessment.system,
        requested_by=officer,
        dispatch=False,
    )


def test_progress_is_polled_until_the_job_is_over(world: World, browse: Browse, officer: User) -> None:
    job = job_of(world, officer)
    assert browse(officer).get(f"/jobs/{job.uuid}/progress/").status_code == 200
    Job.objects.filter(pk=job.pk).update(state=JobState.FAILED, error="The disk is full.")
    response = browse(officer).get(f"/jobs/{job.uuid}/progress/")
    assert response.status_code == 286
    assert "The disk is full." in response.content.decode()


def test_a_waiting_job_is_cancelled_at_once(world: World, browse: Browse, officer: User) -> None:
    job = job_of(world, officer)
    browse(officer).post(f"/jobs/{job.uuid}/cancel/")
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED


def test_the_trail_shows_an_auditor_only_their_system(world: World, browse: Browse, auditor: User) -> None:
    html = browse(auditor).get("/trail/").content.decode()
    assert "Digit reader" in html
    assert "Letter sorter" not in html


def test_a_token_is_shown_once_and_only_its_digest_is_kept(world: World, browse: Browse, contributor: User) -> None:
    client = browse(contributor)
    html = client.post("/settings/tokens/new/", {"name": "Upload", "days": "30"}).content.decode()
    secret = re.search(r"<code>(assay_\w+)</code>", html)
    assert secret is not None
    token = AuthToken.objects.get(user=contributor)
    assert secret[1] not in f"{token.digest} {token.token_key}"
    assert secret[1] not in client.get("/settings/").content.decode()
    client.post("/settings/tokens/end/", {"token": token.token_key})
    assert not AuthToken.objects.filter(user=contributor).exists()


def test_nobody_ends_somebody_elses_token(browse: Browse, officer: User, manager: User) -> None:
    token, _secret = AuthToken.objects.create(user=officer)
    browse(manager).post("/settings/tokens/end/", {"token": token.token_key})
    assert AuthToken.objects.filter(pk=token.pk).exists()


def test_times_are_shown_in_the_readers_zone(world: World, browse: Browse, officer: User) -> None:
    browse(officer).post("/settings/", {"time_zone": "Pacific/Auckland"})
    html = browse(officer).get(f"/evidence/{world.log.uuid}/").content.decode()
    assert "NZDT" in html or "NZST" in html


def test_an_administrator_adds_a_person_and_ends_their_access(
    world: World, browse: Browse, administrator: User
) -> None:
    given = {
        "name": "New Contributor",
        "email": "New@Example.org",
        "role": "contributor",
        "password": "a long enough passphrase",
        "systems": [str(world.log.system.uuid)],
    }
    browse(administrator).post("/people/new/", given)
    user = User.objects.get(email="new@example.org")
    assert list(user.memberships.values_list("system", flat=True)) == [world.log.system_id]
    browse(administrator).post(f"/people/{user.uuid}/deactivate/")
    user.refresh_from_db()
    assert not user.is_active


def test_the_catalogue_without_content_says_what_to_run(browse: Browse, officer: User) -> None:
    assert "load_catalog" in browse(officer).get("/catalogue/").content.decode()


def test_pages_of_packs_are_there_before_the_first_pack(browse: Browse, manager: User) -> None:
    assert "No pack yet" in browse(manager).get("/packs/").content.decode()
