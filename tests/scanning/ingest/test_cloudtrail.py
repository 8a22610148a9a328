from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.types.canonical import digest_of
from compliance.types.errors import BadInputError
from compliance.types.states import ActionClass, Outcome
from scanning.ingest.base import ParseContext
from tests.scanning.ingest.reading import events, read, rejects, sample, zipped

RECORDS: list[dict[str, Any]] = json.loads(sample("cloudtrail/records.json"))["Records"]


def wrap(records: list[dict[str, Any]]) -> bytes:
    return json.dumps({"Records": records}, separators=(",", ":")).encode()


def other(n: int) -> dict[str, Any]:
    """A record of another service, as most of a log is."""
    return {**RECORDS[7], "eventSource": "ec2.amazonaws.com", "eventName": "DescribeInstances", "eventID": f"n-{n}",
            "requestParameters": {"set": [{"id": n}]}, "tlsDetails": None}  # fmt: skip


def fingerprints(content: bytes) -> list[str]:
    return [event.fingerprint for event in events(content)]


def test_a_submission_is_read_whole() -> None:
    event = events(wrap(RECORDS[:1]))[0]
    assert event.action_class is ActionClass.SUBMIT
    assert event.occurred_at == datetime(2026, 11, 20, 9, 14, 7, tzinfo=UTC)
    assert event.actor is not None
    assert (event.actor.display, event.actor.kind) == ("alice@example.test", "AssumedRole")
    assert event.role.endswith(":role/ml-finetune-submitter")
    assert event.execution_role.endswith(":role/sagemaker-ft-execution")
    assert {(entry.role, entry.uri) for entry in event.inputs} >= {
        ("train", "s3://acme-ft-data/support/v12/train/"),
        ("base_model", "s3://acme-base-models/llama-3.1-8b/"),
    }
    assert event.raw == RECORDS[0]
    assert event.raw_sha256 == digest_of(RECORDS[0])


def test_a_denied_attempt_is_kept_as_denied() -> None:
    event = events(wrap(RECORDS[1:2]))[0]
    assert event.outcome is Outcome.DENIED
    assert event.outcome_detail.startswith("AccessDenied: ")
    assert "job_id" not in event.unknown_fields


def test_other_operations_are_counted_and_not_kept() -> None:
    drafts, summary = read("cloudtrail", wrap([*RECORDS, *map(other, range(50))]))
    assert (summary.read, summary.relevant, summary.rejected, len(drafts)) == (58, 7, 0, 7)
    assert summary.scope["first_event"] == "2026-11-20T09:14:07Z"


def test_what_the_log_does_not_state_is_named() -> None:
    record = {**RECORDS[0], "requestParameters": {"trainingJobName": "x", "environment": {"DATA": "s3://elsewhere/"}}}
    assert set(events(wrap([record]))[0].unknown_fields) == {"inputs", "base_model", "output_uri", "execution_role"}


def test_secrets_are_taken_out_of_what_is_stored_but_not_of_the_digest() -> None:
    secret = "hf_" + "a" * 30
    parameters = {
        **RECORDS[0]["requestParameters"],
        "environment": {"API_KEY": "geheim", "NOTE": f"use {secret}", "MAX_TOKENS": "5"},
    }
    record = {**RECORDS[0], "requestParameters": parameters}
    event = events(wrap([record]))[0]
    assert "geheim" not in json.dumps(event.raw)
    assert secret not in json.dumps(event.raw)
    assert event.raw["requestParameters"]["environment"]["MAX_TOKENS"] == "5"
    assert event.redacted_fields == ("requestParameters.environment.API_KEY", "requestParameters.environment.NOTE")
    assert event.raw_sha256 == digest_of(record)


def test_the_same_event_from_two_trails_has_one_fingerprint_and_other_accounts_another() -> None:
    copy = {**RECORDS[0], "sharedEventID": "s", "userAgent": "other"}
    elsewhere = {**RECORDS[0], "recipientAccountId": "999988887777"}
    first, second, third = fingerprints(wrap([RECORDS[0], copy, elsewhere]))
    assert first == second != third


CARRIERS = {
    "log file": wrap(RECORDS),
    "pretty-printed": json.dumps({"Records": RECORDS}, indent=2).encode(),
    "other members first": json.dumps({"a": {"b": [1, {}]}, "Records": RECORDS, "z": 1}).encode(),
    "gzip": zipped(wrap(RECORDS)),
    "gzip in two members": zipped(wrap(RECORDS)[:5000]) + zipped(wrap(RECORDS)[5000:]) + b"\0" * 64,
    "byte-order mark": b"\xef\xbb\xbf" + wrap(RECORDS),
    "bare list": json.dumps(RECORDS).encode(),
    "lines": b"\n".join(json.dumps(record).encode() for record in RECORDS) + b"\n",
    "lines of files": wrap(RECORDS[:3]) + b"\n" + wrap(RECORDS[3:]),
    "EventBridge": b"\n".join(
        json.dumps({"version": "0", "detail-type": "x", "detail": record}).encode() for record in RECORDS
    ),
    "LookupEvents": json.dumps(
        {"NextToken": "t", "Events": [{"EventId": "e", "CloudTrailEvent": json.dumps(record)} for record in RECORDS]}
    ).encode(),
}


@pytest.mark.parametrize("carrier", CARRIERS)
def test_every_carrier_gives_the_same_events(carrier: str) -> None:
    drafts, summary = read("cloudtrail", CARRIERS[carrier])
    assert [draft.fingerprint for draft in drafts] == fingerprints(wrap(RECORDS))  # type: ignore[union-attr]  # no reject here
    assert (summary.read, summary.relevant) == (8, 7)


def test_one_record_alone() -> None:
    assert fingerprints(json.dumps(RECORDS[0], indent=1).encode()) == fingerprints(wrap(RECORDS[:1]))


def test_a_log_without_records_is_read_as_empty() -> None:
    assert read("cloudtrail", b'{"Records":[]}')[1].read == 0


@pytest.mark.parametrize("spaces", ["", " "])
def test_a_broken_record_is_rejected_and_the_rest_goes_on(spaces: str) -> None:
    text = json.dumps({"Records": [*RECORDS, *map(other, range(5))]}, separators=("," + spaces, ":" + spaces))
    broken = text.replace(f'"eventName":{spaces}"CreateModel",', f'"eventName":{spaces}CreateModel,', 1).encode()
    _, summary = read("cloudtrail", broken)
    assert (summary.read, summary.relevant, summary.rejected) == (13, 6, 1)
    (reject,) = rejects(broken)
    assert reject.locator == "Records[2]"
    assert f"byte {broken.index(b'CreateModel,')}" in reject.reason


def test_a_broken_last_record_is_rejected_too() -> None:
    broken = b":Management,".join(wrap(RECORDS[:2]).rsplit(b':"Management",', 1))
    assert [reject.locator for reject in rejects(broken)] == ["Records[1]"]
    assert fingerprints(broken) == fingerprints(wrap(RECORDS[:1]))


@pytest.mark.parametrize("kept", [0.999, 0.9, 0.5, 0.01])
@pytest.mark.parametrize("packed", [False, True])
def test_a_log_that_breaks_off_is_bad_input_and_the_place_is_named(kept: float, packed: bool) -> None:
    whole = zipped(wrap(RECORDS)) if packed else wrap(RECORDS)
    with pytest.raises(BadInputError, match=r"sample\.json breaks off.*byte \d+"):
        read("cloudtrail", whole[: max(20, int(len(whole) * kept))])


def test_a_log_cut_where_brackets_happen_to_close_is_noticed() -> None:
    whole = wrap(RECORDS)
    cut = whole[: whole.rindex(b"]}") - len(b"]}")]
    for end in (at for at in range(200, len(cut)) if cut[at - 2 : at] == b"}]"):
        with pytest.raises(BadInputError, match="breaks off"):
            read("cloudtrail", cut[:end] + b"}")


def test_lines_cut_in_the_middle_of_the_last_are_bad_input() -> None:
    with pytest.raises(BadInputError, match="line 8"):
        read("cloudtrail", CARRIERS["lines"][:-40])


def test_bytes_that_are_no_utf8_cost_one_record() -> None:
    content = wrap(RECORDS).replace(b"alice@", b"\xe9lice@", 1)
    assert len(events(content)) == 6
    assert "UTF-8" in rejects(content)[0].reason


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n\t ", "is empty"),
        (b"hello", "not JSON"),
        ('{"Records":[]}'.encode("utf-16"), "UTF-16"),
        (b'{"Records":[{"a":1},{"b":2}]}', "no CloudTrail record"),
        (b"\x1f\x8b\x08garbage that is no gzip", "gzip"),
        (b'{"Records":' + b"[" * 100_000, "breaks off|nested"),
    ],
)
def test_unusable_documents_say_why(content: bytes, message: str) -> None:
    with pytest.raises(BadInputError, match=message) as error:
        read("cloudtrail", content)
    assert "sample.json" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_record_that_mentions_a_watched_service_in_an_escape_is_not_passed_over() -> None:
    content = wrap(RECORDS[:1] * 3).replace(b"sagemaker.amazonaws.com", b"sagemake\\u0072.amazonaws.com")
    content = content.replace(b"sagemaker", b"S")
    assert read("cloudtrail", content)[1].relevant == 3


def test_a_nul_character_and_a_huge_number_are_rejected() -> None:
    nul = {**RECORDS[0], "requestParameters": {"trainingJobName": "a\0b"}}
    huge = {**RECORDS[0], "requestParameters": {"n": 2**60}}
    reasons = [reject.reason for reject in rejects(wrap([RECORDS[2], nul, huge]))]
    assert "NUL" in reasons[0]
    assert "exact" in reasons[1]


def test_operations_can_be_added_by_configuration() -> None:
    context = ParseContext(file_name="x", extra_operations=("sagemaker:DescribeTrainingJob",))
    assert read("cloudtrail", wrap(RECORDS), context)[1].relevant == 8


def test_offsets_are_reported_up_to_the_size_of_the_file() -> None:
    seen: list[int] = []
    content = zipped(wrap([other(n) for n in range(500)]))
    read("cloudtrail", content, ParseContext(file_name="x", on_offset=seen.append))
    assert seen == sorted(seen)
    assert seen[-1] == len(content)


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False), st.lists(st.integers(0, 9), max_size=40))
def test_order_and_neighbours_change_no_fingerprint(chance: random.Random, noise: list[int]) -> None:
    records = [*RECORDS, *map(other, noise)]
    chance.shuffle(records)
    content = wrap(records)
    assert fingerprints(content) == fingerprints(content)
    assert sorted(fingerprints(content)) == sorted(fingerprints(wrap(RECORDS)))
    assert read("cloudtrail", content)[1].read == len(records)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 6000))
def test_no_bytes_make_it_fall_over(junk: bytes, at: int) -> None:
    whole = wrap(RECORDS[:3])
    content = whole[:at] + junk + whole[at:]
    try:
        _, summary = read("cloudtrail", content)
    except BadInputError:
        return
    assert summary.read >= summary.relevant + summary.rejected
