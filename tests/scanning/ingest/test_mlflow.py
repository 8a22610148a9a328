from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from compliance.types.drafts import JobEventDraft, Reject
from compliance.types.states import ActionClass, Outcome
from scanning.ingest.base import NO
from scanning.ingest.mlflow import PARSER
from tests.scanning.ingest.reading import read, sample

REAL: dict[str, Any] = json.loads(sample("mlflow/run.json"))
RUN: dict[str, Any] = json.loads(sample("mlflow/search.json"))["runs"][0]


def event_of(record: object) -> JobEventDraft:
    return next(draft for draft in read("mlflow", json.dumps(record).encode())[0] if isinstance(draft, JobEventDraft))


def changed(**info: Any) -> dict[str, Any]:
    run = copy.deepcopy(RUN)
    run["info"] |= info
    return run


def test_python_and_the_api_write_settings_differently_and_both_are_read() -> None:
    python, api = event_of(REAL), event_of(RUN)
    assert python.base_model == api.base_model == "meta-llama/Llama-3.1-8B"
    assert python.origins["base_model"] == "/run/data/params/base_model"
    assert api.origins["base_model"] == "/data/params/0/value"


def test_the_user_is_the_clients_claim_and_no_account() -> None:
    actor = event_of(RUN).actor
    assert actor is not None
    assert (actor.identifier, actor.display, actor.kind) == ("mlflow.user/alice", "alice", "ClientAsserted")


def test_a_run_without_user_or_address_says_so() -> None:
    run = changed(user_id="")
    run["data"]["tags"] = []
    event = event_of(run)
    assert event.actor is None
    assert {"actor", "source_address", "account", "role"} <= set(event.unknown_fields)


def test_data_sets_keep_mlflows_digest_apart_from_sha256() -> None:
    logged = event_of(RUN).inputs[0]
    assert (logged.role, logged.uri, logged.digest) == (
        "train",
        "s3://acme-ft-data/support/v12/train.jsonl",
        "mlflow:6f0b5fa1",
    )


def test_code_is_named_with_its_commit() -> None:
    code = next(entry for entry in event_of(RUN).inputs if entry.role == "code")
    assert code.digest == "git:0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("FINISHED", Outcome.SUCCESS),
        ("FAILED", Outcome.FAILED),
        ("KILLED", Outcome.FAILED),
        ("RUNNING", Outcome.UNKNOWN),
        ("SCHEDULED", Outcome.UNKNOWN),
    ],
)
def test_the_status_is_the_outcome(status: str, outcome: Outcome) -> None:
    event = event_of(changed(status=status))
    assert (event.outcome, event.outcome_detail, event.action_class) == (outcome, status, ActionClass.SUBMIT)


def test_a_deleted_run_is_kept_and_says_so() -> None:
    assert event_of(changed(lifecycle_stage="deleted")).outcome_detail == "FINISHED, deleted on the server since"


def test_a_run_that_goes_on_is_another_event_when_it_ends_or_is_rewritten() -> None:
    rewritten = copy.deepcopy(RUN)
    rewritten["data"]["params"][0]["value"] = "another-base"
    prints = {event_of(run).fingerprint for run in (RUN, changed(status="RUNNING"), rewritten)}
    assert len(prints) == 3


def test_metrics_that_grow_make_no_new_event() -> None:
    later = copy.deepcopy(RUN)
    later["data"]["metrics"] = [{"key": "loss", "value": 0.1, "timestamp": 1795166059999, "step": 9}]
    assert event_of(later).fingerprint == event_of(RUN).fingerprint


def test_a_run_in_its_answer_and_by_itself_is_the_same_event() -> None:
    assert event_of({"run": RUN}).fingerprint == event_of(RUN).fingerprint


def test_secrets_among_parameters_are_taken_out_and_names_stay() -> None:
    event = event_of(RUN)
    assert event.redacted_fields == ("data.params[1].value",)
    assert event.raw["data"]["params"][1] == {"key": "HF_TOKEN", "value": "[redacted]"}


def test_a_formula_is_a_text() -> None:
    run = copy.deepcopy(RUN)
    run["data"]["params"] = [{"key": "train_data", "value": "=cmd()"}]
    assert "=cmd()" in [entry.uri for entry in event_of(run).inputs]


@pytest.mark.parametrize(
    ("info", "reason"),
    [
        ({"run_id": "", "run_uuid": ""}, "info.run_id is missing"),
        ({"start_time": 1795166}, "lies in the year 1970"),
        ({"start_time": None}, "info.start_time is missing"),
        ({"run_name": "a\0b"}, "NUL character"),
    ],
)
def test_a_run_that_cannot_be_taken_says_why(info: dict[str, Any], reason: str) -> None:
    drafts = read("mlflow", json.dumps({"runs": [RUN, changed(**info)]}).encode())[0]
    assert [reason in draft.reason for draft in drafts if isinstance(draft, Reject)] == [True]


def test_odd_shapes_are_no_crash() -> None:
    run = copy.deepcopy(RUN)
    run["inputs"] = {
        "dataset_inputs": ["x", {"dataset": []}, {"tags": "y", "dataset": {"name": "n"}}],
        "model_inputs": 3,
    }
    run["data"] = {"params": [1, {"key": 2}], "tags": "z"}
    assert [entry.uri for entry in event_of(run).inputs] == ["n"]


def test_the_scope_names_the_experiments() -> None:
    summary = read("mlflow", sample("mlflow/search.json"))[1]
    assert summary.scope["experiments"] == ["12"]


@pytest.mark.parametrize("head", [b'{"info":{"run_id":"x"}}', b'"run_id" "experiment_id"', b'{"runs":[]}'])
def test_other_documents_are_not_taken_for_it(head: bytes) -> None:
    assert PARSER.identify(head, "mlflow.json") == NO
