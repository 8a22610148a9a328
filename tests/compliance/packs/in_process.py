"""Sealing in the process of the test, with the keys at hand: for files that no installation would make."""

from __future__ import annotations

import base64
from pathlib import Path

from asn1crypto import x509
from pyhanko.keys import load_cert_from_pemder
from pyhanko.sign.signers import SimpleSigner
from pyhanko.sign.timestamps import DummyTimeStamper, TimeStamper

from compliance.packs import seal
from compliance.packs.own_stamper import OwnStamper
from compliance.packs.revocation import RevocationData
from compliance.packs.signers import SignerFiles
from compliance.types.seals import SealLevel


def certificate(path: Path) -> x509.Certificate:
    return load_cert_from_pemder(str(path))


def signer_of(files: SignerFiles) -> SimpleSigner:
    signer = SimpleSigner.load(str(files.seal_key), str(files.seal), ca_chain_files=(str(files.root),))
    assert signer is not None
    return signer


def stamper_of(files: SignerFiles) -> DummyTimeStamper:
    return OwnStamper(files)._stamper()  # noqa: SLF001 - the attacker of these tests holds the keys


def validation_of(files: SignerFiles) -> seal.Validation:
    lists = [base64.b64encode(path.read_bytes()).decode() for path in files.folder.glob("*.crl")]
    data: RevocationData = {"crls": lists, "ocsps": []}
    return seal.Validation(roots=[certificate(files.root)], revocation=lambda _der: data)


def sealed(
    content: bytes, files: SignerFiles, *, level: SealLevel = SealLevel.B_T, stamper: TimeStamper | None = None
) -> bytes:
    return seal.seal_pdf(
        content,
        signer=signer_of(files),
        stamper=stamper or stamper_of(files),
        reason="test",
        level=level,
        validation=validation_of(files),
    )
