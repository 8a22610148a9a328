"""Fine-tuning jobs as the API of OpenAI and Azure OpenAI lists them, with their events and checkpoints.

Carriers: pages (`{"object": "list", "data": [...]}`) of `GET /fine_tuning/jobs`, `…/events` and `…/checkpoints`, a list, one
object, one object a line. A job has no member that says who submitted it. Member names: the API's own schema.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from compliance.types.drafts import JobEventDraft
from compliance.types.states import ActionClass, Outcome
from scanning.ingest.base import CERTAIN, NO, Drafts, ParseContext, Parsing
from scanning.ingest.job_drafts import Told, job_event, job_inputs
from scanning.ingest.log_reading import LogScope, read_log
from scanning.ingest.records import Fields, RejectedError, clipped, moment, text_of

SOURCE = "openai_jobs"
JOB, EVENT, CHECKPOINT = "fine_tuning.job", "fine_tuning.job.event", "fine_tuning.job.checkpoint"
_NOTE = (
    "A list holds the jobs that the key's project could see when it was taken. No job, event or checkpoint says who submitted, "
    "by which role and from where; it cannot show that nothing is missing."
)
_OBJECT = re.compile(rb'"object"\s*:\s*"fine_tuning\.job(?:\.event|\.checkpoint)?"')
_ENDS = {"succeeded": Outcome.SUCCESS, "failed": Outcome.FAILED, "cancelled": Outcome.SUCCESS}
_UNKNOWN = ("actor", "role", "source_address", "source_event_id", "account", "region", "job_id")
_SUBMISSION = ("inputs", "base_model", "execution_role")
_INPUTS = (("train", "/training_file"), ("validation", "/validation_file"))
_JOB_IN_MESSAGE = re.compile(r"\bftjob-[\w-]+")
_MODEL_IN_MESSAGE = re.compile(r"\bft:[^\s,;\"']*[^\s,;\"'.]")


@dataclass(slots=True)
class _Scope(LogScope):
    """What the list covers, and what of it was passed over."""

    metrics: int = 0
    without_end: int = 0

    def as_json(self) -> dict[str, Any]:
        return LogScope.as_json(self) | {
            "metric_events_not_kept": self.metrics,
            "ended_jobs_without_time_of_end": self.without_end,
        }


def _draft(
    fields: Fields, told: Told, part: str, identifier: str, locator: str, expected: tuple[str, ...] = ()
) -> JobEventDraft:
    return job_event(
        fields,
        told,
        source=SOURCE,
        event_id=identifier,
        key=(part, identifier),
        locator=locator,
        expected=(*_UNKNOWN, *expected),
    )


def _identifier(fields: Fields, kind: str) -> str:
    identifier = fields.text("source_event_id", "/id")
    if not identifier:
        raise RejectedError(f"it is no {kind}: id is missing")
    return identifier


def _job(value: Mapping[str, Any], locator: str, scope: _Scope) -> tuple[JobEventDraft, ...]:
    """The submission of a job and, once it has ended, its end: two events, so that a later list adds and changes nothing."""
    fields = Fields(value)
    identifier = _identifier(fields, JOB)
    fields.origins |= {"occurred_at": "/created_at", "job_id": "/id", "action": "/object"}
    told = Told(
        occurred_at=moment(value.get("created_at"), "created_at"),
        action=JOB,
        action_class=ActionClass.SUBMIT,
        outcome=Outcome.SUCCESS,
        account=fields.text("account", "/organization_id"),
        job_id=identifier,
        inputs=job_inputs(fields, _INPUTS),
        base_model=fields.text("base_model", "/model"),
    )
    scope.add_at(told.account, "", told.occurred_at)
    submission = _draft(fields, told, "job", identifier, locator, _SUBMISSION)
    end = _end(value, told, identifier, locator, scope)
    return (submission,) if end is None else (submission, end)


def _end(
    value: Mapping[str, Any], submitted: Told, identifier: str, locator: str, scope: _Scope
) -> JobEventDraft | None:
    status = text_of(value.get("status")).lower()
    if status not in _ENDS:
        return None
    if not value.get("finished_at"):
        scope.without_end += 1
        return None
    fields = Fields(value)
    fields.origins |= {"occurred_at": "/finished_at", "job_id": "/id", "source_event_id": "/id", "outcome": "/status"}
    fields.text("action", "/status")
    fields.text("account", "/organization_id")
    told = replace(
        submitted,
        occurred_at=moment(value["finished_at"], "finished_at"),
        action=f"{JOB}:{status}",
        action_class=ActionClass.CANCEL if status == "cancelled" else ActionClass.OTHER,
        outcome=_ENDS[status],
        outcome_detail=_error(fields) if status == "failed" else "",
        inputs=(),
        base_model=fields.text("base_model", "/model"),
        output_model=fields.text("output_model", "/fine_tuned_model"),
    )
    expected = ("output_model",) if status == "succeeded" else ()
    return _draft(fields, told, f"job {status}", identifier, locator, expected)


def _error(fields: Fields) -> str:
    told = (text_of(fields.peek(f"/error/{name}")) for name in ("code", "message"))
    return clipped(": ".join(filter(None, told))) or "failed"


def _event(value: Mapping[str, Any], locator: str, scope: _Scope) -> tuple[JobEventDraft, ...]:
    """A message about a job. What it says of job and model is read from its words; pages of events name neither."""
    fields = Fields(value)
    identifier = _identifier(fields, EVENT)
    when = moment(value.get("created_at"), "created_at")
    message = text_of(value.get("message"))
    job, model = _JOB_IN_MESSAGE.search(message), _MODEL_IN_MESSAGE.search(message)
    fields.origins |= {"occurred_at": "/created_at", "action": "/object"}
    fields.origins |= {name: "/message" for name, found in (("job_id", job), ("output_model", model)) if found}
    told = Told(
        occurred_at=when,
        action=EVENT,
        action_class=ActionClass.OTHER,
        outcome=Outcome.FAILED if value.get("level") == "error" else Outcome.UNKNOWN,
        outcome_detail=message,
        job_id=job.group() if job else "",
        output_model=model.group() if model else "",
    )
    scope.add_at("", "", told.occurred_at)
    if value.get("type") == "metrics":
        scope.metrics += 1
        return ()
    return (_draft(fields, told, "event", identifier, locator),)


def _checkpoint(value: Mapping[str, Any], locator: str, scope: _Scope) -> tuple[JobEventDraft, ...]:
    """A model that a job left on its way; it can be used like the one at its end."""
    fields = Fields(value)
    identifier = _identifier(fields, CHECKPOINT)
    fields.origins |= {"occurred_at": "/created_at", "action": "/object"}
    step = text_of(value.get("step_number"))
    told = Told(
        occurred_at=moment(value.get("created_at"), "created_at"),
        action=CHECKPOINT,
        action_class=ActionClass.OTHER,
        outcome=Outcome.SUCCESS,
        outcome_detail=f"step {step}" if step else "",
        job_id=fields.text("job_id", "/fine_tuning_job_id"),
        output_model=fields.text("output_model", "/fine_tuned_model_checkpoint"),
    )
    scope.add_at("", "", told.occurred_at)
    return (_draft(fields, told, "checkpoint", identifier, locator, ("output_model",)),)


_READERS: Mapping[str, Callable[[Mapping[str, Any], str, _Scope], tuple[JobEventDraft, ...]]] = {
    JOB: _job,
    EVENT: _event,
    CHECKPOINT: _checkpoint,
}


def _read(value: object, locator: str, scope: _Scope) -> tuple[JobEventDraft, ...]:
    """The events that an object stands for. Raises RejectedError."""
    if not isinstance(value, dict):
        raise RejectedError("is not a JSON object")
    reader = _READERS.get(text_of(value.get("object")))
    if reader is None:
        raise RejectedError(f"it is no job, event or checkpoint of fine-tuning: object is {value.get('object')!r:.60}")
    return reader(value, locator, scope)


class OpenaiJobs:
    """The parser. Stateless: one instance serves all."""

    name = SOURCE
    label = "OpenAI and Azure OpenAI fine-tuning jobs (API)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain when objects call themselves fine-tuning jobs, or their events or checkpoints."""
        return CERTAIN if head.lstrip().startswith((b"{", b"[")) and _OBJECT.search(head) else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """Submissions and ends of jobs, messages and checkpoints as drafts. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        scope = _Scope(note=_NOTE)

        def read_record(value: object, locator: str) -> tuple[JobEventDraft, ...]:
            return _read(value, locator, scope)

        return read_log(
            stream,
            context,
            source=SOURCE,
            kind="job, event or checkpoint of fine-tuning",
            array_keys=("data",),
            first_keys=("object", "id"),
            scope=scope,
            read_record=read_record,
        )


PARSER = OpenaiJobs()
