from __future__ import annotations

import json
from typing import Any

import pytest

from compliance.types.drafts import ObservationDraft, Reject
from compliance.types.errors import BadInputError
from compliance.types.states import Severity
from compliance.types.verdicts import FileScanVerdict
from tests.scanning.ingest.reading import read, sample


def report(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(sample(f"modelaudit/{name}.json"))
    return found


def seen(found: dict[str, Any]) -> list[ObservationDraft]:
    drafts, _ = read("modelaudit", json.dumps(found).encode())
    return [draft for draft in drafts if isinstance(draft, ObservationDraft)]


def of_file(found: dict[str, Any], path: str) -> dict[str, ObservationDraft]:
    return {draft.rule: draft for draft in seen(found) if draft.asset.name.endswith(path)}


def test_a_file_is_named_by_the_digest_that_the_report_gives() -> None:
    assert {draft.asset.digest for draft in seen(report("quiet"))} == {
        "bac782a0a530eefa8127502e78a63816fdcefb23b79ac1715000057158766ef0"
    }


def test_the_position_glued_to_a_path_is_no_part_of_its_name() -> None:
    places = {(draft.asset.name, draft.location) for draft in seen(report("dir")) if draft.rule == "S201:posix.system"}
    assert places == {
        ("/srv/models/evil.pkl", "pos 75"),
        ("/srv/models/evil.pkl", ""),
        ("/srv/models/pytorch_model.bin", "archive/data.pkl pos 49"),
        ("/srv/models/pytorch_model.bin", "archive/data.pkl"),
    }


def test_a_file_that_could_not_be_read_has_failed_though_the_tool_calls_it_a_warning() -> None:
    broken = of_file(report("dir"), "broken.pkl")
    assert {rule: draft.verdict for rule, draft in broken.items()} == {"not_finished": FileScanVerdict.FAILED}
    assert "unknown" not in broken["not_finished"].description
    assert broken["not_finished"].facts["checks"] == {"passed": 5, "failed": 2}


def test_what_was_found_before_the_analysis_broke_off_stays_a_finding() -> None:
    verdicts = {rule: draft.verdict for rule, draft in of_file(report("traps"), "big.bin").items()}
    assert verdicts == {"S201:posix.system": FileScanVerdict.FINDING, "not_finished": FileScanVerdict.FAILED}


def test_mere_information_is_no_finding() -> None:
    found = report("quiet")
    note = {"message": "No licence stated", "severity": "info", "location": "/srv/models/cleanonly.pkl"}
    found["issues"].append(note)
    (draft,) = seen(found)
    assert draft.verdict is FileScanVerdict.NOTHING_FOUND
    assert draft.facts["notices"] == ["No licence stated"]


def test_a_skipped_check_leaves_the_file_unsaid_unless_it_concerned_the_reader() -> None:
    found = report("quiet")
    skipped = found["checks"][-1] | {"status": "skipped", "name": "Weights"}
    found["checks"][-1] = skipped
    found["passed_checks"] -= 1
    verdicts = {draft.rule: draft.verdict for draft in seen(found)}
    assert verdicts == {"check:Weights": FileScanVerdict.SKIPPED, "scanned_in_part": FileScanVerdict.SKIPPED}
    skipped["details"] = {"runtime_cve_version_gate": "local_environment_only"}
    verdicts = {draft.rule: draft.verdict for draft in seen(found)}
    assert verdicts == {"check:Weights": FileScanVerdict.SKIPPED, "scanned": FileScanVerdict.NOTHING_FOUND}


def test_severity_is_normalised_beside_the_native_word() -> None:
    found = {(draft.native_severity, draft.severity) for draft in seen(report("dir")) if draft.rule[0] == "S"}
    assert found == {("critical", Severity.CRITICAL), ("warning", Severity.MEDIUM)}
    (unknown,) = [draft for draft in seen(report("traps")) if draft.native_severity == "fatal"]
    assert (unknown.severity, unknown.verdict) == (None, FileScanVerdict.FINDING)


def test_nothing_at_all_is_nothing_scanned() -> None:
    (draft,) = seen(report("nothing"))
    assert draft.verdict is FileScanVerdict.NOTHING_SCANNED


def test_errors_of_operation_are_said() -> None:
    assert of_file(report("traps"), "sample.json")["has_errors"].verdict is FileScanVerdict.FAILED


def test_fingerprints_hold_no_severity_message_time_or_path() -> None:
    first, second = report("dir"), report("dir")
    moved = json.loads(json.dumps(second).replace("/srv/models/", "/elsewhere/"))
    for issue in moved["issues"]:
        issue |= {"message": f"Once more: {issue['message']}", "timestamp": 1800000000.0}
    of_hashed = {draft.fingerprint for draft in seen(first) if draft.asset.digest}
    assert of_hashed == {draft.fingerprint for draft in seen(moved) if draft.asset.digest}


def test_every_reason_against_closing_a_finding_is_stated() -> None:
    scope = read("modelaudit", sample("modelaudit/traps.json"))[1].scope
    assert scope["complete"] is False
    assert scope["gaps"] == [
        "Files were not analysed to their end.",
        "Checks were skipped.",
        "Errors of operation happened.",
        "Only some of the scanners ran.",
        "Its totals contradict what it lists.",
        "The report does not state which version of the tool wrote it.",
    ]
    assert scope["not_before"] == "2026-11-22T09:47:26+00:00"


def test_a_report_that_was_cut_says_so() -> None:
    found = report("dir")
    del found["checks"][0]
    drafts, _ = read("modelaudit", json.dumps(found).encode())
    assert [draft.locator for draft in drafts if isinstance(draft, Reject)] == ["/passed_checks"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (sample("modelaudit/dir.json")[:-30], "not valid JSON"),
        (b'{"bytes_scanned":0,"checks":{},"issues":[]}', "no list `checks`"),
        (b'["bytes_scanned"]', "it is no object"),
        (b'{"bytes_scanned":0,"bytes_scanned":1}', "twice"),
        (b'{"issues":[{"message":"\\ud800","location":"x","severity":"critical"}],"checks":[]}', "cannot be kept"),
    ],
)
def test_unusable_documents_say_why(content: bytes, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        read("modelaudit", content)


def test_many_files_take_no_longer_than_their_number_asks() -> None:
    found = report("nothing")
    names = [f"/srv/models/{n}.pkl" for n in range(4000)]
    found["file_metadata"] = {name: {} for name in names}
    found["checks"] = [{"name": "c", "status": "passed", "message": "m", "location": name} for name in names * 5]
    found["passed_checks"] = len(found["checks"])
    assert len(seen(found)) == len(names)
