from __future__ import annotations

import json
from typing import Any

import pytest

from compliance.types.drafts import ObservationDraft, Reject
from compliance.types.errors import BadInputError, UnknownFormatError
from compliance.types.states import Severity
from compliance.types.verdicts import FileScanVerdict
from scanning.ingest.registry import identify
from tests.scanning.ingest.reading import read, sample


def seen(content: bytes) -> list[ObservationDraft]:
    return [draft for draft in read("huggingface_files", content)[0] if isinstance(draft, ObservationDraft)]


def listing(status: object, **entry: Any) -> bytes:
    return json.dumps([{"type": "file", "oid": "a1", "path": "m.bin", "securityFileStatus": status, **entry}]).encode()


def verdict_of(scan: dict[str, Any]) -> tuple[FileScanVerdict, Severity | None, str]:
    (draft,) = seen(listing({"status": "safe", "avScan": scan}))
    return FileScanVerdict(draft.verdict), draft.severity, draft.native_severity


@pytest.mark.parametrize(
    ("word", "verdict", "severity"),
    [
        ("safe", FileScanVerdict.NOTHING_FOUND, None),
        ("caution", FileScanVerdict.FINDING, Severity.LOW),
        ("suspicious", FileScanVerdict.FINDING, Severity.MEDIUM),
        ("unsafe", FileScanVerdict.FINDING, Severity.CRITICAL),
        ("unscanned", FileScanVerdict.NOTHING_SCANNED, None),
        ("queued", FileScanVerdict.NOTHING_SCANNED, None),
        ("error", FileScanVerdict.FAILED, None),
        ("a word of a later version", FileScanVerdict.FAILED, None),
    ],
)
def test_each_word_of_the_hub(word: str, verdict: FileScanVerdict, severity: Severity | None) -> None:
    assert verdict_of({"status": word}) == (verdict, severity, word)


@pytest.mark.parametrize(
    ("scan", "word"),
    [
        ({"virusFound": True, "virusNames": ["x"]}, "unsafe"),
        ({"virusFound": False, "virusNames": None}, "safe"),
        ({"pickleImports": []}, "safe"),
        ({"pickleImports": [{"safety": "innocuous"}]}, "safe"),
        ({"pickleImports": [{"safety": "innocuous"}, {"safety": "suspicious"}]}, "suspicious"),
        ({"pickleImports": [{"safety": "suspicious"}, {"safety": "dangerous"}]}, "unsafe"),
        ({"pickleImports": [{}]}, "suspicious"),
        ({}, ""),
    ],
)
def test_older_answers_tell_it_by_their_findings(scan: dict[str, Any], word: str) -> None:
    assert verdict_of(scan)[2] == word


def test_each_scanner_speaks_for_itself() -> None:
    found = {draft.rule: draft for draft in seen(sample("huggingface_files/tree.json"))}
    assert {rule: draft.verdict for rule, draft in found.items()} == {
        "jFrogScan": FileScanVerdict.NOTHING_SCANNED,
        "protectAiScan": FileScanVerdict.FINDING,
        "avScan": FileScanVerdict.NOTHING_FOUND,
        "pickleImportScan": FileScanVerdict.FINDING,
        "virusTotalScan": FileScanVerdict.NOTHING_SCANNED,
    }
    assert found["pickleImportScan"].producer_version == "1.0.5"
    assert found["pickleImportScan"].facts["imports"] == [{"module": "posix", "name": "system", "safety": "dangerous"}]


def test_a_file_of_lfs_is_its_digest_and_any_other_its_path_and_content() -> None:
    assert seen(listing({}, lfs={"oid": "AB" * 32}))[0].asset.digest == "ab" * 32
    assert seen(listing({}, lfs={"oid": "AB" * 32}))[0].asset.name == "m.bin"
    (small,) = seen(listing({}))
    assert (small.asset.name, small.asset.digest) == ("m.bin (git a1)", None)
    assert seen(listing({}, oid="a2"))[0].fingerprint != small.fingerprint


@pytest.mark.parametrize("status", [None, {}, {"status": "queued"}, {"status": "unscanned"}, "odd", {"avScan": "odd"}])
def test_a_status_without_scanners_is_nothing_scanned(status: object) -> None:
    (draft,) = seen(listing(status))
    assert (draft.rule, draft.verdict) == ("status", FileScanVerdict.NOTHING_SCANNED)


def test_folders_are_passed_over_and_an_entry_without_path_is_rejected() -> None:
    drafts, summary = read("huggingface_files", sample("huggingface_files/traps.json"))
    assert [draft.locator for draft in drafts if isinstance(draft, Reject)] == ["/6", "/7"]
    assert not any(draft.asset.name.startswith("onnx") for draft in drafts if isinstance(draft, ObservationDraft))
    assert summary.scope["complete"] is False


def test_a_listing_that_was_not_expanded_is_of_no_known_format() -> None:
    with pytest.raises(UnknownFormatError):
        identify(b'[{"type":"file","oid":"a","size":1,"path":"m.bin"}]', "tree.json")


@pytest.mark.parametrize("content", [b'["securityFileStatus"]', b'{"a":"securityFileStatus"}', b"[{]"])
def test_unusable_documents_say_what_to_do(content: bytes) -> None:
    with pytest.raises(BadInputError, match="expand=true"):
        read("huggingface_files", content)
