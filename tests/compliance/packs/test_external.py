"""What external recipients get: everything but a trigger that works, with marks where something was withheld."""

from __future__ import annotations

import base64
import csv
import hashlib
import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from compliance.isolation import IsolationError
from compliance.packs.context import build_context
from compliance.packs.external import MARKS_NAME, Prepared, for_external, prepare, without_labelled
from compliance.packs.issue import IssuedPack, verify_isolated
from compliance.packs.order import Extra, PackOrder
from compliance.packs.render import html_of
from compliance.types.canonical import canonical_json, digest_of, sha256_hex
from compliance.types.freeze import validate_freeze
from compliance.types.freeze_lines import opened
from compliance.types.handling import HandlingLabel
from compliance.types.states import Audience
from tests.compliance.packs.example_freeze import example_freeze
from tests.compliance.packs.example_pack import Example
from tests.compliance.packs.test_pages import SIGNER

KEY = b"k" * 32
MARKS = Extra(name=MARKS_NAME, file=MARKS_NAME, media_type="text/csv", description="Marks", relationship="Data")
NAMES = ("Ína Þórsdóttir", "Tomasz Żółkiewski", "陳偉", "ليلى حداد", "w.chen", "a.okafor")


def pictures(freeze: Any) -> list[dict[str, Any]]:
    return [picture for scan in freeze["scans"] for stage in scan["stages"] for picture in stage["pictures"]]


def prepared(example: Example, folder: Path, **asked: Any) -> tuple[Example, Prepared]:
    """The example as recipients outside get it, in a folder of its own."""
    shutil.copytree(example.attachments, folder, dirs_exist_ok=True)
    document = folder / "freeze.json"
    order: PackOrder = {**example.order, "audience": Audience.EXTERNAL}
    made = prepare(document=document, attachments=folder, order=order, key=KEY, **asked)
    return Example(made.freeze, document, folder, example.keys, made.order), made


@pytest.fixture(scope="module")
def given(example: Example, tmp_path_factory: pytest.TempPathFactory) -> tuple[Example, Prepared]:
    return prepared(example, tmp_path_factory.mktemp("prepared"))


@pytest.fixture(scope="module")
def external(given: tuple[Example, Prepared], tmp_path_factory: pytest.TempPathFactory) -> IssuedPack:
    return given[0].issue(tmp_path_factory.mktemp("external"), extras=[MARKS])


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
    assert "external recipients: working triggers, names and addresses of people are withheld" in text
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
    withheld = manifest["withheld"]
    assert (withheld["freeze_sha256"], withheld["pictures"]) == (whole, len(pictures(example.freeze)))
    assert withheld["people"] >= 4
    assert withheld["registers"]["job-events.jsonl"] == example.freeze["job_log"]["register"]["sha256"]  # type: ignore[index]
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


def test_nobody_is_named_on_a_page_nor_in_a_file(
    external: IssuedPack, given: tuple[Example, Prepared], tmp_path: Path
) -> None:
    files = attached(external.pack)
    whole = b"\n".join(files.values()).decode()
    text = subprocess.run(["pdftotext", external.pack, "-"], capture_output=True, text=True, check=True).stdout
    assert [name for name in NAMES if name in whole or name in text] == []
    assert "[Person 1]" in " ".join(text.split())
    for content in (*files.values(), b""):  # a register without rows is no file of the pack
        (tmp_path / sha256_hex(content)).write_bytes(content)
    read = opened(json.loads(files["freeze.json"]), tmp_path)
    validate_freeze(read)
    assert len(read["findings"]) == 2
    assert given[0].freeze["frozen_by"] == {**example_freeze()["frozen_by"], "name": "[Person 1]"}


def test_each_mark_has_a_digest_that_the_key_of_that_mark_opens(
    external: IssuedPack, given: tuple[Example, Prepared]
) -> None:
    listed = list(csv.DictReader(attached(external.pack)[MARKS_NAME].decode().splitlines()))
    assert [row["mark"] for row in listed] == [one["mark"] for one in given[1].marks]
    for row, behind in zip(listed, given[1].marks, strict=True):
        assert row["sha256"] == sha256_hex(bytes.fromhex(behind["key"]) + behind["name"].encode())
        assert row["sha256"] != sha256_hex(behind["name"].encode())
    assert len({one["key"] for one in given[1].marks}) == len(listed)


def test_whoever_signed_stays_named_only_for_a_reason_that_is_told(example: Example, tmp_path: Path) -> None:
    made, ready = prepared(example, tmp_path, named_because="The regulator asks for a name.")
    assert made.freeze["frozen_by"]["name"] == example.freeze["frozen_by"]["name"]
    assert example.freeze["frozen_by"]["name"] not in {one["name"] for one in ready.marks}
    assert ready.order["withheld"]["named_because"] == "The regulator asks for a name."


def test_the_same_document_gets_the_same_marks(
    example: Example, given: tuple[Example, Prepared], tmp_path: Path
) -> None:
    assert prepared(example, tmp_path)[1].canonical == given[1].canonical


def test_a_document_that_was_not_prepared_is_not_composed_for_outsiders(example: Example, tmp_path: Path) -> None:
    order: PackOrder = {**example.order, "audience": Audience.EXTERNAL}
    raw = Example(example.freeze, example.document, example.attachments, example.keys, order)
    with pytest.raises(IsolationError, match="not prepared for external recipients"):
        raw.issue(tmp_path)


def test_what_an_order_says_beside_the_document_names_nobody_either(example: Example, tmp_path: Path) -> None:
    found: Any = {"title": "Asked by Tomasz Żółkiewski", "asset": "a", "severity": "high", "state": "not-satisfied"}
    later: Any = {
        "until": "2026-11-02T10:05:00Z", "events": 1, "acts": [], "findings_total": 1,
        "findings": [{**found, "at": "2026-11-02T09:05:00Z"}],
    }  # fmt: skip
    told = Example(
        example.freeze, example.document, example.attachments, example.keys, {**example.order, "later": later}
    )
    made, _ready = prepared(told, tmp_path)
    assert re.fullmatch(r"Asked by \[Person \d\]", made.order["later"]["findings"][0]["title"])
