"""The freeze document: what is accepted, and the sentence that names the place of what is not."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, cast

import pytest

from compliance.types.freeze import FreezeError, validate_freeze
from compliance.types.freeze_blob import Blob
from tests.compliance.packs.example_freeze import empty_freeze, example_freeze, job_log, long_freeze, sha, uid


def _broken(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    document = copy.deepcopy(cast(dict[str, Any], example_freeze()))
    change(document)
    return document


def test_realistic_empty_and_long_documents_are_valid() -> None:
    blob: Blob = {
        "filename": "j.jsonl",
        "media_type": "application/x-ndjson",
        "sha256": sha("j"),
        "size": 1,
        "rows": 12_480,
    }
    for document in (example_freeze(), empty_freeze(), long_freeze(12_480, blob)):
        validate_freeze(document)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("ledger"), "key 'ledger' is missing"),
        (lambda d: d.update(extra=1), "unknown key 'extra'"),
        (lambda d: d["evidence"][0].update(sha256="ABC"), r"evidence\[0\].sha256: expected 64 lower-case hexadecimal"),
        (lambda d: d["evidence"][1].update(state="perfect"), r"evidence\[1\].state: expected one of received"),
        (lambda d: d.update(frozen_at="2026-11-02 10:00"), "frozen_at: expected a UTC time"),
        (lambda d: d["assessment"].update(period_end="2026-02-31"), "assessment.period_end: expected a day"),
        (lambda d: d["job_log"].update(recorded=True), "job_log.recorded: expected a whole number"),
        (
            lambda d: d["scans"][0]["stages"][0].update(p_value="low"),
            r"scans\[0\].stages\[0\].p_value: expected a number",
        ),
        (lambda d: d["assessment"].update(title="\ud800"), "lone surrogate"),
        (lambda d: d["scans"][0]["stages"][0].update(seconds=float("nan")), "no JSON form"),
        (lambda d: d["assessment"].update(scope="x" * 6_000_001), "at most 6000000 are taken"),
        (lambda d: d["assessment"].update(period_end="2026-01-01"), "ends before it starts"),
        (
            lambda d: d["questions"][0]["answer"].update(evidence=[uid("no")]),
            "number 1: .* is not in the evidence register",
        ),
        (lambda d: d["risks"][0].update(findings=[uid("no")]), "risks: .* is not in the findings"),
        (lambda d: d["evidence"].append(d["evidence"][0]), "is there twice"),
        (lambda d: d["coverage"].pop(), "has no row; what was never tested is shown too"),
        (lambda d: d["coverage"][0]["cells"].pop(), "one cell per sub-technique"),
        (lambda d: d.update(job_log=job_log(501, None)), "the full register has to be attached"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(change: Callable[[dict[str, Any]], object], message: str) -> None:
    with pytest.raises(FreezeError, match=message):
        validate_freeze(_broken(change))


@pytest.mark.parametrize("value", [None, [], "text", 3])
def test_what_is_no_object_is_no_freeze_document(value: object) -> None:
    with pytest.raises(FreezeError, match="expected an object"):
        validate_freeze(value)
