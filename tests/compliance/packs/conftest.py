"""One pack, issued once as services issue it, for all tests of this folder."""

from __future__ import annotations

import json
from typing import cast

import pytest

from compliance.packs.issue import IssuedPack
from compliance.packs.order import PackOrder
from compliance.packs.signers import SignerFiles, ensure_demo_signer
from compliance.types.canonical import canonical_json, sha256_hex
from compliance.types.freeze import Freeze
from compliance.types.freeze_blob import Blob
from compliance.types.freeze_lines import lined, stored
from compliance.types.states import Audience
from tests.compliance.packs.example_completeness import completeness_lines, measured
from tests.compliance.packs.example_entitlements import access_reviewed, assessed, entitlement_ways
from tests.compliance.packs.example_freeze import example_freeze, job_log, uid
from tests.compliance.packs.example_pack import Example


@pytest.fixture(scope="session")
def order() -> PackOrder:
    return {
        "pack_id": uid("pack"),
        "version": 2,
        "supersedes": uid("earlier pack"),
        "generated_at": "2026-11-02T10:05:00Z",
        "audience": Audience.INTERNAL,
        "recipient": "Leila Haddad, external auditor",
        "classification": 'Confidential \\ "internal"',
        "software_version": "0.1.0",
        "time_stamp_authority": None,
    }


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory, order: PackOrder) -> Example:
    folder = tmp_path_factory.mktemp("example")
    register = b"".join(json.dumps({"row": n}).encode() + b"\n" for n in range(41))
    blob: Blob = {
        "filename": "job-events.jsonl",
        "media_type": "application/x-ndjson",
        "sha256": sha256_hex(register),
        "size": len(register),
        "rows": 41,
    }
    (folder / blob["sha256"]).write_bytes(register)
    ways = entitlement_ways(230)
    lines = b"".join(canonical_json(way) + b"\n" for way in ways)
    listed: Blob = {
        "filename": "entitlements.jsonl",
        "media_type": "application/x-ndjson",
        "sha256": sha256_hex(lines),
        "size": len(lines),
        "rows": 230,
    }
    (folder / listed["sha256"]).write_bytes(lines)
    decisions = b"".join(
        canonical_json({"principal": f"person-{n:03}", "decision": "keep"}) + b"\n" for n in range(154)
    )
    reviewed: Blob = {
        "filename": "access-review.jsonl",
        "media_type": "application/x-ndjson",
        "sha256": sha256_hex(decisions),
        "size": len(decisions),
        "rows": 154,
    }
    (folder / reviewed["sha256"]).write_bytes(decisions)
    entitlements = assessed(ways, listed)
    entitlements["review"] = access_reviewed(reviewed)
    gaps = completeness_lines(210)
    told = b"".join(canonical_json(line) + b"\n" for line in gaps)
    whole: Blob = {
        "filename": "completeness.jsonl",
        "media_type": "application/x-ndjson",
        "sha256": sha256_hex(told),
        "size": len(told),
        "rows": 210,
    }
    (folder / whole["sha256"]).write_bytes(told)
    freeze = example_freeze(job_log=job_log(41, blob), entitlements=entitlements, completeness=measured(gaps, whole))
    freeze = cast(Freeze, lined(freeze, folder))
    (folder / "freeze.json").write_bytes(canonical_json(stored(freeze)))
    keys = ensure_demo_signer(folder / "keys")
    return Example(freeze=freeze, document=folder / "freeze.json", attachments=folder, keys=keys, order=order)


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> SignerFiles:
    """Another installation's signer."""
    return ensure_demo_signer(tmp_path_factory.mktemp("stranger") / "keys")


@pytest.fixture(scope="session")
def issued(example: Example, tmp_path_factory: pytest.TempPathFactory) -> IssuedPack:
    return example.issue(tmp_path_factory.mktemp("issued"))


@pytest.fixture(scope="session")
def unsigned(example: Example) -> bytes:
    """The same pack before its seal, rendered in this process."""
    from compliance.packs.child import render_unsigned

    return render_unsigned(
        freeze=example.freeze,
        canonical=example.document.read_bytes(),
        order=example.order,
        keys=example.keys.folder,
        attachments=example.attachments,
    )
