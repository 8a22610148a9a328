from __future__ import annotations

import json
from typing import Any

import pytest

from compliance.types.drafts import ObservationDraft, Reject
from compliance.types.errors import BadInputError
from compliance.types.verdicts import FileScanVerdict
from tests.scanning.ingest.reading import read, sample


def state(outcome: object, **more: Any) -> bytes:
    return json.dumps({"uuid": "u", "model_uri": "s3://m", "aggregate_eval_outcome": outcome, **more}).encode()


def seen(content: bytes) -> ObservationDraft:
    ((draft,), _) = read("guardian", content)
    assert isinstance(draft, ObservationDraft)
    return draft


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        ("PASS", FileScanVerdict.NOTHING_FOUND),
        ("FAIL", FileScanVerdict.FINDING),
        ("ERROR", FileScanVerdict.FAILED),
        ("PENDING", FileScanVerdict.NOTHING_SCANNED),
    ],
)
def test_each_outcome(outcome: str, verdict: FileScanVerdict) -> None:
    assert seen(state(outcome)).verdict is verdict


def test_it_speaks_to_no_sub_technique_and_names_what_it_cannot_say() -> None:
    draft = seen(sample("guardian/get_scan.json"))
    assert draft.atlas_techniques == ()
    assert (draft.severity, draft.native_severity, draft.asset.digest) == (None, "", None)
    assert {"rules", "files", "severity", "asset_digest"} <= set(draft.facts["unknown_fields"])


def test_the_answer_and_what_the_command_prints_of_it_are_one_thing() -> None:
    whole = json.loads(sample("guardian/get_scan.json"))
    printed = seen(json.dumps(whole["scan_status_json"]).encode())
    assert printed.fingerprint == seen(sample("guardian/get_scan.json")).fingerprint
    assert (seen(sample("guardian/get_scan.json")).facts["locator"], printed.facts["locator"]) == (
        "/scan_status_json",
        "document",
    )


def test_an_error_keeps_its_words() -> None:
    assert "MODEL_TOO_LARGE: The model exceeds" in seen(sample("guardian/error.json")).description


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (state("MAYBE"), "/aggregate_eval_outcome"),
        (state(None), "/aggregate_eval_outcome"),
        (b'{"scan_status_json":{"aggregate_eval_outcome":"PASS"}}', "/scan_status_json/model_uri"),
    ],
)
def test_what_is_not_known_is_rejected_with_its_place(content: bytes, place: str) -> None:
    ((draft,), summary) = read("guardian", content)
    assert isinstance(draft, Reject)
    assert draft.locator == place
    assert summary.relevant == 0


@pytest.mark.parametrize("content", [b'{"x":"aggregate_eval_outcome"}', b"[]", b"{", b'{"scan_status_json":[]}'])
def test_unusable_documents_say_why(content: bytes) -> None:
    with pytest.raises(BadInputError):
        read("guardian", content)


def test_it_closes_nothing_by_absence() -> None:
    assert read("guardian", state("PASS"))[1].scope["complete"] is False
