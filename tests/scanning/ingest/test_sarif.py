from __future__ import annotations

import json
from typing import Any

import pytest

from compliance.types.drafts import AssetRef, ObservationDraft, Reject
from compliance.types.errors import BadInputError
from compliance.types.states import Severity
from compliance.types.verdicts import FileScanVerdict
from scanning.ingest.base import ParseContext
from scanning.ingest.registry import identify
from tests.scanning.ingest.reading import read, sample

A = {"physicalLocation": {"artifactLocation": {"uri": "a.pkl"}}}


def document(*runs: dict[str, Any]) -> bytes:
    return json.dumps({"version": "2.1.0", "runs": list(runs)}).encode()


def run_of(*results: Any, **more: Any) -> dict[str, Any]:
    rules = [{"id": "R1", "defaultConfiguration": {"level": "error"}}, {"id": "R2"}]
    return {
        "tool": {"driver": {"name": "Scan", "version": "7", "rules": rules}},
        "invocations": [{"executionSuccessful": True, "startTimeUtc": "2026-11-20T14:00:00Z"}],
        "artifacts": [{"location": {"uri": "a.pkl"}, "roles": ["analysisTarget"], "hashes": {"sha-256": "AB" * 32}}],
        "results": list(results),
        **more,
    }


def seen(content: bytes, context: ParseContext | None = None) -> list[ObservationDraft]:
    return [draft for draft in read("sarif", content, context)[0] if isinstance(draft, ObservationDraft)]


def one(result: dict[str, Any], **more: Any) -> ObservationDraft:
    drafts = seen(document(run_of({"ruleId": "R1", "locations": [A]} | result, **more)))
    return next(draft for draft in drafts if draft.rule not in ("scanned", "run_incomplete"))


def scope_of(run: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = read("sarif", document(run))[1].scope["runs"][0]
    return found


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [
        (None, FileScanVerdict.FINDING),
        ("fail", FileScanVerdict.FINDING),
        ("pass", FileScanVerdict.NOTHING_FOUND),
        ("open", FileScanVerdict.SKIPPED),
        ("review", FileScanVerdict.SKIPPED),
        ("notApplicable", FileScanVerdict.SKIPPED),
        ("informational", FileScanVerdict.SKIPPED),
    ],
)
def test_each_kind_of_result(kind: str | None, verdict: FileScanVerdict) -> None:
    assert one({"kind": kind}).verdict is verdict


@pytest.mark.parametrize(
    ("result", "severity", "native"),
    [
        ({}, Severity.HIGH, "error"),
        ({"level": "note"}, Severity.LOW, "note"),
        ({"level": "none"}, Severity.INFORMATIONAL, "none"),
        ({"ruleId": "R2"}, Severity.MEDIUM, "warning"),
        ({"ruleId": "R9"}, Severity.MEDIUM, "warning"),
        ({"kind": "pass"}, None, "none"),
        ({"level": "extreme"}, None, "extreme"),
    ],
)
def test_level_is_the_results_else_the_rules_else_warning(
    result: dict[str, Any], severity: Severity | None, native: str
) -> None:
    draft = one(result)
    assert (draft.severity, draft.native_severity) == (severity, native)


@pytest.mark.parametrize(
    ("score", "severity"),
    [
        ("9.8", Severity.CRITICAL),
        ("7.0", Severity.HIGH),
        (4, Severity.MEDIUM),
        ("0.1", Severity.LOW),
        ("0.0", Severity.INFORMATIONAL),
        ("11", Severity.HIGH),
        ("high", Severity.HIGH),
        ("nan", Severity.HIGH),
    ],
)
def test_the_rules_score_goes_before_the_level_where_it_is_one(score: object, severity: Severity) -> None:
    rule = {"id": "R1", "defaultConfiguration": {"level": "error"}, "properties": {"security-severity": score}}
    assert one({}, tool={"driver": {"name": "Scan", "rules": [rule]}}).severity is severity


@pytest.mark.parametrize(
    "reference",
    [
        {"ruleId": "X1"},
        {"ruleId": "X1/case"},
        {"ruleId": "X1", "ruleIndex": 1},
        {"ruleId": None, "ruleIndex": 1},
        {"ruleId": None, "rule": {"id": "X1"}},
        {"ruleId": None, "rule": {"index": 1}},
        {"ruleId": None, "rule": {"index": 0, "toolComponent": {"index": 0}}},
    ],
)
def test_a_rule_is_found_by_any_reference(reference: dict[str, Any]) -> None:
    rule = {"id": "X1", "defaultConfiguration": {"level": "note"}, "shortDescription": {"text": "the rule"}}
    tool = {"driver": {"name": "Scan", "rules": [{"id": "R1"}, rule]}, "extensions": [{"rules": [rule]}]}
    draft = one(reference, tool=tool)
    assert (draft.rule.partition("/")[0], draft.title, draft.severity) == ("X1", "the rule", Severity.LOW)


def test_an_index_that_leads_nowhere_leaves_the_id() -> None:
    assert one({"ruleIndex": 99}).native_severity == "error"
    assert one({"ruleIndex": -1}).native_severity == "error"


def test_a_message_is_its_text_or_the_rules_with_arguments() -> None:
    found = {draft.rule: draft for draft in seen(sample("sarif/traps.sarif"))}
    assert found["R1"].description == "The call os.system is unsafe"
    assert found["R1/case"].description == "Of {all} files, a.pkl holds b and {7}"


def test_a_waiver_is_a_fact_beside_the_finding_and_no_pass() -> None:
    waived = one({"suppressions": [{"kind": "external", "justification": "until June"}]})
    assert waived.verdict is FileScanVerdict.FINDING
    assert waived.facts["waived"] is True
    assert waived.facts["waivers"][0]["justification"] == "until June"
    assert one({"suppressions": [{"kind": "inSource", "status": "underReview"}]}).facts["waived"] is False
    assert "waived" not in one({"suppressions": []}).facts


def test_what_only_the_baseline_had_is_gone_unless_the_run_is_not_whole() -> None:
    assert one({"baselineState": "absent"}).verdict is FileScanVerdict.NOTHING_FOUND
    failed = [{"executionSuccessful": False}]
    assert one({"baselineState": "absent"}, invocations=failed).verdict is FileScanVerdict.SKIPPED
    assert one({"baselineState": "unchanged"}).verdict is FileScanVerdict.FINDING


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"invocations": [{"executionSuccessful": True}, {"executionSuccessful": False}]}, "did not end successfully"),
        ({"results": None}, "no list of results"),
        ({"externalPropertyFileReferences": {"results": [{}]}}, "in other files"),
        (
            {"invocations": [{"executionSuccessful": True, "toolExecutionNotifications": [{"level": "error"}]}]},
            "errors while it ran",
        ),
        (
            {"invocations": [{"executionSuccessful": True, "toolConfigurationNotifications": [{"level": "error"}]}]},
            "errors in its configuration",
        ),
    ],
)
def test_a_run_that_is_not_whole_has_failed_and_says_nothing_of_other_files(change: dict[str, Any], told: str) -> None:
    run = run_of() | change
    (draft,) = seen(document(run))
    assert (draft.rule, draft.verdict) == ("run_incomplete", FileScanVerdict.FAILED)
    assert told in draft.description
    assert scope_of(run)["complete"] is False


def test_a_file_is_named_by_its_hash_and_quiet_only_where_it_was_a_target() -> None:
    (draft,) = seen(sample("sarif/quiet.sarif"))
    digest = "175c59e27fa832b95f142ff91310d4148837ddd7d8017797c61edccdde0269f1"
    assert (draft.asset.name, draft.asset.digest) == ("C:/models/pytorch model.bin", digest)
    assert (draft.verdict, draft.atlas_techniques) == (FileScanVerdict.NOTHING_FOUND, ("AML.T0018.002",))


def test_a_run_that_names_nothing_scanned_nothing() -> None:
    (draft,) = seen(document(run_of(artifacts=[])))
    assert draft.verdict is FileScanVerdict.NOTHING_SCANNED


def test_position_and_member_glued_to_an_address_are_taken_off() -> None:
    found = {draft.rule: draft for draft in seen(sample("sarif/modelaudit.sarif"))}
    assert (found["MA-S201"].asset.name, found["MA-S201"].location) == (
        "models/pytorch_model.bin",
        "archive/data.pkl pos 49",
    )
    assert found["MA-S201"].asset.digest == "02a90ba38813438072280dc09ac9fe02023ffff907b7eb2b862b865c68d8d38f"
    assert found["MA-S902"].location == "pos 9"


@pytest.mark.parametrize(
    ("location", "member"),
    [
        ({"region": {"startLine": 12}}, "line 12"),
        ({"region": {"byteOffset": 0}}, "byte 0"),
        ({"logicalLocations": [{"fullyQualifiedName": "archive/data.pkl"}]}, "archive/data.pkl"),
        ({"region": {"startLine": "x"}}, ""),
    ],
)
def test_the_place_within_a_file(location: dict[str, Any], member: str) -> None:
    physical = {"physicalLocation": A["physicalLocation"] | location}
    assert one({"locations": [physical]}).location == member


def test_techniques_come_from_tags_taxa_and_relationships_alone() -> None:
    found = {draft.rule: draft.atlas_techniques for draft in seen(sample("sarif/traps.sarif"))}
    assert found["R1"] == ("AML.T0018.003",)
    assert found["R2"] == ("AML.T0018.001",)
    assert found["X1"] == ("AML.T0020",)
    assert found["R4"] == ()


def test_results_that_are_one_thing_are_one_observation_and_the_strongest_counts() -> None:
    quiet, loud = {"ruleId": "R1", "kind": "pass", "locations": [A]}, {"ruleId": "R1", "locations": [A]}
    for runs in ([run_of(quiet, loud)], [run_of(quiet), run_of(loud)], [run_of(loud), run_of(quiet)]):
        (draft,) = [draft for draft in seen(document(*runs)) if draft.rule == "R1"]
        assert (draft.verdict, draft.facts["occurrences"]) == (FileScanVerdict.FINDING, 2)


def test_a_fingerprint_of_the_newest_version_goes_before_all_else() -> None:
    first = one({"fingerprints": {"id/v1": "a", "id/v10": "b"}})
    assert first.fingerprint == one({"fingerprints": {"id/v9": "c", "id/v10": "b"}, "locations": []}).fingerprint
    assert first.fingerprint != one({"fingerprints": {"id/v10": "c"}}).fingerprint


def test_partial_fingerprints_hold_for_one_file_and_in_any_order() -> None:
    first = one({"partialFingerprints": {"a": "1", "b": "2"}, "message": {"text": "x"}})
    assert first.fingerprint == one({"partialFingerprints": {"b": "2", "a": "1"}, "level": "note"}).fingerprint
    elsewhere = {"physicalLocation": {"artifactLocation": {"uri": "b.pkl"}}}
    assert first.fingerprint != one({"partialFingerprints": {"a": "1", "b": "2"}, "locations": [elsewhere]}).fingerprint


def test_a_tool_by_sarif_is_no_other_reports_producer() -> None:
    assert one({}).producer == "Scan (SARIF)"


def test_results_at_no_file_belong_to_the_category_of_the_run_or_to_this_document() -> None:
    assert one({"locations": []}, automationDetails={"id": "nightly/17"}).asset.name == "nightly"
    assert one({"locations": []}).asset.kind == "unnamed_file"
    stated = AssetRef(kind="model_version", name="bot 12", digest="cd" * 32)
    (draft, _) = seen(document(run_of({"ruleId": "R1"})), ParseContext(file_name="x", asset=stated))
    assert draft.asset == stated


def test_a_scope_is_complete_where_files_rules_time_and_success_are_stated() -> None:
    scope = scope_of(run_of())
    assert scope["complete"] is True
    assert scope["assets"] == [{"kind": "file", "name": "a.pkl", "digest": "ab" * 32}]
    assert (scope["rules"], scope["not_before"]) == (["R1", "R2"], "2026-11-20T14:00:00+00:00")
    assert scope_of(run_of(invocations=[]))["complete"] is False
    assert scope_of(run_of(artifacts=[{"location": {"uri": "a.pkl"}}]))["complete"] is False
    assert scope_of(run_of({"kind": "fail"}))["gaps"] == ["Results were rejected."]


def test_bad_results_are_rejected_with_their_place_and_the_rest_goes_on() -> None:
    drafts, summary = read("sarif", sample("sarif/traps.sarif"))
    places = [draft.locator for draft in drafts if isinstance(draft, Reject)]
    assert places == ["/runs/0/results/12", "/runs/0/results/13", "/runs/0/results/14"]
    assert summary.relevant == 15


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"version":"2.0.0","runs":[{}]}', "is SARIF 2.0.0"),
        (b'{"runs":[{}]}', "of no stated version"),
        (b'{"version":"2.1.0","runs":[]}', "without a run"),
        (b'{"version":"2.1.0","runs":{}}', "no list `runs`"),
        (b'{"version":"2.1.0","runs":[', "not valid JSON"),
        (b'{"version":"2.1.0","runs":[{"results":[{"ruleId":"\\ud800"}]}]}', "cannot be kept"),
    ],
)
def test_unusable_documents_say_why(content: bytes, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        read("sarif", content)


def test_it_is_known_whatever_the_order_of_its_members() -> None:
    whole = json.loads(sample("sarif/quiet.sarif"))
    assert identify(json.dumps(whole).encode(), "x") == "sarif"
    assert identify(json.dumps(dict(reversed(whole.items()))).encode(), "x") == "sarif"


@pytest.mark.parametrize("odd", [1, None, "x", [], {"ruleId": 5}, [[]]])
def test_members_of_odd_types_do_not_make_it_fall_over(odd: Any) -> None:
    result = {"ruleId": "R1", "locations": odd, "suppressions": odd, "message": odd, "fingerprints": odd, "taxa": odd}
    run = run_of(result, odd, artifacts=odd, invocations=odd, automationDetails=odd, taxonomies=odd)
    drafts, _ = read("sarif", document(run, {"tool": odd}))
    assert drafts
