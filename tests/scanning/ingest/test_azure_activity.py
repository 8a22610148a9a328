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
from scanning.ingest.azure_activity import PARSER
from scanning.ingest.azure_activity_operations import OPERATIONS
from scanning.ingest.base import NO, ParseContext
from tests.scanning.ingest.reading import SAMPLES, read, sample

EXPORT: dict[str, Any] = json.loads(sample("azure_activity/export.json"))["records"][0]
PAGE: list[dict[str, Any]] = json.loads(sample("azure_activity/rest_page.json"))["value"]
GRANTS: list[dict[str, Any]] = json.loads(sample("azure_activity/grants.json"))
ROWS: list[dict[str, Any]] = [json.loads(line) for line in sample("azure_activity/log_analytics.jsonl").splitlines()]
TRAPS: list[dict[str, Any]] = [json.loads(line) for line in sample("azure_activity/traps.jsonl").splitlines()]
ALICE = "22222222-2222-2222-2222-222222222222"
JOB = (
    "/subscriptions/00000000-0000-0000-0000-00000000aaaa/resourcegroups/rg-ml/providers/"
    "microsoft.machinelearningservices/workspaces/mlw-prod/jobs/ft_support_bot_0012"
)


def events(*records: object) -> list[JobEventDraft]:
    drafts = read("azure_activity", json.dumps(records).encode())[0]
    return [draft for draft in drafts if isinstance(draft, JobEventDraft)]


def reasons(*records: object) -> list[str]:
    drafts = read("azure_activity", json.dumps([EXPORT, *records]).encode())[0]
    return [draft.reason for draft in drafts if isinstance(draft, Reject)]


def uris(event: JobEventDraft) -> list[tuple[str, str]]:
    return [(entry.role, entry.uri.rpartition("/")[2]) for entry in event.inputs]


def test_a_job_in_an_export_names_who_and_by_which_role() -> None:
    (event,) = events(EXPORT)
    assert (event.action_class, event.outcome) == (ActionClass.SUBMIT, Outcome.SUCCESS)
    assert event.action == "Microsoft.MachineLearningServices/workspaces/jobs/write"
    assert event.actor is not None
    assert (event.actor.identifier, event.actor.display, event.actor.kind) == (ALICE, "alice@example.test", "User")
    assert event.role == "AzureML Data Scientist"
    assert (event.job_id, event.job_name) == (JOB, "ft_support_bot_0012")
    assert event.account == "00000000-0000-0000-0000-00000000aaaa"
    assert event.raw_sha256 == digest_of(EXPORT)


def test_what_the_log_never_tells_is_unknown_and_not_blank() -> None:
    (event,) = events(EXPORT)
    assert event.unknown_fields == (
        "source_event_id", "region", "inputs", "base_model", "output_uri", "execution_role",
    )  # fmt: skip


def test_one_event_is_the_same_in_every_carrier() -> None:
    """REST has an event id and the export has none; the table writes all in strings, and `az` cuts the time to microseconds."""
    az = {**PAGE[1], "eventTimestamp": "2026-11-20T09:14:07.123456+00:00"}
    found = events(EXPORT, PAGE[1], ROWS[1], az)
    assert len({event.fingerprint for event in found}) == 1
    assert {event.job_id for event in found} == {JOB}
    assert {event.actor.identifier for event in found if event.actor} == {ALICE}


def test_the_steps_of_an_operation_make_one_submission() -> None:
    found = events(*TRAPS[:3])
    assert [event.action_class for event in found] == [ActionClass.OTHER, ActionClass.OTHER, ActionClass.SUBMIT]
    assert [event.outcome for event in found] == [Outcome.UNKNOWN, Outcome.UNKNOWN, Outcome.SUCCESS]
    assert found[0].outcome_detail == "Start: another record says how the operation ended"
    assert {event.job_name for event in found} == {"j1"}
    assert len({event.fingerprint for event in found}) == 3
    assert read("azure_activity", json.dumps(TRAPS[:3]).encode())[1].scope["steps_of_operations"] == 2


@pytest.mark.parametrize("carrier", ["rest", "export", "table"])
@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        (("Succeeded", "Success", "Success"), Outcome.SUCCESS),
        (("Failed", "Failure", "Failure"), Outcome.FAILED),
        (("Canceled", "Canceled", "Canceled"), Outcome.FAILED),
        (("Updated", "Updated", "Updated"), Outcome.UNKNOWN),
        (("", "", ""), Outcome.UNKNOWN),
    ],
)
def test_the_end_of_an_operation_is_its_outcome(carrier: str, words: tuple[str, ...], outcome: Outcome) -> None:
    rest, export, table = words
    record = {
        "rest": {**PAGE[1], "status": {"value": rest}, "subStatus": None, "properties": {}},
        "export": {**EXPORT, "resultType": export, "resultSignature": "", "properties": {}},
        "table": {**ROWS[1], "ActivityStatusValue": table, "ActivitySubstatusValue": "", "Properties_d": ""},
    }[carrier]
    (event,) = events(record)
    assert (event.outcome, event.action_class) == (outcome, ActionClass.SUBMIT)


def test_a_correlation_id_that_the_caller_chose_twice_hides_no_submission() -> None:
    first, second = events(TRAPS[2], TRAPS[3])
    assert first.job_id == second.job_id
    assert first.fingerprint != second.fingerprint


def test_a_refusal_is_denied_in_the_sources_words_and_names_no_role() -> None:
    (event,) = events(TRAPS[4])
    assert (event.action_class, event.outcome) == (ActionClass.SUBMIT, Outcome.DENIED)
    assert event.outcome_detail == (
        "Failure: Forbidden: RequestDisallowedByPolicy: Resource 'j2' was disallowed by policy."
    )
    assert "role" not in event.unknown_fields


def test_the_group_whose_role_let_a_call_through_is_not_the_caller() -> None:
    (event,) = events(TRAPS[5])
    assert event.actor is None
    assert "actor" in event.unknown_fields
    assert event.role == "AzureML Data Scientist"


def test_a_principal_without_claims_is_named_as_entitlements_name_it() -> None:
    (event,) = events(TRAPS[6])
    assert event.actor is not None
    assert event.actor.identifier == "abababab-abab-abab-abab-abababababab"
    assert event.actor.kind == "ServicePrincipal"
    assert "source_address" in event.unknown_fields


def test_a_record_without_correlation_is_known_by_its_event_id_or_its_bytes() -> None:
    alone = {**PAGE[1], "correlationId": ""}
    first, again = events(alone, {**alone, "level": "Warning"})
    assert first.fingerprint == again.fingerprint
    bare, other = events(TRAPS[7], {**TRAPS[7], "level": "Warning"})
    assert bare.fingerprint != other.fingerprint


def test_keys_that_were_read_are_kept_with_the_account_and_its_reader() -> None:
    event = next(event for event in events(*PAGE) if event.action.endswith("listKeys/action"))
    assert (event.action_class, event.job_name, event.job_id) == (ActionClass.OTHER, "aoai-prod", "")
    assert event.actor is not None
    assert event.actor.kind == "ServicePrincipal"


def test_a_model_version_states_what_it_was_registered_from() -> None:
    event = next(event for event in events(*PAGE) if event.action_class is ActionClass.REGISTER)
    assert event.job_name == "support-bot:7"
    assert event.output_model.endswith("/models/support-bot/versions/7")
    assert event.inputs[0].uri.startswith("azureml://jobs/ft_support_bot_0012/")


def test_deployments_state_their_model() -> None:
    found = [event for event in events(*PAGE) if event.action_class is ActionClass.DEPLOY]
    assert [uris(event) for event in found] == [[("model", "7")], [("model", "gpt-4.1-mini.ft-0123456789abcdef")]]


def test_secrets_in_a_body_inside_a_string_are_taken_out() -> None:
    event = events(PAGE[5])[0]
    assert "not-a-real" not in json.dumps(event.raw)
    assert event.redacted_fields == ("properties.requestbody.properties.environmentVariables.HF_TOKEN",)
    assert event.raw_sha256 == digest_of(PAGE[5])


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (1, [("granted_role", "f6c7c914-8db3-469d-8ca1-694a8f32e121")]),
        (2, [("removed_role", "f6c7c914-8db3-469d-8ca1-694a8f32e121")]),
        (4, [("granted_role", "f6c7c914-8db3-469d-8ca1-694a8f32e121")]),
        (5, [("removed_role", "f6c7c914-8db3-469d-8ca1-694a8f32e121")]),
        (6, [("eligible_role", "f6c7c914-8db3-469d-8ca1-694a8f32e121")]),
        (7, [("removed_eligible_role", "f6c7c914-8db3-469d-8ca1-694a8f32e121")]),
        (8, []),
        (9, [("requested_role", "f6c7c914-8db3-469d-8ca1-694a8f32e121")]),
    ],
)
def test_a_change_of_rights_says_what_became_of_which_role(index: int, expected: list[tuple[str, str]]) -> None:
    (event,) = events(GRANTS[index])
    assert event.action_class is ActionClass.GRANT
    assert uris(event) == expected


def test_a_grant_names_where_it_holds() -> None:
    assert events(GRANTS[1])[0].job_name.endswith("/workspaces/mlw-prod")
    tenant = {**GRANTS[1], "resourceId": "/providers/Microsoft.Authorization/roleAssignments/1"}
    tenant["authorization"] = {}
    assert events(tenant)[0].job_name == "/"


def test_the_request_of_a_grant_is_kept_as_a_step_with_the_role_asked_for() -> None:
    (event,) = events(GRANTS[0])
    assert event.action_class is ActionClass.OTHER
    assert uris(event)[0][0] == "requested_role"


def test_a_role_definition_states_its_rights_that_bear_on_training() -> None:
    assert [entry.uri for entry in events(GRANTS[3])[0].inputs] == [
        "Microsoft.MachineLearningServices/workspaces/jobs/write",
        "Microsoft.CognitiveServices/accounts/OpenAI/fine-tunes/write",
    ]


@pytest.mark.parametrize("record", [TRAPS[8], TRAPS[9]], ids=["a name twice", "half a character and a NUL"])
def test_what_a_string_hides_is_not_believed(record: dict[str, Any]) -> None:
    (event,) = events(record)
    assert event.inputs == ()
    assert "inputs" in event.unknown_fields


@pytest.mark.parametrize("place", ["operationName", "resourceId", "correlationId"])
def test_the_case_of_names_and_ids_changes_no_fingerprint(place: str) -> None:
    swapped = {**EXPORT, place: EXPORT[place].swapcase()}
    assert events(swapped)[0].fingerprint == events(EXPORT)[0].fingerprint


def test_every_operation_is_written_as_it_is_compared() -> None:
    assert {name for name in OPERATIONS if name != name.lower()} == set()


@pytest.mark.parametrize("name", ["Microsoft.Compute/virtualMachines/read", "MICROSOFT.COMPUTE/VIRTUALMACHINES/READ"])
def test_operations_can_be_added_by_configuration(name: str) -> None:
    context = ParseContext(file_name="x", extra_operations=(name,))
    drafts, _ = read("azure_activity", json.dumps([PAGE[10]]).encode(), context)
    assert [draft.action_class for draft in drafts if isinstance(draft, JobEventDraft)] == [ActionClass.OTHER]


CARRIERS = {
    "list": json.dumps(PAGE).encode(),
    "pretty page": json.dumps({"nextLink": "https://x", "value": PAGE}, indent=2).encode(),
    "pages, one a line": b"\n".join(json.dumps({"value": [record]}).encode() for record in PAGE),
    "records": json.dumps({"records": PAGE}).encode(),
    "lines": b"\r\n".join(json.dumps(record).encode() for record in PAGE) + b"\r\n",
}


@pytest.mark.parametrize("carrier", CARRIERS)
def test_every_carrier_gives_the_same_events(carrier: str) -> None:
    drafts, summary = read("azure_activity", CARRIERS[carrier])
    assert [draft.fingerprint for draft in drafts] == [event.fingerprint for event in events(*PAGE)]  # type: ignore[union-attr]
    assert (summary.read, summary.relevant) == (12, 11)
    assert PARSER.identify(CARRIERS[carrier], "x") > NO


def test_one_record_by_itself() -> None:
    drafts, summary = read("azure_activity", json.dumps(PAGE[1]).encode())
    assert (len(drafts), summary.read) == (1, 1)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"operationName": ""}, "operationName is missing"),
        ({"operationName": 7.5, "time": None}, "eventTimestamp is missing"),
        ({"time": "2026-11-20T09:14:07"}, "names no time zone"),
        ({"time": 0}, "eventTimestamp is missing"),
        ({"time": "2100-01-01T00:00:00Z"}, "year 2100"),
        ({"properties": {"n": 2**60}}, "exact"),
    ],
)
def test_a_record_that_cannot_be_taken_is_rejected_with_its_reason(change: dict[str, Any], reason: str) -> None:
    (found,) = reasons({**EXPORT, **change})
    assert found.startswith("sample.json, [1]: ")
    assert reason in found


@pytest.mark.parametrize("record", [None, 5, "x", ["a"]])
def test_what_is_no_object_is_rejected(record: object) -> None:
    assert "is not a JSON object" in reasons(record)[0]


@pytest.mark.parametrize("value", [None, 7, [], {}, "text", {"value": {"value": 1}}, [{"a": 1}]])
@pytest.mark.parametrize(
    "member", ["resourceId", "properties", "identity", "resultType", "correlationId", "callerIpAddress"]
)
def test_members_of_another_shape_break_nothing(member: str, value: object) -> None:
    (event,) = events({**EXPORT, member: value})
    assert event.action_class in (ActionClass.SUBMIT, ActionClass.OTHER)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b'[{"a":1}]', "no record of the Azure Activity Log that can be read"),
        (json.dumps(PAGE).encode()[:-40], "breaks off"),
    ],
)
def test_unusable_documents_say_why(content: bytes, message: str) -> None:
    with pytest.raises(BadInputError, match=message) as error:
        read("azure_activity", content)
    assert "sample.json" in str(error.value)


def test_only_activity_logs_are_recognised() -> None:
    others = [path for path in SAMPLES.rglob("*") if path.is_file() and path.parent.name != "azure_activity"]
    assert {PARSER.identify(path.read_bytes()[:65536], path.name) for path in others} == {NO}


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(0, 3))
def test_order_and_repetition_change_no_fingerprint(chance: random.Random, repeats: int) -> None:
    every = [EXPORT, *PAGE, *GRANTS, *ROWS]
    records = [copy.deepcopy(record) for record in every * (repeats + 1)]
    chance.shuffle(records)
    assert {event.fingerprint for event in events(*records)} == {event.fingerprint for event in events(*every)}
