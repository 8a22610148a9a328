"""From the fields of one record to a job event in normal form, by the same rules for every log."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from compliance.types.canonical import digest_of, sha256_hex
from compliance.types.drafts import JobEventDraft, JobInputDraft, PrincipalDraft
from compliance.types.states import ActionClass, Outcome
from scanning.ingest.records import Fields, Record, RejectedError, clipped, each, raw_content, text_of
from scanning.ingest.redaction import REDACTED, looks_secret, redact

# What a submission should tell, if its source can.
SUBMISSION = ("actor", "source_address", "job_id", "inputs", "base_model", "output_uri", "execution_role")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a record told. Texts are "" where it told nothing; see JobEventDraft for their meaning."""

    occurred_at: datetime
    action: str
    action_class: ActionClass
    outcome: Outcome
    outcome_detail: str = ""
    actor: PrincipalDraft | None = None
    role: str = ""
    execution_role: str = ""
    source_address: str = ""
    account: str = ""
    region: str = ""
    job_id: str = ""
    job_name: str = ""
    inputs: tuple[JobInputDraft, ...] = ()
    base_model: str = ""
    output_uri: str = ""
    output_model: str = ""


def job_inputs(fields: Fields, paths: Iterable[tuple[str, str]]) -> tuple[JobInputDraft, ...]:
    """Inputs at (role, pointer), each once; a digest behind `@sha256:` is read. Origins: `inputs/0` and so on."""
    found: dict[JobInputDraft, str] = {}
    for role, pointer in paths:
        for place, value in each(fields.record, pointer):
            if uri := text_of(value):
                found.setdefault(job_input(role, uri), place)
    note_inputs(fields, found.values())
    return tuple(found)


def job_input(role: str, uri: str) -> JobInputDraft:
    """One input, without secrets in its address."""
    _, _, digest = uri.partition("@sha256:")
    return JobInputDraft(role=role, uri=without_secrets(uri), digest=clipped(digest))


def note_inputs(fields: Fields, places: Iterable[str]) -> None:
    """Note where the inputs stood, in their order."""
    fields.origins.update({f"inputs/{place}": origin for place, origin in enumerate(places)})


def job_event(
    fields: Fields,
    told: Told,
    *,
    source: str,
    event_id: str,
    key: Sequence[str],
    locator: str,
    expected: Iterable[str],
    searched: Sequence[str] | None = None,
    free_form: Collection[str] = (),
) -> JobEventDraft:
    """The event of a record. Raises RejectedError for a record that cannot be kept.

    key: what makes the event the same wherever it is delivered, () for a source without ids: then the whole record does;
    expected: fields that such an event should fill, those left empty are reported as not recorded by the source;
    searched: top-level members that are searched for secrets, None for all; free_form: those whose names people chose.
    """
    content = raw_content(fields.record)
    raw_sha256 = sha256_hex(content)
    raw, redacted = redacted_record(fields.record, searched, free_form)
    return JobEventDraft(
        source=source,
        source_event_id=event_id,
        fingerprint=digest_of([source, *(key or ("", raw_sha256))]),
        raw_sha256=raw_sha256,
        raw=raw,
        locator=locator,
        occurred_at=told.occurred_at,
        actor=told.actor,
        role=told.role,
        execution_role=told.execution_role,
        action=told.action,
        action_class=told.action_class,
        outcome=told.outcome,
        outcome_detail=without_secrets(told.outcome_detail),
        source_address=told.source_address,
        account=told.account,
        region=told.region,
        job_id=told.job_id,
        job_name=told.job_name,
        inputs=told.inputs,
        base_model=without_secrets(told.base_model),
        output_uri=without_secrets(told.output_uri),
        output_model=told.output_model,
        unknown_fields=_unstated(told, event_id, expected),
        redacted_fields=redacted,
        origins=dict(fields.origins),
        raw_text="" if redacted else content.decode(),
    )


def without_secrets(text: str) -> str:
    """Text with what looks like a credential taken out."""
    return str(redact(text, "")[0]) if text else ""


def _unstated(told: Told, event_id: str, expected: Iterable[str]) -> tuple[str, ...]:
    """Those of the expected fields that nothing was told about, each once."""
    values = {"source_event_id": event_id, **{name: getattr(told, name) for name in Told.__slots__}}
    return tuple(name for name in dict.fromkeys(expected) if not _is_stated(values[name]))


def _is_stated(value: object) -> bool:
    """Whether a field says anything. Code alone is no statement of what a job was trained on."""
    if isinstance(value, tuple):
        return any(entry.role not in ("code", "checkpoint") for entry in value)
    return bool(value)


def redacted_record(
    record: Record, searched: Sequence[str] | None, free_form: Collection[str] = ()
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The record to store, and the paths of what was taken out. Raises RejectedError for one too deep to be searched."""
    copy, found = dict(record), list[str]()
    for part in record if searched is None else searched:
        if part in copy:
            try:
                copy[part], paths = _redacted(part, copy[part], free_form=part in free_form)
            except RecursionError as error:
                raise RejectedError("it is nested too deeply to be searched for secrets") from error
            found.extend(paths)
    return copy, tuple(found)


def _redacted(part: str, value: object, *, free_form: bool) -> tuple[Any, tuple[str, ...]]:
    if free_form and looks_secret(part) and value not in (None, "", {}, []):
        return REDACTED, (part,)
    return redact(value, part, free_form=free_form)
