from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.types.canonical import digest_of
from compliance.types.drafts import JobEventDraft, Reject
from compliance.types.errors import BadInputError
from compliance.types.states import ActionClass, Outcome
from scanning.ingest.azure_openai import PARSER
from scanning.ingest.base import NO, ParseContext
from tests.scanning.ingest.reading import SAMPLES, read, sample

CALL: dict[str, Any] = json.loads(sample("azure_openai/aoai_finetune_diagnostic.json"))["records"][0]
ROW: dict[str, Any] = json.loads(sample("azure_openai/log_analytics.json"))[0]
CALLS: list[dict[str, Any]] = [json.loads(line) for line in sample("azure_openai/traps.jsonl").splitlines()]


def events(*records: object) -> list[JobEventDraft]:
    drafts = read("azure_openai", json.dumps(records).encode())[0]
    return [draft for draft in drafts if isinstance(draft, JobEventDraft)]


def reasons(*records: object) -> list[str]:
    drafts = read("azure_openai", json.dumps([CALL, *records]).encode())[0]
    return [draft.reason for draft in drafts if isinstance(draft, Reject)]


def test_a_call_that_starts_fine_tuning() -> None:
    (event,) = events(CALL)
    assert (event.action_class, event.outcome) == (ActionClass.SUBMIT, Outcome.SUCCESS)
    assert event.actor is not None
    assert event.actor.identifier == "22222222-2222-2222-2222-222222222222"
    assert (event.account, event.region) == ("00000000-0000-0000-0000-00000000aaaa", "swedencentral")
    assert event.job_name == "aoai-prod"
    assert event.origins["actor"] == "/properties"
    assert event.raw_sha256 == digest_of(CALL)
    assert event.unknown_fields == ("role", "job_id", "inputs", "base_model", "output_uri", "execution_role")


def test_a_masked_address_is_kept_as_it_is() -> None:
    assert events(CALL)[0].source_address == "198.51.100.***"


@pytest.mark.parametrize(
    "properties",
    ['{"objectId":""}', "{}", "", "not JSON", None, 7, [], {"objectId": None}, '{"objectId":"a","objectId":"b"}',
     '{"objectId":"\\u0000"}', '{"objectId":"\\ud800"}', "{" * 5000],
)  # fmt: skip
def test_a_call_whose_caller_is_not_recorded_says_so(properties: object) -> None:
    (event,) = events({**CALL, "properties": properties})
    assert event.actor is None
    assert event.unknown_fields[0] == "actor"


def test_properties_may_be_an_object_if_their_numbers_are_exact() -> None:
    """Times in ticks of 100 ns since the year 1 are beyond the whole numbers that JSON readers keep."""
    properties = json.loads(CALL["properties"])
    assert "exact" in reasons({**CALL, "properties": properties})[0]
    (event,) = events({**CALL, "properties": properties | {"requestTime": 0, "responseTime": 0}})
    assert event.actor is not None
    assert event.origins["actor"] == "/properties/objectId"


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ("Create_FineTuningJob", ActionClass.SUBMIT),
        ("FineTuning_Create", ActionClass.SUBMIT),
        ("FineTunes_Create", ActionClass.SUBMIT),
        ("fine-tunes create", ActionClass.SUBMIT),
        ("CreateFineTuningJob", ActionClass.SUBMIT),
        ("Cancel_FineTuningJob", ActionClass.CANCEL),
        ("FineTuningJobs_Cancel", ActionClass.CANCEL),
        ("Delete_FineTuningJob", ActionClass.OTHER),
        ("FineTuning_Pause", ActionClass.OTHER),
        ("Get_FineTuningJob", None),
        ("List_FineTuningJobs", None),
        ("FineTuningJobs_ListEvents", None),
        ("ChatCompletions_Create", None),
        ("Create_Thread", None),
        ("Files_Upload", None),
    ],
)
def test_operations_are_known_by_their_wording(operation: str, expected: ActionClass | None) -> None:
    found = [event.action_class for event in events({**CALL, "operationName": operation})]
    assert found == ([] if expected is None else [expected])


@pytest.mark.parametrize(
    ("address", "expected", "job"),
    [
        ("https://a.openai.azure.com/openai/fine_tuning/jobs?api-version=2024-10-21", ActionClass.OTHER, ""),
        ("/openai/v1/fine_tuning/jobs/ftjob-1/cancel", ActionClass.CANCEL, "ftjob-1"),
        ("/openai/fine-tunes/ft-2", ActionClass.OTHER, "ft-2"),
        ("how do I call /openai/fine_tuning/jobs ?", None, ""),
        ("/openai/deployments/claims/chat/completions", None, ""),
    ],
)
def test_operations_are_known_by_the_address_of_the_call(address: str, expected: ActionClass | None, job: str) -> None:
    """The address does not tell POST from GET, so it makes no submission; text that only holds one is none."""
    record = {**CALL, "operationName": "Unknown", "properties": json.dumps({"requestUri": address})}
    found = events(record)
    assert [event.action_class for event in found] == ([] if expected is None else [expected])
    assert [event.job_id for event in found] == ([] if expected is None else [job])


def test_reads_of_fine_tuning_are_counted() -> None:
    _, summary = read("azure_openai", b"\n".join(json.dumps(call).encode() for call in CALLS))
    assert (summary.read, summary.relevant, summary.rejected) == (15, 10, 3)
    assert summary.scope["reads_of_fine_tuning_not_kept"] == 1


@pytest.mark.parametrize(
    ("code", "outcome", "detail"),
    [
        ("201", Outcome.SUCCESS, ""),
        (200, Outcome.SUCCESS, ""),
        ("401", Outcome.DENIED, "HTTP 401"),
        ("403", Outcome.DENIED, "HTTP 403"),
        ("429", Outcome.FAILED, "HTTP 429"),
        ("500", Outcome.FAILED, "HTTP 500"),
        ("OK", Outcome.UNKNOWN, "OK"),
        ("²", Outcome.UNKNOWN, "²"),
        (None, Outcome.UNKNOWN, ""),
    ],
)
def test_the_code_is_the_outcome(code: object, outcome: Outcome, detail: str) -> None:
    (event,) = events({**CALL, "resultSignature": code})
    assert (event.outcome, event.outcome_detail) == (outcome, detail)


def test_a_row_of_log_analytics_is_the_same_call() -> None:
    first, second = events(CALL, ROW)
    assert first.fingerprint == second.fingerprint
    assert second.origins["actor"] == "/properties_s"
    assert second.source_address == first.source_address


def test_a_correlation_id_used_twice_hides_no_call() -> None:
    first, second = events(CALL, {**CALL, "time": "2026-11-20T10:01:03.0000000Z"})
    assert first.fingerprint != second.fingerprint


def test_without_correlation_id_the_whole_record_makes_the_fingerprint() -> None:
    bare = {name: value for name, value in CALL.items() if name != "correlationId"}
    first, second = events(bare, {**bare, "durationMs": 1})
    assert first.fingerprint != second.fingerprint
    assert "source_event_id" in first.unknown_fields


@pytest.mark.parametrize("name", ["Files_Upload", "files_upload"])
def test_operations_can_be_added_by_configuration(name: str) -> None:
    context = ParseContext(file_name="x", extra_operations=(name,))
    drafts, _ = read("azure_openai", json.dumps([{**CALL, "operationName": "Files_Upload"}]).encode(), context)
    assert [draft.action_class for draft in drafts if isinstance(draft, JobEventDraft)] == [ActionClass.OTHER]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"operationName": None}, "operationName is missing"),
        ({"time": None}, "time is missing or no time"),
        ({"time": "2026-11-20T10:01:02"}, "names no time zone"),
        ({"time": "2106-02-07T06:28:16Z"}, "year 2106"),
        ({"durationMs": 2**60}, "exact"),
    ],
)
def test_a_record_that_cannot_be_taken_is_rejected_with_its_reason(change: dict[str, Any], reason: str) -> None:
    (found,) = reasons({**CALL, **change})
    assert found.startswith("sample.json, [1]: ")
    assert reason in found


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "is empty"), (b'[{"a":1}]', "that can be read"), (b'{"records":[{"a":1},{', "breaks off")]
)  # fmt: skip
def test_unusable_documents_say_why(content: bytes, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        read("azure_openai", content)


def test_only_logs_of_azure_openai_are_recognised() -> None:
    others = [path for path in SAMPLES.rglob("*") if path.is_file() and path.parent.name != "azure_openai"]
    assert {PARSER.identify(path.read_bytes()[:65536], path.name) for path in others} == {NO}


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(0, 3))
def test_order_and_repetition_change_no_fingerprint(chance: random.Random, repeats: int) -> None:
    records = [copy.deepcopy(call) for call in [CALL, ROW, *CALLS] * (repeats + 1)]
    chance.shuffle(records)
    assert {event.fingerprint for event in events(*records)} == {
        event.fingerprint for event in events(CALL, ROW, *CALLS)
    }
