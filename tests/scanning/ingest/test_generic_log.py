from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from compliance.types.drafts import JobEventDraft, ParseSummary, Reject
from compliance.types.errors import BadInputError, MappingNeededError
from compliance.types.states import ActionClass, Outcome
from scanning.ingest.base import NO, Draft, ParseContext
from scanning.ingest.generic_log import FALLBACK, PARSER, layout_of
from scanning.ingest.log_mapping import Layout, LogMapping, mapping_from_json
from scanning.ingest.mapping_preview import head_of, preview, values_of
from tests.scanning.ingest.reading import read, sample

GATEWAY: dict[str, Any] = json.loads(sample("generic_log/mapping_csv.json"))
PORTAL: dict[str, Any] = json.loads(sample("generic_log/mapping_jsonl.json"))
SMALL: dict[str, Any] = {
    "source": "small",
    "layout": "csv",
    "fields": {"occurred_at": {"column": "/t"}, "action": {"column": "/a"}, "actor": {"column": "/u"}},
    "actions": {"run": "submit"},
}


def mapped(base: dict[str, Any], **members: Any) -> LogMapping:
    return mapping_from_json({**base, **members})


def taken(content: str, base: dict[str, Any] = SMALL, **members: Any) -> tuple[list[Draft], ParseSummary]:
    return read("generic_log", content.encode(), ParseContext(file_name="log.csv", mapping=mapped(base, **members)))


def events(content: str, base: dict[str, Any] = SMALL, **members: Any) -> list[JobEventDraft]:
    return [draft for draft in taken(content, base, **members)[0] if isinstance(draft, JobEventDraft)]


def reasons(content: str, base: dict[str, Any] = SMALL, **members: Any) -> list[str]:
    good = "2026-11-20T09:14:07Z,run,good"
    head, _, rest = content.partition("\n")
    drafts = taken(f"{head}\n{good}\n{rest}", base, **members)[0]
    return [draft.reason for draft in drafts if isinstance(draft, Reject)]


# The mapping as a value ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [GATEWAY, PORTAL, SMALL])
def test_a_mapping_survives_its_json_form(given: dict[str, Any]) -> None:
    mapping = mapping_from_json(given)
    again = mapping_from_json(json.loads(json.dumps(mapping.as_json())))
    assert (again, again.sha256) == (mapping, mapping.sha256)


def test_another_meaning_is_another_digest() -> None:
    assert mapped(SMALL).sha256 != mapped(SMALL, zone="Europe/Berlin").sha256


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"source": "Cloud Trail"}, "its source needs a name"),
        ({"layout": "xml"}, "layout is one of csv, jsonl"),
        ({"fields": {"occurred_at": {"column": "/t"}}}, "does not say which column holds action"),
        ({"fields": {**SMALL["fields"], "colour": {"column": "/c"}}}, "'colour' is no field"),
        ({"fields": {**SMALL["fields"], "actor": {}}}, "actor needs either a column or a constant"),
        ({"fields": {**SMALL["fields"], "actor": {"column": "/u", "constant": "x"}}}, "either a column or a constant"),
        ({"fields": {**SMALL["fields"], "actor": {"column": "u"}}}, "no JSON pointer; write /u"),
        (
            {"fields": {**SMALL["fields"], "occurred_at": {"constant": "2026-01-01T00:00:00Z"}}},
            "occurred_at needs a column",
        ),
        ({"fields": {**SMALL["fields"], "event_id": {"constant": "1"}}}, "event_id needs a column"),
        ({"zone": "Mars/Base"}, "'Mars/Base' is no time zone"),
        ({"zone": "../../etc/passwd"}, "is no time zone"),
        ({"actions": {}}, "says of no action what it does"),
        ({"actions": {"run": "explode"}}, "actions is one of submit"),
        ({"actions": {str(number): "submit" for number in range(201)}}, "more than 200 values"),
        ({"fields": []}, "fields is not a JSON object"),
        ({"extra": 1}, "'extra' is none of its members"),
        ({"source": 3}, "source is not a text"),
    ],
)
def test_a_mapping_that_cannot_be_used_says_why(members: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInputError, match=r"^The column mapping cannot be used: .*\.$") as error:
        mapped(SMALL, **members)
    assert words in str(error.value)


# Tables --------------------------------------------------------------------------------------------------------------


def test_a_row_becomes_an_event_with_the_column_of_each_field() -> None:
    event = events(sample("generic_log/gateway.csv").decode(), GATEWAY)[0]
    assert (event.source, event.action_class, event.outcome) == (
        "generic:ft-gateway",
        ActionClass.SUBMIT,
        Outcome.SUCCESS,
    )
    assert event.inputs[0].digest.startswith("9f86d081")
    assert event.origins["base_model"] == "/Base~1model"
    assert event.origins["account"] == "stated in the column mapping"


def test_without_a_mapping_a_person_is_asked() -> None:
    with pytest.raises(MappingNeededError, match="say what its columns mean"):
        read("generic_log", b"t,a\n1,2\n", ParseContext(file_name="log.csv"))


def test_a_column_that_is_missing_is_named_with_those_there_are() -> None:
    with pytest.raises(BadInputError, match="has no column 'u', which its mapping reads; its columns are t, a"):
        taken("t,a\n2026-11-20T09:14:07Z,run\n")


@pytest.mark.parametrize(
    ("text", "form", "zone"),
    [
        ("2026-11-20T09:14:07Z", "iso", ""),
        ("2026-11-20 09:14:07 UTC", "iso", ""),
        ("2026-11-20T10:14:07+01:00", "iso", ""),
        ("2026-11-20 10:14:07", "iso", "Europe/Berlin"),
        ("2026-11-20 09:14:07", "iso", "UTC"),
        ("1795166047", "iso", ""),
        ("1795166047000", "iso", ""),
        ("1795166047.0", "iso", ""),
        ("20.11.2026 10:14:07", "day_first", "Europe/Berlin"),
        ("20/11/2026 10:14:07.000", "day_first", "Europe/Berlin"),
        ("11/20/2026 04:14:07 AM", "month_first", "America/New_York"),
        ("2026/11/20 09:14:07", "year_first", "UTC"),
        ("20/11/2026 10:14:07 +0100", "day_first", ""),
    ],
)
def test_one_moment_in_many_forms(text: str, form: str, zone: str) -> None:
    event = events(f"t,a,u\n{text},run,alice\n", time_format=form, zone=zone)[0]
    assert event.occurred_at == datetime(2026, 11, 20, 9, 14, 7, tzinfo=UTC)


def test_summer_time_is_of_its_zone() -> None:
    event = events("t,a,u\n2026-07-01 10:00:00,run,alice\n", zone="Europe/Berlin")[0]
    assert event.occurred_at == datetime(2026, 7, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("row", "members", "words"),
    [
        ("2026-11-20 09:14:07,run,a", {}, "log.csv, line 3: t '2026-11-20T09:14:07' names no time zone."),
        ("2026-10-25 02:30:00,run,a", {"zone": "Europe/Berlin"}, "came twice in Europe/Berlin"),
        ("2026-03-29 02:30:00,run,a", {"zone": "Europe/Berlin"}, "never came in Europe/Berlin"),
        ("1795166,run,a", {}, "is not a time"),
        ("4102444800,run,a", {}, "lies in the year 2100"),
        ("0000000001,run,a", {}, "lies in the year 1970"),
        ("tomorrow,run,a", {}, "t 'tomorrow' is not a time"),
        (",run,a", {}, "t '' is not a time"),
        ("2026-11-20T09:14:07Z,,a", {}, "a is empty"),
        ("2026-11-20T09:14:07Z,run", {}, "has 2 values where the header names 3 columns"),
        ("2026-11-20T09:14:07Z,run,a\0b", {}, "NUL character"),
    ],
)
def test_a_row_that_cannot_be_taken_names_its_line(row: str, members: dict[str, Any], words: str) -> None:
    found = reasons(f"t,a,u\n{row}\n", **members)
    assert len(found) == 1
    assert words in found[0]
    assert "line 3" in found[0]


def test_what_is_not_utf8_is_lost_alone() -> None:
    mapping = ParseContext(file_name="log.csv", mapping=mapped(SMALL))
    content = b"t,a,u\n2026-11-20T09:14:07Z,run,\xff\n2026-11-20T09:14:08Z,run,bob\n"
    drafts = read("generic_log", content, mapping)[0]
    assert [type(draft) for draft in drafts] == [Reject, JobEventDraft]


def test_actions_that_are_not_listed_are_counted_by_name() -> None:
    drafts, summary = taken(
        "t,a,u\n2026-11-20T09:14:07Z,list,a\n2026-11-20T09:14:07Z,List,a\n2026-11-20T09:14:07Z, RUN ,a\n"
    )
    assert len(drafts) == 1
    assert summary.scope["actions_not_kept"] == {"List": 1, "list": 1}
    assert (summary.read, summary.relevant) == (3, 1)


def test_other_actions_may_have_a_class_of_their_own() -> None:
    event = events("t,a,u\n2026-11-20T09:14:07Z,list,a\n", other_actions="other")[0]
    assert event.action_class is ActionClass.OTHER


def test_of_very_many_actions_the_rest_is_counted_as_one() -> None:
    rows = "".join(f"2026-11-20T09:14:07Z,act{number},a\n" for number in range(500))
    counted = taken(f"t,a,u\n{rows}")[1].scope["actions_not_kept"]
    assert sum(counted.values()) == 500
    assert counted["other actions"] == 400


@pytest.mark.parametrize(
    ("value", "outcome", "detail"),
    [
        ("OK", Outcome.SUCCESS, ""),
        ("no", Outcome.DENIED, "no"),
        ("success", Outcome.SUCCESS, ""),
        ("busy", Outcome.UNKNOWN, "busy"),
        ("", Outcome.UNKNOWN, ""),
    ],
)
def test_outcomes_by_the_stated_values(value: str, outcome: Outcome, detail: str) -> None:
    fields = {**SMALL["fields"], "outcome": {"column": "/o"}}
    given = {"fields": fields, "outcomes": {"OK": "success", "No": "denied"}}
    event = events(f"t,a,u,o\n2026-11-20T09:14:07Z,run,a,{value}\n", **given)[0]
    assert (event.outcome, event.outcome_detail) == (outcome, detail)


def test_a_formula_is_kept_as_the_text_it_is() -> None:
    event = events("t,a,u\n2026-11-20T09:14:07Z,run,\"=cmd|' /C calc'!A0\"\n")[0]
    assert event.actor is not None
    assert event.actor.identifier == event.raw["u"] == "=cmd|' /C calc'!A0"


def test_the_same_row_is_the_same_event_whatever_the_order_of_columns() -> None:
    first = events("t,a,u\n2026-11-20T09:14:07Z,run,alice\n")[0]
    turned = events("u;t;a\nalice;2026-11-20T09:14:07Z;run\n")[0]
    assert first.fingerprint == turned.fingerprint
    assert events("t,a,u\n2026-11-20T09:14:07Z,run,bob\n")[0].fingerprint != first.fingerprint


def test_an_id_makes_the_event_and_another_source_another() -> None:
    fields = {**SMALL["fields"], "event_id": {"column": "/id"}}
    early, late = events("t,a,u,id\n2026-11-20T09:14:07Z,run,a,7\n2026-11-20T09:15:07Z,run,b,7\n", fields=fields)
    assert early.fingerprint == late.fingerprint
    elsewhere = events("t,a,u,id\n2026-11-20T09:14:07Z,run,a,7\n", fields=fields, source="other")[0]
    assert elsewhere.fingerprint != early.fingerprint
    assert "source_event_id" in events("t,a,u,id\n2026-11-20T09:14:07Z,run,a,\n", fields=fields)[0].unknown_fields


def test_no_mapping_passes_its_rows_off_as_another_formats() -> None:
    assert events("t,a,u\n2026-11-20T09:14:07Z,run,a\n", source="cloudtrail")[0].source == "generic:cloudtrail"


def test_secrets_go_by_name_in_columns_nobody_reads_and_by_look_everywhere() -> None:
    content = "t,a,u,hf_token,note\n2026-11-20T09:14:07Z,run,sk-abcdefghijklmnopqrstuvwx,words,https://a:b@c\n"
    event = events(content)[0]
    assert event.redacted_fields == ("u", "hf_token", "note")
    assert event.actor is not None
    assert "sk-abc" not in event.actor.identifier


def test_the_scope_says_by_which_mapping_it_was_read() -> None:
    summary = taken("t,a,u\n2026-11-20T09:14:07Z,run,a\n")[1]
    assert summary.scope["mapping"] == {"source": "small", "sha256": mapped(SMALL).sha256}
    assert "a person made" in summary.scope["note"]


def test_a_table_of_which_no_row_can_be_read() -> None:
    with pytest.raises(BadInputError, match="holds no row or record that can be read; line 2: t 'x'"):
        taken("t,a,u\nx,run,a\n")


# JSON lines ----------------------------------------------------------------------------------------------------------


def test_members_are_found_by_pointers_and_lists_give_several_inputs() -> None:
    event = events(sample("generic_log/portal.jsonl").decode(), PORTAL)[0]
    assert [entry.uri for entry in event.inputs] == ["s3://acme-ft-data/a.jsonl", "s3://acme-ft-data/b.jsonl"]
    assert [entry.digest[:2] for entry in event.inputs] == ["ab", "cd"]
    assert event.origins["inputs/1"] == "/job/data/1/uri"
    assert event.redacted_fields == ("env.HF_TOKEN",)


def test_digests_that_do_not_pair_with_the_data_are_left_out() -> None:
    record = {"ts": 1795166047, "job": {"data": [{"uri": "a", "sha256": "x"}, {"uri": "b"}]}}
    event = events(json.dumps(record), PORTAL)[0]
    assert [entry.digest for entry in event.inputs] == ["", ""]


def test_a_list_of_records_is_read_as_well() -> None:
    records = json.dumps([{"ts": 1795166047, "job": {"id": "1"}}, {"ts": 1795166047, "job": {"id": "2"}}])
    assert [event.job_id for event in events(records, PORTAL)] == ["1", "2"]


def test_lines_are_counted_right_across_windows_of_the_reader() -> None:
    good = json.dumps({"ts": 1795166047, "job": {"id": "é" * 40}, "note": "x" * 400})
    lines = [good] * 12_000
    for place in (0, 5_999, 11_999):
        lines[place] = '{"ts": "never"}'
    drafts = taken("\n\n".join(lines), PORTAL)[0]
    assert [draft.locator for draft in drafts if isinstance(draft, Reject)] == ["line 1", "line 11999", "line 23999"]


# Recognition and preview ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "layout"),
    [
        (b"a,b\n1,2\n", Layout.CSV),
        (b'{"a":1}\n{"a":2}\n', Layout.JSONL),
        (b'{"a":1}\n\n{"a', Layout.JSONL),
        (b'{"a":1}', None),
        (b'[{"a":1}]', None),
        (b"hello\n", None),
        (b"a,b\0\n1,2\n", None),
        (b"<a,b>\n<1,2>\n", None),
        (b"", None),
    ],
)
def test_the_layout_by_the_first_bytes(head: bytes, layout: Layout | None) -> None:
    assert layout_of(head) is layout
    assert PARSER.identify(head, "x") == (FALLBACK if layout else NO)


def head(name: str) -> Any:
    context = ParseContext(file_name=name)
    layout = Layout.CSV if name.endswith("csv") else Layout.JSONL
    return head_of(io.BytesIO(sample(f"generic_log/{name}")), context, layout)


def test_the_columns_come_with_an_example() -> None:
    columns = {column.label: (column.pointer, column.example) for column in head("gateway.csv").columns}
    assert columns["Base/model"] == ("/Base~1model", "llama-3.1-8b")
    pointers = [column.pointer for column in head("portal.jsonl").columns]
    assert {"/ts", "/by/email", "/job/data/*/uri", "/env/HF_TOKEN"} <= set(pointers)


def test_the_values_of_a_column_are_counted() -> None:
    counted = values_of(head("gateway.csv"), "/What")
    assert counted[0] == ("fine-tune", 4)
    assert dict(counted)["list jobs"] == 1


def test_a_preview_is_what_the_import_would_be() -> None:
    content = sample("generic_log/gateway.csv")
    lines = preview(head("gateway.csv"), mapping_from_json(GATEWAY), most=50)
    drafts, summary = read("generic_log", content)
    shown = [line.event.fingerprint for line in lines if line.event]
    assert shown == [draft.fingerprint for draft in drafts if isinstance(draft, JobEventDraft)]
    assert [line.locator for line in lines if line.rejected] == [d.locator for d in drafts if isinstance(d, Reject)]
    assert [line.passed_over for line in lines if line.passed_over] == list(summary.scope["actions_not_kept"])


def test_a_preview_reads_no_more_than_the_beginning() -> None:
    class Watched(io.BytesIO):
        read_bytes = 0

        def read(self, size: int | None = -1) -> bytes:
            content = super().read(size)
            self.read_bytes += len(content)
            return content

    stream = Watched(b"t,a,u\n" + b"2026-11-20T09:14:07Z,run,alice\n" * 1_000_000)
    found = head_of(stream, ParseContext(file_name="big.csv"), Layout.CSV)
    assert len(found.records) == 500
    assert stream.read_bytes < 2_000_000
