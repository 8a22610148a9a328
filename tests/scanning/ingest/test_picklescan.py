from __future__ import annotations

import pytest

from compliance.types.drafts import AssetRef, ObservationDraft, Reject
from compliance.types.errors import BadInputError
from compliance.types.states import Severity
from compliance.types.verdicts import FileScanVerdict
from scanning.ingest.base import ParseContext
from scanning.ingest.registry import identify
from tests.scanning.ingest.reading import read, sample


def seen(content: bytes, context: ParseContext | None = None) -> list[ObservationDraft]:
    return [draft for draft in read("picklescan", content, context)[0] if isinstance(draft, ObservationDraft)]


def places(content: bytes) -> list[str]:
    return [draft.locator for draft in read("picklescan", content)[0] if isinstance(draft, Reject)]


def summary(scanned: int, infected: int = 0, suspicious: int = 0, dangerous: int = 0) -> bytes:
    counts = f"Scanned files: {scanned}\nInfected files: {infected}\nSuspicious globals: {suspicious}\n"
    return f"----------- SCAN SUMMARY -----------\n{counts}Dangerous globals: {dangerous}\n".encode()


def test_each_import_is_a_finding_at_its_place() -> None:
    found = {(draft.asset.name, draft.location): draft for draft in seen(sample("picklescan/dir.txt"))}
    member = found["/srv/models/pytorch_model.bin", "archive/data.pkl"]
    assert (member.rule, member.verdict) == ("dangerous:posix.system", FileScanVerdict.FINDING)
    assert (member.severity, member.native_severity) == (Severity.CRITICAL, "dangerous")
    assert member.facts["locator"] == "line 3"


def test_a_pickle_that_was_not_parsed_has_failed_though_it_counts_as_scanned() -> None:
    found = {draft.asset.name: draft for draft in seen(sample("picklescan/dir.txt"))}
    assert found["/srv/models/broken.pkl"].verdict is FileScanVerdict.FAILED


def test_files_that_are_not_named_are_not_said_to_be_without_finding() -> None:
    assert FileScanVerdict.NOTHING_FOUND not in {draft.verdict for draft in seen(sample("picklescan/dir.txt"))}
    assert read("picklescan", sample("picklescan/quiet.txt"))[1].scope["complete"] is False


def test_a_quiet_run_speaks_of_what_the_importer_states_and_else_of_nothing_but_itself() -> None:
    (draft,) = seen(sample("picklescan/quiet.txt"))
    assert draft.asset.kind == "unnamed_file"
    assert draft.asset.name.startswith("not recorded by this source (sample.json, ")
    assert "asset" in draft.facts["unknown_fields"]
    stated = AssetRef(kind="model_file", name="bot.pkl", digest="ab" * 32)
    (draft,) = seen(sample("picklescan/quiet.txt"), ParseContext(file_name="out.txt", asset=stated))
    assert (draft.asset, draft.verdict) == (stated, FileScanVerdict.NOTHING_FOUND)


def test_two_quiet_runs_never_speak_of_one_asset() -> None:
    assert seen(summary(1))[0].asset != seen(summary(2))[0].asset


def test_nothing_scanned_and_not_decided_are_no_pass() -> None:
    assert seen(summary(0))[0].verdict is FileScanVerdict.NOTHING_SCANNED
    assert seen(summary(3, suspicious=2))[0].verdict is FileScanVerdict.SKIPPED


def test_lines_of_a_log_are_read_without_what_stands_before_them() -> None:
    (found,) = [draft for draft in seen(sample("picklescan/traps.txt")) if "posix" in draft.rule]
    assert found.asset.name == r"C:\models\a"
    assert found.facts["occurrences"] == 2


def test_addresses_and_drive_letters_keep_their_colon() -> None:
    names = {draft.asset.name for draft in seen(sample("picklescan/traps.txt"))}
    assert "https://huggingface.co/acme/bot/resolve/main/pytorch_model.bin" in names


def test_what_strict_mode_promoted_is_marked() -> None:
    promoted = {draft.rule for draft in seen(sample("picklescan/traps.txt")) if draft.facts.get("promoted_by_strict")}
    assert promoted == {"dangerous:acme.layers.Rotary"}


def test_trouble_in_unknown_words_and_sums_that_do_not_fit_are_rejected_with_their_place() -> None:
    assert places(sample("picklescan/traps.txt")) == ["line 9", "Dangerous globals"]
    assert places(b"x" * 20_000 + b"\n" + summary(1)) == ["line 1"]


def test_a_known_file_name_gives_the_digest_where_it_stands_for_one_path() -> None:
    line = b"/a/m.pkl: dangerous import 'os system' FOUND\n"
    context = ParseContext(file_name="x", asset_digests={"m.pkl": "ab" * 32})
    assert seen(line + summary(1, 1, 0, 1), context)[0].asset.digest == "ab" * 32
    twice = line + line.replace(b"/a/", b"/b/") + summary(2, 2, 0, 2)
    assert {draft.asset.digest for draft in seen(twice, context)} == {None}


def test_a_long_output_is_known_before_its_summary() -> None:
    line = b"/srv/models/evil.pkl: dangerous import 'posix system' FOUND\n"
    assert identify(line * 2000, "nameless") == "picklescan"


@pytest.mark.parametrize(
    "content",
    [
        b"/srv/evil.pkl: dangerous import 'posix system' FOUND\n",
        b"Unhandled exception\nTraceback (most recent call last):\n",
        summary(1)[:60],
    ],
)
def test_a_run_that_was_cut_off_is_no_report(content: bytes) -> None:
    with pytest.raises(BadInputError, match="no whole picklescan summary"):
        read("picklescan", content)
