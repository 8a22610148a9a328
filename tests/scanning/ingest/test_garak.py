from __future__ import annotations

import json
from typing import Any

import pytest

from compliance.types.drafts import AssetRef, ObservationDraft, Reject
from compliance.types.errors import BadInputError
from compliance.types.verdicts import FileScanVerdict
from scanning.ingest.base import ParseContext
from tests.scanning.ingest.reading import read, sample

RULE = "dan.Ablation_Dan_11_0/dan.DAN"


def entries() -> list[dict[str, Any]]:
    return [json.loads(line) for line in sample("garak/report.jsonl").splitlines()]


def encoded(lines: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def seen(content: bytes, context: ParseContext | None = None) -> dict[str, ObservationDraft]:
    drafts, _ = read("garak", content, context)
    return {draft.rule: draft for draft in drafts if isinstance(draft, ObservationDraft)}


def with_eval(**change: Any) -> bytes:
    return encoded([line | change if line["entry_type"] == "eval" else line for line in entries()])


def test_an_evaluation_with_hits_is_a_finding_with_its_numbers() -> None:
    found = seen(sample("garak/report.jsonl"))[RULE]
    assert (found.verdict, found.producer_version) == (FileScanVerdict.FINDING, "0.17.1")
    assert {name: found.facts[name] for name in ("passed", "fails", "total_evaluated")} == {
        "passed": 3,
        "fails": 2,
        "total_evaluated": 5,
    }
    assert found.asset == AssetRef(kind="model_endpoint", name="openai ft:gpt-4.1-mini:acme:claims")


def test_it_speaks_to_no_sub_technique() -> None:
    for name in ("report", "hitlog", "traps"):
        for draft in seen(sample(f"garak/{name}.jsonl")).values():
            assert draft.atlas_techniques == ()
            assert draft.facts["speaks_to"] == []


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"passed": 5, "fails": 0}, FileScanVerdict.NOTHING_FOUND),
        ({"passed": 0, "fails": 0, "nones": 5, "total_evaluated": 0}, FileScanVerdict.NOTHING_SCANNED),
        ({"passed": 0, "fails": 5}, FileScanVerdict.FINDING),
    ],
)
def test_no_hit_is_told_from_nothing_judged(change: dict[str, int], verdict: FileScanVerdict) -> None:
    assert seen(with_eval(**change))[RULE].verdict is verdict


def test_a_run_without_completion_has_failed_and_is_not_complete() -> None:
    content = encoded(entries()[:-1])
    found = seen(content)
    assert found["run_not_finished"].verdict is FileScanVerdict.FAILED
    assert found[RULE].facts["run_finished"] is False
    scope = read("garak", content)[1].scope
    assert scope["complete"] is False
    assert "A run did not finish." in scope["gaps"]


def test_a_finished_run_is_complete_for_what_it_evaluated() -> None:
    scope = read("garak", sample("garak/report.jsonl"))[1].scope
    assert scope["complete"] is True
    assert scope["rules"] == [RULE]
    assert scope["not_before"] == "2026-11-20T00:00:00+00:00"


def test_a_probe_that_was_sent_and_not_evaluated_has_failed() -> None:
    found = seen(encoded([line for line in entries() if line["entry_type"] != "eval"]))
    assert found["dan.Ablation_Dan_11_0/not_evaluated"].verdict is FileScanVerdict.FAILED


def test_numbers_of_older_versions_are_read() -> None:
    old = {"entry_type": "eval", "probe": "p.P", "detector": "detector.d.D", "passed": 3, "total": 5}
    found = seen(encoded([*entries()[:2], old, entries()[-1]]))["p.P/d.D"]
    assert (found.facts["fails"], found.facts["nones"]) == (2, 0)


def test_a_pair_that_was_evaluated_in_two_runs_is_summed_up() -> None:
    quiet = [line | {"passed": 5, "fails": 0} if line["entry_type"] == "eval" else line for line in entries()]
    found = seen(encoded([*quiet, *entries()]))[RULE]
    assert (found.verdict, found.facts["total_evaluated"]) == (FileScanVerdict.FINDING, 10)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"passed": 4}, "do not add up"),
        ({"passed": -1}, "no number"),
        ({"passed": True}, "no number"),
        ({"nones": "many"}, "no number"),
        ({"probe": None}, "no probe"),
    ],
)
def test_numbers_that_cannot_be_are_rejected_with_their_line(change: dict[str, Any], reason: str) -> None:
    (reject,) = [draft for draft in read("garak", with_eval(**change))[0] if isinstance(draft, Reject)]
    assert reason in reject.reason
    assert reject.locator == "line 4"


def test_hits_of_a_log_are_one_finding_by_probe_and_detector_and_the_same_as_the_reports() -> None:
    report, log = seen(sample("garak/report.jsonl"))[RULE], seen(sample("garak/hitlog.jsonl") * 3)[RULE]
    assert log.facts["hits"] == 3
    assert (log.asset, log.rule, log.fingerprint) == (report.asset, report.rule, report.fingerprint)
    assert read("garak", sample("garak/hitlog.jsonl"))[1].scope["complete"] is False


def test_settings_prompts_and_answers_are_not_taken_over() -> None:
    for name in ("report", "hitlog", "traps"):
        drafts, summary = read("garak", sample(f"garak/{name}.jsonl"))
        kept = repr((drafts, summary))
        assert not any(text in kept for text in ("not-to-be-kept", "<prompt>", "<out>"))


def test_a_target_without_name_is_what_the_importer_states_and_else_this_run() -> None:
    setup = {key: value for key, value in entries()[0].items() if not key.startswith("plugins")}
    content = encoded([setup, *entries()[1:]])
    assert seen(content)[RULE].asset.name == "not recorded by this source (run 6d3b0b1e-0000-4000-8000-000000000001)"
    stated = AssetRef(kind="model_version", name="claims 12", digest="ab" * 32)
    assert seen(content, ParseContext(file_name="x", asset=stated))[RULE].asset == stated


def test_a_line_that_breaks_off_is_an_unusable_document() -> None:
    with pytest.raises(BadInputError, match="breaks off"):
        read("garak", sample("garak/report.jsonl")[:-20])


def test_one_bad_line_loses_no_other() -> None:
    lines = sample("garak/report.jsonl").splitlines(keepends=True)
    drafts, _ = read("garak", b"".join([*lines[:2], b"{broken}\n", *lines[2:]]))
    assert [type(draft) for draft in drafts] == [Reject, ObservationDraft]
