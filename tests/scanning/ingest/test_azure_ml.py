"""Azure Machine Learning: its tables of runs and compute jobs, and its list of jobs."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.types.drafts import JobEventDraft, Reject
from compliance.types.errors import BadInputError
from compliance.types.states import ActionClass, Outcome
from scanning.ingest import azure_ml_jobs, azure_ml_runs
from scanning.ingest.base import NO
from tests.scanning.ingest.reading import SAMPLES, read, sample

ROWS: list[dict[str, Any]] = [json.loads(line) for line in sample("azure_ml_runs/traps.jsonl").splitlines()]
RUN, SUBMITTED = ROWS[1], ROWS[8]
EXPORTED: list[dict[str, Any]] = json.loads(sample("azure_ml_runs/export.json"))["records"]
JOBS: list[dict[str, Any]] = json.loads(sample("azure_ml_jobs/rest_page.json"))["value"]
LISTED: list[dict[str, Any]] = json.loads(sample("azure_ml_jobs/az_list.json"))
ACTIVITY: list[dict[str, Any]] = json.loads(sample("azure_activity/rest_page.json"))["value"]


def events(name: str, *records: object) -> list[JobEventDraft]:
    drafts = read(name, json.dumps(records).encode())[0]
    return [draft for draft in drafts if isinstance(draft, JobEventDraft)]


def runs(*rows: object) -> list[JobEventDraft]:
    return events("azure_ml_runs", *rows)


def jobs(*records: object) -> list[JobEventDraft]:
    return events("azure_ml_jobs", *records)


def reasons(name: str, good: object, *records: object) -> list[str]:
    drafts = read(name, json.dumps([good, *records]).encode())[0]
    return [draft.reason for draft in drafts if isinstance(draft, Reject)]


def without(record: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in names}


# Runs ---------------------------------------------------------------------------------------------------------------


def test_only_the_submission_of_a_compute_job_is_a_submission() -> None:
    """A run passes through many states, some of them twice: each is an event, and none of them submits."""
    found = runs(*ROWS[:12])
    assert [event.action for event in found if event.action_class is ActionClass.SUBMIT] == [
        "AmlComputeJobEvent:JobSubmitted"
    ]
    assert [event.action for event in found].count("AmlRunStatusChangedEvent:Queued") == 2
    assert len({event.fingerprint for event in found}) == len(found)


def test_a_request_to_cancel_is_who_cancelled_and_from_where() -> None:
    (event,) = (event for event in runs(*ROWS[:12]) if event.action_class is ActionClass.CANCEL)
    assert event.actor is not None
    assert (event.actor.identifier, event.actor.display) == ("55555555-5555-5555-5555-555555555555", "Bob Example")
    assert event.source_address == "198.51.100.24"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("Completed", Outcome.SUCCESS),
        ("Failed", Outcome.FAILED),
        ("Running", Outcome.UNKNOWN),
        ("Canceled", Outcome.UNKNOWN),
    ],
)
def test_the_last_status_is_the_outcome(status: str, outcome: Outcome) -> None:
    (event,) = runs({**RUN, "Status": status})
    assert event.outcome is outcome
    assert event.outcome_detail == ("" if outcome is Outcome.SUCCESS else status)


def test_a_compute_job_names_nobody() -> None:
    (event,) = runs(SUBMITTED)
    assert event.actor is None
    assert {"actor", "source_address", "source_event_id", "inputs", "base_model"} <= set(event.unknown_fields)
    assert event.account == "00000000-0000-0000-0000-00000000aaaa"


def test_a_run_has_the_id_that_the_activity_log_gives_it() -> None:
    (run,), activity = runs(RUN), events("azure_activity", *ACTIVITY)
    assert run.job_id in {event.job_id for event in activity}
    assert runs(without(RUN, "_ResourceId"))[0].job_id == "ft_support_bot_0012"


def test_a_diagnostic_setting_writes_the_same_run() -> None:
    exported, submitted = runs(*EXPORTED)
    assert exported.fingerprint == runs(RUN)[0].fingerprint
    assert (submitted.action, submitted.job_name) == ("AmlComputeJobEvent:JobSubmitted", "ft_support_bot_0012")
    assert submitted.origins["job_name"] == "/properties"


def test_a_query_may_leave_the_name_of_the_table_out() -> None:
    assert [event.fingerprint for event in runs(RUN, SUBMITTED)] == [
        event.fingerprint for event in runs(without(RUN, "Type"), without(SUBMITTED, "Type"))
    ]


def test_rows_of_other_tables_are_counted() -> None:
    assert runs({**SUBMITTED, "Type": "AmlComputeClusterEvent"}) == []


def test_a_secret_in_a_message_is_taken_out() -> None:
    (event,) = runs(ROWS[6])
    assert "opensesame" not in event.outcome_detail + json.dumps(event.raw)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (without(RUN, "RunId"), "its job is not named"),
        (without(RUN, "Type", "RunId"), "Type is missing"),
        ({**RUN, "TimeGenerated": "1601-01-01T00:00:00Z"}, "year 1601"),
        ({**RUN, "TimeGenerated": "2026-11-20T09:14:10"}, "names no time zone"),
        (without(RUN, "TimeGenerated"), "TimeGenerated is missing or no time"),
        (["row"], "is not a JSON object"),
    ],
)
def test_a_row_that_cannot_be_taken_is_rejected_with_its_reason(row: object, reason: str) -> None:
    (found,) = reasons("azure_ml_runs", RUN, row)
    assert found.startswith("sample.json, [1]: ")
    assert reason in found


# Jobs ---------------------------------------------------------------------------------------------------------------


def test_a_job_says_who_made_it_and_from_what() -> None:
    event = jobs(JOBS[0])[0]
    assert (event.action, event.action_class, event.outcome) == ("job:Command", ActionClass.SUBMIT, Outcome.SUCCESS)
    assert event.actor is not None
    assert (event.actor.identifier, event.actor.kind) == ("Alice Example", "User")
    assert [(entry.role, entry.uri) for entry in event.inputs[:3]] == [
        ("train", "azureml://datastores/claims/paths/v3/train/"),
        ("validation", "azureml://datastores/claims/paths/v3/val.jsonl"),
        ("base_model", "azureml://registries/azureml/models/Phi-4/versions/3"),
    ]
    assert event.base_model == "azureml://registries/azureml/models/Phi-4/versions/3"
    assert (event.output_model, event.execution_role) == ("support-bot", "77777777-7777-7777-7777-777777777777")


def test_a_fine_tuning_job_states_data_and_base_model() -> None:
    event = jobs(JOBS[1])[0]
    assert [(entry.role, entry.uri) for entry in event.inputs] == [
        ("train", "azureml:claims-train:4"),
        ("validation", "azureml:claims-val:4"),
        ("base_model", "azureml://registries/azureml/models/Llama-3/versions/2"),
    ]
    assert event.output_model == "chat-ft"
    assert event.unknown_fields == ("role", "source_address", "region", "output_uri", "execution_role")


def test_an_input_that_no_rule_knows_keeps_the_name_people_gave_it() -> None:
    (event,) = jobs(JOBS[3])
    assert event.inputs[0].role == "daten"


def test_a_signed_address_loses_its_signature() -> None:
    (event,) = jobs(JOBS[3])
    assert "abcdefghijklmnop" not in event.inputs[0].uri + json.dumps(event.raw)


def test_secrets_in_environment_command_and_inputs_are_taken_out() -> None:
    (event,) = jobs(JOBS[0])
    stored = json.dumps(event.raw)
    assert "opensesame" not in stored
    assert "not-a-real" not in stored
    assert '"EPOCHS": "3"' in stored


def test_the_command_line_lists_the_same_job() -> None:
    """`az ml` cuts the time to microseconds, writes members in snake case and the id with a prefix."""
    rest, cli = jobs(JOBS[0], LISTED[0])
    assert (rest.fingerprint, rest.job_id) == (cli.fingerprint, cli.job_id)
    assert [entry.role for entry in cli.inputs] == ["train", "base_model", "code", "code"]


def test_a_later_list_of_a_job_is_the_same_event() -> None:
    later = copy.deepcopy(JOBS[0])
    later["properties"]["status"] = "Failed"
    later["systemData"]["lastModifiedAt"] = "2026-11-22T00:00:00Z"
    assert jobs(later)[0].fingerprint == jobs(JOBS[0])[0].fingerprint


def test_a_job_has_the_id_that_the_activity_log_gives_it() -> None:
    assert jobs(JOBS[0])[0].job_id in {event.job_id for event in events("azure_activity", *ACTIVITY)}


def test_a_job_whose_maker_is_not_listed_says_so() -> None:
    event = jobs(LISTED[1])[0]
    assert event.actor is None
    assert event.unknown_fields[0] == "actor"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"id": None}, "id is missing"),
        ({"id": "azureml:/subscriptions/s/resourceGroups/r/workspaces/w/models/m"}, "another kind of resource"),
        ({"systemData": {}}, "systemData/createdAt is missing"),
        ({"systemData": {"createdAt": "0001-01-01T00:00:00Z"}}, "year 1"),
        ({"systemData": {"createdAt": "2026-11-20T09:14:06"}}, "names no time zone"),
        ({"properties": {"n": 2**60}}, "exact"),
    ],
)
def test_a_job_that_cannot_be_taken_is_rejected_with_its_reason(change: dict[str, Any], reason: str) -> None:
    (found,) = reasons("azure_ml_jobs", JOBS[0], {**JOBS[0], **change})
    assert reason in found


@pytest.mark.parametrize("value", [None, 7, [], {}, "text", [{"a": 1}], {"a": [1]}])
@pytest.mark.parametrize("member", ["properties", "name", "type"])
def test_members_of_another_shape_break_nothing(member: str, value: object) -> None:
    assert jobs({**JOBS[0], member: value})[0].action_class is ActionClass.SUBMIT


# Both ---------------------------------------------------------------------------------------------------------------

FORMATS = {"azure_ml_runs": [RUN, SUBMITTED, ROWS[4]], "azure_ml_jobs": JOBS}


@pytest.mark.parametrize("name", FORMATS)
def test_every_carrier_gives_the_same_events(name: str) -> None:
    records = FORMATS[name]
    expected = [event.fingerprint for event in events(name, *records)]
    for content in (
        json.dumps(records, indent=1),
        json.dumps({"value": records, "nextLink": "x"}),
        "\n".join(map(json.dumps, records)),
        "\n".join(json.dumps({"value": [record]}) for record in records),
    ):
        drafts, summary = read(name, content.encode())
        assert [draft.fingerprint for draft in drafts] == expected  # type: ignore[union-attr]
        assert summary.read == len(records)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    ("content", "message"), [(b"", "is empty"), (b'[{"a":1}]', "that can be read"), (b'[{"a":', "breaks off")]
)
def test_unusable_documents_say_why(name: str, content: bytes, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        read(name, content)


@pytest.mark.parametrize("parser", [azure_ml_runs.PARSER, azure_ml_jobs.PARSER], ids=lambda parser: parser.name)
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
