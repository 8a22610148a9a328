"""Uploads through the pages and the API: one handler, hashed on the way, refused in a sentence, nothing left behind."""

from __future__ import annotations

import base64
import errno
import hashlib
import os
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage, storages
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.http import HttpRequest
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from compliance.models import Evidence, User
from compliance.services import evidence
from compliance.services.spool import Received
from compliance.types.canonical import sha256_hex
from compliance.web import uploads
from tests.compliance.conftest import Browse, World

pytestmark = pytest.mark.django_db

MIB = 1024**2
BOUNDARY = "cut"
LARGE = os.urandom(3 * MIB)


def spools() -> list[str]:
    """Files that this process holds open in the spool folder."""
    found = []
    for handle in Path("/proc/self/fd").iterdir():
        try:
            found.append(str(handle.readlink()))
        except OSError:
            continue
    return [name for name in found if "/incoming/" in name]


def stored() -> set[str]:
    storage = storages["evidence"]
    assert isinstance(storage, FileSystemStorage)
    return {path.name for path in Path(storage.location).glob("??/*")}


def part(name: str, content: bytes, *, filename: str, encoding: str = "") -> bytes:
    lines = [f"--{BOUNDARY}", f'Content-Disposition: form-data; name="{name}"; filename="{filename}"']
    lines += [f"Content-Transfer-Encoding: {encoding}"] if encoding else []
    return "\r\n".join([*lines, "", ""]).encode() + content + b"\r\n"


def form_request(user: User, body: bytes) -> HttpRequest:
    request = RequestFactory().post("/", body, content_type=f"multipart/form-data; boundary={BOUNDARY}")
    request.user = user
    return request


def file_of(request: HttpRequest, name: str) -> Received:
    upload = request.FILES[name]
    assert isinstance(upload, UploadedFile)
    assert isinstance(upload.file, Received)
    return upload.file


def given(world: World, content: bytes) -> dict[str, Any]:
    return {"system": str(world.log.system_id), "file": SimpleUploadedFile("large.bin", content), "title": "Large"}


def test_every_file_of_a_form_is_hashed_by_itself(officer: User) -> None:
    body = part("one", b"first", filename="1") + part("two", LARGE, filename="2") + f"--{BOUNDARY}--\r\n".encode()
    request = form_request(officer, body)
    one, two = file_of(request, "one"), file_of(request, "two")
    assert (one.sha256, two.sha256) == (sha256_hex(b"first"), hashlib.sha256(LARGE).hexdigest())
    assert two.read() == LARGE
    request.close()
    assert spools() == []


def test_an_encoded_part_is_hashed_as_it_is_kept(officer: User) -> None:
    body = part("file", base64.encodebytes(LARGE), filename="a", encoding="base64") + f"--{BOUNDARY}--".encode()
    request = form_request(officer, body)
    assert file_of(request, "file").sha256 == hashlib.sha256(LARGE).hexdigest()
    request.close()


def test_a_file_without_its_end_is_no_file(officer: User) -> None:
    request = form_request(officer, part("file", b"cut off", filename="a").removesuffix(b"\r\n"))
    assert not request.FILES
    assert spools() == []


def test_an_uploaded_document_is_given_its_name_and_never_copied(
    world: World, browse: Browse, contributor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copied(**_given: object) -> None:
        raise AssertionError("the upload was spooled a second time")

    client = browse(contributor)
    monkeypatch.setattr(evidence, "Spool", copied)
    client.post("/evidence/new/", given(world, LARGE))
    kept = Evidence.objects.get(title="Large")
    assert kept.sha256 == hashlib.sha256(LARGE).hexdigest()
    with evidence.open_bytes(evidence=kept) as stream:
        assert stream.read() == LARGE
    assert spools() == []


def test_a_form_that_is_refused_for_another_reason_leaves_no_file(
    world: World, browse: Browse, contributor: User
) -> None:
    before = stored()
    response = browse(contributor).post("/evidence/new/", {**given(world, LARGE), "system": "0"})
    assert "Select a valid choice" in response.content.decode()
    response.close()
    assert spools() == []
    assert stored() == before


def test_a_page_says_in_a_sentence_what_is_too_large(
    world: World, browse: Browse, contributor: User, settings: Settings
) -> None:
    settings.MAX_UPLOAD_BYTES = 2 * MIB
    before = stored()
    response = browse(contributor).post("/evidence/new/", given(world, LARGE))
    assert response.status_code == 413
    assert "larger than the 2 MiB that this installation takes. Nothing of it was kept." in response.content.decode()
    assert (spools(), stored()) == ([], before)


def test_a_program_is_told_in_a_sentence_too(world: World, contributor: User, settings: Settings) -> None:
    settings.MAX_UPLOAD_BYTES = 2 * MIB
    client = APIClient()
    client.force_authenticate(contributor)
    sent = {"system": str(world.log.system.uuid), "file": SimpleUploadedFile("large.bin", LARGE)}
    response = client.post("/api/v1/evidence/", sent, format="multipart")
    assert response.status_code == 413
    assert response.json() == {"detail": "The file is larger than the 2 MiB that this installation takes."}
    assert spools() == []


def test_the_limit_is_of_all_files_of_a_request_together(officer: User, settings: Settings) -> None:
    settings.MAX_UPLOAD_BYTES = 4 * MIB
    body = part("one", LARGE, filename="1") + part("two", LARGE, filename="2") + f"--{BOUNDARY}--\r\n".encode()
    with pytest.raises(uploads.UploadTooLargeError, match="larger than the 4 MiB"):
        _ = form_request(officer, body).FILES


def test_what_says_that_it_is_too_large_is_not_read(officer: User, settings: Settings) -> None:
    settings.MAX_UPLOAD_BYTES = 2 * MIB
    request = RequestFactory().post(
        "/", b"nothing yet", content_type=f"multipart/form-data; boundary={BOUNDARY}", CONTENT_LENGTH=str(20 * MIB)
    )
    request.user = officer
    with pytest.raises(uploads.UploadTooLargeError):
        _ = request.POST


def test_somebody_who_is_not_signed_in_may_send_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "PUBLIC_BYTES", 1 * MIB)
    response = Client().post("/verify/", {"pack": SimpleUploadedFile("pack.pdf", LARGE)})
    assert response.status_code == 413
    assert "larger than the 1 MiB" in response.content.decode()


def test_a_form_with_too_much_text_is_told_so(browse: Browse, contributor: User, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    response = browse(contributor).post("/evidence/new/", {"title": "x" * 2000, "file": BytesIO(b"1")})
    assert response.status_code == 413
    assert "more text than this installation takes" in response.content.decode()


def test_a_request_that_makes_no_sense_keeps_its_page(browse: Browse, contributor: User) -> None:
    response = browse(contributor).post("/evidence/new/", b"x", content_type="multipart/form-data")
    assert response.status_code == 400
    assert "was not understood" in response.content.decode()


def test_verifying_a_pack_keeps_nothing(db: None) -> None:
    before = stored()
    Client().post("/verify/", {"pack": SimpleUploadedFile("x.pdf", LARGE)}).close()
    assert (spools(), stored()) == ([], before)


# Room, and models -----------------------------------------------------------------------------------------------------


def test_an_upload_that_the_disk_has_no_room_for_is_refused_before_it_comes(
    world: World, officer: User, browse: Browse, settings: Settings
) -> None:
    settings.MIN_FREE_BYTES = 10**18
    before = stored()
    answer = browse(officer).post("/evidence/new/", given(world, LARGE))
    assert answer.status_code == 507
    assert "too little room" in answer.content.decode()
    client = APIClient()
    client.force_authenticate(officer)
    sent = {"system": str(world.assessment.system.uuid), "file": SimpleUploadedFile("a.bin", LARGE), "title": "A"}
    told = client.post("/api/v1/evidence/", sent, format="multipart")
    assert (told.status_code, "too little room" in told.json()["detail"]) == (507, True)
    assert (stored(), spools()) == (before, [])


def test_an_upload_on_which_the_disk_fills_up_leaves_nothing(
    world: World, officer: User, browse: Browse, monkeypatch: pytest.MonkeyPatch
) -> None:
    from compliance.services import spool

    def full(_handle: int, _piece: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = stored()
    with monkeypatch.context() as broken:
        broken.setattr(spool, "_write_all", full)
        answer = browse(officer).post("/evidence/new/", given(world, LARGE))
    assert (answer.status_code, "too little room" in answer.content.decode()) == (507, True)
    assert not Evidence.objects.filter(title="Large").exists()
    assert (stored(), spools()) == (before, [])


def test_models_may_be_larger_than_other_documents(
    world: World, officer: User, browse: Browse, settings: Settings
) -> None:
    settings.MAX_UPLOAD_BYTES, settings.MAX_MODEL_UPLOAD_BYTES = 1 * MIB, 16 * MIB
    client = browse(officer)
    assert client.post("/evidence/new/", given(world, LARGE)).status_code == 413
    assert client.post("/evidence/new/?kind=data", given(world, LARGE)).status_code == 413
    assert client.post("/evidence/new/?kind=model", given(world, LARGE)).status_code == 302
    kept = Evidence.objects.get(title="Large")
    assert (kept.kind, kept.size) == ("model", len(LARGE))
    settings.MAX_MODEL_UPLOAD_BYTES = 2 * MIB
    assert client.post("/evidence/new/?kind=model", given(world, LARGE + b"x")).status_code == 413
