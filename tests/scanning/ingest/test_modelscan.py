from __future__ import annotations

import json
from typing import Any

import pytest

from compliance.types.drafts import ObservationDraft, Reject
from compliance.types.errors import BadInputError
from compliance.types.states import Severity
from compliance.types.verdicts import FileScanVerdict
from scanning.ingest.base import ParseContext
from tests.scanning.ingest.reading import observations, read, sample


def report(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(sample(f"modelscan/{name}.json"))
    return found


def encoded(found: dict[str, Any]) -> bytes:
    return json.dumps(found).encode()


def test_no_issue_is_four_different_things() -> None:
    def verdicts(name: str) -> dict[str, FileScanVerdict]:
        return {o.asset.name: FileScanVerdict(o.verdict) for o in observations(sample(f"modelscan/{name}.json"))}

    assert verdicts("clean") == {"clean.pkl": FileScanVerdict.NOTHING_FOUND}
    assert verdicts("none") == {"work/none": FileScanVerdict.NOTHING_SCANNED}
    assert verdicts("skipped")["model.safetensors"] is FileScanVerdict.SKIPPED
    assert verdicts("dir")["broken.pkl"] is FileScanVerdict.FAILED


def test_it_never_speaks_of_weights() -> None:
    for name in ("clean", "dir", "none", "skipped"):
        for observation in observations(sample(f"modelscan/{name}.json")):
            assert observation.atlas_techniques == ("AML.T0018.002",)
            assert observation.facts["speaks_to"] == ["AML.T0018.002"]


def test_a_naive_time_stays_text() -> None:
    observation = observations(sample("modelscan/clean.json"))[0]
    assert observation.observed_at is None
    assert observation.facts["source_time"] == "2026-11-22T09:38:35.021348"
    assert observation.producer_version == "0.8.8"


def test_severity_is_normalised_beside_the_native_word() -> None:
    found = {o.asset.name: o for o in observations(sample("modelscan/dir.json"))}
    assert (found["evil.pkl"].severity, found["evil.pkl"].native_severity) == (Severity.CRITICAL, "CRITICAL")
    assert found["pytorch_model.bin"].location == "archive/data.pkl"


def test_fingerprints_hold_no_severity_message_time_or_path() -> None:
    first = report("dir")
    second = report("dir")
    second["summary"] |= {
        "timestamp": "2027-01-01T00:00:00",
        "absolute_path": "/elsewhere",
        "modelscan_version": "0.9.0",
    }
    for issue in second["issues"]:
        issue |= {"severity": "LOW", "description": "worded otherwise"}
    assert {o.fingerprint for o in observations(encoded(first))} == {
        o.fingerprint for o in observations(encoded(second))
    }


def test_a_known_digest_names_the_asset() -> None:
    context = ParseContext(file_name="x", asset_digests={"evil.pkl": "ab" * 32})
    drafts, _ = read("modelscan", sample("modelscan/dir.json"), context)
    assert {draft.asset.digest for draft in drafts if isinstance(draft, ObservationDraft)} == {None, "ab" * 32}


def test_repeated_issues_are_one_observation_with_a_count() -> None:
    found = report("skipped")
    found["issues"] *= 3
    found["summary"]["total_issues"] = 3
    (finding,) = [o for o in observations(encoded(found)) if o.verdict is FileScanVerdict.FINDING]
    assert finding.facts["occurrences"] == 3


@pytest.mark.parametrize("name", ["stdout_wrapped.txt", "console.txt"])
def test_screen_output_is_told_from_a_report(name: str) -> None:
    with pytest.raises(BadInputError, match=r"-r json -o FILE"):
        read("modelscan", sample(f"modelscan/{name}"))


def test_a_report_that_contradicts_itself_is_rejected_in_part_and_never_complete() -> None:
    found = report("dir")
    del found["issues"][0]
    drafts, summary = read("modelscan", encoded(found))
    assert "3 and 2 are listed" in next(draft.reason for draft in drafts if isinstance(draft, Reject))
    assert summary.rejected == 1
    assert summary.scope["complete"] is False


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (sample("modelscan/dir.json")[:-30], "not valid JSON"),
        (b'{"summary":{"modelscan_version":"1"}}', "no whole modelscan report"),
        (b'{"modelscan_version":"1"}', "no `summary`"),
        (b'{"modelscan_version":"\xff"}', "not UTF-8"),
        (b'{"summary":{},"issues":[{"source":"\\ud800"}],"errors":[]}', "cannot be kept"),
    ],
)
def test_unusable_documents_say_why(content: bytes, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        read("modelscan", content)


@pytest.mark.parametrize("odd", [1, None, "x", [], {"source": 5}, [[]]])
def test_members_of_odd_types_do_not_make_it_fall_over(odd: object) -> None:
    found = report("skipped")
    found["issues"] = [odd]
    found["errors"] = [odd]
    found["summary"]["scanned"]["scanned_files"] = [odd]
    drafts, summary = read("modelscan", encoded(found))
    assert any(isinstance(draft, Reject) for draft in drafts)
    assert summary.scope["complete"] is False
