from __future__ import annotations

import json
from typing import Any

import pytest

from compliance.types.drafts import JobEventDraft, Reject
from compliance.types.states import ActionClass, Outcome
from scanning.ingest.base import NO, ParseContext
from scanning.ingest.wandb import PARSER
from tests.scanning.ingest.reading import read, sample

RECORDS: list[dict[str, Any]] = [json.loads(line) for line in sample("wandb/audit_log.jsonl").splitlines()]
UPDATE, CREATE = RECORDS


def events(*records: object, context: ParseContext | None = None) -> list[JobEventDraft]:
    content = "\n".join(json.dumps(record) for record in records).encode()
    return [draft for draft in read("wandb", content, context)[0] if isinstance(draft, JobEventDraft)]


def test_the_log_says_itself_that_it_shows_no_start_of_a_run() -> None:
    summary = read("wandb", sample("wandb/audit_log.jsonl"))[1]
    assert "no record of a run being started" in summary.scope["note"]


def test_a_changed_run_is_no_submission() -> None:
    event = events(UPDATE)[0]
    assert (event.action_class, event.outcome, event.job_name) == (ActionClass.OTHER, Outcome.SUCCESS, "support-bot-ft")
    assert {"job_id", "source_event_id", "role"} <= set(event.unknown_fields)


def test_an_artifact_keeps_wandbs_digest_apart_from_sha256() -> None:
    event = events(CREATE)[0]
    assert (event.action_class, event.output_model) == (ActionClass.REGISTER, "acme/support-bot-ft/model:v12")
    assert event.inputs[0].digest == "wandb:9f86d081884c7d659a2feaa0c55ad015"


def test_a_page_of_the_api_is_read_as_the_file_is() -> None:
    page = json.dumps({"audit_logs": RECORDS, "next_cursor": None, "count": 2}).encode()
    drafts = [draft for draft in read("wandb", page)[0] if isinstance(draft, JobEventDraft)]
    assert [draft.fingerprint for draft in drafts] == [event.fingerprint for event in events(*RECORDS)]


def test_an_export_without_names_still_tells_users_apart() -> None:
    nameless = {name: value for name, value in UPDATE.items() if name != "actor_email"}
    actor = events(nameless)[0].actor
    assert actor is not None
    assert actor.identifier == "wandb user 4711"
    assert read("wandb", json.dumps(nameless).encode())[1].scope["records_without_names"] == 1


def test_records_have_no_id_so_the_whole_record_is_its_own() -> None:
    first, again, later = events(UPDATE, UPDATE, {**UPDATE, "timestamp": "2026-11-20T09:14:08Z"})
    assert first.fingerprint == again.fingerprint != later.fingerprint


@pytest.mark.parametrize(
    ("action", "action_class"),
    [
        ("sweep:create_agent", ActionClass.SUBMIT),
        ("run:stop", ActionClass.CANCEL),
        ("team:invite_user", ActionClass.GRANT),
        ("user:create_api_key", ActionClass.GRANT),
        ("run:delete_many", ActionClass.OTHER),
    ],
)
def test_actions_and_their_classes(action: str, action_class: ActionClass) -> None:
    assert [event.action_class for event in events({**UPDATE, "action": action})] == [action_class]


def test_whose_rights_were_changed_is_named() -> None:
    event = events({**UPDATE, "action": "team:invite_user", "user_email": "mallory@example.test"})[0]
    assert [(entry.role, entry.uri) for entry in event.inputs] == [("principal", "mallory@example.test")]


def test_reads_are_counted_and_ones_own_actions_kept() -> None:
    reading = {**UPDATE, "action": "artifact:read"}
    assert events(reading) == []
    context = ParseContext(file_name="x", extra_operations=("artifact:read",))
    assert [event.action for event in events(reading, context=context)] == ["artifact:read"]


@pytest.mark.parametrize(
    ("code", "outcome"),
    [(200, Outcome.SUCCESS), (403, Outcome.DENIED), (500, Outcome.FAILED), (None, Outcome.UNKNOWN)],
)
def test_the_response_code_is_the_outcome(code: int | None, outcome: Outcome) -> None:
    assert events({**UPDATE, "response_code": code})[0].outcome is outcome


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"action": None}, "action is missing"), ({"timestamp": "2026-11-20T09:14:07"}, "names no time zone")],
)
def test_a_record_that_cannot_be_taken_says_why(change: dict[str, Any], reason: str) -> None:
    content = "\n".join(json.dumps(record) for record in (UPDATE, {**UPDATE, **change})).encode()
    drafts = read("wandb", content)[0]
    assert [reason in draft.reason for draft in drafts if isinstance(draft, Reject)] == [True]


@pytest.mark.parametrize(
    "head", [b'{"timestamp":"x","action":"login"}', b'{"action":"run:stop","actor_ip":"x"}', b"run:stop"]
)
def test_other_documents_are_not_taken_for_it(head: bytes) -> None:
    assert PARSER.identify(head, "wandb.json") == NO
