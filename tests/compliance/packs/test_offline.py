"""The verifier in one file, run by a Python that has nothing but its standard library."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from compliance.packs.issue import IssuedPack
from compliance.packs.offline import assay_verify
from compliance.packs.signers import SignerFiles, signer_facts
from compliance.types.canonical import canonical_json
from compliance.types.canonical import merkle_root as own_merkle_root
from tests.compliance.packs.example_pack import Example

FILE = Path(assay_verify.__file__)
ROOT = FILE.resolve().parents[3]
Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(example: Example) -> Run:
    """Exit code and what was printed, for a pack and its receipt."""
    fingerprint = signer_facts(example.keys)["certificate_sha256"]

    def verify(pack: Path, receipt: Path | None, signer: str = fingerprint) -> tuple[int, str]:
        options = [f"--receipt={receipt}", f"--signer={signer}"] if receipt else []
        command = [sys.executable, "-I", "-S", str(FILE), str(pack), *options]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        return ended.returncode, ended.stdout + ended.stderr

    return verify


def test_the_genuine_pack_passes_and_what_is_not_judged_is_said(run: Run, issued: IssuedPack) -> None:
    code, told = run(issued.pack, issued.receipt_file)
    assert (code, "FAILED" in told, "not judged here" in told) == (0, False, True)
    assert run(issued.pack, None)[0] == 0


def test_the_fingerprint_decides_whose_receipt_counts(run: Run, issued: IssuedPack, stranger: SignerFiles) -> None:
    code, told = run(issued.pack, issued.receipt_file, signer_facts(stranger)["certificate_sha256"])
    assert (code, "another certificate than the one whose fingerprint you gave" in told) == (1, True)
    assert run(issued.pack, issued.receipt_file, "ab")[0] == 2


def test_an_altered_receipt_is_told(run: Run, issued: IssuedPack, tmp_path: Path) -> None:
    envelope = json.loads(issued.receipt_file.read_bytes())
    envelope["payload"] = base64.b64encode(canonical_json({**issued.receipt, "version": 9})).decode()
    (tmp_path / "receipt.json").write_bytes(canonical_json(envelope))
    code, told = run(issued.pack, tmp_path / "receipt.json")
    assert (code, "the receipt's signature does not fit" in told) == (1, True)


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9, 0.99])
def test_a_flipped_bit_is_told(run: Run, issued: IssuedPack, tmp_path: Path, place: float) -> None:
    flipped = bytearray(issued.pack.read_bytes())
    flipped[int(place * len(flipped))] ^= 1
    (tmp_path / "pack.pdf").write_bytes(flipped)
    code, told = run(tmp_path / "pack.pdf", issued.receipt_file)
    assert (code, "FAILED" in told) == (1, True)


def test_a_swapped_attachment_is_told_without_a_receipt(run: Run, issued: IssuedPack, tmp_path: Path) -> None:
    import pikepdf

    with pikepdf.open(issued.pack) as pdf:
        pdf.attachments["freeze.json"] = pikepdf.AttachedFileSpec(
            pdf, b"{}", description="", filename="freeze.json", mime_type="", creation_date="", mod_date=""
        )
        pdf.save(tmp_path / "pack.pdf", object_stream_mode=pikepdf.ObjectStreamMode.disable)
    code, told = run(tmp_path / "pack.pdf", None)
    assert (code, "FAILED" in told) == (1, True)


@pytest.mark.parametrize("content", [b"", b"hello", b"%PDF-1.7\nstartxref\n9\n%%EOF"])
def test_what_is_no_pack_is_bad_input(run: Run, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.pdf").write_bytes(content)
    code, told = run(tmp_path / "x.pdf", None)
    assert (code, "Traceback" in told) == (2, False)


def test_keys_on_p256_are_understood() -> None:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "seal")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    der = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
    signature = key.sign(b"words", ec.ECDSA(hashes.SHA256()))
    assert assay_verify.signature_fits(der, signature, b"words")
    assert not assay_verify.signature_fits(der, signature, b"Words")
    assert not assay_verify.signature_fits(der, signature[:-1] + bytes([signature[-1] ^ 1]), b"words")
    assert not assay_verify.signature_fits(b"junk", signature, b"words")


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 8, 13])
def test_both_compute_the_same_merkle_root(count: int) -> None:
    leaves = [str(n).encode() for n in range(count)]
    assert assay_verify.merkle_root(leaves) == own_merkle_root(leaves)


def test_the_readme_prints_the_digest_of_the_file() -> None:
    digest = hashlib.sha256(FILE.read_bytes()).hexdigest()
    assert re.search(rf"assay_verify\.py.*?{digest}", (ROOT / "README.md").read_text(), re.DOTALL)
