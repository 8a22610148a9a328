from __future__ import annotations

import json

import pytest

from compliance.types.drafts import AssetRef, ObservationDraft, Reject
from compliance.types.errors import BadInputError
from compliance.types.states import Severity
from compliance.types.verdicts import FileScanVerdict
from scanning.ingest.base import ParseContext
from tests.scanning.ingest.reading import read, sample

STATED = AssetRef(kind="model_file", name="bot.pkl", digest="ab" * 32)


def seen(content: bytes, asset: AssetRef | None = None) -> list[ObservationDraft]:
    context = ParseContext(file_name="safety_results.json", asset=asset)
    return [draft for draft in read("fickling", content, context)[0] if isinstance(draft, ObservationDraft)]


def result(severity: object) -> bytes:
    return json.dumps({"severity": severity, "analysis": "", "detailed_results": {}}).encode()


@pytest.mark.parametrize(
    ("native", "verdict", "severity"),
    [
        ("LIKELY_SAFE", FileScanVerdict.NOTHING_FOUND, None),
        ("POSSIBLY_UNSAFE", FileScanVerdict.FINDING, Severity.LOW),
        ("SUSPICIOUS", FileScanVerdict.FINDING, Severity.MEDIUM),
        ("LIKELY_UNSAFE", FileScanVerdict.FINDING, Severity.HIGH),
        ("LIKELY_OVERTLY_MALICIOUS", FileScanVerdict.FINDING, Severity.CRITICAL),
        ("OVERTLY_MALICIOUS", FileScanVerdict.FINDING, Severity.CRITICAL),
    ],
)
def test_each_severity_of_the_tool(native: str, verdict: FileScanVerdict, severity: Severity | None) -> None:
    (draft,) = seen(result(native))
    assert (draft.verdict, draft.severity, draft.native_severity) == (verdict, severity, native)


def test_a_pickle_that_cannot_be_followed_is_what_the_tool_says_and_is_marked() -> None:
    (draft,) = seen(sample("fickling/broken.json"))
    assert (draft.verdict, draft.native_severity) == (FileScanVerdict.FINDING, "LIKELY_UNSAFE")
    assert draft.facts["could_not_be_followed"] is True


def test_each_analysis_is_kept_with_what_triggered_it() -> None:
    (draft,) = seen(sample("fickling/medium.json"))
    assert draft.facts["analyses"]["OvertlyBadEval"] == "open('http://127.0.0.1/')"


def test_the_file_is_the_one_that_the_importer_states() -> None:
    (draft,) = seen(sample("fickling/evil.json"), STATED)
    assert draft.asset == STATED
    assert draft.facts["unknown_fields"] == ["producer_version", "observed_at"]


def test_without_a_stated_file_it_is_not_recorded_and_shared_by_no_other_result() -> None:
    evil, quiet = seen(sample("fickling/evil.json"))[0], seen(sample("fickling/quiet.json"))[0]
    assert evil.asset.name.startswith("not recorded by this source (safety_results.json, ")
    assert evil.facts["unknown_fields"] == ["asset", "producer_version", "observed_at"]
    assert evil.asset != quiet.asset


def test_results_appended_to_one_file_are_told_apart_and_none_is_the_stated_file() -> None:
    drafts = seen(sample("fickling/appended.json"), STATED)
    assert [draft.verdict for draft in drafts] == [FileScanVerdict.FINDING, FileScanVerdict.NOTHING_FOUND]
    assert [draft.asset.name.rpartition(", ")[2] for draft in drafts] == ["result 1 of 2", "result 2 of 2"]
    assert STATED not in [draft.asset for draft in drafts]


def test_a_severity_that_is_not_known_is_rejected_and_the_rest_goes_on() -> None:
    drafts, summary = read("fickling", result("FINE") + result(None) + result("LIKELY_SAFE"))
    reasons = [draft.reason for draft in drafts if isinstance(draft, Reject)]
    assert "'FINE' is no severity" in reasons[0]
    assert "states no severity" in reasons[1]
    assert (summary.relevant, summary.rejected) == (1, 2)


def test_the_same_file_judged_again_is_the_same_thing() -> None:
    assert seen(result("LIKELY_SAFE"), STATED)[0].fingerprint == seen(result("SUSPICIOUS"), STATED)[0].fingerprint


def test_it_closes_nothing_by_absence() -> None:
    scope = read("fickling", sample("fickling/quiet.json"))[1].scope
    assert scope["complete"] is False
    assert scope["not_before"] is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (sample("fickling/evil.json")[:-3], "not valid JSON"),
        (sample("fickling/evil.json") + b"trailing", "not valid JSON"),
        (b"[" * 5000, "not valid JSON"),
        (b"", "is empty"),
    ],
)
def test_unusable_documents_say_why(content: bytes, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        read("fickling", content)
