"""Packs carry a checkpoint with the proofs for their freeze and evidence, and both verifiers hold the pack to them."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from compliance.models import EvidencePack, Freeze, LedgerCheckpoint, User
from compliance.packs.offline import assay_verify
from compliance.packs.report import CheckName, CheckState
from compliance.packs.signers import signer_facts
from compliance.services import freezes, leases, packs, seals
from compliance.types.ledger_proofs import PROOFS_NAME, wrong_with_places, wrong_with_proofs
from tests.compliance.conftest import World
from tests.compliance.services.test_checkpoints import _attack, undone  # noqa: F401 - a fixture
from tests.compliance.services.test_freezes import approve_all

pytestmark = pytest.mark.django_db
Parts = dict[str, Any]


@pytest.fixture
def pack(world: World, officer: User, manager: User) -> EvidencePack:
    frozen: Freeze = freezes.freeze(assessment=approve_all(world, officer, manager), actor=officer)
    job = leases.run_here(job=packs.request_issue(assessment=frozen.assessment, actor=officer, dispatch=False))
    assert job.error == ""
    return frozen.packs.get()


def parts_of(path: Path) -> Parts:
    with pikepdf.open(path) as pdf:
        read = {name: pdf.attachments[name].get_file().read_bytes() for name in pdf.attachments}
    return {name: json.loads(read[name]) for name in ("manifest.json", "freeze.json", PROOFS_NAME)}


def wrong(parts: Parts) -> tuple[bool, bool]:
    """Whether the pure check, and the one-file verifier's, find anything."""
    proofs, manifest, freeze = parts[PROOFS_NAME], parts["manifest.json"], parts["freeze.json"]
    places = [each["ledger"] for each in freeze["evidence"] if each["ledger"]]
    frozen = manifest["freeze_sha256"]
    told = wrong_with_proofs(proofs) or wrong_with_places(
        proofs, head=manifest["ledger"], places=places, frozen_sha256=frozen
    )
    alone = assay_verify.check_tree(proofs) + assay_verify.check_places(proofs, manifest, freeze)
    return told is not None, bool(alone)


def _other_event(parts: Parts) -> None:
    parts[PROOFS_NAME]["events"][0]["event"]["subject_type"] = "compliance.Answer"


def _no_event(parts: Parts) -> None:
    parts[PROOFS_NAME]["events"] = [one for one in parts[PROOFS_NAME]["events"] if "payload" in one]


def _other_freeze(parts: Parts) -> None:
    parts["manifest.json"]["freeze_sha256"] = "0" * 64


def _other_head(parts: Parts) -> None:
    parts["manifest.json"]["ledger"]["block_hash"] = "0" * 64


def _other_place(parts: Parts) -> None:
    parts["freeze.json"]["evidence"][0]["ledger"]["event"] = "0" * 64


def _other_payload(parts: Parts) -> None:
    next(one for one in parts[PROOFS_NAME]["events"] if "payload" in one)["payload"]["freeze"] = "x"


def _other_block(parts: Parts) -> None:
    parts[PROOFS_NAME]["blocks"][0]["block"]["first_position"] += 1


CHANGES = (_other_event, _no_event, _other_freeze, _other_head, _other_place, _other_payload, _other_block)


def test_a_pack_carries_proofs_that_both_verifiers_hold_it_to(pack: EvidencePack, tmp_path: Path) -> None:
    file = tmp_path / "pack.pdf"
    receipt = packs.export(pack=pack, out=file)
    report = packs.verify(pack=file, receipt=receipt)
    assert report.is_genuine, report.checks
    assert "events of the ledger are proved to be under its checkpoint" in report.check(CheckName.CONTENTS).words
    assert "the checkpoint that the pack carries" in report.check(CheckName.LEDGER).words
    assert LedgerCheckpoint.objects.count() == 2  # one that covers the freeze, and one after the pack
    code, told = _alone(file, receipt)
    assert (code, "FAILED" in told, "of the ledger" in told) == (0, False, True)
    parts = parts_of(file)
    assert parts[PROOFS_NAME]["checkpoint"]["sha256"] == report.checkpoint
    assert wrong(parts) == (False, False)
    for change in CHANGES:
        _changed(parts, change)
    _attack("DELETE FROM compliance_ledgercheckpoint")
    assert packs.verify(pack=file, receipt=receipt).check(CheckName.LEDGER).state is CheckState.FAILED


def _changed(parts: Parts, change: Callable[[Parts], None]) -> None:
    other = copy.deepcopy(parts)
    change(other)
    assert wrong(other) == (True, True), change


def _alone(file: Path, receipt: Path) -> tuple[int, str]:
    fingerprint = signer_facts(seals.signer_keys())["certificate_sha256"]
    command = [
        sys.executable,
        "-I",
        "-S",
        assay_verify.__file__,
        str(file),
        f"--receipt={receipt}",
        f"--signer={fingerprint}",
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    return ended.returncode, ended.stdout + ended.stderr


def test_the_checkpoints_signature_is_checked_by_plain_arithmetic() -> None:
    """RFC 8032, section 7.1, tests 1 to 3."""
    vectors = [
        (
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
            "",
        ),
        (
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
            "72",
        ),
        (
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
            "af82",
        ),
    ]
    for key, signature, message in vectors:
        given = bytes.fromhex(key), bytes.fromhex(signature), bytes.fromhex(message)
        assert assay_verify.ed25519_fits(*given)
        assert not assay_verify.ed25519_fits(given[0], given[1], given[2] + b"x")
        flipped = bytearray(given[1])
        flipped[40] ^= 1
        assert not assay_verify.ed25519_fits(given[0], bytes(flipped), given[2])
        assert not assay_verify.ed25519_fits(given[0][:31], given[1], given[2])
        assert not assay_verify.ed25519_fits(b"\xff" * 32, given[1], given[2])
