"""Records taken from log files: the same events as from the files, each leading back to its bytes."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from compliance.types.drafts import JobEventDraft, Reject
from compliance.types.errors import BadInputError
from scanning.ingest import matches, registry
from scanning.ingest.base import ParseContext
from tests.bench.cloudtrail import write_folder
from tests.scanning.ingest.reading import SAMPLES, read


def document(paths: list[Path], log: str) -> bytes:
    made = bytearray(matches.packed(matches.first_line(log=log, original_held_at="bucket acme-logs")))
    found = 0
    for path in paths:
        lines: list[Any] = []
        found += matches.write_file(path, path.name, log, registry.parse, lines.append).matches
        made += matches.packed(b"".join(map(matches.line, lines)))
    return bytes(made + matches.packed(matches.last_line(files=len(paths), matches=found)))


def entries(content: bytes, kind: str) -> list[dict[str, Any]]:
    lines = map(json.loads, gzip.decompress(content).splitlines())
    return [line[kind] for line in lines if kind in line]


def without_place(drafts: list[Any]) -> list[Any]:
    return [replace(draft, locator="") for draft in drafts if isinstance(draft, JobEventDraft)]


def samples_of(log: str) -> list[Path]:
    return sorted(path for path in (SAMPLES / log).rglob("*.json") if not path.name.endswith(".expected.json"))


@pytest.mark.parametrize("log", ["cloudtrail", "gcp_audit", "kubernetes_audit"])
def test_matches_of_every_sample_give_the_same_events(log: str) -> None:
    for path in samples_of(log):
        try:
            drafts, summary = read(log, path.read_bytes())
        except BadInputError:
            continue  # a document of which nothing can be taken
        again, told = read(log, document([path], log))
        assert without_place(again) == without_place(drafts), path
        assert (told.read, told.relevant) == (summary.read, summary.relevant)
        assert told.scope["accounts"] == summary.scope["accounts"]
        assert (told.scope["kept"], told.scope["original_held_at"]) == ("matches", "bucket acme-logs")


def test_each_match_is_the_bytes_at_its_place(tmp_path: Path) -> None:
    files = write_folder(tmp_path, records=400, records_a_file=100, relevant_every=30)
    content = document(files, "cloudtrail")
    names = {entry["name"]: entry for entry in entries(content, "file")}
    assert len(entries(content, "match")) == 14
    lines = list(map(json.loads, gzip.decompress(content).splitlines()))
    name = ""
    for line in lines:
        if "file" in line:
            name = line["file"]["name"]
        elif "match" in line:
            plain, raw = gzip.decompress((tmp_path / name).read_bytes()), line["match"]["raw"].encode()
            assert plain[line["match"]["offset"] :].startswith(raw)
        elif "read" in line:
            stored = (tmp_path / name).read_bytes()
            assert names[name]["sha256"] == hashlib.sha256(stored).hexdigest()
            assert line["read"]["content_sha256"] == hashlib.sha256(gzip.decompress(stored)).hexdigest()


def test_the_place_of_an_event_names_file_and_byte(tmp_path: Path) -> None:
    (path,) = write_folder(tmp_path, records=20, relevant_every=7)
    drafts, _ = read("cloudtrail", document([path], "cloudtrail"))
    first = next(draft for draft in drafts if isinstance(draft, JobEventDraft))
    assert first.locator == f"{path.name}, byte 12"


def test_the_document_is_known_by_its_content(tmp_path: Path) -> None:
    content = document(write_folder(tmp_path, records=20), "cloudtrail")
    assert registry.identify(content[:65536], "anything") == "cloudtrail"
    assert registry.identify(gzip.decompress(content), "anything") == "cloudtrail"


def test_a_rejected_record_and_a_broken_file_are_told_with_file_and_place(tmp_path: Path) -> None:
    good, cut, bad = write_folder(tmp_path, records=30, records_a_file=10, relevant_every=5)
    cut.write_bytes(cut.read_bytes()[:-30])
    text = gzip.decompress(bad.read_bytes()).replace(b"2026-07-01T00:", b"1970-07-01T00:", 1)
    bad.write_bytes(text)
    drafts, summary = read("cloudtrail", document([good, cut, bad], "cloudtrail"))
    told = [draft for draft in drafts if isinstance(draft, Reject)]
    assert [reject.locator for reject in told] == [cut.name, f"{bad.name}, Records[0]"]
    assert "breaks off" in told[0].reason
    assert "1970" in told[1].reason
    assert (summary.relevant, summary.rejected, summary.scope["files_not_read"]) == (3, 2, 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: lines[:-1], "breaks off"),
        (lambda lines: [*lines[:-2], lines[-1]], "breaks off|no line"),
        (lambda lines: [*lines, b"{}"], "no line of a matches document"),
        (lambda lines: [*lines, b"x"], "is not JSON"),
        (lambda lines: [lines[0], b'{"match":{"raw":5}}', *lines[1:]], "no line of a matches document"),
    ],
)
def test_a_document_that_was_cut_or_changed_is_refused(tmp_path: Path, change: Any, words: str) -> None:
    lines = gzip.decompress(document(write_folder(tmp_path, records=20, relevant_every=4), "cloudtrail")).splitlines()
    lines = [line for line in lines if b'"match"' not in line[:8]] if words == "breaks off|no line" else lines
    with pytest.raises(BadInputError, match=words):
        read("cloudtrail", b"\n".join([*change(lines), b""]))


def test_bytes_that_are_no_utf8_come_back_as_they_were(tmp_path: Path) -> None:
    (path,) = write_folder(tmp_path, records=4, relevant_every=2)
    content = gzip.decompress(path.read_bytes()).replace(b"aws-sdk-python", b"aws-\xe9dk-python")
    path.write_bytes(content)
    made = document([path], "cloudtrail")
    for entry in entries(made, "reject"):
        raw = entry["raw"].encode("utf-8", "surrogateescape")
        assert b"\xe9" in raw
        assert content[entry["offset"] :].startswith(raw)


def test_a_report_is_not_taken_for_a_log() -> None:
    path = SAMPLES / "modelscan" / "dir.json"
    (told,) = entries(document([path], "modelscan"), "read")
    assert "import it as a file" in told["error"]


def test_reading_it_again_takes_no_more_than_the_limits(tmp_path: Path) -> None:
    content = document(write_folder(tmp_path, records=20), "cloudtrail")
    context = ParseContext(file_name="m.gz")
    tight = replace(context, limits=replace(context.limits, max_bytes=100))
    with pytest.raises(BadInputError, match="more than 100 bytes"):
        list(registry.parse("cloudtrail", io.BytesIO(content), tight))
