"""What a stranger without an installation learns of two checkpoints and a proof between them: assay_verify.py --consistent."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from compliance.management.progress import ProgressLine
from compliance.models import LedgerCheckpoint
from compliance.packs.offline import assay_verify
from compliance.services import checkpoints, ledger
from compliance.services.ledger_statements import checkpoint_document
from compliance.types.canonical import digest_of
from compliance.types.drafts import Progress
from compliance.types.ledger_signatures import Signed
from compliance.types.merkle import GrowingTree, consistency_path, is_consistent, leaf_hash
from tests.compliance.ledger_rows import some_events
from tests.compliance.services.test_ledger import record

pytestmark = pytest.mark.django_db
FILE = Path(assay_verify.__file__)


@pytest.fixture(autouse=True)
def keys(settings: Settings, tmp_path: Path) -> None:
    settings.SIGNER_KEYS = tmp_path / "keys"


def stated() -> LedgerCheckpoint:
    made = checkpoints.stated()
    assert made is not None
    return made


def kept(path: Path, document: Any) -> Path:
    path.write_text(json.dumps(document))
    return path


class Files:
    """An older and a newer checkpoint, and the proof between them as `prove_ledger` writes it."""

    def __init__(self, folder: Path) -> None:
        some_events(5)
        ledger.seal(limit=2)
        first = stated()
        for n in range(4):
            record({"n": n})
            ledger.seal()
        last = stated()
        self.folder, self.blocks = folder, (first.blocks, last.blocks)
        self.older = kept(folder / "older.json", checkpoint_document(first))
        self.newer = kept(folder / "newer.json", checkpoint_document(last))
        self.proof = folder / "proof.json"
        call_command("prove_ledger", "consistency", f"--from={first.blocks}", f"--out={self.proof}")

    def changed(self, path: Path, change: Callable[[Any], None]) -> Path:
        document = json.loads(path.read_text())
        change(document)
        return kept(self.folder / f"changed-{path.name}", document)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Exit code and what was printed."""

    def run(proof: Path, older: Path, newer: Path | None = None) -> tuple[int, str]:
        more = [f"--newer={newer}"] if newer else []
        code = assay_verify.main([f"--consistent={proof}", f"--older={older}", *more])
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    return run


Told = Callable[..., tuple[int, str]]


def test_a_genuine_proof_passes_in_a_python_with_nothing_else_and_what_is_not_judged_is_said(files: Files) -> None:
    command = [sys.executable, "-I", "-S", str(FILE), "--consistent", str(files.proof), "--older", str(files.older)]
    ended = subprocess.run([*command, "--newer", str(files.newer)], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr, ended.stdout.count("ok    ")) == (0, "", 4)
    for words in ("grew from the older checkpoint", "not judged here: whose these keys are"):
        assert words in ended.stdout
    assert files.blocks == (3, 7)


def test_a_pack_stands_for_the_checkpoint_that_it_carries(files: Files, told: Told, tmp_path: Path) -> None:
    def pack(name: str, checkpoint: Path) -> Path:
        proofs = {"schema": "assay-ledger-proofs/1", "checkpoint": json.loads(checkpoint.read_text()), "blocks": []}
        with pikepdf.new() as pdf:
            pdf.add_blank_page()
            pdf.attachments["ledger-proofs.json"] = pikepdf.AttachedFileSpec(
                pdf, json.dumps(proofs).encode(), description="", filename="ledger-proofs.json", mime_type="",
                creation_date="", mod_date="",
            )  # fmt: skip
            pdf.save(tmp_path / name, object_stream_mode=pikepdf.ObjectStreamMode.disable)
        return tmp_path / name

    older, newer = pack("older.pdf", files.older), pack("newer.pdf", files.newer)
    assert told(files.proof, older, newer)[0] == 0
    code, words = told(files.proof, newer)
    assert (code, "FAILED" in words) == (1, True)


def test_without_the_newer_file_it_is_said_that_it_was_not_compared(files: Files, told: Told) -> None:
    code, words = told(files.proof, files.older)
    assert (code, "was not compared" in words) == (0, True)


def _path_altered(proof: Any) -> None:
    proof["path"][0] = "0" * 64


def _path_shortened(proof: Any) -> None:
    proof["path"].pop()


def _end_altered(proof: Any) -> None:
    proof["to"]["statement"]["root"] = "0" * 64


def _for_other_blocks(proof: Any) -> None:
    proof["from"]["blocks"] = 2


def _from_another_root(proof: Any) -> None:
    proof["from"]["root"] = "0" * 64


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_path_altered, "is not the beginning of the one of 7"),
        (_path_shortened, "is not the beginning of the one of 7"),
        (_end_altered, "signature does not fit"),
        (_for_other_blocks, "is for a ledger of 2 blocks, and the older file's has 3"),
        (_from_another_root, "was rewritten, or there are two"),
    ],
)
def test_an_altered_proof_is_told(files: Files, told: Told, change: Callable[[Any], None], words: str) -> None:
    code, printed = told(files.changed(files.proof, change), files.older, files.newer)
    assert (code, words in printed) == (1, True)


def test_roots_that_are_not_those_of_the_files_are_told(files: Files, told: Told) -> None:
    code, printed = told(files.proof, files.changed(files.older, lambda one: one["statement"].update(root="0" * 64)))
    assert (code, "signature does not fit" in printed, "or there are two" in printed) == (1, True, True)
    code, printed = told(
        files.proof, files.older, files.changed(files.newer, lambda one: one["statement"].update(events=99))
    )
    assert (code, "it ends at another checkpoint" in printed) == (1, True)


def _signed_anew(document: Any, key: Ed25519PrivateKey) -> None:
    document["sha256"] = digest_of(document["statement"])
    document["key"] = key.public_key().public_bytes_raw().hex()
    document["signature"] = key.sign(Signed.CHECKPOINT.message(document["sha256"])).hex()


def test_a_ledger_that_was_cut_off_is_told_though_its_signature_fits(files: Files, told: Told) -> None:
    def cut(proof: Any) -> None:
        proof["to"]["statement"].update(blocks=2, events=4)
        _signed_anew(proof["to"], Ed25519PrivateKey.generate())

    code, printed = told(files.changed(files.proof, cut), files.older)
    assert (code, printed.count("ok    ")) == (1, 2)
    assert "counts 2 blocks with 4 events, and the older one 3 with 5" in printed


def test_a_ledger_that_was_rewritten_is_told_though_its_signature_fits(files: Files, told: Told) -> None:
    def rewritten(proof: Any) -> None:
        hashes = [leaf_hash(bytes([n])) for n in range(7)]
        proof["to"]["statement"]["root"] = GrowingTree(hashes).root().hex()
        proof["path"] = [each.hex() for each in consistency_path(hashes, 3)]
        _signed_anew(proof["to"], Ed25519PrivateKey.generate())

    code, printed = told(files.changed(files.proof, rewritten), files.older)
    assert (code, printed.count("ok    "), "the keys differ" in printed) == (1, 2, True)
    assert "the ledger of 3 blocks is not the beginning of the one of 7" in printed


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"%PDF-1.7\n%%EOF", b"\x00\xff", b"[" * 100_000])
def test_bad_files_are_bad_input_in_one_sentence(files: Files, told: Told, tmp_path: Path, content: bytes) -> None:
    bad = tmp_path / "bad"
    bad.write_bytes(content)
    for arguments in ((bad, files.older), (files.proof, bad), (files.proof, files.older, bad)):
        code, printed = told(*arguments)
        assert (code, "bad" in printed.splitlines()[-1], "Traceback" in printed) == (2, True, False)
    assert told(files.proof, tmp_path / "nowhere")[0] == 2


@pytest.mark.parametrize(
    "forged", [{"from": 3}, {"path": "ab"}, {"to": {"statement": {"blocks": "x"}}}, {"path": ["zz"]}]
)
def test_a_forged_shape_never_passes(files: Files, told: Told, forged: dict[str, Any]) -> None:
    code, printed = told(files.changed(files.proof, lambda proof: proof.update(forged)), files.older)
    assert (code, "FAILED" in printed) == (1, True)


@pytest.mark.parametrize(
    "arguments",
    [[], ["--consistent=p"], ["--older=o"], ["x.pdf", "--consistent=p", "--older=o"], ["x.pdf", "--newer=n"]],
)
def test_odd_usage_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        assay_verify.main(arguments)
    assert ended.value.code == 2
    assert "usage" in capsys.readouterr().err


def test_both_judge_growth_alike() -> None:
    hashes = [leaf_hash(bytes([n])) for n in range(17)]
    roots = [GrowingTree(hashes[:n]).root() for n in range(18)]
    for new in range(1, 18):
        for old in range(1, new + 1):
            path = consistency_path(hashes[:new], old)
            for given in (path, path[:-1], [*path, roots[1]], path[::-1]):
                judged = is_consistent(old=old, new=new, old_root=roots[old], new_root=roots[new], path=given)
                assert assay_verify.grew(old, new, roots[old], roots[new], given) is judged
            assert assay_verify.grew(old, new, roots[old], roots[new], path)
    assert not assay_verify.grew(0, 3, roots[0], roots[3], [])


def test_the_command_shows_how_far_it_is_to_whoever_looks(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[Progress] = []
    monkeypatch.setattr(ProgressLine, "show", lambda _line, progress: shown.append(progress))
    out = io.StringIO()
    call_command("prove_ledger", "consistency", "--from=3", stdout=out)
    assert [(one.stage, one.done, one.total) for one in shown] == [("Blocks of the ledger", 7, 7)]
    assert json.loads(out.getvalue())["from"]["blocks"] == 3
    with pytest.raises(CommandError, match="no tree of 9 blocks"):
        call_command("prove_ledger", "consistency", "--from=9")
