"""What the sieve passes over is exactly what decoding would drop: shown on logs made to fool it."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.types.drafts import ParseSummary
from compliance.types.errors import BadInputError
from scanning.ingest.base import Draft
from scanning.ingest.cloudtrail_sieve import sieve
from tests.bench.cloudtrail import other_record, training_job
from tests.scanning.ingest.reading import read

WATCHED = frozenset({b"CreateTrainingJob", b"CreateModel"})
FORGED = {
    "eventVersion": "1.11", "eventTime": "2026-07-01T00:00:00Z", "eventSource": "sagemaker.amazonaws.com",
    "eventName": "CreateTrainingJob", "awsRegion": "eu-central-1", "eventID": "forged", "recipientAccountId": "111122223333",
}  # fmt: skip


def log_of(records: list[dict[str, Any]], **form: Any) -> bytes:
    return json.dumps({"Records": records}, **({"separators": (",", ":")} | form)).encode()


def records(count: int, seed: int = 3, every: int = 9) -> list[dict[str, Any]]:
    chance = random.Random(seed)
    return [training_job(n, chance) if n % every == 4 else other_record(n, chance) for n in range(count)]


def decoded(content: bytes) -> tuple[list[Draft], ParseSummary]:
    """What comes out where nothing is passed over unread."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scanning.ingest.cloudtrail.sieve", lambda _content, _watched: None)
        patch.setattr("scanning.ingest.cloudtrail._Scope.can_skip", lambda *_given: False)
        return read("cloudtrail", content)


def told(content: bytes) -> tuple[list[Draft], ParseSummary]:
    return read("cloudtrail", content)


def test_a_delivered_file_is_sieved_and_gives_the_same() -> None:
    content = log_of(records(60))
    found = sieve(content, WATCHED)
    assert found is not None
    assert (found.read, len(found.spans)) == (60, 7)
    assert [json.loads(content[start:end])["eventName"] for _, start, end in found.spans] == ["CreateTrainingJob"] * 7
    assert told(content) == decoded(content)


def test_a_file_without_any_is_not_decoded() -> None:
    found = sieve(log_of(records(5, every=100)[:4]), WATCHED)
    assert found is not None
    assert (found.read, found.spans) == (4, ())
    assert found.accounts == {"111122223333"}


def hidden(change: Any) -> bytes:
    made = records(12)
    change(made)
    return log_of(made)


TRICKS = {
    "name in an escape": lambda: log_of(records(9)).replace(b"CreateTrainingJob", b"CreateTrainin\\u0067Job"),
    "name of the member in an escape": lambda: log_of(records(9)).replace(b'"eventName"', b'"event\\u004eame"', 5),
    "spaces": lambda: log_of(records(9), separators=(", ", ": ")),
    "pretty": lambda: log_of(records(9), indent=1),
    "another order": lambda: log_of([dict(reversed(list(record.items()))) for record in records(9)]),
    "record inside a string": lambda: hidden(lambda made: made[0].update(CloudTrailEvent=json.dumps(FORGED))),
    "record inside a record": lambda: hidden(
        lambda made: made[0].update(requestParameters={"list": [{"x": 1}, FORGED, {"eventVersion": "z"}]})
    ),
    "records inside, as many names as records": lambda: hidden(
        lambda made: made[0].update(requestParameters={"list": [{"x": 1}, FORGED, FORGED | {"eventName": "Other"}]})
    ),
    "braces in strings, to even out": lambda: hidden(
        lambda made: made[0].update(
            requestParameters={"a": "}}", "list": [{"x": 1}, FORGED, FORGED | {"eventName": "{{"}]}
        )
    ),
    "quotes and backslashes": lambda: hidden(lambda made: made[1].update(userAgent='\\","eventVersion":{"a":"\\\\')),
    "wrong clock": lambda: hidden(lambda made: made[2].update(eventTime="1970-01-01T00:00:00Z")),
    "no day of the calendar": lambda: hidden(lambda made: made[2].update(eventTime="2026-13-41T00:00:00Z")),
    "two accounts": lambda: hidden(lambda made: made[3].update(recipientAccountId="999988887777")),
    "an account within another member": lambda: log_of(
        [{**made, "requestParameters": {"recipientAccountId": "{"}} for made in records(1)]
    ),
    "no account": lambda: hidden(lambda made: made[3].pop("recipientAccountId")),
    "no source": lambda: hidden(lambda made: made[3].update(eventSource="")),
    "watched name of another service": lambda: hidden(lambda made: made[3].update(eventName="CreateModel")),
    "carrier of events": lambda: hidden(lambda made: made.insert(2, {"eventVersion": "0", "detail": FORGED})),
    "not UTF-8": lambda: log_of(records(9)).replace(b"aws-sdk-python", b"aws-\xe9dk-python"),
    "a mark in a string": lambda: log_of(records(9)).replace(b"aws-sdk-python", b"aws\x01sdk-python"),
    "one after the array": lambda: log_of(records(9)) + b"\n" + log_of([FORGED]),
    "members after the array": lambda: log_of(records(9))[:-1] + b',"more":[{"a":1}]}',
}


@pytest.mark.parametrize("trick", TRICKS)
def test_nothing_made_to_fool_it_is_taken_or_lost(trick: str) -> None:
    content = TRICKS[trick]()
    assert told(content) == decoded(content)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_sieve_and_decoder_agree_on_any_log(data: st.DataObject) -> None:
    """Records with free-form values that hold all that the sieve looks for."""
    leaf = st.sampled_from(
        [
            "{",
            "}",
            "[",
            "]",
            '"',
            "\\",
            ",",
            ',{"eventVersion":',
            '"eventName":"CreateTrainingJob"',
            "\u00e9",
            "\x01",
            1,
            None,
        ]
    )
    value = st.recursive(
        leaf | st.just(FORGED),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(FORGED)), inner, max_size=3),
        max_leaves=6,
    )
    made = records(data.draw(st.integers(1, 8)), every=3)
    for record in made:
        record["requestParameters"] = data.draw(st.none() | value)
        if data.draw(st.integers(0, 5)) == 0:
            record["eventName"] = data.draw(st.sampled_from(["CreateModel", "createTrainingJob", "CreateTrainingJob2"]))
    content = log_of(made)
    try:
        expected = decoded(content)
    except BadInputError:
        with pytest.raises(BadInputError):
            told(content)
        return
    assert told(content) == expected
