"""Evidence over the API: kept as sent, handed out as an attachment, create-only for collectors."""

from __future__ import annotations

import hashlib

from django.core.files.storage import storages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import FileResponse

from compliance.models import Evidence, User
from compliance.services import people
from compliance.types.states import Role
from tests.compliance.api.conftest import Api
from tests.compliance.conftest import World

HOSTILE = b"<html><script>alert(1)</script></html>"


def sent(world: World, content: bytes = HOSTILE, *, own: bool = True) -> dict[str, object]:
    system = world.assessment.system if own else world.other_assessment.system
    return {"system": str(system.uuid), "file": SimpleUploadedFile("page.html", content, "text/html")}


def test_bytes_are_kept_under_their_digest(world: World, api: Api, contributor: User) -> None:
    response = api(contributor).post("/api/v1/evidence/", sent(world), format="multipart")
    assert response.status_code == 201
    assert response.json()["sha256"] == hashlib.sha256(HOSTILE).hexdigest()


def test_a_download_is_an_attachment_whatever_it_holds(world: World, api: Api, contributor: User) -> None:
    client = api(contributor)
    uuid = client.post("/api/v1/evidence/", sent(world), format="multipart").json()["uuid"]
    response = client.get(f"/api/v1/evidence/{uuid}/download/")
    assert isinstance(response, FileResponse)
    assert b"".join(response) == HOSTILE
    assert response["Content-Disposition"] == 'attachment; filename="page.html"'
    assert response["Content-Type"] == "application/octet-stream"
    assert response["X-Content-Type-Options"] == "nosniff"


def test_a_download_of_bytes_that_are_gone_says_so(world: World, api: Api, contributor: User) -> None:
    client = api(contributor)
    uuid = client.post("/api/v1/evidence/", sent(world), format="multipart").json()["uuid"]
    storages["evidence"].delete(Evidence.objects.get(uuid=uuid).storage_name)
    response = client.get(f"/api/v1/evidence/{uuid}/download/")
    assert (response.status_code, response.json()) == (409, {"detail": "The stored bytes of “page.html” are missing."})


def test_a_foreign_system_is_unknown(world: World, api: Api, contributor: User) -> None:
    before = Evidence.objects.count()
    response = api(contributor).post("/api/v1/evidence/", sent(world, own=False), format="multipart")
    assert response.status_code == 400
    assert "system" in response.json()
    assert Evidence.objects.count() == before


def test_a_collector_hands_in_and_reads_nothing(world: World, api: Api, collector: User, officer: User) -> None:
    people.grant_membership(system=world.assessment.system, role=Role.COLLECTOR, actor=None, user=collector)
    client = api(collector)
    response = client.post("/api/v1/evidence/", sent(world), format="multipart")
    assert response.status_code == 201
    uuid = response.json()["uuid"]
    for path in ("", f"{uuid}/", f"{uuid}/download/"):
        assert client.get(f"/api/v1/evidence/{path}").status_code == 403


def test_a_collector_without_membership_knows_no_system(world: World, api: Api, collector: User) -> None:
    assert api(collector).post("/api/v1/evidence/", sent(world), format="multipart").status_code == 400
