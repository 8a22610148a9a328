"""Stored files go out from a path without cookies, to whoever was allowed a moment ago, and stay inert."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import signing
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from compliance.models import Evidence, User
from compliance.services import evidence as evidences
from compliance.services import people
from compliance.types.states import Role
from tests.compliance.conftest import Browse, World
from tests.compliance.records import evidence
from tests.compliance.routes_world import issued

pytestmark = pytest.mark.django_db
HOSTILE = '../a"b\r\nX-Evil: 1\u202efdp.exe'


def fetched(client: Client, url: str) -> Any:
    """The file behind a download link, by somebody without any cookie."""
    sent = client.get(url)
    assert (sent.status_code, sent["Cache-Control"]) == (302, "no-store")
    return Client().get(sent["Location"])


def body(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


@pytest.fixture
def piece(world: World, officer: User) -> Evidence:
    return evidence(world.assessment.system, b"<script>alert(1)</script>", actor=officer, filename="page.html")


def test_a_download_needs_no_cookie_and_sets_none(browse: Browse, officer: User, piece: Evidence) -> None:
    answer = fetched(browse(officer), reverse("evidence-download", args=[piece.uuid]))
    assert body(answer) == b"<script>alert(1)</script>"
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"] == 'attachment; filename="page.html"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "no-store" in answer["Cache-Control"]
    assert not answer.cookies
    assert "Cookie" not in answer.get("Vary", "")


def test_a_pack_goes_the_same_way(browse: Browse, auditor: User, world: World, officer: User) -> None:
    pack = issued(world.assessment, officer)
    answer = fetched(browse(auditor), reverse("pack-download", args=[pack.uuid]))
    assert body(answer).startswith(b"%PDF")
    assert (answer["Content-Type"], "attachment" in answer["Content-Disposition"]) == ("application/pdf", True)


def test_hostile_names_stay_names(browse: Browse, officer: User, piece: Evidence) -> None:
    Evidence.objects.filter(pk=piece.pk).update(filename=HOSTILE)
    answer = fetched(browse(officer), reverse("evidence-download", args=[piece.uuid]))
    assert answer["Content-Disposition"] == 'attachment; filename="a_b__X-Evil_ 1_fdp.exe"'
    assert "X-Evil" not in answer.headers


def test_the_api_sends_the_same_headers(world: World, officer: User, browse: Browse, piece: Evidence) -> None:
    answer: Any = browse(officer).get(f"/api/v1/evidence/{piece.uuid}/download/")
    assert answer["Content-Security-Policy"].startswith("sandbox")
    assert (answer["Cross-Origin-Resource-Policy"], answer["X-Content-Type-Options"]) == ("same-origin", "nosniff")
    answer.close()


# Tickets --------------------------------------------------------------------------------------------------------------


def ticket_of(client: Client, piece: Evidence) -> str:
    return str(client.get(reverse("evidence-download", args=[piece.uuid]))["Location"])


def test_a_ticket_ends_by_itself(browse: Browse, officer: User, piece: Evidence, settings: Settings) -> None:
    url = ticket_of(browse(officer), piece)
    settings.FILE_LINK_SECONDS = -1
    assert Client().get(url).status_code == 404


@pytest.mark.parametrize("change", ["deactivated", "taken off", "altered", "other salt", "nonsense"])
def test_a_ticket_is_worth_what_its_person_may_now(
    browse: Browse, officer: User, contributor: User, piece: Evidence, change: str
) -> None:
    url = ticket_of(browse(contributor), piece)
    if change == "deactivated":
        people.deactivate_user(user=contributor, actor=officer)
    elif change == "taken off":
        people.revoke_membership(membership=contributor.memberships.get(), actor=officer)
    elif change == "altered":
        url = url[:-3] + "xx/"
    elif change == "other salt":
        forged = signing.dumps(["evidence", piece.uuid.hex, officer.uuid.hex], salt="else")
        url = reverse("stored-file", args=[forged])
    else:
        url = reverse("stored-file", args=["a:b:c"])
    assert Client().get(url).status_code == 404


def test_a_foreign_piece_gets_no_ticket(browse: Browse, contributor: User, world: World) -> None:
    assert browse(contributor).get(reverse("evidence-download", args=[world.other_log.uuid])).status_code == 404


def test_only_reading_is_answered(browse: Browse, officer: User, piece: Evidence) -> None:
    url = ticket_of(browse(officer), piece)
    assert browse(officer).post(url).status_code == 405


def test_a_session_opens_nothing_under_the_path(browse: Browse, officer: User, piece: Evidence) -> None:
    assert browse(officer).get(f"/files/{piece.uuid}/").status_code == 404


# A host of its own ----------------------------------------------------------------------------------------------------


@pytest.fixture
def apart(settings: Settings) -> None:
    settings.FILES_HOST = "files.example.org"
    settings.ALLOWED_HOSTS = ["testserver", "files.example.org"]


@pytest.mark.usefixtures("apart")
def test_with_a_host_of_its_own_files_are_there_and_nowhere_else(
    browse: Browse, officer: User, piece: Evidence
) -> None:
    url = ticket_of(browse(officer), piece)
    assert url.startswith("http://files.example.org/files/")
    path = url.removeprefix("http://files.example.org")
    answer: Any = Client().get(path, headers={"host": "files.example.org"})
    assert body(answer) == b"<script>alert(1)</script>"
    assert answer["Cross-Origin-Resource-Policy"] == "same-site"
    assert Client().get(path).status_code == 404
    for page in ("/", "/evidence/", "/accounts/sign-in/", "/api/v1/systems/"):
        there = browse(officer).get(page, headers={"host": "files.example.org"})
        assert (there.status_code, there["Content-Type"]) == (404, "text/plain")
        assert not there.cookies


# What was declared ----------------------------------------------------------------------------------------------------


def test_a_file_that_is_not_what_it_says_is_kept_and_says_so(browse: Browse, officer: User, world: World) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    client = browse(officer)
    upload = SimpleUploadedFile("report.pdf", b"MZ\x90\x00", content_type="application/pdf")
    client.post(
        reverse("evidence-upload"), {"system": world.log.system_id, "title": "Report", "file": upload, "obtained": ""}
    )
    kept = Evidence.objects.get(title="Report")
    assert (kept.declared_type, kept.media_type, kept.type_differs) == (
        "application/pdf",
        "application/x-msdownload",
        True,
    )
    assert "not what it says" in client.get(reverse("evidence-detail", args=[kept.uuid])).content.decode()
    assert evidences.is_unaltered(evidence=kept)


def test_people_without_the_right_get_no_ticket(browse: Browse, collector: User, piece: Evidence) -> None:
    assert Role(collector.role) is Role.COLLECTOR
    assert browse(collector).get(reverse("evidence-download", args=[piece.uuid])).status_code == 403
