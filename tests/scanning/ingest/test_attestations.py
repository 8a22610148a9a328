from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from compliance.types.drafts import ObservationDraft, Reject
from compliance.types.errors import BadInputError
from compliance.types.states import Severity
from compliance.types.verdicts import FileScanVerdict, StageVerdict
from scanning.ingest.attestations import pae
from scanning.ingest.base import ParseContext
from scanning.ingest.registry import identify
from scanning.ingest.signing_keys import read_key
from tests.scanning.ingest.reading import read, sample
from tests.scanning.ingest.signing import (
    FILES,
    PrivateKey,
    altered,
    bundle,
    certificate,
    envelope,
    model_statement,
    pem_of,
    statement,
)

RIGHT, WRONG, OPEN = FileScanVerdict.NOTHING_FOUND, FileScanVerdict.FINDING, StageVerdict.INCONCLUSIVE
ALICE, BOB = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
KEYS: dict[str, PrivateKey] = {
    "P-256": ALICE,
    "P-384": ec.generate_private_key(ec.SECP384R1()),
    "P-521": ec.generate_private_key(ec.SECP521R1()),
    "RSA": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
}


def seen(document: object, *keys: bytes, format_name: str = "in_toto") -> list[ObservationDraft]:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    drafts, _ = read(format_name, content, ParseContext(file_name="x.json", keys=keys))
    return [draft for draft in drafts if isinstance(draft, ObservationDraft)]


def verdict(document: object, *keys: bytes, format_name: str = "in_toto") -> object:
    return {observation.verdict for observation in seen(document, *keys, format_name=format_name)}.pop()


def test_the_encoding_that_is_signed_is_that_of_the_dsse_specification() -> None:
    # The example in protocol.md of secure-systems-lab/dsse.
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert pae("é", b"\x00") == b"DSSEv1 2 \xc3\xa9 1 \x00"


@pytest.mark.parametrize("kind", KEYS)
def test_a_right_signature_is_known_by_a_stated_key_of_every_kind(kind: str) -> None:
    document = envelope(statement(), KEYS[kind])
    assert verdict(document, pem_of(KEYS[kind])) is RIGHT
    assert verdict(altered(document), pem_of(KEYS[kind])) is not RIGHT


def test_both_paddings_of_rsa_are_known() -> None:
    for pss in (True, False):
        assert verdict(envelope(statement(), KEYS["RSA"], pss=pss), pem_of(KEYS["RSA"])) is RIGHT


def test_the_signed_provenance_of_the_samples_is_right_by_its_key() -> None:
    (observation,) = seen(sample("in_toto/slsa_dsse.json"), sample("in_toto/acme.pub.pem"))
    assert observation.verdict is RIGHT
    assert observation.facts["key"] == read_key(sample("in_toto/acme.pub.pem"), name="k").fingerprint
    assert observation.facts["job"].endswith("training-job/ft-support-bot-2026-11-20-09-14")
    assert observation.facts["inputs"][0]["digests"] == {"sha256": "ab" * 32}
    assert observation.asset.digest == "175c59e27fa832b95f142ff91310d4148837ddd7d8017797c61edccdde0269f1"


def test_without_a_stated_key_nothing_is_verified() -> None:
    (observation,) = seen(envelope(statement(), ALICE))
    assert observation.verdict is OPEN
    assert "no key was stated" in observation.description


def test_a_signature_by_another_key_is_open_unless_the_document_names_the_stated_one() -> None:
    """Anybody may sign; only a document that claims a key which did not sign it is wrong."""
    alice = read_key(pem_of(ALICE), name="k")
    assert verdict(envelope(statement(), BOB), pem_of(ALICE)) is OPEN
    for name in alice.names:
        (observation,) = seen(envelope(statement(), BOB, keyid=name), pem_of(ALICE))
        assert (observation.verdict, observation.severity) == (WRONG, Severity.HIGH)


def test_an_altered_statement_under_a_named_key_is_a_finding() -> None:
    named = envelope(statement(), ALICE, keyid=hashlib.sha256(pem_of(ALICE)).hexdigest())
    assert verdict(named, pem_of(ALICE)) is RIGHT
    assert verdict(altered(named), pem_of(ALICE)) is WRONG
    assert verdict(altered(sample_dsse()), sample("in_toto/acme.pub.pem")) is WRONG


def sample_dsse() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(sample("in_toto/slsa_dsse.json"))
    return found


def test_one_right_signature_among_several_suffices_and_order_does_not_matter() -> None:
    document = envelope(statement(), BOB)
    document["signatures"].append(envelope(statement(), ALICE)["signatures"][0])
    for signatures in (document["signatures"], document["signatures"][::-1]):
        assert verdict({**document, "signatures": signatures}, pem_of(ALICE)) is RIGHT


@pytest.mark.parametrize("document", [statement(), {**envelope(statement(), ALICE), "signatures": []}])
def test_what_carries_no_signature_is_never_a_pass(document: dict[str, Any]) -> None:
    assert verdict(document, pem_of(ALICE)) is OPEN


def test_the_payload_type_is_part_of_what_is_signed() -> None:
    document = envelope(statement(), ALICE)
    with pytest.raises(BadInputError, match="not an in-toto statement"):
        verdict({**document, "payloadType": "text/plain"}, pem_of(ALICE))


def test_provenance_says_what_it_does_not_state() -> None:
    predicate = {
        "buildDefinition": {
            "externalParameters": {"HF_TOKEN": "hf_abcdefghijklmnopqrstuv"},
            "resolvedDependencies": [{"uri": "s3://x/"}],
        }
    }
    (observation,) = seen(statement(predicateType="https://slsa.dev/provenance/v1", predicate=predicate))
    assert observation.facts["unknown_fields"] == ["job", "builder", "finished_at", "digest of an input"]
    assert observation.facts["parameters"] == {"HF_TOKEN": "[redacted]"}
    assert observation.facts["redacted_fields"]


def test_a_subject_without_sha256_keeps_its_other_digests() -> None:
    (observation,) = seen(statement(subject=[{"name": "repo", "digest": {"gitCommit": "ab" * 20}}]))
    assert observation.asset.digest is None
    assert observation.facts["digests"] == {"gitCommit": "ab" * 20}
    assert "SHA-256 of the subject" in observation.facts["unknown_fields"]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (statement(_type="https://example.test/Statement"), "no in-toto statement"),
        (statement(subject=[]), "no subject"),
        (statement(subject=[{"name": "x", "digest": {}}]), "no subject"),
        ([], "neither an envelope nor a statement"),
        ({**envelope(statement(), ALICE), "payload": "***"}, "payload is not base64"),
        ({**envelope(statement(), ALICE), "signatures": [{"sig": "***"}]}, "signature is not base64"),
        ({**bundle(ALICE, {}), "messageSignature": {}}, "plain bytes"),
        (bundle(ALICE, {"certificate": {"rawBytes": "AAAA"}}), r"no X\.509 certificate"),
    ],
)
def test_documents_that_cannot_be_read_say_why(document: object, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        seen(document)


# Signatures of models ---------------------------------------------------------------------------------------------


def models(document: object, *keys: bytes) -> list[ObservationDraft]:
    return seen(document, *keys, format_name="model_signing")


def test_a_signed_model_names_itself_and_each_of_its_files_by_digest() -> None:
    found = models(bundle(ALICE, {"publicKey": {"hint": ""}}), pem_of(ALICE))
    assert {observation.verdict for observation in found} == {RIGHT}
    assert [observation.asset.kind for observation in found] == ["model_version", "model_file", "model_file"]
    digests = {observation.asset.name: observation.asset.digest for observation in found}
    assert digests["model.safetensors"] == hashlib.sha256(FILES["model.safetensors"]).hexdigest()


def test_the_hint_of_a_bundle_tells_a_wrong_signature_from_a_foreign_one() -> None:
    hint = {"publicKey": {"hint": hashlib.sha256(pem_of(ALICE)).hexdigest()}}
    assert verdict(altered(bundle(ALICE, hint)), pem_of(ALICE), format_name="model_signing") is WRONG
    assert verdict(altered(bundle(ALICE, {})), pem_of(ALICE), format_name="model_signing") is OPEN


def test_a_certificate_in_the_bundle_is_not_trusted_for_being_there() -> None:
    own = certificate(ALICE)
    material = {"certificate": {"rawBytes": base64.b64encode(own.public_bytes(Encoding.DER)).decode()}}
    document = bundle(ALICE, material)
    assert verdict(document, format_name="model_signing") is OPEN
    assert verdict(document, pem_of(BOB), format_name="model_signing") is OPEN
    assert verdict(document, own.public_bytes(Encoding.PEM), format_name="model_signing") is RIGHT
    assert verdict(altered(document), format_name="model_signing") is WRONG
    chain = {"x509CertificateChain": {"certificates": [material["certificate"]]}}
    assert verdict(altered(bundle(ALICE, chain)), format_name="model_signing") is WRONG


def test_files_that_do_not_make_the_digest_of_the_model_are_rejected() -> None:
    content = model_statement()
    content["predicate"]["resources"][0]["digest"] = "00" * 32
    drafts, summary = read("model_signing", json.dumps(bundle(ALICE, {}, content)).encode())
    assert any(isinstance(draft, Reject) and "not that of the files" in draft.reason for draft in drafts)
    assert summary.rejected == 1


def test_the_older_form_with_one_subject_a_file_is_read() -> None:
    old = statement(
        subject=[
            {"name": name, "digest": {"sha256": hashlib.sha256(content).hexdigest()}} for name, content in FILES.items()
        ],
        predicateType="https://model_signing/Digests/v0.1",
        predicate={"unused": ""},
    )
    found = models(bundle(ALICE, {}, old), pem_of(ALICE))
    assert [(o.asset.name, o.asset.kind, o.verdict) for o in found] == [
        ("config.json", "model_file", RIGHT),
        ("model.safetensors", "model_file", RIGHT),
    ]


def test_two_files_with_the_same_bytes_are_two_observations() -> None:
    content = model_statement()
    first = content["predicate"]["resources"][0]
    content["predicate"]["resources"].append({**first, "name": "copy.json"})
    digests = [bytes.fromhex(one["digest"]) for one in content["predicate"]["resources"]]
    content["subject"][0]["digest"]["sha256"] = hashlib.sha256(b"".join(digests)).hexdigest()
    assert len(models(bundle(ALICE, {}, content))) == 4


def test_bundles_are_told_apart_by_what_they_state() -> None:
    assert identify(json.dumps(bundle(ALICE, {})).encode(), "x") == "model_signing"
    assert identify(json.dumps(bundle(ALICE, {}, statement())).encode(), "x") == "in_toto"
    assert identify(json.dumps(envelope(statement(), ALICE)).encode(), "x") == "in_toto"
    huge = model_statement()
    huge["subject"] = [{"name": f"part-{n}", "digest": {"sha256": "ab" * 32}} for n in range(2000)]
    assert identify(json.dumps(bundle(ALICE, {}, huge)).encode()[: 1 << 16], "x") == "model_signing"


# Keys ---------------------------------------------------------------------------------------------------------------


def test_a_private_key_is_refused_and_said_to_be_exposed() -> None:
    private = ALICE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(BadInputError, match="private key"):
        read_key(private, name="key.pem")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ],
)
def test_what_is_no_key_is_refused(content: bytes) -> None:
    with pytest.raises(BadInputError, match="PEM form"):
        read_key(content, name="key.pem")


def test_keys_that_are_too_weak_or_of_another_kind_are_refused() -> None:
    for weak in (
        rsa.generate_private_key(public_exponent=65537, key_size=1024),
        ec.generate_private_key(ec.SECP256K1()),
    ):
        with pytest.raises(BadInputError, match="not checked here"):
            read_key(pem_of(weak), name="key.pem")


def test_an_unusable_key_stops_the_import_instead_of_being_passed_over() -> None:
    with pytest.raises(BadInputError, match="Key 2"):
        seen(envelope(statement(), ALICE), pem_of(ALICE), b"nonsense")
