"""Azure Machine Learning's list of jobs: who made each, from which data and model, and where it wrote to.

Carriers: pages of the REST API `{"value": [...]}` (`properties`, `systemData`), the list that `az ml job list -o json` prints
(`creation_context`, members in snake case), one job, one a line. A list is what the workspace holds now, not a log.
Member names: JobBase of Microsoft.MachineLearningServices, and the job entities of `az ml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import BinaryIO

from compliance.types.drafts import JobEventDraft, JobInputDraft, PrincipalDraft
from compliance.types.states import ActionClass, Outcome
from scanning.ingest.base import CERTAIN, NO, Drafts, ParseContext, Parsing
from scanning.ingest.job_drafts import Told, job_event, job_input, note_inputs
from scanning.ingest.log_reading import LogScope, read_log
from scanning.ingest.records import Fields, RejectedError, each, escaped, moment, object_of, text_of

SOURCE = "azure_ml_jobs"
_NOTE = (
    "A list holds the jobs that the workspace still kept when it was taken, child runs left out; it cannot show that nothing "
    "was deleted."
)
_REST_TYPE = re.compile(rb'"type"\s*:\s*"Microsoft\.MachineLearningServices/workspaces/jobs"', re.IGNORECASE)
_JOB_ID = re.compile(rb'"id"\s*:\s*"(?:azureml:)?/subscriptions/[^"]+/workspaces/[^"/]+/jobs/[^"/]+"', re.IGNORECASE)
_ID = re.compile(r"(?:azureml:)?(/subscriptions/([^/]+)/.+/workspaces/[^/]+/jobs/([^/]+))/?", re.IGNORECASE)
_CREATED = (
    ("/systemData", "createdAt", "createdBy", "createdByType"),
    ("/creation_context", "created_at", "created_by", "created_by_type"),
    ("/creationContext", "createdAt", "createdBy", "createdByType"),
    ("/properties/creationContext", "createdAt", "createdBy", "createdByType"),
)
_INPUTS = (
    ("train", "/properties/fineTuningDetails/trainingData/uri"),
    ("validation", "/properties/fineTuningDetails/validationData/uri"),
    ("base_model", "/properties/fineTuningDetails/model/uri"),
    ("train", "/properties/taskDetails/trainingData/uri"),
    ("validation", "/properties/taskDetails/validationData/uri"),
    ("train", "/training_data/path"),
    ("validation", "/validation_data/path"),
    ("code", "/properties/codeId"),
    ("code", "/properties/environmentId"),
    ("code", "/code"),
    ("code", "/environment"),
)
_OUTPUTS = ("/properties/outputs/*/uri", "/outputs/*/path")
_OUTPUT_MODELS = ("/properties/outputs/*/assetName", "/properties/outputs/*/assetname", "/outputs/*/name")
_IDENTITY = (
    "/properties/identity/resourceId",
    "/properties/identity/clientId",
    "/properties/identity/objectId",
    "/properties/identity/identityType",
    "/identity/client_id",
    "/identity/type",
)
_EXPECTED = (
    "actor", "role", "source_address", "source_event_id", "account", "region", "inputs", "base_model", "output_uri",
    "output_model", "execution_role",
)  # fmt: skip


def _role_of(name: str, kind: str) -> str:
    """What an input is for, by its type and else by the name that people gave it."""
    if "model" in kind.lower():
        return "base_model"
    lowered = name.lower()
    for role, sign in (("train", "train"), ("validation", "val"), ("test", "test")):
        if sign in lowered:
            return role
    return lowered or "input"


def _named_inputs(fields: Fields) -> Iterator[tuple[str, str, str]]:
    """(place, role, address) of the inputs that a job names itself. Literal values are settings, and no data."""
    for pointer, address, kind in (("/properties/inputs", "uri", "jobInputType"), ("/inputs", "path", "type")):
        for name, entry in object_of(fields.peek(pointer)).items():
            stated = object_of(entry)
            if uri := text_of(stated.get(address)):
                yield f"{pointer}/{escaped(name)}/{address}", _role_of(name, text_of(stated.get(kind))), uri


def _inputs(fields: Fields) -> tuple[JobInputDraft, ...]:
    found: dict[JobInputDraft, str] = {}
    for place, role, uri in _named_inputs(fields):
        found.setdefault(job_input(role, uri), place)
    for role, pointer in _INPUTS:
        for place, value in each(fields.record, pointer):
            if uri := text_of(value):
                found.setdefault(job_input(role, uri), place)
    note_inputs(fields, found.values())
    return tuple(found)


def _base_model(fields: Fields, inputs: tuple[JobInputDraft, ...]) -> str:
    for place, entry in enumerate(inputs):
        if entry.role == "base_model":
            fields.origins["base_model"] = fields.origins[f"inputs/{place}"]
            return entry.uri
    return ""


def _actor(fields: Fields) -> PrincipalDraft | None:
    """Who made the job: a display name, which two people may share, or the id of an application."""
    identifier = fields.text("actor", *(f"{place}/{by}" for place, _, by, _ in _CREATED))
    if not identifier:
        return None
    kinds = (text_of(fields.peek(f"{place}/{kind}")) for place, _, _, kind in _CREATED)
    return PrincipalDraft(identifier=identifier, display=identifier, kind=next(filter(None, kinds), "Unknown"))


def _told(fields: Fields, when: datetime, found: re.Match[str]) -> Told:
    """found: the parts of the job's id: the id as Azure Resource Manager writes it, subscription, and name."""
    inputs = _inputs(fields)
    kind = fields.text("action", "/properties/jobType", "/jobType", "/type")
    fields.origins |= {"job_id": "/id", "job_name": "/id", "account": "/id"}
    return Told(
        occurred_at=when,
        action=f"job:{kind or 'unknown'}",
        action_class=ActionClass.SUBMIT,
        outcome=Outcome.SUCCESS,
        actor=_actor(fields),
        account=found[2].lower(),
        job_id=found[1].lower(),
        job_name=found[3],
        inputs=inputs,
        base_model=_base_model(fields, inputs),
        output_uri=fields.text("output_uri", *_OUTPUTS),
        output_model=fields.text("output_model", *_OUTPUT_MODELS),
        execution_role=fields.text("execution_role", *_IDENTITY),
    )


def _read(value: object, locator: str, scope: LogScope) -> JobEventDraft:
    """The making of a job. Raises RejectedError."""
    if not isinstance(value, dict):
        raise RejectedError("is not a JSON object")
    fields = Fields(value)
    event_id = fields.text("source_event_id", "/id")
    found = _ID.fullmatch(event_id)
    if not found:
        raise RejectedError("it is no job of Azure Machine Learning: id is missing or of another kind of resource")
    stated = (f"{place}/{at}" for place, at, _, _ in _CREATED if fields.peek(f"{place}/{at}"))
    created = next(stated, "/systemData/createdAt")
    when = moment(fields.peek(created), created[1:])
    fields.origins["occurred_at"] = created
    scope.add_at(found[2].lower(), "", when)
    told = _told(fields, when, found)
    key = (told.job_id, when.isoformat())
    return job_event(fields, told, source=SOURCE, event_id=event_id, key=key, locator=locator, expected=_EXPECTED)


class AzureMlJobs:
    """The parser. Stateless: one instance serves all."""

    name = SOURCE
    label = "Azure Machine Learning jobs (REST or az ml job list)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain when entries have the type of jobs, or say who made a job."""
        if not head.lstrip().startswith((b"{", b"[")):
            return NO
        listed = _JOB_ID.search(head) and (b'"creation_context"' in head or b'"creationContext"' in head)
        return CERTAIN if listed or _REST_TYPE.search(head) else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """The making of each job as a draft. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        scope = LogScope(note=_NOTE)

        def read_record(value: object, locator: str) -> JobEventDraft:
            return _read(value, locator, scope)

        return read_log(
            stream,
            context,
            source=SOURCE,
            kind="job of Azure Machine Learning",
            array_keys=("value",),
            first_keys=("id", "creation_context", "name", "code", "compute"),
            scope=scope,
            read_record=read_record,
        )


PARSER = AzureMlJobs()
