"""AWS CloudTrail: fine-tune operations of SageMaker and Bedrock, from any carrier of CloudTrail records.

Carriers: a log file `{"Records": [...]}` (gzip or plain), a bare list, one record, one record a line, EventBridge (`detail`),
and LookupEvents (`CloudTrailEvent`, JSON in a string). Field names: AWS CloudTrail record contents, event version 1.11.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, BinaryIO

from compliance.types.canonical import NotCanonicalError, canonical_json_of_parsed, digest_of, sha256_hex
from compliance.types.drafts import JobEventDraft, JobInputDraft, ParseSummary, PrincipalDraft, Reject
from compliance.types.errors import BadInputError
from compliance.types.states import ActionClass, Outcome
from scanning.ingest.base import CERTAIN, LIKELY, NO, Drafts, ParseContext, Parsing
from scanning.ingest.cloudtrail_operations import BEDROCK, EXTRA, OPERATIONS, SAGEMAKER, Operation, pick
from scanning.ingest.jsonrecords import Framed, JsonRecords
from scanning.ingest.limits import BoundedReader
from scanning.ingest.redaction import redact

SOURCE = "cloudtrail"
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
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_LONGEST = 1024
_SCOPE_LIMIT = 1000

Record = Mapping[str, Any]


class _RejectedError(Exception):
    """This record cannot be taken; the message says why."""


@dataclass(slots=True)
class _Scope:
    """What the document covers, gathered from every record in it, whether it matters here or not."""

    accounts: set[str] = field(default_factory=set)
    regions: set[str] = field(default_factory=set)
    first: str = ""
    last: str = ""
    passed_over: int = 0

    def add(self, account: str, region: str, time: str) -> None:
        if len(self.accounts) < _SCOPE_LIMIT:
            self.accounts.add(account)
        if len(self.regions) < _SCOPE_LIMIT:
            self.regions.add(region)
        self.first = min(self.first or time, time)
        self.last = max(self.last, time)

    def can_skip(self, text: str, start: int, end: int) -> bool:
        """Whether text[start:end] is surely a record of another service; if so, count it and note what it covers.

        A cheap test that errs on the side of decoding: any mention of a service watched, an escape that could hide one,
        braces that do not balance, or a field that is not where CloudTrail writes it.
        """
        record = text[start:end]
        if SAGEMAKER in record or BEDROCK in record or "\\u" in record or record.count("{") != record.count("}"):
            return False
        found = [_between(record, name) for name in ('"recipientAccountId":"', '"awsRegion":"', '"eventTime":"')]
        if "" in found or '"Records"' in record or '"Events"' in record or '"CloudTrailEvent"' in record:
            return False
        self.add(found[0], found[1], found[2])
        self.passed_over += 1
        return True

    def as_json(self) -> dict[str, Any]:
        return {
            "accounts": sorted(self.accounts - {""}),
            "regions": sorted(self.regions - {""}),
            "first_event": self.first,
            "last_event": self.last,
            "complete": False,
            "note": "A log file holds what was delivered; only an unbroken digest chain shows that nothing is missing.",
        }


def _between(record: str, opening: str) -> str:
    start = record.find(opening)
    if start < 0:
        return ""
    start += len(opening)
    end = record.find('"', start, start + 64)
    return record[start:end] if end > 0 else ""


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _text(value: object) -> str:
    return _cut(value) if isinstance(value, str) else ""


def _object(value: object) -> Record:
    return value if isinstance(value, dict) else {}


def _unwrap(value: object) -> Record:
    """The record inside its carrier. Raises _RejectedError where there is none."""
    if not isinstance(value, dict):
        raise _RejectedError("is not a JSON object")
    inner = value.get("CloudTrailEvent")
    if isinstance(inner, str):
        try:
            value = json.loads(inner)
        except (ValueError, RecursionError) as error:
            raise _RejectedError(f"its CloudTrailEvent is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise _RejectedError("its CloudTrailEvent is not a JSON object")
    detail = value.get("detail")
    if isinstance(detail, dict) and "eventName" not in value:
        value = detail
    if "digestS3Object" in value and "logFiles" in value:
        raise _RejectedError(
            "it is a CloudTrail digest, which signs log files and holds no events; import the log files"
        )
    for name in ("eventSource", "eventName", "eventTime"):
        if not isinstance(value.get(name), str) or not value[name]:
            raise _RejectedError(f"it is no CloudTrail record: {name} is missing")
    return value


def _when(record: Record) -> datetime:
    try:
        moment = datetime.fromisoformat(record["eventTime"])
    except ValueError as error:
        raise _RejectedError(f"eventTime {record['eventTime'][:40]!r} is not a time") from error
    if moment.tzinfo is None:
        raise _RejectedError(f"eventTime {record['eventTime'][:40]!r} names no time zone")
    return moment.astimezone(UTC)


def _digest(record: Record) -> str:
    try:
        content = canonical_json_of_parsed(record)
    except NotCanonicalError as error:
        raise _RejectedError(f"it cannot be kept as it is: {error} (is the file UTF-8?)") from error
    except RecursionError as error:
        raise _RejectedError("it is nested too deeply") from error
    if b"\\u0000" in content and _NUL.search(content):
        raise _RejectedError("it holds a NUL character, which no database keeps")
    return sha256_hex(content)


def _actor(identity: Record) -> PrincipalDraft | None:
    """Who acted. The session name is chosen by the caller and can be forged; a source identity cannot be changed once set."""
    context = _object(identity.get("sessionContext"))
    arn = _text(identity.get("arn"))
    session = arn.rpartition("/")[2] if ":assumed-role/" in arn or ":federated-user/" in arn else ""
    source = _text(context.get("sourceIdentity"))
    on_behalf = _text(_object(identity.get("onBehalfOf")).get("userId")) or _text(identity.get("invokedBy"))
    names = (source, session, _text(identity.get("userName")), arn.rpartition("/")[2], on_behalf)
    identifier = arn or _text(identity.get("principalId")) or _text(identity.get("accountId")) or on_behalf
    if not identifier:
        return None
    return PrincipalDraft(
        identifier=identifier,
        display=next(filter(None, names), identifier),
        kind=_text(identity.get("type")) or "Unknown",
        session=session,
        on_behalf_of=on_behalf,
    )


def _outcome(record: Record) -> tuple[Outcome, str]:
    code = _text(record.get("errorCode"))
    if not code:
        return Outcome.SUCCESS, ""
    detail = _cut(f"{code}: {_text(record.get('errorMessage'))}".rstrip(": "))
    denied = any(word in code for word in _DENIED)
    return (Outcome.DENIED if denied else Outcome.FAILED), detail


def _channels(parameters: Record) -> list[JobInputDraft]:
    """Inputs of a SageMaker training job, by channel: an S3 prefix, a path on a file system, or a data set."""
    inputs = []
    listed = parameters.get("inputDataConfig")
    for channel in listed if isinstance(listed, list) else ():
        name = _text(_object(channel).get("channelName")).lower()
        role = _CHANNEL_ROLES.get(name, name or "unnamed channel")
        source = _object(_object(channel).get("dataSource"))
        system = _object(source.get("fileSystemDataSource"))
        uri = (
            _text(_object(source.get("s3DataSource")).get("s3Uri"))
            or _text(_object(source.get("datasetSource")).get("datasetArn"))
            or "".join(filter(None, (_text(system.get("fileSystemId")), _text(system.get("directoryPath")))))
        )
        if uri:
            inputs.append(JobInputDraft(role=role, uri=uri))
    return inputs


def _inputs(action: str, operation: Operation, parameters: Record) -> tuple[JobInputDraft, ...]:
    found = _channels(parameters) if action == "sagemaker:CreateTrainingJob" else []
    for role, path in operation.inputs:
        for uri in pick(parameters, path):
            _, _, digest = uri.partition("@sha256:")
            found.append(JobInputDraft(role=role, uri=_cut(uri), digest=_cut(digest)))
    return tuple(dict.fromkeys(found))


def _first(record: Record, paths: tuple[str, ...]) -> str:
    for path in paths:
        start = record.get("responseElements" if path.startswith("<") else "requestParameters")
        for found in pick(start, path.removeprefix("<")):
            return _cut(found)
    return ""


def _base_model(record: Record, operation: Operation, inputs: tuple[JobInputDraft, ...]) -> str:
    stated = _first(record, operation.base_models)
    return stated or next((entry.uri for entry in inputs if entry.role == "base_model"), "")


def _class(action: str, operation: Operation, parameters: Record) -> ActionClass:
    if action == "sagemaker:UpdateModelPackage" and not parameters.get("modelApprovalStatus"):
        return ActionClass.OTHER
    return operation.action_class


def _draft(record: Record, action: str, operation: Operation, locator: str) -> JobEventDraft:
    raw_sha256 = _digest(record)
    parameters = _object(record.get("requestParameters"))
    identity = _object(record.get("userIdentity"))
    inputs = _inputs(action, operation, parameters)
    outcome, outcome_detail = _outcome(record)
    account = _text(record.get("recipientAccountId")) or _text(identity.get("accountId"))
    event_id = _text(record.get("eventID"))
    stated: dict[str, Any] = {
        "source_event_id": event_id,
        "actor": _actor(identity),
        "role": _text(_object(_object(identity.get("sessionContext")).get("sessionIssuer")).get("arn")),
        "source_address": _text(record.get("sourceIPAddress")),
        "account": account,
        "region": _text(record.get("awsRegion")),
        "job_id": _first(record, operation.ids),
        "inputs": tuple(JobInputDraft(role=i.role, uri=_without_secrets(i.uri), digest=i.digest) for i in inputs),
        "base_model": _without_secrets(_base_model(record, operation, inputs)),
        "output_uri": _first(record, operation.outputs),
        "output_model": _first(record, operation.output_models),
        "execution_role": _first(record, operation.execution_roles),
    }
    # Whoever acts as a user and not through a role has no role to state; a denied or failed call made nothing with an id.
    always = ["actor", "source_address", "source_event_id", "region"]
    always += ["role"] if identity.get("type") == "AssumedRole" else []
    always += ["job_id"] if operation.ids and outcome is Outcome.SUCCESS else []
    unknown = tuple(name for name in (*always, *operation.expected) if not _is_stated(stated[name]))
    raw, redacted = _redacted(record)
    return JobEventDraft(
        source=SOURCE,
        fingerprint=digest_of([SOURCE, account, event_id] if event_id else [SOURCE, account, "", raw_sha256]),
        raw_sha256=raw_sha256,
        raw=raw,
        locator=locator,
        occurred_at=_when(record),
        action=action,
        action_class=_class(action, operation, parameters),
        outcome=outcome,
        outcome_detail=_without_secrets(outcome_detail),
        job_name=_first(record, operation.names),
        unknown_fields=unknown,
        redacted_fields=redacted,
        **stated,
    )


def _without_secrets(text: str) -> str:
    return str(redact(text, "")[0])


def _is_stated(value: object) -> bool:
    """Whether a field says anything. Code alone is no statement of what a job was trained on."""
    if isinstance(value, tuple):
        return any(entry.role not in ("code", "checkpoint") for entry in value)
    return bool(value)


def _redacted(record: Record) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The record to store. Only what the caller or the service wrote is searched: identifiers of people stay as they are."""
    copy, found = dict(record), list[str]()
    for part in ("requestParameters", "responseElements", "errorMessage", "additionalEventData", "serviceEventDetails"):
        if part in copy:
            copy[part], paths = redact(copy[part], part)
            found.extend(paths)
    return copy, tuple(found)


class CloudTrail:
    """The parser. Stateless: one instance serves all."""

    name = SOURCE
    label = "AWS CloudTrail log (JSON, gzip or plain)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain when records show CloudTrail's own members; likely for an empty list of records."""
        start = head.lstrip()
        if not start.startswith((b"{", b"[")):
            return NO
        if b'"CloudTrailEvent"' in head or b'"digestS3Object"' in head:
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
        scope = _Scope()
        operations = {**OPERATIONS, **{name: EXTRA for name in context.extra_operations if name not in OPERATIONS}}
        reader = BoundedReader(stream, context.file_name, context.limits, context.on_offset)
        records = JsonRecords(
            reader.read,
            file_name=context.file_name,
            array_keys=("Records", "Events"),
            first_keys=("eventVersion", "EventId"),
            max_record=context.limits.max_record,
            can_skip=scope.can_skip,
        )
        decoded = relevant = rejected = 0
        first_reason = ""
        for framed in records:
            decoded += 1
            try:
                draft = _read(framed, operations, scope)
            except _RejectedError as reason:
                rejected += 1
                first_reason = first_reason or f"{framed.locator}: {reason}"
                yield Reject(locator=framed.locator, reason=f"{context.file_name}, {framed.locator}: {reason}.")
                continue
            if draft is not None:
                relevant += 1
                yield draft
        read = decoded + scope.passed_over
        if rejected and rejected == read:
            raise BadInputError(f"{context.file_name} holds no CloudTrail record that can be read; {first_reason}.")
        return ParseSummary(format=SOURCE, read=read, relevant=relevant, rejected=rejected, scope=scope.as_json())


def _read(framed: Framed, operations: Mapping[str, Operation], scope: _Scope) -> JobEventDraft | None:
    """The draft of a record, or None when the record is of another operation. Raises _RejectedError."""
    if framed.problem:
        raise _RejectedError(framed.problem)
    record = _unwrap(framed.value)
    _when(record)
    scope.add(_text(record.get("recipientAccountId")), _text(record.get("awsRegion")), record["eventTime"])
    action = f"{record['eventSource'].partition('.')[0]}:{record['eventName']}"
    operation = operations.get(action)
    return _draft(record, action, operation, framed.locator) if operation else None


PARSER = CloudTrail()
