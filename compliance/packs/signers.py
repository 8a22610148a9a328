"""The keys that seal packs. Here: a demonstration authority of the installation's own, trusted by nobody else.

    root ── seal key (certifies packs)
      └──── time stamper (in the same process; with TSA_URL, an authority elsewhere takes its place)

The folder holds root.pem, root.crl, seal.pem, seal.key, tsa.pem and tsa.key. The root's key is thrown away once both are
issued, so that nobody can add a third certificate later; its one revocation list is empty and lasts as long as the root,
so that the higher levels of a seal can be tried. `sealers` says what else may stand in the place of seal.key.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from compliance.packs.order import SignerFacts

DEMONSTRATION = "Demonstration signer, trusted by nobody else"
_KEY_BITS = 3072
_QC_COMPLIANCE = bytes.fromhex("060604008e460101")  # id-etsi-qcs-QcCompliance, as DER
_QC_SEAL = bytes.fromhex("060704008e46010602")  # id-etsi-qct-eseal, as DER
_YEARS = {"root": 25, "tsa": 20, "seal": 10}


class SignerError(ValueError):
    """The folder of keys cannot be used; the message says why."""


@dataclass(frozen=True, slots=True)
class SignerFiles:
    """Where certificates and keys lie."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "root.pem"

    @property
    def seal(self) -> Path:
        return self.folder / "seal.pem"

    @property
    def seal_key(self) -> Path:
        return self.folder / "seal.key"

    @property
    def pkcs12(self) -> Path:
        return self.folder / "seal.p12"

    @property
    def pkcs11(self) -> Path:
        return self.folder / "pkcs11.json"

    @property
    def chain(self) -> Path:
        return self.folder / "chain.pem"

    @property
    def tsa(self) -> Path:
        return self.folder / "tsa.pem"

    @property
    def tsa_key(self) -> Path:
        return self.folder / "tsa.key"


def _name(common: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, DEMONSTRATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common),
        ]
    )


def _usage(*, signs_certificates: bool, seals: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=seals,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _builder(kind: str, key: RSAPrivateKey, issuer: x509.Name, issuer_key: RSAPrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC).replace(microsecond=0)
    is_root = kind == "root"
    return (
        x509.CertificateBuilder()
        .subject_name(_name({"root": "Assay root", "seal": "Assay pack seal", "tsa": "Assay time stamper"}[kind]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=365 * _YEARS[kind]))
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=0 if is_root else None), critical=True)
        .add_extension(_usage(signs_certificates=is_root, seals=kind == "seal"), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
    )


def _write(path: Path, content: bytes) -> None:
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)


def _key_bytes(key: RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _empty_list(root: x509.Certificate, key: RSAPrivateKey) -> bytes:
    """The root's revocation list, DER."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(root.subject)
        .last_update(root.not_valid_before_utc)
        .next_update(root.not_valid_after_utc)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .add_extension(x509.CRLNumber(1), critical=False)
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def _make(folder: Path) -> None:
    root_key = generate_private_key(65537, _KEY_BITS)
    root_name = _name("Assay root")
    root = _builder("root", root_key, root_name, root_key).sign(root_key, hashes.SHA256())
    _write(folder / "root.pem", root.public_bytes(serialization.Encoding.PEM))
    _write(folder / "root.crl", _empty_list(root, root_key))
    for kind in ("seal", "tsa"):
        key = generate_private_key(65537, _KEY_BITS)
        builder = _builder(kind, key, root_name, root_key)
        if kind == "tsa":
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
        _write(folder / f"{kind}.pem", builder.sign(root_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        _write(folder / f"{kind}.key", _key_bytes(key))


def ensure_demo_signer(folder: Path) -> SignerFiles:
    """The signer in `folder`, made first where there is none. Two processes that start at once end with one signer."""
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".keys-") as scratch:
            made = Path(scratch) / "made"
            made.mkdir(mode=0o700)
            _make(made)
            try:
                made.rename(folder)
            except OSError as error:
                if not folder.exists():
                    raise SignerError(f"{folder}: the keys could not be stored there ({error.strerror})") from error
    return SignerFiles(folder)


def _certificate(path: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise SignerError(f"{path.name}: no readable PEM certificate is in the folder of keys") from error


def _common_name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else certificate.subject.rfc4514_string()


def signer_facts(files: SignerFiles) -> SignerFacts:
    """What pages say of the signer. Raises SignerError."""
    root, seal = _certificate(files.root), _certificate(files.seal)
    organisations = [str(a.value) for a in root.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    return {
        "subject": _common_name(seal),
        "certificate_sha256": seal.fingerprint(hashes.SHA256()).hex(),
        "root_subject": _common_name(root),
        "root_sha256": root.fingerprint(hashes.SHA256()).hex(),
        "demonstration": DEMONSTRATION in organisations,
        "qualified": states_qualified(seal.public_bytes(serialization.Encoding.DER)),
    }


def states_qualified(der: bytes) -> bool:
    """Whether the certificate itself says that it is a qualified one for electronic seals (ETSI EN 319 412-5)."""
    try:
        extensions = x509.load_der_x509_certificate(der).extensions
        statements = extensions.get_extension_for_oid(x509.ObjectIdentifier("1.3.6.1.5.5.7.1.3")).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    content = statements.value if isinstance(statements, x509.UnrecognizedExtension) else b""
    return _QC_COMPLIANCE in content and _QC_SEAL in content
