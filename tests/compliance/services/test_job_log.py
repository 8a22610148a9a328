"""Prepared job events: a record's text is spliced in where canonical JSON puts it, whatever it holds."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from compliance.models import Principal
from compliance.services import job_log
from compliance.types.canonical import canonical_json, sha256_hex
from compliance.types.drafts import JobEventDraft, JobInputDraft, PrincipalDraft
from compliance.types.states import ActionClass, Outcome

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    [',"raw_sha256":', '\\",', '"raw":{']
)
_RECORDS = st.dictionaries(
    _TEXT,
    st.recursive(_TEXT | st.integers(0, 9), lambda inner: st.dictionaries(_TEXT, inner, max_size=3), max_leaves=5),
)


def draft(raw: dict[str, Any], text: str = "", session: str = "") -> JobEventDraft:
    content = canonical_json(raw)
    return JobEventDraft(
        source="cloudtrail", source_event_id="1", fingerprint="f" * 64, raw_sha256=sha256_hex(content), raw=raw,
        locator="Records[0]", occurred_at=datetime(2026, 7, 1, tzinfo=UTC), role=text, execution_role="",
        actor=PrincipalDraft(identifier="ada", display="Ada", kind="person", session=session),
        action=text, action_class=ActionClass.SUBMIT, outcome=Outcome.SUCCESS, outcome_detail=text * 200,
        source_address="", account="1", region="", job_id=text, job_name="", output_uri=text,
        inputs=(JobInputDraft(role="train", uri=text),), unknown_fields=("base_model",),
        origins={"raw_sha256": "/x", "raw": text, "action": "/eventName"}, raw_text=content.decode(),
    )  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(_RECORDS, _TEXT, st.sampled_from(["", "ada-session"]))
@example({"raw_sha256": {"raw_sha256": ',"raw_sha256":'}}, ',"raw_sha256":', "s")
def test_a_record_whose_text_is_known_is_prepared_like_one_that_is_written_anew(
    raw: dict[str, Any], text: str, session: str
) -> None:
    actor = Principal(pk=7, pseudonym="person-1", commitment_key=b"k" * 32)
    known = draft(raw, text, session)
    told, anew = (json.loads(job_log.prepare(draft=one, actor=actor)) for one in (known, replace(known, raw_text="")))
    assert told.pop("uuid") != anew.pop("uuid")
    assert told == anew
    assert told["raw"] == raw


@settings(max_examples=60, deadline=None)
@given(_RECORDS, _TEXT)
def test_the_leaf_is_the_digest_of_the_columns_as_canonical_json(raw: dict[str, Any], text: str) -> None:
    actor = Principal(pk=7, pseudonym="person-1", commitment_key=b"k" * 32)
    row = json.loads(job_log.prepare(draft=draft(raw, text), actor=actor))
    apart = {"uuid", "actor_id", "job_key", "leaf"}
    form = {name: value for name, value in row.items() if name not in apart and (value or name != "names_committed")}
    assert row["leaf"] == sha256_hex(canonical_json(form))
    assert form["actor"] == "person-1"
    assert len(form["outcome_detail"]) <= 500
