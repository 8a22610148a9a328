from __future__ import annotations

import csv
import io
import json
import time
from typing import Any

import pytest

from compliance.types.drafts import JobEventDraft, Reject
from compliance.types.states import ActionClass, Outcome
from scanning.ingest.base import NO
from scanning.ingest.snowflake import PARSER
from scanning.ingest.sql_calls import calls, tokens
from tests.scanning.ingest.reading import read, sample

ROW: dict[str, Any] = json.loads(sample("snowflake/query_history.jsonl"))


def events(*rows: dict[str, Any]) -> list[JobEventDraft]:
    drafts = read("snowflake", json.dumps(rows).encode())[0]
    return [draft for draft in drafts if isinstance(draft, JobEventDraft)]


def query(text: str, **columns: Any) -> dict[str, Any]:
    return {**ROW, "QUERY_TEXT": text, **columns}


def arguments(sql: str) -> tuple[str | None, ...]:
    return next(calls(tokens(sql), "F")).arguments


# The tokenizer -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT F('a', 'b')", ("a", "b")),
        ("select f ( 'a' , -- no 'x'\n 'b' /* , 'c' */ )", ("a", "b")),
        ("SELECT F('it''s', 'a\\'b', 'tab\\t', '\\x41\\u0042\\103')", ("it's", "a'b", "tab\t", "ABC")),
        ("SELECT F($$it's, (raw) \\n$$)", ("it's, (raw) \\n",)),
        ("SELECT F(g('a', 'b'), 'c')", (None, "c")),
        ("SELECT F('a' || 'b', $x, :1, ?, 3, t.c)", (None,) * 6),
        ("SELECT F()", ()),
        ("SELECT F('')", ("",)),
        ("SELECT F('a\\0b', '\\ud800')", (None, None)),
    ],
)
def test_arguments_are_constants_or_unknown(sql: str, expected: tuple[str | None, ...]) -> None:
    assert arguments(sql) == expected


@pytest.mark.parametrize(
    "sql", ["SELECT 'F(1)'", "-- F('a')", "/* F('a') */", "SELECT $$F('a')$$", "SELECT F", "SELECT XF('a')"]
)
def test_a_mention_is_no_call(sql: str) -> None:
    assert list(calls(tokens(sql), "F")) == []


@pytest.mark.parametrize(
    "sql", ["SELECT F('a', 'it''s cut", "SELECT F('a', $$cut", "SELECT F('a', g(", "SELECT F('a', /* cut"]
)
def test_a_text_that_breaks_off_gives_the_arguments_before_the_break(sql: str) -> None:
    call = next(calls(tokens(sql), "F"))
    assert (call.arguments, call.is_cut) == (("a",), True)


def test_names_are_in_capitals_unless_they_are_quoted() -> None:
    names = [call.name for call in calls(tokens('SELECT a.b.f(1), "a"."F"(2), "f"(3)'), "F")]
    assert names == ["A.B.F", "a.F"]


@pytest.mark.parametrize("piece", ["'", "''", "\\'", "$$", '"', "/*", "(", "F(", "F()"])
def test_hostile_texts_take_no_time(piece: str) -> None:
    began = time.monotonic()
    list(calls(tokens("SELECT F(" + piece * 100_000), "F"))
    assert time.monotonic() - began < 5


# The rows ------------------------------------------------------------------------------------------------------------


def test_a_fine_tune_job_is_read_out_of_its_query() -> None:
    event = events(ROW)[0]
    assert (event.action_class, event.outcome) == (ActionClass.SUBMIT, Outcome.SUCCESS)
    assert (event.base_model, event.output_model) == ("mistral-7b", "prod.ml.claims_ft")
    assert [(entry.role, entry.uri) for entry in event.inputs] == [
        ("train", "SELECT prompt, completion FROM prod.ml.claims_train"),
        ("validation", "SELECT prompt, completion FROM prod.ml.claims_val"),
    ]
    assert event.actor is not None
    assert (event.actor.identifier, event.role, event.actor.session) == ("ALICE", "ML_FT_SUBMITTER", "123")


def test_what_the_history_cannot_say_is_unknown() -> None:
    assert {"source_address", "job_id", "account", "execution_role"} <= set(events(ROW)[0].unknown_fields)


def test_cancelling_names_the_job() -> None:
    event = events(query("SELECT SNOWFLAKE.CORTEX.FINETUNE('CANCEL', 'ft_194bbea4')"))[0]
    assert (event.action_class, event.job_id) == (ActionClass.CANCEL, "ft_194bbea4")


def test_two_calls_of_one_query_are_two_events() -> None:
    found = events(query("SELECT SNOWFLAKE.CORTEX.FINETUNE('CANCEL','a'), CORTEX.FINETUNE('CANCEL','b')"))
    assert [event.job_id for event in found] == ["a", "b"]
    assert len({event.fingerprint for event in found}) == 2


def test_reads_and_mentions_are_counted() -> None:
    rows = [
        query("SELECT SNOWFLAKE.CORTEX.FINETUNE('SHOW')"),
        query("SELECT 'FINETUNE'"),
        query("SELECT MY.FINETUNE('CREATE','x')"),
    ]
    drafts, summary = read("snowflake", json.dumps(rows).encode())
    assert drafts == []
    assert summary.scope["calls_that_only_read_not_kept"] == 1
    assert summary.scope["queries_that_only_mention_fine_tuning"] == 2


def test_a_verb_that_is_no_constant_is_kept_because_it_may_submit() -> None:
    event = events(query("SELECT SNOWFLAKE.CORTEX.FINETUNE($verb, 'm')"))[0]
    assert (event.action, event.action_class) == ("SNOWFLAKE.CORTEX.FINETUNE", ActionClass.OTHER)
    assert "base_model" in event.unknown_fields


def test_a_cut_query_keeps_what_it_still_says() -> None:
    row = query("SELECT SNOWFLAKE.CORTEX.FINETUNE('CREATE','m','mistral-7b','SELECT a FROM t WHERE b = ''x''")
    event = events(row)[0]
    assert (event.base_model, event.inputs) == ("mistral-7b", ())
    assert "inputs" in event.unknown_fields
    assert read("snowflake", json.dumps([row]).encode())[1].scope["calls_cut_by_the_source"] == 1


@pytest.mark.parametrize(
    ("columns", "outcome"),
    [
        ({"EXECUTION_STATUS": "SUCCESS"}, Outcome.SUCCESS),
        ({"EXECUTION_STATUS": "FAIL", "ERROR_CODE": "002003"}, Outcome.FAILED),
        ({"EXECUTION_STATUS": "FAIL", "ERROR_CODE": "003001"}, Outcome.DENIED),
        ({"EXECUTION_STATUS": "FAIL", "ERROR_MESSAGE": "Insufficient privileges to operate"}, Outcome.DENIED),
        ({"EXECUTION_STATUS": "RUNNING"}, Outcome.UNKNOWN),
    ],
)
def test_the_status_and_the_error_are_the_outcome(columns: dict[str, str], outcome: Outcome) -> None:
    assert events({**ROW, **columns})[0].outcome is outcome


@pytest.mark.parametrize(
    ("text", "role", "right"),
    [
        ("GRANT DATABASE ROLE SNOWFLAKE.CORTEX_USER TO ROLE R", "granted_right", "SNOWFLAKE.CORTEX_USER"),
        ("revoke create model on schema a.b from role r", "removed_right", "CREATE MODEL"),
    ],
)
def test_grants_of_the_right_are_kept(text: str, role: str, right: str) -> None:
    event = events(query(text))[0]
    assert event.action_class is ActionClass.GRANT
    assert [(entry.role, entry.uri) for entry in event.inputs] == [(role, right)]
    assert events(query(text.replace("CORTEX_USER", "OTHER").replace("create model", "create table"))) == []


def test_json_small_letters_and_csv_give_the_same_event() -> None:
    small = {name.lower(): value for name, value in ROW.items()}
    table = io.StringIO()
    writer = csv.DictWriter(table, list(ROW))
    writer.writeheader()
    writer.writerow({name: "" if value is None else value for name, value in ROW.items()})
    of_csv = [draft for draft in read("snowflake", table.getvalue().encode())[0] if isinstance(draft, JobEventDraft)]
    assert {event.fingerprint for event in (*events(ROW), *events(small), *of_csv)} == {events(ROW)[0].fingerprint}
    assert of_csv[0].locator == "line 2"
    assert of_csv[0].inputs == events(ROW)[0].inputs


def test_a_secret_in_a_query_is_taken_out_everywhere() -> None:
    text = "SELECT SNOWFLAKE.CORTEX.FINETUNE('CREATE','m','b','SELECT ''sk-abcdefghijklmnopqrstuvwx'' AS prompt')"
    event = events(query(text))[0]
    assert "sk-abc" not in json.dumps([event.raw, event.inputs[0].uri])


@pytest.mark.parametrize(
    ("columns", "reason"),
    [({"QUERY_ID": None}, "QUERY_ID is missing"), ({"START_TIME": "2026-11-20 09:14:07.000"}, "names no time zone")],
)
def test_a_row_that_cannot_be_taken_says_why(columns: dict[str, Any], reason: str) -> None:
    drafts = read("snowflake", json.dumps([ROW, {**ROW, **columns}]).encode())[0]
    assert [reason in draft.reason for draft in drafts if isinstance(draft, Reject)] == [True]


@pytest.mark.parametrize(
    "head", [b"QUERY_ID,QUERY_TEXT\n1,2\n", b'{"QUERY_ID":1}', b"QUERY_ID QUERY_TEXT USER_NAME START_TIME"]
)
def test_other_documents_are_not_taken_for_it(head: bytes) -> None:
    assert PARSER.identify(head, "snowflake.csv") == NO
