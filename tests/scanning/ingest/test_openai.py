"""OpenAI: the audit log of an organization, and the list of fine-tuning jobs."""

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
from scanning.ingest import openai_audit, openai_jobs
from scanning.ingest.base import NO, ParseContext
from tests.scanning.ingest.reading import SAMPLES, read, sample

AUDIT: list[dict[str, Any]] = json.loads(sample("openai_audit/audit_log_checkpoint_permission.json"))["data"]
RIGHTS: list[dict[str, Any]] = json.loads(sample("openai_audit/rights.json"))
AUDIT_TRAPS: list[dict[str, Any]] = [json.loads(line) for line in sample("openai_audit/traps.jsonl").splitlines()]
JOB: dict[str, Any] = json.loads(sample("openai_jobs/fine_tuning_job.json"))
AZURE_JOB: dict[str, Any] = json.loads(sample("openai_jobs/aoai_finetune_job_response.json"))
JOBS: list[dict[str, Any]] = json.loads(sample("openai_jobs/jobs_page.json"))["data"]
MESSAGES: list[dict[str, Any]] = json.loads(sample("openai_jobs/fine_tuning_job_events.json"))["data"]
JOB_TRAPS: list[dict[str, Any]] = [json.loads(line) for line in sample("openai_jobs/traps.jsonl").splitlines()]
FORMATS = {"openai_audit": [*AUDIT, *RIGHTS], "openai_jobs": [*JOBS, *MESSAGES, AZURE_JOB]}


def events(name: str, *records: object) -> list[JobEventDraft]:
    drafts = read(name, json.dumps(records).encode())[0]
    return [draft for draft in drafts if isinstance(draft, JobEventDraft)]


def audit(*records: object) -> list[JobEventDraft]:
    return events("openai_audit", *records)


def jobs(*records: object) -> list[JobEventDraft]:
    return events("openai_jobs", *records)


def reasons(name: str, good: object, *records: object) -> list[str]:
    drafts = read(name, json.dumps([good, *records]).encode())[0]
    return [draft.reason for draft in drafts if isinstance(draft, Reject)]


def scope(name: str, *records: object) -> dict[str, Any]:
    return read(name, json.dumps(records).encode())[1].scope


def stated(event: JobEventDraft) -> list[tuple[str, str]]:
    return [(entry.role, entry.uri) for entry in event.inputs]


# The audit log ------------------------------------------------------------------------------------------------------


def test_a_permission_on_a_checkpoint_names_model_project_and_person() -> None:
    event = audit(AUDIT[0])[0]
    assert (event.action_class, event.outcome) == (ActionClass.GRANT, Outcome.SUCCESS)
    assert event.occurred_at == datetime(2026, 11, 20, 10, 20, tzinfo=UTC)
    assert event.actor is not None
    assert (event.actor.identifier, event.actor.display, event.actor.kind) == ("user-xyz", "alice@example.test", "User")
    assert stated(event) == [("model", "ft:gpt-4.1-mini-2025-04-14:acme:claims:9ABC")]
    assert (event.account, event.job_name) == ("proj_abc", "proj_def")
    assert event.source_address == "198.51.100.23"
    assert event.origins["job_name"] == "/checkpoint.permission.created/data/project_id"
    assert event.raw_sha256 == digest_of(AUDIT[0])


def test_an_actor_with_a_key_has_no_address() -> None:
    event = audit(AUDIT[1])[0]
    assert event.actor is not None
    assert (event.actor.identifier, event.actor.kind, event.actor.session) == ("svc_1", "ServiceAccount", "key_1")
    assert event.source_address == ""
    assert "source_address" in event.unknown_fields


@pytest.mark.parametrize(
    ("key", "identifier", "kind"),
    [
        ({"id": "key_9", "type": "user", "user": {"id": "user-1", "email": "a@example.test"}}, "user-1", "User"),
        ({"id": "key_9", "type": "service_account", "service_account": {"id": "svc_1"}}, "svc_1", "ServiceAccount"),
        ({"id": "key_9"}, "key_9", "ApiKey"),
    ],
)
def test_a_key_stands_for_its_person_its_service_account_or_itself(key: Any, identifier: str, kind: str) -> None:
    actor = audit({**AUDIT[1], "actor": {"type": "api_key", "api_key": key}})[0].actor
    assert actor is not None
    assert (actor.identifier, actor.kind, actor.session) == (identifier, kind, "key_9")


@pytest.mark.parametrize("actor", [None, "alice", {}, {"type": "session", "session": {}}, []])
def test_an_event_without_actor_says_so(actor: object) -> None:
    event = audit({**AUDIT[0], "actor": actor})[0]
    assert event.actor is None
    assert "actor" in event.unknown_fields


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (0, [("granted_right", "api.fine_tuning.read"), ("granted_right", "api.fine_tuning.write")]),
        (1, [("right_in_role", "api.fine_tuning.write")]),
        (2, [("granted_right", "api.files.write"), ("removed_right", "api.fine_tuning.write")]),
        (3, []),
        (4, [("granted_right", "api.fine_tuning.write")]),
        (5, [("right_in_role", "api.files.read")]),
        (6, [("granted_role", "owner")]),
        (7, [("granted_role", "owner")]),
        (9, [("granted_role", "member")]),
    ],
)
def test_a_change_of_rights_says_which(index: int, expected: list[tuple[str, str]]) -> None:
    event = audit(RIGHTS[index])[0]
    assert event.action_class is ActionClass.GRANT
    assert stated(event) == expected


def test_an_assignment_of_a_role_does_not_say_which_role() -> None:
    assert "inputs" in audit(RIGHTS[3])[0].unknown_fields


def test_a_project_is_no_right() -> None:
    assert audit(RIGHTS[10])[0].action_class is ActionClass.OTHER


def test_other_types_are_counted_by_name() -> None:
    assert scope("openai_audit", *AUDIT_TRAPS[:4])["types_not_kept"] == {"login.failed": 2, "tenant.user.looked_up": 1}


def test_types_can_be_added_by_configuration() -> None:
    context = ParseContext(file_name="x", extra_operations=("login.failed",))
    drafts, _ = read("openai_audit", json.dumps([AUDIT_TRAPS[1]]).encode(), context)
    assert [draft.action_class for draft in drafts if isinstance(draft, JobEventDraft)] == [ActionClass.OTHER]


def test_what_looks_like_a_key_is_taken_out() -> None:
    event = audit(AUDIT_TRAPS[0])[0]
    assert "abcdefghijklmnopqrstuv" not in json.dumps(event.raw) + event.inputs[0].uri
    assert event.redacted_fields == ("api_key.created.data.scopes[0]",)


def test_an_event_without_id_is_known_by_its_bytes() -> None:
    bare = AUDIT_TRAPS[4]
    first, second = audit(bare, {**bare, "project": {"id": "p"}})
    assert first.fingerprint != second.fingerprint
    assert "source_event_id" in first.unknown_fields


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"type": None}, "type or effective_at is missing"),
        ({"effective_at": None}, "effective_at is missing or no time"),
        ({"effective_at": 0}, "year 1970"),
        ({"effective_at": 4110000000}, "year 2100"),
        ({"effective_at": True}, "no time"),
        ({"n": 2**60}, "exact"),
    ],
)
def test_an_event_that_cannot_be_taken_is_rejected_with_its_reason(change: dict[str, Any], reason: str) -> None:
    (found,) = reasons("openai_audit", AUDIT[0], {**AUDIT[0], **change})
    assert found.startswith("sample.json, [1]: ")
    assert reason in found


@pytest.mark.parametrize(
    "value", [None, 7, "text", [], {"data": []}, {"data": {"scopes": "x"}}, {"permissions": {"a": 1}}]
)
@pytest.mark.parametrize("kind", ["api_key.created", "role.created", "checkpoint.permission.created"])
def test_details_of_another_shape_break_nothing(kind: str, value: object) -> None:
    event = audit({**AUDIT[0], "type": kind, kind: value})[0]
    assert event.action == kind


# Jobs ---------------------------------------------------------------------------------------------------------------


def test_a_job_has_no_submitter_and_says_so() -> None:
    """`metadata.submitted_by` is whatever the caller wrote there, so it is no submitter."""
    event = jobs(JOB)[0]
    assert (event.action_class, event.outcome) == (ActionClass.SUBMIT, Outcome.SUCCESS)
    assert event.actor is None
    assert event.unknown_fields == ("actor", "role", "source_address", "region", "execution_role")
    assert event.raw["metadata"]["submitted_by"] == "alice@example.test"
    assert stated(event) == [("train", "file-abc123")]
    assert (event.base_model, event.account, event.job_id) == ("gpt-4.1-mini-2025-04-14", "org-example", "ftjob-abc123")


def test_a_job_of_azure_openai_names_no_organization() -> None:
    event = jobs(AZURE_JOB)[0]
    assert event.job_id == "ftjob-0123456789abcdef0123456789abcdef"
    assert {"actor", "account"} <= set(event.unknown_fields)


def test_a_job_that_has_ended_is_two_events() -> None:
    submitted, ended = jobs(JOBS[0])
    assert (submitted.action_class, submitted.output_model) == (ActionClass.SUBMIT, "")
    assert (ended.action, ended.action_class) == ("fine_tuning.job:succeeded", ActionClass.OTHER)
    assert ended.output_model == "ft:gpt-4.1-mini-2025-04-14:acme:claims:9ABC"
    assert (ended.occurred_at - submitted.occurred_at).total_seconds() == 1795169000 - 1795166047
    assert submitted.fingerprint != ended.fingerprint


def test_a_later_list_adds_the_end_and_submits_nothing_again() -> None:
    early = jobs({**JOBS[0], "status": "running", "finished_at": None, "fine_tuned_model": None})
    late = jobs(JOBS[0])
    assert [event.fingerprint for event in early] == [late[0].fingerprint]
    assert early[0].inputs == late[0].inputs


def test_a_failed_job_says_why() -> None:
    _, ended = jobs(JOBS[1])
    assert (ended.outcome, ended.outcome_detail) == (
        Outcome.FAILED, "invalid_training_file: The file has 3 examples",
    )  # fmt: skip


def test_a_cancelled_job_was_cancelled_by_somebody_unknown() -> None:
    _, ended = jobs(JOBS[3])
    assert ended.action_class is ActionClass.CANCEL
    assert "actor" in ended.unknown_fields


def test_an_end_without_time_is_counted() -> None:
    assert len(jobs(JOBS[2])) == 1
    assert scope("openai_jobs", *JOBS)["ended_jobs_without_time_of_end"] == 1


def test_messages_are_no_submissions_and_their_words_name_job_and_model() -> None:
    created, model = jobs(*MESSAGES, JOB_TRAPS[0])
    assert {created.action_class, model.action_class} == {ActionClass.OTHER}
    assert (created.job_id, created.origins["job_id"]) == ("ftjob-abc123", "/message")
    assert model.output_model == "ft:gpt-4.1-mini-2025-04-14:acme:claims:9ABC"
    assert "job_id" in model.unknown_fields


def test_metrics_are_counted_and_errors_failed() -> None:
    assert jobs(JOB_TRAPS[1]) == []
    assert scope("openai_jobs", *JOB_TRAPS)["metric_events_not_kept"] == 1
    assert jobs(JOB_TRAPS[2])[0].outcome is Outcome.FAILED


def test_a_checkpoint_is_a_model_that_the_job_left() -> None:
    event = jobs(JOB_TRAPS[3])[0]
    assert event.output_model.endswith(":ckpt-step-88")
    assert (event.job_id, event.outcome_detail) == ("ftjob-abc123", "step 88")


def test_secrets_in_metadata_are_taken_out() -> None:
    event = jobs(JOBS[4])[0]
    assert event.raw["metadata"]["api_key"] == "[redacted]"
    assert event.raw_sha256 == digest_of(JOBS[4])


def test_milliseconds_are_told_from_seconds() -> None:
    assert jobs({**JOB, "created_at": 1795166047000})[0].occurred_at == jobs(JOB)[0].occurred_at


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": ""}, "id is missing"),
        ({"created_at": 3600}, "year 1970"),
        ({"created_at": None}, "created_at is missing"),
        ({"status": "succeeded", "finished_at": 1}, "finished_at"),
        ({"object": "file"}, "object is 'file'"),
        ({"object": ["x"]}, "no job, event or checkpoint"),
        ({"seed": 2**60}, "exact"),
    ],
)
def test_a_job_that_cannot_be_taken_is_rejected_with_its_reason(change: dict[str, Any], reason: str) -> None:
    (found,) = reasons("openai_jobs", JOB, {**JOB, **change})
    assert reason in found


# Both ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
def test_every_carrier_gives_the_same_events(name: str) -> None:
    records = FORMATS[name]
    expected = [event.fingerprint for event in events(name, *records)]
    for content in (
        json.dumps(records, indent=2),
        json.dumps({"object": "list", "data": records, "has_more": False}),
        json.dumps({"data": records, "object": "list"}, indent=1),
        "\n".join(map(json.dumps, records)),
    ):
        drafts, summary = read(name, content.encode())
        assert [draft.fingerprint for draft in drafts] == expected  # type: ignore[union-attr]
        assert summary.read == len(records)


@pytest.mark.parametrize("name", FORMATS)
def test_a_page_larger_than_a_record_may_be_is_read_record_by_record(name: str) -> None:
    page = {"object": "list", "data": [{**FORMATS[name][0], "id": f"id-{n}", "pad": "x" * 1000} for n in range(2500)]}
    drafts, summary = read(name, json.dumps(page).encode())
    assert summary.read == 2500
    assert len({draft.fingerprint for draft in drafts if isinstance(draft, JobEventDraft)}) == len(drafts)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("content", "message"), [(b"", "is empty"), (b'[{"a":1}]', "that can be read"), (b'{"data":[{"a":', "breaks off")]
)
def test_unusable_documents_say_why(name: str, content: bytes, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        read(name, content)


@pytest.mark.parametrize("parser", [openai_audit.PARSER, openai_jobs.PARSER], ids=lambda parser: parser.name)
def test_no_other_sample_is_taken_for_one(parser: Any) -> None:
    others = [path for path in SAMPLES.rglob("*") if path.is_file() and path.parent.name != parser.name]
    assert {parser.identify(path.read_bytes()[:65536], path.name) for path in others} == {NO}


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(sorted(FORMATS)), st.randoms(use_true_random=False), st.integers(0, 3))
def test_order_and_repetition_change_no_fingerprint(name: str, chance: random.Random, repeats: int) -> None:
    records = [copy.deepcopy(record) for record in FORMATS[name] * (repeats + 1)]
    chance.shuffle(records)
    found = {event.fingerprint for event in events(name, *records)}
    assert found == {event.fingerprint for event in events(name, *FORMATS[name])}
