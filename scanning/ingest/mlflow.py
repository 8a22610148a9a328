"""MLflow runs: what the client of a tracking server wrote down about a training run. A tracking record, no audit log.

Carriers: the answers of `runs/get` and `runs/search`, `Run.to_dictionary()` as JSON, a list of these, one a line.
Whoever may write to the server may write any user, parameter or data set into a run: every field is the client's word.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO

from compliance.types.canonical import NotCanonicalError, digest_of
from compliance.types.drafts import JobEventDraft, JobInputDraft, PrincipalDraft
from compliance.types.states import ActionClass, Outcome
from scanning.ingest.base import CERTAIN, NO, Drafts, ParseContext, Parsing
from scanning.ingest.job_drafts import Told, job_event, note_inputs, without_secrets
from scanning.ingest.log_reading import LogScope, read_log
from scanning.ingest.records import (
    Fields,
    Record,
    RejectedError,
    clipped,
    escaped,
    list_of,
    moment,
    object_of,
    text_of,
    within_text,
)

SOURCE = "mlflow"
ACTION = "mlflow:run"
_NOTE = (
    "Runs of a tracking server are written by its clients: user, parameters and data sets are what they claimed, a run can be "
    "changed or deleted afterwards, and training that was never tracked does not appear."
)
_OUTCOMES = {"FINISHED": Outcome.SUCCESS, "FAILED": Outcome.FAILED, "KILLED": Outcome.FAILED}
# Names are free; these are the ones that trainers and people commonly give.
_BASE_MODELS = (
    "base_model",
    "base_model_name",
    "base_model_name_or_path",
    "model_name_or_path",
    "pretrained_model_name_or_path",
    "_name_or_path",
)
_DATA = {
    "train_data": "train",
    "training_data": "train",
    "train_file": "train",
    "train_dataset": "train",
    "train_path": "train",
    "dataset_name": "train",
    "validation_data": "validation",
    "validation_file": "validation",
    "eval_data": "validation",
    "eval_dataset": "validation",
}
_CONTEXTS = {"training": "train", "train": "train", "validation": "validation", "eval": "validation", "test": "test"}
_CONTEXT = "mlflow.data.context"
_ADDRESS = ("uri", "url", "path", "table", "source")


@dataclass(slots=True)
class _Scope(LogScope):
    """What the runs cover: the experiments they belong to."""

    experiments: set[str] = field(default_factory=set)

    def as_json(self) -> dict[str, Any]:
        return LogScope.as_json(self) | {"experiments": sorted(self.experiments - {""})[:1000]}


@dataclass(frozen=True, slots=True)
class _Run:
    """A run and where it stands in its record ("" or "/run"). params, tags: name -> (value, pointer)."""

    fields: Fields
    root: str
    params: Mapping[str, tuple[str, str]]
    tags: Mapping[str, tuple[str, str]]

    def info(self, name: str) -> str:
        """A member of `info` as text."""
        return text_of(self.fields.peek(f"{self.root}/info/{name}"))


def _pairs(fields: Fields, pointer: str) -> dict[str, tuple[str, str]]:
    """Settings, which are an object in Python's form and a list of {"key", "value"} in that of the API."""
    value = fields.peek(pointer)
    if isinstance(value, dict):
        return {name: (text_of(found), f"{pointer}/{escaped(name)}") for name, found in value.items()}
    entries = ((place, object_of(entry)) for place, entry in enumerate(list_of(value)))
    return {
        text_of(entry.get("key")): (text_of(entry.get("value")), f"{pointer}/{place}/value") for place, entry in entries
    }


def _run_of(record: Record) -> _Run:
    root = "/run" if isinstance(record.get("run"), dict) else ""
    fields = Fields(record)
    if not text_of(fields.peek(f"{root}/info/run_id")) and not text_of(fields.peek(f"{root}/info/run_uuid")):
        raise RejectedError("it is no run of MLflow: info.run_id is missing")
    return _Run(
        fields=fields,
        root=root,
        params=_pairs(fields, f"{root}/data/params"),
        tags=_pairs(fields, f"{root}/data/tags"),
    )


def _actor(run: _Run) -> PrincipalDraft | None:
    """The user whom the client named. The identifier says so, so that nobody is credited with what others claimed."""
    name, place = run.tags.get("mlflow.user", ("", ""))
    if not name:
        name, place = run.info("user_id"), f"{run.root}/info/user_id"
    if not name:
        return None
    run.fields.origins["actor"] = place
    return PrincipalDraft(identifier=f"mlflow.user/{name}", display=name, kind="ClientAsserted")


def _source_address(value: object) -> str:
    """Where a data set lies: its source is an address, or JSON with one; else what stands there."""
    found = object_of(within_text(value))
    return next(filter(None, (text_of(found.get(name)) for name in _ADDRESS)), "") or text_of(value)


def _role(entry: Record) -> str:
    contexts = (text_of(object_of(tag).get("value")) for tag in list_of(entry.get("tags")) if _is_context(tag))
    named = next(contexts, "")
    return _CONTEXTS.get(named.lower(), named or "dataset")


def _is_context(tag: object) -> bool:
    return text_of(object_of(tag).get("key")) == _CONTEXT


def _datasets(run: _Run) -> Iterator[tuple[JobInputDraft, str]]:
    """Data sets that were logged. MLflow's digest is its own short one, no SHA-256, and is marked as such."""
    pointer = f"{run.root}/inputs/dataset_inputs"
    for place, entry in enumerate(list_of(run.fields.peek(pointer))):
        dataset = object_of(object_of(entry).get("dataset"))
        uri = _source_address(dataset.get("source")) or text_of(dataset.get("name"))
        if not uri:
            continue
        digest = text_of(dataset.get("digest"))
        yield (
            JobInputDraft(
                role=clipped(_role(object_of(entry))),
                uri=without_secrets(uri),
                digest=f"mlflow:{digest}" if digest else "",
            ),
            f"{pointer}/{place}/dataset",
        )


def _others(run: _Run) -> Iterator[tuple[JobInputDraft, str]]:
    """Models that went in, data that parameters name, and the code."""
    pointer = f"{run.root}/inputs/model_inputs"
    for place, entry in enumerate(list_of(run.fields.peek(pointer))):
        if name := text_of(object_of(entry).get("model_id")):
            yield JobInputDraft(role="model", uri=name), f"{pointer}/{place}/model_id"
    for name, role in _DATA.items():
        value, place_of = run.params.get(name, ("", ""))
        if value:
            yield JobInputDraft(role=role, uri=without_secrets(value)), place_of
    code, code_at = run.tags.get("mlflow.source.name", ("", ""))
    commit = run.tags.get("mlflow.source.git.commit", ("", ""))[0]
    if code:
        yield JobInputDraft(role="code", uri=without_secrets(code), digest=f"git:{commit}" if commit else ""), code_at


def _inputs(run: _Run) -> tuple[JobInputDraft, ...]:
    found: dict[JobInputDraft, str] = {}
    for entry, place in (*_datasets(run), *_others(run)):
        found.setdefault(entry, place)
    note_inputs(run.fields, found.values())
    return tuple(found)


def _base_model(run: _Run) -> str:
    for name in _BASE_MODELS:
        value, place = run.params.get(name, ("", ""))
        if value:
            run.fields.origins["base_model"] = place
            return value
    return ""


def _outcome(run: _Run) -> tuple[Outcome, str]:
    status, deleted = run.fields.text("outcome", f"{run.root}/info/status"), run.info("lifecycle_stage") == "deleted"
    words = (status, "deleted on the server since" if deleted else "")
    return _OUTCOMES.get(status, Outcome.UNKNOWN), ", ".join(filter(None, words))


def _told(run: _Run, when: datetime) -> Told:
    outcome, detail = _outcome(run)
    fields, root = run.fields, run.root
    return Told(
        occurred_at=when,
        action=ACTION,
        action_class=ActionClass.SUBMIT,
        outcome=outcome,
        outcome_detail=detail,
        actor=_actor(run),
        job_id=fields.text("job_id", f"{root}/info/run_id", f"{root}/info/run_uuid"),
        job_name=fields.text("job_name", f"{root}/info/run_name"),
        inputs=_inputs(run),
        base_model=_base_model(run),
        output_uri=fields.text("output_uri", f"{root}/info/artifact_uri"),
        output_model=fields.text("output_model", f"{root}/outputs/model_outputs/*/model_id"),
    )


def _key(run: _Run, job_id: str) -> tuple[str, str]:
    """A run as it stood: of the same run, another status or other claims are another event. Metrics grow, and do not count."""
    claims = {part: run.fields.peek(f"{run.root}/{part}") for part in ("info", "inputs", "outputs")}
    for part, pairs in (("params", run.params), ("tags", run.tags)):
        claims[part] = {name: value for name, (value, _) in pairs.items()}
    try:
        return job_id, digest_of(claims)
    except NotCanonicalError as error:
        raise RejectedError(f"it cannot be kept as it is: {error} (is the file UTF-8?)") from error


def _read(value: object, locator: str, scope: _Scope) -> JobEventDraft:
    """The draft of a run. Raises RejectedError."""
    if not isinstance(value, dict):
        raise RejectedError("is not a JSON object")
    run = _run_of(value)
    when = moment(run.fields.peek(f"{run.root}/info/start_time"), "info.start_time")
    run.fields.origins["occurred_at"] = f"{run.root}/info/start_time"
    scope.add("", "", f"{when.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z")
    scope.experiments.add(run.info("experiment_id"))
    told = _told(run, when)
    return job_event(
        run.fields,
        told,
        source=SOURCE,
        event_id=told.job_id,
        key=_key(run, told.job_id),
        locator=locator,
        expected=(
            *("actor", "role", "source_address", "account", "region", "inputs", "base_model", "output_uri"),
            *("output_model", "execution_role"),
        ),
    )


class Mlflow:
    """The parser. Stateless: one instance serves all."""

    name = SOURCE
    label = "MLflow runs (tracking records, JSON)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain when a run has an id, an experiment and a life cycle."""
        if not head.lstrip().startswith((b"{", b"[")) or b'"info"' not in head:
            return NO
        named = all(name in head for name in (b'"experiment_id"', b'"lifecycle_stage"'))
        return CERTAIN if named and (b'"run_id"' in head or b'"run_uuid"' in head) else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """Every run as a draft. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        scope = _Scope(note=_NOTE)

        def read_record(value: object, locator: str) -> JobEventDraft:
            return _read(value, locator, scope)

        return read_log(
            stream,
            context,
            source=SOURCE,
            kind="run of MLflow",
            array_keys=("runs",),
            first_keys=("info", "run"),
            scope=scope,
            read_record=read_record,
        )


PARSER = Mlflow()
