"""AWS CloudTrail: fine-tune operations of SageMaker and Bedrock and changes of rights, from any carrier of CloudTrail records.

Carriers: a log file `{"Records": [...]}` (gzip or plain), a bare list, one record, one record a line, EventBridge (`detail`),
and LookupEvents (`CloudTrailEvent`, JSON in a string). Field names: AWS CloudTrail record contents, event version 1.11.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import BinaryIO

from compliance.types.drafts import JobEventDraft, JobInputDraft, PrincipalDraft
from compliance.types.states import ActionClass, Outcome
from scanning.ingest.base import CERTAIN, LIKELY, NO, Drafts, ParseContext, Parsing
from scanning.ingest.cloudtrail_grants import GRANTS
from scanning.ingest.cloudtrail_operations import BEDROCK, EXTRA, OPERATIONS, SAGEMAKER, Operation, pointer_of
from scanning.ingest.cloudtrail_sieve import is_time, sieve
from scanning.ingest.job_drafts import Told, job_event, job_input, note_inputs, without_secrets
from scanning.ingest.jsonrecords import Framed, decode_record
from scanning.ingest.limits import BoundedReader
from scanning.ingest.log_reading import LogScope, log_reader, read_log, read_records
from scanning.ingest.records import (
    Fields,
    Record,
    RejectedError,
    clipped,
    each,
    list_of,
    moment,
    object_of,
    raw_digest,
    text_of,
)

SOURCE = "cloudtrail"
_IDENTIFIERS = ("arn", "principalId", "accountId", "onBehalfOf/userId", "invokedBy")
_DENIED = ("AccessDenied", "Unauthorized", "NotAuthorized", "Forbidden")
_CHANNEL_ROLES = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "val": "validation",
    "test": "test",
    "model": "base_model",
    "base_model": "base_model",
    "pretrained_model": "base_model",
    "code": "code",
}
_TOLD = ("recipientAccountId", "awsRegion", "eventTime", "eventName", "eventSource")
_SMALL = 16 << 20  # decompressed; a file as CloudTrail delivers it is a few MB at most
_NOTE = "A log file holds what was delivered; only an unbroken digest chain shows that nothing is missing."
# Only what the caller or the service wrote is searched for secrets: identifiers of people stay as they are.
_SEARCHED = ("requestParameters", "responseElements", "errorMessage", "additionalEventData", "serviceEventDetails")


@dataclass(slots=True)
class _Scope(LogScope):
    """What the log covers; knows records of other services by their text alone. watched: names of events that are kept."""

    watched: frozenset[str] = frozenset()
    watched_names: frozenset[bytes] = frozenset()

    def can_skip(self, text: str, start: int, end: int) -> bool:
        """Whether text[start:end] is surely a record of an operation that is not kept; if so, count it and note what it covers.

        A cheap test that errs on the side of decoding: any mention of a service watched, an event by a name that is kept, an
        escape that could hide one, braces that do not balance, or a field that is not where CloudTrail writes it.
        """
        record = text[start:end]
        if SAGEMAKER in record or BEDROCK in record or "\\u" in record or record.count("{") != record.count("}"):
            return False
        found = [_between(record, f'"{name}":"') for name in _TOLD]
        if (
            found[3] in self.watched
            or not is_time(found[2].encode("ascii", "replace"))
            or any(record.count(f'"{name}"') != 1 for name in _TOLD)
        ):
            return False
        if "" in found or '"Records"' in record or '"Events"' in record or '"CloudTrailEvent"' in record:
            return False
        self.add(found[0], found[1], found[2])
        self.passed_over += 1
        return True


def _between(record: str, opening: str) -> str:
    start = record.find(opening)
    if start < 0:
        return ""
    start += len(opening)
    end = record.find('"', start, start + 64)
    return record[start:end] if end > 0 else ""


def _unwrap(value: object) -> Record:
    """The record inside its carrier. Raises RejectedError where there is none."""
    if not isinstance(value, dict):
        raise RejectedError("is not a JSON object")
    inner = value.get("CloudTrailEvent")
    if isinstance(inner, str):
        try:
            value = json.loads(inner)
        except (ValueError, RecursionError) as error:
            raise RejectedError(f"its CloudTrailEvent is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise RejectedError("its CloudTrailEvent is not a JSON object")
    detail = value.get("detail")
    if isinstance(detail, dict) and "eventName" not in value:
        value = detail
    if "digestS3Object" in value and "logFiles" in value:
        raise RejectedError(
            "it is a CloudTrail digest, which signs log files and holds no events; import the log files"
        )
    for name in ("eventSource", "eventName", "eventTime"):
        if not isinstance(value.get(name), str) or not value[name]:
            raise RejectedError(f"it is no CloudTrail record: {name} is missing")
    return value


def _actor(fields: Fields) -> PrincipalDraft | None:
    """Who acted. The session name is chosen by the caller and can be forged; a source identity cannot be changed once set."""
    identity = object_of(fields.record.get("userIdentity"))
    arn = text_of(identity.get("arn"))
    session = arn.rpartition("/")[2] if ":assumed-role/" in arn or ":federated-user/" in arn else ""
    source = text_of(object_of(identity.get("sessionContext")).get("sourceIdentity"))
    on_behalf = text_of(object_of(identity.get("onBehalfOf")).get("userId")) or text_of(identity.get("invokedBy"))
    names = (source, session, text_of(identity.get("userName")), arn.rpartition("/")[2], on_behalf)
    identifier = fields.text("actor", *(f"/userIdentity/{name}" for name in _IDENTIFIERS))
    if not identifier:
        return None
    return PrincipalDraft(
        identifier=identifier,
        display=next(filter(None, names), identifier),
        kind=text_of(identity.get("type")) or "Unknown",
        session=session,
        on_behalf_of=on_behalf,
    )


def _outcome(record: Record) -> tuple[Outcome, str]:
    code = text_of(record.get("errorCode"))
    if not code:
        return Outcome.SUCCESS, ""
    detail = clipped(f"{code}: {text_of(record.get('errorMessage'))}".rstrip(": "))
    denied = any(word in code for word in _DENIED)
    return (Outcome.DENIED if denied else Outcome.FAILED), detail


def _channels(parameters: Record) -> Iterator[tuple[str, JobInputDraft]]:
    """Inputs of a SageMaker training job, by channel: an S3 prefix, a path on a file system, or a data set."""
    for index, channel in enumerate(list_of(parameters.get("inputDataConfig"))):
        name = text_of(object_of(channel).get("channelName")).lower()
        role = _CHANNEL_ROLES.get(name, name or "unnamed channel")
        source = object_of(object_of(channel).get("dataSource"))
        system = object_of(source.get("fileSystemDataSource"))
        stated = (
            ("s3DataSource/s3Uri", text_of(object_of(source.get("s3DataSource")).get("s3Uri"))),
            ("datasetSource/datasetArn", text_of(object_of(source.get("datasetSource")).get("datasetArn"))),
            ("fileSystemDataSource", "".join(text_of(system.get(n)) for n in ("fileSystemId", "directoryPath"))),
        )
        for place, uri in stated:
            if uri:
                pointer = f"/requestParameters/inputDataConfig/{index}/dataSource/{place}"
                yield pointer, JobInputDraft(role=role, uri=without_secrets(uri))
                break


def _inputs(fields: Fields, action: str, operation: Operation, parameters: Record) -> tuple[JobInputDraft, ...]:
    found: dict[JobInputDraft, str] = {}
    for pointer, entry in _channels(parameters) if action == "sagemaker:CreateTrainingJob" else ():
        found.setdefault(entry, pointer)
    for role, path in operation.inputs:
        for pointer, value in each(parameters, pointer_of(path)):
            if isinstance(value, str) and value:
                found.setdefault(job_input(role, clipped(value)), f"/requestParameters{pointer}")
    note_inputs(fields, found.values())
    return tuple(found)


def _first(fields: Fields, field: str, paths: tuple[str, ...]) -> str:
    return fields.text(
        field,
        *(
            f"/{'responseElements' if path.startswith('<') else 'requestParameters'}{pointer_of(path.removeprefix('<'))}"
            for path in paths
        ),
    )


def _base_model(fields: Fields, operation: Operation, inputs: tuple[JobInputDraft, ...]) -> str:
    if stated := _first(fields, "base_model", operation.base_models):
        return stated
    for place, entry in enumerate(inputs):
        if entry.role == "base_model":
            fields.origins["base_model"] = fields.origins[f"inputs/{place}"]
            return entry.uri
    return ""


def _class(action: str, operation: Operation, parameters: Record) -> ActionClass:
    if action == "sagemaker:UpdateModelPackage" and not parameters.get("modelApprovalStatus"):
        return ActionClass.OTHER
    return operation.action_class


def _draft(record: Record, action: str, operation: Operation, when: datetime, locator: str) -> JobEventDraft:
    fields = Fields(record)
    parameters = object_of(record.get("requestParameters"))
    inputs = _inputs(fields, action, operation, parameters)
    outcome, outcome_detail = _outcome(record)
    account = fields.text("account", "/recipientAccountId", "/userIdentity/accountId")
    event_id = fields.text("source_event_id", "/eventID")
    fields.origins |= {"occurred_at": "/eventTime", "action": "/eventName"}
    fields.origins |= {} if outcome is Outcome.SUCCESS else {"outcome": "/errorCode"}
    told = Told(
        occurred_at=when,
        actor=_actor(fields),
        role=fields.text("role", "/userIdentity/sessionContext/sessionIssuer/arn"),
        source_address=fields.text("source_address", "/sourceIPAddress"),
        account=account,
        region=fields.text("region", "/awsRegion"),
        job_id=_first(fields, "job_id", operation.ids),
        job_name=_first(fields, "job_name", operation.names),
        inputs=inputs,
        base_model=_base_model(fields, operation, inputs),
        output_uri=_first(fields, "output_uri", operation.outputs),
        output_model=_first(fields, "output_model", operation.output_models),
        execution_role=_first(fields, "execution_role", operation.execution_roles),
        action=action,
        action_class=_class(action, operation, parameters),
        outcome=outcome,
        outcome_detail=outcome_detail,
    )
    # Whoever acts as a user and not through a role has no role to state; a denied or failed call made nothing with an id.
    expected = ["actor", "source_address", "source_event_id", "region"]
    expected += ["role"] if object_of(record.get("userIdentity")).get("type") == "AssumedRole" else []
    expected += ["job_id"] if operation.ids and outcome is Outcome.SUCCESS else []
    key = (account, event_id) if event_id else (account, "", raw_digest(record))
    return job_event(
        fields,
        told,
        source=SOURCE,
        event_id=event_id,
        key=key,
        locator=locator,
        expected=(*expected, *operation.expected),
        searched=_SEARCHED,
    )


class CloudTrail:
    """The parser. Stateless: one instance serves all."""

    name = SOURCE
    label = "AWS CloudTrail log (JSON, gzip or plain)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain when records show CloudTrail's own members; likely for an empty list of records."""
        start = head.lstrip()
        if not start.startswith((b"{", b"[")):
            return NO
        if b'"CloudTrailEvent"' in head:
            return CERTAIN
        if b'"eventSource"' in head and b'"eventName"' in head and (b'"eventID"' in head or b'"eventVersion"' in head):
            return CERTAIN - 10
        compact = start[:200].replace(b" ", b"").replace(b"\n", b"").replace(b"\t", b"").replace(b"\r", b"")
        if (
            compact.startswith((b'{"Records":[]', b'{"Records":[{"eventVersion"', b'{"Events":[]'))
            or b'"eventVersion"' in head
        ):
            return LIKELY
        return NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """Fine-tune events as drafts, the records of every other operation counted. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        operations, watched, names = _watching(context.extra_operations)
        scope = _Scope(note=_NOTE, watched=watched, watched_names=names)

        def read_record(value: object, locator: str) -> JobEventDraft | None:
            return _read(value, locator, operations, scope)

        reader = log_reader(stream, context)
        records = _sieved(reader, context, scope)
        if records is not None:
            return read_records(
                records, context, source=SOURCE, kind="CloudTrail record", scope=scope, read_record=read_record
            )
        return read_log(
            reader,
            context,
            source=SOURCE,
            kind="CloudTrail record",
            array_keys=("Records", "Events"),
            first_keys=("eventVersion", "EventId"),
            scope=scope,
            read_record=read_record,
            can_skip=scope.can_skip,
        )


@cache
def _watching(extra: tuple[str, ...]) -> tuple[Mapping[str, Operation], frozenset[str], frozenset[bytes]]:
    """Operations that are kept, and the names of their events, as text and as bytes."""
    operations = {**dict.fromkeys(extra, EXTRA), **GRANTS, **OPERATIONS}
    watched = frozenset(name.rpartition(":")[2] for name in operations)
    return operations, watched, frozenset(name.encode() for name in watched)


def _sieved(reader: BoundedReader, context: ParseContext, scope: _Scope) -> list[Framed] | None:
    """The records of a file that matter, where the file is small and written as CloudTrail writes; the others are counted."""
    content = reader.whole(_SMALL)
    found = sieve(content, scope.watched_names) if content else None
    if content is None or found is None:
        return None
    try:
        records = [
            Framed(f"Records[{index}]", decode_record(content[start:end]), offset=start, raw=content[start:end])
            for index, start, end in found.spans
        ]
    except (ValueError, RecursionError):
        return None
    scope.passed_over += found.read - len(records)
    if found.first:
        scope.accounts |= found.accounts
        scope.regions |= found.regions
        scope.first, scope.last = found.first, found.last
    return records


def _read(value: object, locator: str, operations: Mapping[str, Operation], scope: LogScope) -> JobEventDraft | None:
    """The draft of a record, or None when the record is of another operation. Raises RejectedError."""
    record = _unwrap(value)
    when = moment(record["eventTime"], "eventTime")
    scope.add(text_of(record.get("recipientAccountId")), text_of(record.get("awsRegion")), record["eventTime"])
    action = f"{record['eventSource'].partition('.')[0]}:{record['eventName']}"
    operation = operations.get(action)
    return _draft(record, action, operation, when, locator) if operation else None


PARSER = CloudTrail()
