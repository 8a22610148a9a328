"""Keys made on the spot, and statements signed with them as DSSE envelopes and Sigstore bundles."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from scanning.ingest.attestations import PAYLOAD_TYPE, pae

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey
FILES = {"config.json": b"{}", "model.safetensors": b"weights"}


def pem_of(key: PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def signed(key: PrivateKey, message: bytes, *, pss: bool = True) -> bytes:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(message)
    if isinstance(key, rsa.RSAPrivateKey):
        salted = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.MAX_LENGTH)
        return key.sign(message, salted if pss else padding.PKCS1v15(), hashes.SHA256())
    digest = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[key.curve.key_size]
    return key.sign(message, ec.ECDSA(digest))


def statement(**members: object) -> dict[str, Any]:
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "model.tar.gz", "digest": {"sha256": "ab" * 32}}],
        "predicateType": "https://example.test/predicate/v1",
        "predicate": {},
        **members,
    }


def envelope(content: dict[str, Any], key: PrivateKey, *, keyid: str = "", pss: bool = True) -> dict[str, Any]:
    payload = json.dumps(content).encode()
    signature = signed(key, pae(PAYLOAD_TYPE, payload), pss=pss)
    return {
        "payloadType": PAYLOAD_TYPE,
        "payload": base64.b64encode(payload).decode(),
        "signatures": [{"keyid": keyid, "sig": base64.b64encode(signature).decode()}],
    }


def model_statement() -> dict[str, Any]:
    resources = [
        {"name": name, "algorithm": "sha256", "digest": hashlib.sha256(content).hexdigest()}
        for name, content in sorted(FILES.items())
    ]
    root = hashlib.sha256(b"".join(bytes.fromhex(one["digest"]) for one in resources)).hexdigest()
    return statement(
        subject=[{"name": "model", "digest": {"sha256": root}}],
        predicateType="https://model_signing/signature/v1.0",
        predicate={"serialization": {"method": "files", "hash_type": "sha256"}, "resources": resources},
    )


def bundle(key: PrivateKey, material: dict[str, Any], content: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
        "verificationMaterial": {**material, "tlogEntries": []},
        "dsseEnvelope": envelope(content or model_statement(), key),
    }


def certificate(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ACME models")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )


def altered(document: dict[str, Any]) -> dict[str, Any]:
    """The same with another payload under the old signature."""
    inner = document.get("dsseEnvelope", document)
    content = json.loads(base64.b64decode(inner["payload"]))
    content["subject"][0]["name"] += " "
    other = {**inner, "payload": base64.b64encode(json.dumps(content).encode()).decode()}
    return {**document, "dsseEnvelope": other} if "dsseEnvelope" in document else other
