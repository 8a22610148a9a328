"""Keys in files, in PKCS#12 and in a token: each seals a pack, and none is taken for another's certificate."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

from compliance.isolation import BadInput
from compliance.packs.issue import issue_pack
from compliance.packs.sealers import open_sealer
from compliance.packs.signers import SignerError, SignerFiles
from compliance.packs.verify import verify_pack
from compliance.types.pack_layouts import Layout
from tests.compliance.packs.example_pack import Example

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
needs_softhsm = pytest.mark.skipif(
    not MODULE.exists() or not shutil.which("softhsm2-util"),
    reason="SoftHSM2 is not installed: apt-get install softhsm2",
)


def _copied(example: Example, folder: Path) -> SignerFiles:
    shutil.copytree(example.keys.folder, folder)
    return SignerFiles(folder)


def _issued(example: Example, keys: SignerFiles, out: Path, passphrase: str) -> bool:
    issued = issue_pack(
        freeze_document=example.document,
        attachments=example.attachments,
        order={**example.order, "layout": Layout.SUMMARY},
        keys=keys.folder,
        passphrase=passphrase,
        out=out / "pack.pdf",
        receipt_out=out / "pack.receipt.json",
    )
    report = verify_pack(issued.pack, receipt=issued.receipt_file, trust_roots=[keys.root.read_bytes()])
    return report.is_genuine and issued.kept_in == open_sealer(keys, passphrase).kept_in


def test_a_key_in_pkcs12_seals(example: Example, tmp_path: Path) -> None:
    keys = _copied(example, tmp_path / "keys")
    key = serialization.load_pem_private_key(keys.seal_key.read_bytes(), None)
    own = x509.load_pem_x509_certificate(keys.seal.read_bytes())
    encryption = serialization.BestAvailableEncryption(b"a passphrase")
    keys.pkcs12.write_bytes(pkcs12.serialize_key_and_certificates(b"seal", key, own, None, encryption))  # type: ignore[arg-type]
    keys.seal_key.unlink()
    assert _issued(example, keys, tmp_path / "out", "a passphrase")
    with pytest.raises(SignerError, match=r"^seal\.p12 cannot be opened with SIGNER_PASSPHRASE$"):
        open_sealer(keys, "another")


@pytest.fixture
def token(example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SignerFiles:
    """The example's key in a token of SoftHSM2, and nowhere else in its folder."""
    keys = _copied(example, tmp_path / "keys")
    (tmp_path / "tokens").mkdir()
    (tmp_path / "softhsm2.conf").write_text(
        f"directories.tokendir = {tmp_path / 'tokens'}\nobjectstore.backend = file\n"
    )
    monkeypatch.setenv("SOFTHSM2_CONF", str(tmp_path / "softhsm2.conf"))
    util, pin = ["softhsm2-util"], ["--pin", "1234"]
    made = [*util, "--init-token", "--free", "--label", "packs", *pin, "--so-pin", "123456"]
    subprocess.run(made, check=True, capture_output=True, env=os.environ)
    brought = [*util, "--import", str(keys.seal_key), "--token", "packs", "--label", "seal", "--id", "01", *pin]
    subprocess.run(brought, check=True, capture_output=True, env=os.environ)
    keys.pkcs11.write_text(json.dumps({"module": str(MODULE), "token": "packs", "key": "seal"}))
    keys.seal_key.unlink()
    return keys


@needs_softhsm
def test_a_key_in_a_token_seals(example: Example, token: SignerFiles, tmp_path: Path) -> None:
    assert _issued(example, token, tmp_path / "out", "1234")
    with pytest.raises(SignerError, match="the token packs did not sign"):
        open_sealer(token, "4321")


def test_a_key_of_another_certificate_seals_nothing(example: Example, stranger: SignerFiles, tmp_path: Path) -> None:
    keys = _copied(example, tmp_path / "keys")
    shutil.copy(stranger.seal_key, keys.seal_key)
    with pytest.raises(BadInput, match=r"the private key is not that of seal\.pem"):
        dataclasses.replace(example, keys=keys).issue(tmp_path / "out")


@pytest.mark.parametrize("names", [(), ("seal.key", "seal.p12")])
def test_one_key_seals(example: Example, tmp_path: Path, names: tuple[str, ...]) -> None:
    keys = _copied(example, tmp_path / "keys")
    keys.seal_key.rename(tmp_path / "kept")
    for name in names:
        (keys.folder / name).write_bytes(b"x")
    with pytest.raises(SignerError, match="one key seals packs"):
        open_sealer(keys, "")
