from __future__ import annotations

import json
from typing import Any

import pytest

from compliance.types.drafts import JobEventDraft, Reject
from compliance.types.errors import BadInputError
from compliance.types.states import ActionClass, Outcome
from scanning.ingest.base import NO, ParseContext
from scanning.ingest.databricks import PARSER
from tests.scanning.ingest.reading import read, sample

ROWS: list[dict[str, Any]] = [json.loads(line) for line in sample("databricks/rows.jsonl").splitlines()]
DELIVERED: list[dict[str, Any]] = [json.loads(line) for line in sample("databricks/delivered.jsonl").splitlines()]
AZURE: list[dict[str, Any]] = json.loads(sample("databricks/azure.json"))
RUN = ROWS[0]


def events(*records: object, context: ParseContext | None = None) -> list[JobEventDraft]:
    drafts = read("databricks", json.dumps(records).encode(), context)[0]
    return [draft for draft in drafts if isinstance(draft, JobEventDraft)]


def scope(*records: object) -> dict[str, Any]:
    return read("databricks", json.dumps(records).encode())[1].scope


def with_parameters(record: dict[str, Any], **parameters: Any) -> dict[str, Any]:
    return {**record, "request_params": parameters}


def test_a_run_that_was_submitted_names_who_where_and_as_whom() -> None:
    event = events(RUN)[0]
    assert (event.action, event.action_class, event.outcome) == ("jobs:submitRun", ActionClass.SUBMIT, Outcome.SUCCESS)
    assert event.actor is not None
    assert (event.actor.identifier, event.execution_role) == ("alice@example.test", "sp-ft-runner")
    assert (event.job_id, event.job_name) == ("runs/101", "ft-support-bot-12")
    assert event.account == "1234567890123456"


def test_what_a_run_trains_and_on_what_is_not_in_the_log() -> None:
    assert {"inputs", "base_model", "output_uri", "role", "region"} <= set(events(RUN)[0].unknown_fields)


def test_code_alone_is_no_statement_of_data() -> None:
    event = events(DELIVERED[0])[0]
    assert [(entry.role, entry.uri) for entry in event.inputs] == [("code", "/Shared/ft/train")]
    assert "inputs" in event.unknown_fields


def test_three_carriers_tell_the_same() -> None:
    row, file, table = events(RUN)[0], events(DELIVERED[0])[0], events(AZURE[0])[0]
    for event in (row, file, table):
        assert event.action_class is ActionClass.SUBMIT
        assert event.job_id.startswith("runs/")
        assert event.origins["occurred_at"][1:] in event.raw
    assert table.job_id == "runs/77"
    assert table.origins["job_id"] == "/Response"


def test_a_time_in_milliseconds_and_one_in_text_are_the_same_moment() -> None:
    assert events(DELIVERED[0])[0].occurred_at == events(RUN)[0].occurred_at


def test_events_that_share_an_id_but_not_the_request_are_kept_apart() -> None:
    assert len({record["event_id"] for record in ROWS}) == 1
    assert len({event.fingerprint for event in events(*ROWS)}) == 3


def test_a_delivered_record_that_came_twice_has_one_fingerprint() -> None:
    first, second = events(DELIVERED[0], dict(reversed(DELIVERED[0].items())))
    assert first.fingerprint == second.fingerprint
    assert "source_event_id" in first.unknown_fields


def test_an_account_event_is_of_the_account() -> None:
    event = events({**RUN, "workspace_id": 0})[0]
    assert (event.account, event.origins["account"]) == (RUN["account_id"], "/account_id")


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (200, Outcome.SUCCESS),
        (403, Outcome.DENIED),
        (401, Outcome.DENIED),
        (500, Outcome.FAILED),
        (None, Outcome.UNKNOWN),
    ],
)
def test_the_status_code_is_the_outcome(code: int | None, outcome: Outcome) -> None:
    event = events({**RUN, "response": {"status_code": code, "error_message": "no"}})[0]
    assert event.outcome is outcome


def test_a_refused_run_is_not_blamed_for_having_no_id() -> None:
    event = events({**RUN, "response": {"status_code": 403, "error_message": "PERMISSION_DENIED"}})[0]
    assert event.outcome_detail == "403: PERMISSION_DENIED"
    assert event.job_id == ""
    assert "job_id" not in event.unknown_fields


def test_a_schedule_acts_as_the_system() -> None:
    scheduled = {**RUN, "action_name": "runTriggered", "user_identity": {"email": "System-User"}}
    actor = events(scheduled)[0].actor
    assert actor is not None
    assert actor.kind == "System"


def test_who_began_a_run_that_acts_as_a_service_principal() -> None:
    principal = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
    actor = events({**RUN, "user_identity": {"email": principal}})[0].actor
    assert actor is not None
    assert (actor.kind, actor.on_behalf_of) == ("ServicePrincipal", "alice@example.test")


@pytest.mark.parametrize(
    "parameters",
    [
        {"run_name": "x", "tasks": '[{"notebook_task": {"note... truncated'},
        {"TRUNCATED": ""},
    ],
)
def test_parameters_that_the_source_cut_are_counted_and_unknown(parameters: dict[str, str]) -> None:
    record = with_parameters(RUN, **parameters)
    assert scope(record)["records_with_parameters_cut_by_the_source"] == 1
    assert "inputs" in events(record)[0].unknown_fields


def test_tasks_and_new_settings_name_the_code() -> None:
    task = {"task_key": "a", "spark_python_task": {"python_file": "dbfs:/ft/train.py"}}
    many = events(with_parameters(RUN, tasks=json.dumps([task, "odd", 3])))[0]
    changed = {**with_parameters(RUN, new_settings=json.dumps({"tasks": [task]})), "action_name": "reset"}
    assert [entry.uri for entry in many.inputs] == ["dbfs:/ft/train.py"]
    assert [entry.uri for entry in events(changed)[0].inputs] == ["dbfs:/ft/train.py"]


def test_secrets_in_json_inside_strings_are_taken_out() -> None:
    event = events(AZURE[0])[0]
    assert event.redacted_fields == ("RequestParams.notebook_params.HF_TOKEN",)
    assert "secret-words" not in json.dumps(event.raw)


def test_text_that_no_database_keeps_is_not_taken_out_of_its_string() -> None:
    inner = json.dumps({"notebook_path": "a\0b"})
    event = events(with_parameters(RUN, notebook_task=inner))[0]
    assert event.inputs == ()


def test_a_model_version_names_its_source_its_run_and_itself() -> None:
    event = events(DELIVERED[2])[0]
    assert event.action_class is ActionClass.REGISTER
    assert (event.output_model, event.job_id) == ("claims", "0123456789abcdef0123456789abcdef")
    assert [(entry.role, entry.uri) for entry in event.inputs] == [("model", "s3://acme-models/claims/3")]


def test_an_approved_stage_is_an_approval_of_a_version() -> None:
    record = with_parameters(RUN, name="support_bot", version="12", stage="Production")
    event = events({**record, "service_name": "modelRegistry", "action_name": "approveTransitionRequest"})[0]
    assert (event.action_class, event.output_model) == (ActionClass.APPROVE, "support_bot version 12")


def test_rights_to_models_are_kept_and_rights_to_tables_counted() -> None:
    change = {"securable_full_name": "prod.ml.bot", "changes": '[{"principal":"mallory","add":["EXECUTE"]}]'}
    base = {**RUN, "service_name": "unityCatalog", "action_name": "updatePermissions"}
    model = with_parameters(base, securable_type="FUNCTION", **change)
    table = with_parameters(base, securable_type="TABLE", **change)
    assert [event.action_class for event in events(model, table)] == [ActionClass.GRANT]
    assert scope(model, table)["grants_of_other_kinds_not_kept"] == 1


def test_the_life_of_a_run_and_other_services_are_counted_only() -> None:
    start = {**RUN, "action_name": "runStart"}
    login = {**RUN, "service_name": "accounts", "action_name": "login"}
    drafts, summary = read("databricks", json.dumps([start, login, RUN]).encode())
    assert (len(drafts), summary.read) == (1, 3)
    assert summary.scope["run_lifecycle_records_not_kept"] == 1


def test_an_action_of_ones_own_list_is_kept() -> None:
    own = {**RUN, "service_name": "finetuning", "action_name": "createRun"}
    context = ParseContext(file_name="x.json", extra_operations=("finetuning:createRun",))
    assert [event.action for event in events(own, context=context)] == ["finetuning:createRun"]
    assert events(own) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"event_time": "2026-11-20 09:14:07"}, "names no time zone"), ({"action_name": None}, "service or action is missing"),
     ({"event_time": 1795166}, "lies in the year 1970")],
)  # fmt: skip
def test_a_record_that_cannot_be_taken_says_why(change: dict[str, Any], reason: str) -> None:
    drafts = read("databricks", json.dumps([RUN, {**RUN, **change}]).encode())[0]
    assert [reason in draft.reason for draft in drafts if isinstance(draft, Reject)] == [True]


def test_a_file_of_which_nothing_is_an_audit_event() -> None:
    with pytest.raises(BadInputError, match="holds no audit event of Databricks"):
        events({"service_name": "jobs"})


@pytest.mark.parametrize(
    "head", [b'{"Records":[]}', b'{"serviceName":"jobs"}', b"service_name,action_name,request_params"]
)
def test_other_documents_are_not_taken_for_it(head: bytes) -> None:
    assert PARSER.identify(head, "databricks.json") == NO
