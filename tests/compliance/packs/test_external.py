"""What external recipients get: everything but a trigger that works, with marks where something was withheld."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from compliance.packs.context import build_context
from compliance.packs.external import for_external, without_labelled
from compliance.packs.issue import IssuedPack, verify_isolated
from compliance.packs.order import PackOrder
from compliance.packs.render import html_of
from compliance.types.canonical import canonical_json, digest_of, sha256_hex
from compliance.types.freeze import validate_freeze
from compliance.types.handling import HandlingLabel
from compliance.types.states import Audience
from tests.compliance.packs.example_freeze import example_freeze
from tests.compliance.packs.example_pack import Example
from tests.compliance.packs.test_pages import SIGNER


def pictures(freeze: Any) -> list[dict[str, Any]]:
    return [picture for scan in freeze["scans"] for stage in scan["stages"] for picture in stage["pictures"]]


@pytest.fixture(scope="module")
def external(example: Example, tmp_path_factory: pytest.TempPathFactory) -> IssuedPack:
    order: PackOrder = {**example.order, "audience": Audience.EXTERNAL}
    given = Example(example.freeze, example.document, example.attachments, example.keys, order)
    return given.issue(tmp_path_factory.mktemp("external"))


def attached(pack: Path) -> dict[str, bytes]:
    with pikepdf.open(pack) as pdf:
        return {name: spec.get_file().read_bytes() for name, spec in pdf.attachments.items()}


def test_every_picture_becomes_its_digest_and_size() -> None:
    whole = example_freeze()
    given, withheld = for_external(whole)
    validate_freeze(json.loads(canonical_json(given)))
    assert withheld == len(pictures(whole)) > 0
    for before, after in zip(pictures(whole), pictures(given), strict=True):
        content = base64.b64decode(before["png"])
        assert after["png"] == ""
        assert (after["withheld_sha256"], after["withheld_bytes"]) == (sha256_hex(content), len(content))


def test_nothing_else_is_changed_and_the_original_keeps_its_pictures() -> None:
    whole = example_freeze()
    before = digest_of(whole)
    given = json.loads(canonical_json(for_external(whole)[0]))
    for picture, original in zip(pictures(given), pictures(whole), strict=True):
        del picture["withheld_sha256"], picture["withheld_bytes"]
        picture["png"] = original["png"]
    assert digest_of(given) == digest_of(whole) == before


def test_pages_mark_what_is_withheld_and_keep_size_and_success(order: PackOrder) -> None:
    asked: PackOrder = {**order, "audience": Audience.EXTERNAL}
    given, _ = for_external(example_freeze())
    context = build_context(freeze=given, freeze_sha256=digest_of(given), order=asked, signer=SIGNER, attachments=[])
    page = html_of(context)
    text = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())
    assert context.pictures == {}
    assert "pack:picture/" not in page
    assert text.count("withheld from external recipients") == len(pictures(given))
    assert "external recipients: recovered triggers are withheld" in text
    assert "Held-out images turned 99.2 %" in text
    digest = pictures(given)[0]["withheld_sha256"]
    assert digest in text.replace(" ", "")


def test_the_pack_holds_no_trigger_anywhere(external: IssuedPack, example: Example) -> None:
    files = attached(external.pack)
    for picture in pictures(example.freeze):
        assert picture["png"].encode() not in files["freeze.json"]
        assert all(base64.b64decode(picture["png"]) not in content for content in files.values())
    with pikepdf.open(external.pack) as pdf:
        images = [o for o in pdf.objects if isinstance(o, pikepdf.Stream) and o.get("/Subtype") == "/Image"]
    assert images == []


def test_the_manifest_names_the_whole_document_and_what_was_left_out(external: IssuedPack, example: Example) -> None:
    files = attached(external.pack)
    manifest = json.loads(files["manifest.json"])
    whole = hashlib.sha256(example.document.read_bytes()).hexdigest()
    assert manifest["audience"] == "external"
    assert manifest["withheld"] == {"freeze_sha256": whole, "pictures": len(pictures(example.freeze))}
    assert manifest["freeze_sha256"] == sha256_hex(files["freeze.json"]) == external.receipt["freeze_sha256"] != whole


def test_a_stranger_verifies_it_like_any_other(external: IssuedPack, example: Example) -> None:
    root = example.keys.root.read_text(encoding="ascii")
    report = verify_isolated(
        pack=external.pack, receipt=external.receipt_file, trust_roots=[root], time_roots=[], accept_unisolated=False
    )
    assert report.is_genuine


def test_what_is_left_out_by_a_label_is_named_nowhere() -> None:
    whole = example_freeze()
    piece = whole["evidence"][0]
    whole["assessment"]["scope"] = f"Rests on “{piece['title']}”."
    given, left = without_labelled(whole, {piece["uuid"]: HandlingLabel.PRIVILEGED})
    validate_freeze(json.loads(canonical_json(given)))
    assert (left, given["evidence"][0]["sha256"]) == (1, piece["sha256"])
    text = canonical_json(given).decode()
    assert given["assessment"]["scope"] == "Rests on “…”."
    assert f'"{piece["title"]}"' not in text
    assert f'"{piece["filename"]}"' not in text
    assert canonical_json(given["evidence"][1:]) == canonical_json(whole["evidence"][1:])
