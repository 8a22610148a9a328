"""Checkpoints, proofs and verification over the API, and the pages beside it: who may see what, and bad input."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from rest_framework.test import APIClient

from compliance.models import LedgerCheckpoint, SealCertificate, SealRevocation, TrailEntry, User
from compliance.services import checkpoints, ledger
from compliance.types.ledger_proofs import read_checkpoint, wrong_with_consistency, wrong_with_proofs
from tests.compliance.api.conftest import Api
from tests.compliance.conftest import Browse, World
from tests.compliance.routes_world import issued

pytestmark = pytest.mark.django_db
BASE = "/api/v1"


@pytest.fixture
def kept(world: World) -> LedgerCheckpoint:
    ledger.seal()
    made = checkpoints.stated()
    assert made is not None
    return made


def event_of(system: Any) -> str:
    return str(TrailEntry.objects.filter(system=system)[0].event.uuid)


def test_checkpoints_are_listed_and_handed_out(kept: LedgerCheckpoint, api: Api, officer: User, auditor: User) -> None:
    for user in (officer, auditor):
        (row,) = api(user).get(f"{BASE}/ledger/checkpoints/").json()["results"]
        assert (row["uuid"], row["root"], row["stamped_at"]) == (str(kept.uuid), kept.root, None)
        document = api(user).get(f"{BASE}/ledger/checkpoints/{kept.uuid}/document/").json()
        assert read_checkpoint(document)["sha256"] == kept.sha256


def test_a_proof_is_had_of_events_in_ones_scope_alone(
    kept: LedgerCheckpoint, world: World, api: Api, officer: User, auditor: User, contributor: User
) -> None:
    own, foreign = event_of(world.assessment.system), event_of(world.other_assessment.system)
    wanted = {officer: (200, 200), auditor: (200, 404), contributor: (403, 403)}
    for user, codes in wanted.items():
        answers = [api(user).get(f"{BASE}/ledger/events/{event}/proof/") for event in (own, foreign)]
        assert tuple(answer.status_code for answer in answers) == codes
    proofs = api(auditor).get(f"{BASE}/ledger/events/{own}/proof/?checkpoint={kept.uuid}").json()
    assert wrong_with_proofs(proofs) is None
    assert proofs["events"][0]["event"]["uuid"] == own


def test_what_no_checkpoint_covers_is_a_conflict(world: World, api: Api, officer: User) -> None:
    answer = api(officer).get(f"{BASE}/ledger/events/{event_of(world.assessment.system)}/proof/")
    assert (answer.status_code, "under no checkpoint yet" in answer.json()["detail"]) == (409, True)
    assert api(officer).get(f"{BASE}/ledger/consistency/").status_code == 404


def test_growth_is_shown_between_checkpoints(kept: LedgerCheckpoint, world: World, api: Api, officer: User) -> None:
    system = world.assessment.system
    ledger.record(kind="system.changed", subject=system, payload={"n": 1}, actor=officer, system=system)
    ledger.seal()
    checkpoints.stated()
    proof = api(officer).get(f"{BASE}/ledger/consistency/?from={kept.blocks}").json()
    assert (proof["from"]["root"], wrong_with_consistency(proof)) == (kept.root, None)
    same = api(officer).get(f"{BASE}/ledger/consistency/?from={kept.blocks}&to={kept.blocks}").json()
    assert (same["path"], same["to"]["sha256"]) == ([], kept.sha256)


@pytest.mark.parametrize(
    ("query", "code"),
    [("from=x", 400), ("from=-1", 400), ("from=0", 409), ("from=99999", 409), ("to=77", 404), ("from=%00", 400),
     ("from=" + "9" * 40, 400), ("from=²", 400)],
)  # fmt: skip
def test_odd_sizes_are_refused(kept: LedgerCheckpoint, api: Api, officer: User, query: str, code: int) -> None:
    assert api(officer).get(f"{BASE}/ledger/consistency/?{query}").status_code == code


@pytest.mark.parametrize(("given", "code"), [("x", 400), ("a745614b-5021-4f49-83a7-19307e0f194a", 404), ("\x00", 400)])
def test_an_odd_checkpoint_is_refused(
    kept: LedgerCheckpoint, world: World, api: Api, officer: User, given: str, code: int
) -> None:
    url = f"{BASE}/ledger/events/{event_of(world.assessment.system)}/proof/"
    assert api(officer).get(url, {"checkpoint": given}).status_code == code


# Verification


def sent(pack: bytes, **more: Any) -> Any:
    return APIClient().post(f"{BASE}/verify/", {"pack": SimpleUploadedFile("x.pdf", pack), **more}, format="multipart")


def test_nobody_needs_to_sign_in_to_verify_and_bad_input_is_told(db: None) -> None:
    assert sent(b"not a pdf").json() == {"pack": ["the file is not a PDF."]}
    assert APIClient().post(f"{BASE}/verify/", {}, format="multipart").json() == {"pack": ["No file was submitted."]}
    assert APIClient().post(f"{BASE}/verify/", {"pack": "x"}, format="json").status_code == 415
    assert APIClient().get(f"{BASE}/verify/").status_code in {403, 405}
    receipt = sent(b"%PDF-1.7\n", receipt=SimpleUploadedFile("r.json", b"[]"))
    assert (receipt.status_code, "receipt" in str(receipt.json())) == (400, True)


def test_a_file_that_is_no_pack_gets_nine_verdicts(db: None) -> None:
    answer = sent(b"%PDF-1.7\n%%EOF\n")
    told = answer.json()
    assert (answer.status_code, told["genuine"], len(told["checks"])) == (200, False, 9)
    assert told["seal"].startswith("Electronic seal")


# Pages


def test_the_page_of_checkpoints_says_what_is_missing_and_hands_out_files(
    world: World, browse: Browse, officer: User, auditor: User
) -> None:
    assert "No checkpoint yet" in browse(officer).get("/trail/checkpoints/").content.decode()
    refused = browse(officer).get(f"/trail/events/{event_of(world.assessment.system)}/proof/", follow=True)
    assert "under no checkpoint yet" in refused.content.decode()
    ledger.seal()
    kept = checkpoints.stated()
    assert kept is not None
    page = browse(auditor).get("/trail/checkpoints/").content.decode()
    assert "not time-stamped" in page
    file = browse(auditor).get(f"/trail/checkpoints/{kept.uuid}/")
    assert "attachment" in file["Content-Disposition"]
    assert read_checkpoint(json.loads(file.content))["sha256"] == kept.sha256
    proofs = browse(auditor).get(f"/trail/events/{event_of(world.assessment.system)}/proof/")
    assert wrong_with_proofs(json.loads(proofs.content)) is None
    assert browse(auditor).get(f"/trail/events/{event_of(world.other_assessment.system)}/proof/").status_code == 404


def certificate(mark: str) -> SealCertificate:
    return SealCertificate.objects.create(
        sha256=mark * 64, root_sha256="0" * 64, subject=f"Seal {mark}", certificate="x", kept_in="pkcs11",
        not_before=timezone.now(), not_after=timezone.now(),
    )  # fmt: skip


def test_certificates_are_those_of_packs_that_one_sees(
    world: World, browse: Browse, officer: User, auditor: User, contributor: User
) -> None:
    assert "No pack was sealed yet" in browse(officer).get("/packs/certificates/").content.decode()
    certificate("a"), certificate("b")
    SealRevocation.objects.create(
        certificate=SealCertificate.objects.get(sha256="b" * 64), revoked_at=timezone.now(), reason="key_compromise"
    )
    for assessment, mark in ((world.assessment, "a"), (world.other_assessment, "b")):
        pack = issued(assessment, officer)
        _signed_by(pack, mark)
    for user, marks in ((officer, "ab"), (auditor, "a"), (contributor, "a")):
        page = browse(user).get("/packs/certificates/").content.decode()
        assert [mark for mark in "ab" if f"Seal {mark}" in page] == list(marks)
    told = browse(officer).get("/packs/certificates/").content.decode()
    assert "The key may be in other hands" in told
    assert "a token (PKCS#11)" in told
    client = browse(officer)
    with CaptureQueriesContext(connection) as asked:
        client.get("/packs/certificates/")
    assert len(asked) <= 20


def _signed_by(pack: Any, mark: str) -> None:
    """A second pack of the same freeze, sealed with that certificate."""
    fields = ("freeze", "storage_name", "sha256", "size", "receipt", "issued_by")
    type(pack).objects.create(number=2, signer_sha256=mark * 64, **{name: getattr(pack, name) for name in fields})
