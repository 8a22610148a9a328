"""Lists of a freeze document that lie beside it: read as those of older documents, and never taken for what they are not."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, cast

import pytest

from compliance.packs.context import build_context
from compliance.packs.issue import verify_isolated
from compliance.packs.manifest import counts
from compliance.packs.offline import assay_verify
from compliance.packs.order import PackOrder
from compliance.packs.registers import lists_of, registers_of
from compliance.packs.render import html_of
from compliance.packs.report import CheckState
from compliance.packs.uses import uses_of
from compliance.packs.verify_contents import Inside, check_completeness
from compliance.types.canonical import NotCanonicalError, canonical_json
from compliance.types.freeze import Freeze, FreezeError, validate_freeze
from compliance.types.freeze_comparison import compare
from compliance.types.freeze_lines import LINED, Lines, LinesError, lined, opened, stored, written
from tests.compliance.packs.example_audit import audited
from tests.compliance.packs.example_freeze import empty_freeze, example_freeze, sha
from tests.compliance.packs.example_pack import Example
from tests.compliance.packs.test_pages import SIGNER

pytestmark = pytest.mark.sqlite_only


def beside(freeze: Any, folder: Path) -> Freeze:
    """The document as it is written and read back."""
    return cast(Freeze, opened(json.loads(canonical_json(stored(lined(freeze, folder)))), folder))


def page(freeze: Freeze, order: PackOrder) -> str:
    context = build_context(freeze=freeze, freeze_sha256=sha("freeze"), order=order, signer=SIGNER, attachments=[])
    return html_of(context)


@pytest.mark.parametrize("made", [example_freeze, empty_freeze, lambda: audited(example_freeze())])
def test_a_document_reads_the_same_whether_it_holds_its_lists_or_names_them(
    made: Any, order: PackOrder, tmp_path: Path
) -> None:
    held: Freeze = made()
    read = beside(held, tmp_path)
    validate_freeze(held)
    validate_freeze(read)
    assert {name: list(rows) for name, rows in read.items() if isinstance(rows, Lines)} == {
        name: rows for name, rows in held.items() if name in LINED
    }
    assert page(read, order) == page(held, order)
    assert uses_of(read) == uses_of(held)
    assert not compare(held, read).differs
    assert not compare(read, held).differs


def test_tables_name_the_file_that_holds_their_rows(order: PackOrder, tmp_path: Path) -> None:
    freeze = cast(dict[str, Any], example_freeze())
    (finding, *_rest) = freeze["findings"]
    freeze["findings"] = [
        *freeze["findings"],
        *({**finding, "uuid": f"{n:08d}{finding['uuid'][8:]}"} for n in range(150)),
    ]
    read = beside(freeze, tmp_path)
    told = page(read, order)
    blob = next(one.blob for one in lists_of(read) if one.blob["filename"] == "findings.jsonl")
    assert blob["rows"] == 152
    assert "Rows 1–100 of 152. Full register: attached file findings.jsonl, SHA-256 " in " ".join(told.split())
    assert " ".join(blob["sha256"][n : n + 4] for n in range(0, 64, 4)) in told
    assert "25 gravest of 152 are told in full below; findings.jsonl tells all" in " ".join(told.split())


def test_rows_are_read_anew_by_each_pass_and_by_two_at_a_time_though_the_file_is_gone(tmp_path: Path) -> None:
    rows = [{"n": n, "text": "é\n" * n} for n in range(1_000)]
    lines = written("rows.jsonl", rows, tmp_path)
    shutil.rmtree(tmp_path)
    assert list(lines) == list(lines) == rows
    assert [(one, other) for one, other in zip(lines, lines, strict=True) if one != other] == []
    assert list(lines.mapped(lambda row: row["n"]).mapped(lambda n: n + 1)) == list(range(1, 1_001))


def test_rows_beyond_one_piece_of_the_file_are_whole(tmp_path: Path) -> None:
    rows = ["x" * 700_000, "y" * 1_500_000, "", "z"]
    assert list(written("rows.jsonl", rows, tmp_path)) == rows


def test_lines_have_no_json_form(tmp_path: Path) -> None:
    """A document whose lists were not put away by `stored` must not be written."""
    with pytest.raises(NotCanonicalError):
        canonical_json(lined(example_freeze(), tmp_path))


def _altered(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"digits", b"digitz"))


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (Path.unlink, "findings.jsonl: the register with SHA-256 [0-9a-f]{64} was not handed over"),
        (_altered, "findings.jsonl: the register is not the one that the freeze document names"),
    ],
)
def test_a_register_that_is_not_the_one_named_is_refused(spoil: Any, said: str, tmp_path: Path) -> None:
    document = stored(lined(example_freeze(), tmp_path))
    spoil(tmp_path / document["findings"]["sha256"])
    with pytest.raises(LinesError, match=said):
        opened(document, tmp_path)


def test_a_document_that_states_another_number_of_rows_is_no_valid_one(tmp_path: Path) -> None:
    document = stored(lined(example_freeze(), tmp_path))
    document["findings"]["rows"] += 1
    with pytest.raises(FreezeError, match=r"findings.jsonl has 2 rows, and 3 were recorded"):
        validate_freeze(opened(document, tmp_path))


def test_a_line_is_checked_as_a_row_of_the_document_is(tmp_path: Path) -> None:
    freeze = cast(dict[str, Any], example_freeze())
    freeze["risks"] = [{**freeze["risks"][0], "findings": [freeze["risks"][0]["uuid"]]}]
    with pytest.raises(FreezeError, match=r"risks: .* is not in the findings"):
        validate_freeze(beside(freeze, tmp_path))
    freeze["risks"] = [{**freeze["risks"][0], "state": "cured"}]
    with pytest.raises(FreezeError, match=r"risks\[0\].state: expected one of"):
        validate_freeze(beside(freeze, tmp_path))


def test_each_form_keeps_its_lists_in_one_place(tmp_path: Path) -> None:
    """Else a reader of the other form would pass over rows."""
    with pytest.raises(FreezeError, match="findings: a document of the form assay-freeze/2 keeps this list otherwise"):
        validate_freeze({**example_freeze(), "schema": "assay-freeze/2"})
    document = {**stored(lined(example_freeze(), tmp_path)), "schema": "assay-freeze/1"}
    with pytest.raises(FreezeError, match="expected a list, found dict"):
        validate_freeze(opened(document, tmp_path))
    with pytest.raises(LinesError, match="findings: expected an object, found list"):
        opened({**stored(lined(example_freeze(), tmp_path)), "findings": []}, tmp_path)


def test_a_document_of_the_first_form_still_makes_a_pack_that_verifies(example: Example, tmp_path: Path) -> None:
    shutil.copytree(example.attachments, tmp_path, dirs_exist_ok=True)
    held = {name: list(rows) if isinstance(rows, Lines) else rows for name, rows in example.freeze.items()}
    held["schema"] = "assay-freeze/1"
    document = tmp_path / "freeze.json"
    document.write_bytes(canonical_json(held))
    older = Example(cast(Freeze, held), document, tmp_path, example.keys, example.order)
    made = older.issue(tmp_path / "out")
    report = verify_isolated(
        pack=made.pack, receipt=made.receipt_file, trust_roots=[example.keys.root.read_text(encoding="ascii")]
    )
    assert report.is_genuine, report


def _told(example: Example, changed: bytes | None = None) -> tuple[CheckState, str, list[str]]:
    """What both verifiers say of numbers and registers; changed: bytes of the findings in place of those that were frozen."""
    files = {one.blob["filename"]: example.attachments / one.blob["sha256"] for one in registers_of(example.freeze)}
    held = {name: path.read_bytes() for name, path in files.items()} | {"freeze.json": example.document.read_bytes()}
    held["findings.jsonl"] = changed or held["findings.jsonl"]
    manifest = {"counts": counts(example.freeze)}
    check = check_completeness(Inside(cast(Any, manifest), held))
    return check.state, check.words, assay_verify.check_counts({**held, "manifest.json": canonical_json(manifest)})


def test_both_verifiers_count_rows_and_hold_registers_against_the_document(example: Example) -> None:
    state, words, failures = _told(example)
    assert (state, failures) == (CheckState.PASSED, [])
    assert "10 attached registers have all of their" in words
    lines = (example.attachments / _digest_of_findings(example)).read_bytes()
    said = "findings.jsonl is not the register that freeze.json names"
    for changed in (lines.replace(b"not-satisfied", b"satisfied"), lines + lines):
        state, words, failures = _told(example, changed)
        assert (state, words) == (CheckState.FAILED, f"{said}.")
        assert failures[0] == said
    assert failures[1] == "findings.jsonl has 4 rows, and 2 were recorded"


def _digest_of_findings(example: Example) -> str:
    return next(one.blob["sha256"] for one in lists_of(example.freeze) if one.blob["filename"] == "findings.jsonl")
