"""The ZIP beside a pack is a bag that another program accepts, whatever its files are called."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import bagit
import pytest

from compliance.packs.bag import BagWriter
from compliance.packs.uses import Use, uses_of
from tests.compliance.packs.example_freeze import empty_freeze
from tests.compliance.packs.example_pack import Example

AT = datetime(2026, 11, 2, 10, 5, tzinfo=UTC)
INFO = {"Source-Organization": "Nordlys\nInsurance", "External-Identifier": "p-1"}


def written(out: Path, *files: tuple[str, bytes]) -> list[str]:
    with BagWriter(out, name="pack", at=AT) as bag:
        for path, content in files:
            bag.add(path, [content])
        bag.finish(INFO)
    return [file.path for file in bag.payload]


def unpacked(archive: Path) -> bagit.Bag:
    folder = archive.parent / "unpacked"
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        opened.extractall(folder)
    return bagit.Bag(str(folder / "pack"))


def test_an_independent_reader_accepts_the_bag(tmp_path: Path) -> None:
    out = tmp_path / "files.zip"
    written(out, ("controls/BDM-01/log ü 日本.json", b"{}"), ("index.csv", b"path\r\n"), ("job-log/a.gz", b"\x1f\x8b"))
    bag = unpacked(out)
    assert bag.validate()
    assert bag.version_info == (1, 0)
    assert bag.info["Payload-Oxum"] == f"{2 + 6 + 2}.3"
    assert bag.info["Source-Organization"] == "Nordlys Insurance"
    assert bag.info["Bagging-Date"] == "2026-11-02"
    assert set(bag.payload_entries()) == {
        "data/controls/BDM-01/log ü 日本.json", "data/index.csv", "data/job-log/a.gz",
    }  # fmt: skip


def test_an_independent_reader_refuses_a_bag_with_a_changed_file(tmp_path: Path) -> None:
    out = tmp_path / "files.zip"
    written(out, ("a.txt", b"before"))
    bag = unpacked(out)
    Path(bag.path, "data", "a.txt").write_bytes(b"after!")
    with pytest.raises(bagit.BagValidationError):
        bag.validate()


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "data/file/file/etc/passwd"),
        ("C:\\x\\evil.exe", "data/evil.exe"),
        ("a\r\nb%0A.txt", "data/a__b_0A.txt"),
        ("con\u202etxt.exe", "data/con_txt.exe"),
        ("", "data/file"),
        ("x" * 400 + ".json", f"data/{'x' * 145}.json"),
    ],
)
def test_no_name_leaves_the_bag_or_breaks_its_manifest(tmp_path: Path, name: str, kept: str) -> None:
    out = tmp_path / "files.zip"
    assert written(out, (name, b"x")) == [kept]
    assert unpacked(out).validate()


def test_names_that_are_the_same_to_some_file_system_are_told_apart(tmp_path: Path) -> None:
    names = written(
        tmp_path / "files.zip",
        ("a/log.json", b"1"),
        ("a/LOG.json", b"2"),
        ("a/log.json", b"3"),
        ("a/b", b""),
        ("a/b", b""),
    )
    assert names == ["data/a/log.json", "data/a/LOG-2.json", "data/a/log-3.json", "data/a/b", "data/a/b-2"]
    assert unpacked(tmp_path / "files.zip").validate()


def test_the_same_files_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one.zip", "two.zip"):
        written(tmp_path / name, ("b.txt", b"b" * 5000), ("a.txt", b"a"))
    first, second = ((tmp_path / name).read_bytes() for name in ("one.zip", "two.zip"))
    assert hashlib.sha256(first).digest() == hashlib.sha256(second).digest()


def test_a_large_file_goes_through_in_pieces(tmp_path: Path) -> None:
    code = (
        "import resource, sys; from datetime import UTC, datetime; from pathlib import Path\n"
        "from compliance.packs.bag import BagWriter\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "with BagWriter(Path(sys.argv[1]), name='pack', at=datetime(2026, 1, 1, tzinfo=UTC)) as bag:\n"
        "    bag.add('large', (b'0123456789abcdef' * 65536 for _ in range(200)))\n"
        "    bag.finish({})\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, bag.payload[0].size)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "large.zip"], capture_output=True, text=True, check=True
    )
    grown, size = map(int, done.stdout.split())
    assert size == 200 << 20
    assert grown < 20 * 1024, f"{grown} KiB more for a file of 200 MiB"


def test_where_evidence_is_used_is_read_off_the_document(example: Example) -> None:
    uses = uses_of(example.freeze)
    cited = {uuid for q in example.freeze["questions"] if q["answer"] for uuid in q["answer"]["evidence"]}
    assert cited <= uses.keys()
    for places in uses.values():
        assert places == sorted(set(places))
    words = {place.words for places in uses.values() for place in places}
    assert "job log" in words
    assert uses_of(empty_freeze()) == {}


def test_a_piece_lies_with_the_first_control_that_its_question_belongs_to(example: Example) -> None:
    freeze = example.freeze
    number = next(q["number"] for q in freeze["questions"] if q["answer"] and q["answer"]["evidence"])
    (uuid, *_more) = next(q["answer"]["evidence"] for q in freeze["questions"] if q["number"] == number and q["answer"])
    controls = [c["id"] for c in freeze["reference_controls"] if number in c["questions"]]
    expected = [Use(f"controls/{c}", f"question {number}, control {c}") for c in controls]
    assert set(expected or [Use(f"questions/{number}", f"question {number}")]) <= set(uses_of(freeze)[uuid])
