"""Keys that people vouch for: on their page, in the ledger, and in what a signature is worth."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from compliance.models import AISystem, Finding, LedgerEvent, Observation, ReferenceControl, RowChange, User
from compliance.services import leases
from compliance.services.errors import RefusedError
from scanning import intake
from scanning.ingest.signing_keys import read_key
from scanning.models import Import, SigningKey
from scanning.services import signing_keys
from tests.compliance.conftest import Browse, World
from tests.scanning.ingest.reading import sample
from tests.scanning.ingest.signing import altered, envelope, pem_of, statement

LIST, NEW = reverse("signing-key-list"), reverse("signing-key-new")
ALICE = ec.generate_private_key(ec.SECP256R1())
FINGERPRINT = read_key(pem_of(ALICE), name="k").fingerprint


def sent(content: bytes = pem_of(ALICE), name: str = "Build pipeline") -> dict[str, object]:
    return {"name": name, "note": "Compared by telephone.", "file": SimpleUploadedFile("key.pem", content)}


def registered(actor: User | None = None) -> SigningKey:
    return signing_keys.register(content=pem_of(ALICE), name="Build pipeline", actor=actor)


@pytest.fixture
def signing_control(world: World) -> ReferenceControl:
    """The control that signatures speak to; the small world has no other of the catalogue's."""
    return ReferenceControl.objects.create(
        control_id="BDM-17", title="Model signing", family="Build", objective="Models are signed.", tier="core",
        control_type="preventive", nature="automated", frequency="per version",
    )  # fmt: skip


def imported(system: AISystem, document: object) -> Import:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    taken = intake.receive(
        system=system,
        stream=io.BytesIO(content),
        filename="signed.json",
        actor=None,
        dispatch=False,
    )
    leases.run_here(job=taken.job)
    taken.refresh_from_db()
    return taken


def test_an_officer_registers_a_key_and_everybody_sees_whose_it_is(
    browse: Browse, officer: User, world: World, auditor: User
) -> None:
    assert browse(officer).post(NEW, sent()).status_code == 303
    text = browse(auditor).get(LIST).text
    for words in ("Build pipeline", "Compared by telephone.", "ECDSA P-256", FINGERPRINT[:8], officer.name, "in force"):
        assert words in text
    event = LedgerEvent.objects.get(kind="signing_key.registered")
    assert event.entry.payload["fingerprint"] == FINGERPRINT
    assert RowChange.objects.filter(table_name="scanning_signingkey").exists()


def test_only_officers_and_administrators_register(browse: Browse, contributor: User, administrator: User) -> None:
    assert browse(contributor).post(NEW, sent()).status_code == 403
    assert "Register a key" not in browse(contributor).get(LIST).text
    assert browse(administrator).post(NEW, sent()).status_code == 303


@pytest.mark.parametrize("content", [b"hello", b"-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n"])
def test_what_is_no_public_key_is_refused_beside_the_field(browse: Browse, officer: User, content: bytes) -> None:
    answer = browse(officer).post(NEW, sent(content))
    assert answer.context["form"].errors["file"]
    assert not SigningKey.objects.exists()


@pytest.mark.django_db
def test_a_key_is_registered_once_and_again_after_it_was_withdrawn() -> None:
    first = registered()
    assert registered() == first
    signing_keys.withdraw(key=first, reason="lost", actor=None)
    with pytest.raises(RefusedError, match="already"):
        signing_keys.withdraw(key=first, reason="lost", actor=None)
    assert registered() != first
    assert LedgerEvent.objects.filter(kind="signing_key.registered").count() == 2


def test_a_key_is_withdrawn_with_a_reason_by_whoever_may(browse: Browse, officer: User, contributor: User) -> None:
    address = reverse("signing-key-withdraw", args=[registered(officer).uuid])
    assert browse(contributor).post(address, {"reason": "x"}).status_code == 403
    assert "Say why" in browse(officer).post(address, {"reason": " "}, follow=True).text
    text = browse(officer).post(address, {"reason": "The laptop was stolen."}, follow=True).text
    assert "The laptop was stolen." in text
    assert signing_keys.in_force() == ()


def test_a_list_of_many_keys_takes_as_many_queries_as_one(
    browse: Browse, officer: User, count_queries: Callable[[Callable[[], object]], int]
) -> None:
    client = browse(officer)
    registered(officer)
    one = count_queries(lambda: client.get(LIST))
    for _ in range(5):
        key = ec.generate_private_key(ec.SECP256R1())
        signing_keys.register(content=pem_of(key), name="Other", actor=officer)
    assert count_queries(lambda: client.get(LIST)) == one


def test_a_signature_is_worth_nothing_until_its_key_is_registered(
    world: World, officer: User, signing_control: ReferenceControl
) -> None:
    system, document = world.assessment.system, envelope(statement(), ALICE)
    imported(system, document)
    assert Observation.objects.get(producer="in_toto").verdict == "inconclusive"
    assert not Finding.objects.filter(target=signing_control).exists()
    registered(officer)
    imported(system, document)
    finding = Finding.objects.get(target=signing_control)
    assert finding.state == "satisfied"


def test_a_wrong_signature_is_a_finding_of_the_signing_control(
    world: World, officer: User, signing_control: ReferenceControl
) -> None:
    registered(officer)
    imported(world.assessment.system, altered(envelope(statement(), ALICE, keyid=FINGERPRINT)))
    finding = Finding.objects.get(target=signing_control)
    assert (finding.state, finding.severity) == ("not-satisfied", "high")


def test_a_threshold_that_the_importer_states_is_kept_with_the_import(
    world: World, browse: Browse, contributor: User
) -> None:
    given = {"system": world.assessment.system.pk, "threshold": "0.5", "file": SimpleUploadedFile("id-3.txt", b"0.7")}
    assert browse(contributor).post(reverse("import-new"), given).status_code == 303
    document = Import.objects.get()
    assert document.threshold == 0.5
    leases.run_here(job=document.job)
    assert Observation.objects.get(producer="trojai").verdict == "evidence_found"
    shown = browse(contributor).get(reverse("import-detail", args=[document.uuid])).text
    assert "Threshold that the importer stated" in shown


def test_without_a_threshold_nothing_is_concluded(world: World) -> None:
    document = imported(world.assessment.system, b"0.0")
    assert document.recorded == 1
    assert Observation.objects.get(producer="trojai").verdict == "inconclusive"


def test_an_auditor_is_not_sent_to_imports_that_they_may_not_see(browse: Browse, auditor: User, officer: User) -> None:
    crumb = f'href="{reverse("import-list")}"'
    assert crumb in browse(officer).get(LIST).text
    assert crumb not in browse(auditor).get(LIST).text


def test_what_is_no_model_is_not_said_to_be_one_that_is_not_registered(
    world: World, browse: Browse, officer: User
) -> None:
    checks = intake.receive(
        system=world.assessment.system,
        stream=io.BytesIO(sample("ocsf/prowler.json")),
        filename="prowler.json",
        actor=officer,
        dispatch=False,
    )
    leases.run_here(job=checks.job)
    text = browse(officer).get(reverse("import-detail", args=[checks.uuid])).text
    assert "Not bound to a known model" not in text
    assert "without a finding." in text
