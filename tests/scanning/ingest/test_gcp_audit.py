from __future__ import annotations

import copy
import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.types.canonical import digest_of
from compliance.types.drafts import JobEventDraft, Reject
from compliance.types.errors import BadInputError
from compliance.types.states import ActionClass, Outcome
from scanning.ingest.base import NO, ParseContext
from scanning.ingest.gcp_audit import PARSER
from tests.scanning.ingest.reading import SAMPLES, read, sample

JOBS: list[dict[str, Any]] = json.loads(sample("gcp_audit/audit_logs.json"))
CALLS: list[dict[str, Any]] = json.loads(sample("gcp_audit/entries.json"))["entries"]
LINES = sample("gcp_audit/traps.jsonl").splitlines()
TRAPS: list[dict[str, Any]] = [json.loads(line) for line in LINES]
GRANT = TRAPS[4]


def events(*entries: object) -> list[JobEventDraft]:
    drafts = read("gcp_audit", json.dumps(entries).encode())[0]
    return [draft for draft in drafts if isinstance(draft, JobEventDraft)]


def reasons(*entries: object) -> list[str]:
    drafts = read("gcp_audit", json.dumps([JOBS[0], *entries]).encode())[0]
    return [draft.reason for draft in drafts if isinstance(draft, Reject)]


def scope(*entries: object) -> dict[str, Any]:
    return read("gcp_audit", json.dumps(entries).encode())[1].scope


def payload(entry: dict[str, Any], **members: Any) -> dict[str, Any]:
    """The entry with members of its payload replaced; None takes one out."""
    changed = {**entry["protoPayload"], **members}
    return {**entry, "protoPayload": {name: value for name, value in changed.items() if value is not None}}


def test_a_tuning_job_is_read_whole() -> None:
    event = events(JOBS[1])[0]
    assert (event.action_class, event.outcome) == (ActionClass.SUBMIT, Outcome.SUCCESS)
    assert event.base_model == "gemini-2.5-flash"
    assert [(entry.role, entry.uri) for entry in event.inputs] == [
        ("train", "gs://acme-ft-data/claims/v3/train.jsonl"),
        ("validation", "gs://acme-ft-data/claims/v3/val.jsonl"),
    ]
    assert event.output_model == "claims-triage-v3"
    assert event.raw_sha256 == digest_of(JOBS[1])
    assert event.unknown_fields == ("output_uri", "execution_role")


def test_a_job_that_runs_containers_states_code_but_no_data() -> None:
    event = events(JOBS[0])[0]
    assert [entry.digest for entry in event.inputs] == ["ab" * 32]
    assert event.unknown_fields == ("inputs", "base_model")
    assert event.execution_role == "ft-runner@acme-ml.iam.gserviceaccount.com"


def test_a_refused_attempt_is_kept_as_denied_and_names_no_role() -> None:
    event = events(TRAPS[0])[0]
    assert event.outcome is Outcome.DENIED
    assert event.outcome_detail.startswith("7: Permission 'aiplatform.tuningJobs.create' denied")
    assert event.role == ""
    assert not {"role", "job_id"} & set(event.unknown_fields)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (None, Outcome.SUCCESS),
        ({}, Outcome.SUCCESS),
        ({"code": 0}, Outcome.SUCCESS),
        ({"code": 7}, Outcome.DENIED),
        ({"code": "7"}, Outcome.DENIED),
        ({"code": 16}, Outcome.DENIED),
        ({"code": 3, "message": "bad"}, Outcome.FAILED),
        ({"code": "PERMISSION"}, Outcome.UNKNOWN),
    ],
)
def test_the_status_code_is_the_outcome(status: Any, outcome: Outcome) -> None:
    assert events(payload(JOBS[1], status=status))[0].outcome is outcome


def test_a_long_operation_has_no_outcome_before_its_last_entry() -> None:
    first, last = events(TRAPS[2], TRAPS[3])
    assert (first.outcome, last.outcome) == (Outcome.UNKNOWN, Outcome.SUCCESS)
    assert first.fingerprint != last.fingerprint
    assert first.job_id == last.job_id == "projects/1234567890/locations/europe-west4/models/555"
    assert "inputs" in last.unknown_fields


def test_a_long_operation_that_fails_at_once_has_failed() -> None:
    assert events(payload(TRAPS[2], status={"code": 13}))[0].outcome is Outcome.FAILED


def test_the_chain_behind_a_service_account_is_named_first_to_last() -> None:
    actor = events(TRAPS[1])[0].actor
    assert actor is not None
    assert actor.identifier == "ft-submitter@acme-ml.iam.gserviceaccount.com"
    assert actor.on_behalf_of == "bob@example.test > serviceAccount:hop@acme-ml.iam.gserviceaccount.com"
    assert actor.kind == "serviceAccount"


def test_a_federated_principal_has_a_subject_and_no_address() -> None:
    subject = "principal://iam.googleapis.com/locations/global/workforcePools/p/subject/alice"
    who = {"principalSubject": subject, "serviceAccountKeyName": "//iam.googleapis.com/keys/1"}
    actor = events(payload(JOBS[1], authenticationInfo=who))[0].actor
    assert actor is not None
    assert (actor.identifier, actor.kind, actor.session) == (subject, "principal", "//iam.googleapis.com/keys/1")


def test_an_entry_without_principal_says_so() -> None:
    event = events(payload(JOBS[1], authenticationInfo={}))[0]
    assert event.actor is None
    assert "actor" in event.unknown_fields


def test_nanoseconds_and_their_trailing_zeros() -> None:
    event, padded = events({**JOBS[1], "timestamp": "2026-11-20T09:14:07.8Z"},
                           {**JOBS[1], "timestamp": "2026-11-20T09:14:07.800000000Z"})  # fmt: skip
    assert event.occurred_at == datetime(2026, 11, 20, 9, 14, 7, 800000, tzinfo=UTC)
    assert event.fingerprint == padded.fingerprint
    assert events({**JOBS[1], "timestamp": "2026-11-20T09:14:07.800000001Z"})[0].fingerprint != event.fingerprint


def test_the_same_entry_from_another_sink_has_one_fingerprint() -> None:
    again = {**JOBS[1], "severity": "ERROR", "receiveTimestamp": "2026-11-21T00:00:00Z"}
    elsewhere = {**JOBS[1], "logName": "projects/other/logs/cloudaudit.googleapis.com%2Factivity"}
    first, second, third = (event.fingerprint for event in events(JOBS[1], again, elsewhere))
    assert first == second != third


def test_without_insert_id_the_whole_record_makes_the_fingerprint() -> None:
    nameless = {name: value for name, value in JOBS[1].items() if name != "insertId"}
    first, second = events(nameless, {**nameless, "severity": "ERROR"})
    assert first.fingerprint != second.fingerprint
    assert "source_event_id" in first.unknown_fields


def test_a_grant_names_the_roles_that_allow_training() -> None:
    event = events(GRANT)[0]
    assert event.action_class is ActionClass.GRANT
    assert [(entry.role, entry.uri) for entry in event.inputs] == [
        ("granted_role", "roles/aiplatform.user"),
        ("removed_role", "roles/editor"),
    ]
    assert event.job_name == "projects/acme-ml"
    assert event.origins["inputs/1"] == "/protoPayload/serviceData/policyDelta/bindingDeltas/2/role"


def test_a_policy_that_keeps_a_training_role_but_changes_another_is_no_grant_of_it() -> None:
    assert events(TRAPS[5]) == []


def test_a_refused_grant_is_judged_by_the_policy_asked_for() -> None:
    event = events(payload(GRANT, serviceData=None, status={"code": 7}))[0]
    assert event.outcome is Outcome.DENIED
    assert [(entry.role, entry.uri) for entry in event.inputs] == [
        ("role_in_policy", "roles/owner"),
        ("role_in_policy", "roles/aiplatform.user"),
    ]


def test_grants_whose_rights_no_entry_states_are_counted() -> None:
    bare = payload(GRANT, serviceData=None, request=None)
    assert scope(TRAPS[6], bare, TRAPS[5])["grants_of_unknown_rights_not_kept"] == 2


def test_a_policy_on_a_resource_of_vertex_is_a_grant_whatever_its_roles() -> None:
    entry = payload(TRAPS[5], serviceName="aiplatform.googleapis.com", serviceData=None, request=None)
    event = events(entry)[0]
    assert event.action_class is ActionClass.GRANT
    assert "inputs" in event.unknown_fields


def test_a_custom_role_that_gains_a_training_right_is_a_grant() -> None:
    (entry,) = events(CALLS[5])[0].inputs
    assert (entry.role, entry.uri) == ("granted_right", "aiplatform.customJobs.create")


def test_secrets_in_environment_and_arguments_are_taken_out() -> None:
    event = events(TRAPS[1])[0]
    stored = json.dumps(event.raw)
    assert "not-a-real" not in stored
    assert "--hf-token" in stored
    assert '"512"' in stored
    assert event.raw_sha256 == digest_of(TRAPS[1])


def test_a_request_cut_for_size_leaves_its_fields_unknown() -> None:
    assert events(CALLS[4])[0].unknown_fields == ("inputs", "base_model", "output_uri", "execution_role")


def test_beta_methods_are_known_and_other_services_methods_are_not() -> None:
    assert events(CALLS[0])[0].action == "google.cloud.aiplatform.v1beta1.PipelineService.CreatePipelineJob"
    assert events(payload(CALLS[0], serviceName="example.googleapis.com")) == []


def test_other_entries_are_counted_and_the_scope_says_what_may_be_missed() -> None:
    drafts, summary = read("gcp_audit", b"\n".join(LINES))
    assert (summary.read, summary.relevant, summary.rejected, len(drafts)) == (11, 5, 1, 6)
    assert summary.scope["kubernetes_records_not_kept"] == 1
    assert summary.scope["first_event"] == "2026-11-21T08:01:00.123Z"


@pytest.mark.parametrize(
    "name", ["GetModel", "google.cloud.aiplatform.v1.ModelService.GetModel", "ModelService.GetModel"]
)
def test_operations_can_be_added_by_configuration(name: str) -> None:
    context = ParseContext(file_name="x", extra_operations=(name,))
    drafts, _ = read("gcp_audit", json.dumps([TRAPS[7]]).encode(), context)
    assert len(drafts) == (0 if name == "GetModel" else 1)


CARRIERS = {
    "list": json.dumps(CALLS).encode(),
    "pretty list": json.dumps(CALLS, indent=2).encode(),
    "lines": b"\n".join(json.dumps(entry).encode() for entry in CALLS) + b"\n",
    "answer of the API": json.dumps({"nextPageToken": "t", "entries": CALLS}).encode(),
}


@pytest.mark.parametrize("carrier", CARRIERS)
def test_every_carrier_gives_the_same_events(carrier: str) -> None:
    drafts, _ = read("gcp_audit", CARRIERS[carrier])
    assert [draft.fingerprint for draft in drafts] == [event.fingerprint for event in events(*CALLS)]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"logName": ""}, "logName is missing"),
        ({"timestamp": None}, "timestamp is missing or no time"),
        ({"timestamp": "2026-11-20T09:14:07"}, "names no time zone"),
        ({"timestamp": "1970-01-01T00:00:00Z"}, "year 1970"),
        ({"protoPayload": {**JOBS[0]["protoPayload"], "request": {"n": 2**60}}}, "exact"),
    ],
)
def test_an_entry_that_cannot_be_taken_is_rejected_with_its_reason(change: dict[str, Any], reason: str) -> None:
    (found,) = reasons({**JOBS[0], **change})
    assert found.startswith("sample.json, [1]: ")
    assert reason in found


def test_a_record_too_deep_to_search_for_secrets_is_rejected() -> None:
    deep = json.loads("[" * 450 + "]" * 450)
    assert "nested too deeply" in reasons(payload(JOBS[0], request={"customJob": deep}))[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b'[{"a":1}]', "no entry of a Google Cloud log that can be read"),
        (json.dumps(JOBS).encode()[:-40], "breaks off"),
    ],
)
def test_unusable_documents_say_why(content: bytes, message: str) -> None:
    with pytest.raises(BadInputError, match=message) as error:
        read("gcp_audit", content)
    assert "sample.json" in str(error.value)


def test_only_entries_of_audit_logs_are_recognised() -> None:
    others = [path for path in SAMPLES.rglob("*") if path.is_file() and path.parent.name != "gcp_audit"]
    assert {PARSER.identify(path.read_bytes()[:65536], path.name) for path in others} == {NO}
    assert PARSER.identify(b'[{"logName":"projects/p/logs/app","jsonPayload":{}}]', "x") == NO


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(0, 3))
def test_order_and_repetition_change_no_fingerprint(chance: random.Random, repeats: int) -> None:
    entries = [copy.deepcopy(entry) for entry in (CALLS + JOBS) * (repeats + 1)]
    chance.shuffle(entries)
    assert {event.fingerprint for event in events(*entries)} == {event.fingerprint for event in events(*CALLS, *JOBS)}
