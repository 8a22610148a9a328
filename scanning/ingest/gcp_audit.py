"""Google Cloud audit logs: fine-tune operations of Vertex AI, and grants of rights to them.

Carriers: a list of entries (`gcloud logging read --format=json`), one entry a line (as delivered to buckets), one entry,
and the API's answer `{"entries": [...]}`. Member names: LogEntry and google.cloud.audit.AuditLog.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, BinaryIO

from compliance.types.drafts import JobEventDraft, JobInputDraft, PrincipalDraft
from compliance.types.states import ActionClass, Outcome
from scanning.ingest.base import CERTAIN, NO, Drafts, ParseContext, Parsing
from scanning.ingest.gcp_audit_operations import EXTRA, OPERATIONS, Operation
from scanning.ingest.job_drafts import Told, job_event, job_inputs, note_inputs
from scanning.ingest.log_reading import LogScope, read_log
from scanning.ingest.records import Fields, Record, RejectedError, clipped, each, moment, object_of, raw_digest, text_of

SOURCE = "gcp_audit"
_VERTEX = "aiplatform.googleapis.com"
_NOTE = "A log export holds what its filter let through; it cannot show that nothing is missing."
_DENIED = (7, 16)  # PERMISSION_DENIED, UNAUTHENTICATED (google.rpc.Code)
_GRANTING = frozenset({"setiampolicy", "createrole", "updaterole", "undeleterole", "deleterole"})
# Basic roles hold every permission of Vertex AI.
_BASIC = ("roles/owner", "roles/editor")
_CUSTOM = re.compile(r"(?:projects|organizations)/[^/]+/roles/")
_PAYLOAD, _REQUEST, _RESPONSE = "/protoPayload", "/protoPayload/request", "/protoPayload/response"
_WHO = "/protoPayload/authenticationInfo"
_CHAIN = (
    "/firstPartyPrincipal/principalEmail",
    "/firstPartyPrincipal/principalSubject",
    "/principalSubject",
    "/thirdPartyPrincipal/thirdPartyClaims/sub",
)


@dataclass(slots=True)
class _Scope(LogScope):
    """What the log covers, and how many records were passed over although they may bear on the matter."""

    unknown_grants: int = 0
    clusters: int = 0

    def as_json(self) -> dict[str, Any]:
        return LogScope.as_json(self) | {
            "grants_of_unknown_rights_not_kept": self.unknown_grants,
            "kubernetes_records_not_kept": self.clusters,
        }


def _place(path: str) -> str:
    return f"{_RESPONSE}{path[1:]}" if path.startswith("<") else f"{_REQUEST}{path}"


def _first(fields: Fields, field: str, paths: tuple[str, ...]) -> str:
    return fields.text(field, *map(_place, paths))


def _actor(fields: Fields) -> PrincipalDraft | None:
    """Who acted. With delegation this is the service account; those it acted for are named first to last."""
    identifier = fields.text("actor", f"{_WHO}/principalEmail", f"{_WHO}/principalSubject")
    if not identifier:
        return None
    chain = []
    for _, link in each(fields.record, f"{_WHO}/serviceAccountDelegationInfo/*"):
        names = (text_of(value) for pointer in _CHAIN for _, value in each(link, pointer))
        chain.append(next(filter(None, names), "unnamed principal"))
    return PrincipalDraft(
        identifier=identifier,
        display=identifier,
        kind=_kind(identifier, text_of(fields.peek(f"{_WHO}/principalSubject"))),
        session=text_of(fields.peek(f"{_WHO}/serviceAccountKeyName")),
        on_behalf_of=clipped(" > ".join(chain)),
    )


def _kind(identifier: str, subject: str) -> str:
    """Kind of a principal as its subject states it ("user:…", "serviceAccount:…", "principal://…")."""
    stated, colon, _ = subject.partition(":")
    if colon:
        return stated
    return "serviceAccount" if identifier.endswith("gserviceaccount.com") else "Unknown"


def _outcome(fields: Fields) -> tuple[Outcome, str]:
    """A call that began a long operation has no outcome before the operation's last entry."""
    status = object_of(fields.peek(f"{_PAYLOAD}/status"))
    code = text_of(status.get("code")) or "0"
    if code != "0":
        fields.origins["outcome"] = f"{_PAYLOAD}/status/code"
        detail = clipped(f"{code}: {text_of(status.get('message'))}".rstrip(": "))
        if not code.isdecimal():
            return Outcome.UNKNOWN, detail
        return (Outcome.DENIED if int(code) in _DENIED else Outcome.FAILED), detail
    operation = fields.peek("/operation")
    if isinstance(operation, dict) and not operation.get("last"):
        fields.origins["outcome"] = "/operation"
        return Outcome.UNKNOWN, "a long operation began; its last entry says how it ended"
    return Outcome.SUCCESS, ""


def _permission(fields: Fields) -> str:
    """The permission that let the call through. No entry names the role that gave it, and a refused call has none."""
    for place, check in each(fields.record, f"{_PAYLOAD}/authorizationInfo/*"):
        if object_of(check).get("granted") is True:
            return fields.text("role", f"{place}/permission")
    return ""


def _job_id(fields: Fields, operation: Operation) -> str:
    """Resource name of what was made or touched. The name of a long operation begins with it."""
    marker = f"/{operation.collection}/"
    for pointer in (*map(_place, operation.ids), f"{_PAYLOAD}/resourceName"):
        for place, value in each(fields.record, pointer):
            name = text_of(value).partition("/operations/")[0]
            if operation.collection and marker in name:
                fields.origins["job_id"] = place
                return name
    return ""


def _region(fields: Fields) -> str:
    if stated := fields.text("region", "/resource/labels/location"):
        return stated
    for pointer in (f"{_PAYLOAD}/resourceName", f"{_REQUEST}/parent", f"{_RESPONSE}/name"):
        found = re.search(r"/locations/([^/]+)", text_of(fields.peek(pointer)))
        if found:
            fields.origins["region"] = pointer
            return found.group(1)
    return ""


def _account(fields: Fields) -> str:
    if stated := fields.text("account", "/resource/labels/project_id"):
        return stated
    found = re.match(r"(?:projects|folders|organizations)/([^/]+)/logs/", text_of(fields.record.get("logName")))
    if not found:
        return ""
    fields.origins["account"] = "/logName"
    return found.group(1)


def _base(fields: Fields, when: datetime, action: str, action_class: ActionClass) -> Told:
    """What every entry tells, whatever its method."""
    outcome, detail = _outcome(fields)
    fields.origins |= {"occurred_at": "/timestamp", "action": f"{_PAYLOAD}/methodName"}
    return Told(
        occurred_at=when,
        action=action,
        action_class=action_class,
        outcome=outcome,
        outcome_detail=detail,
        actor=_actor(fields),
        role=_permission(fields),
        source_address=fields.text("source_address", f"{_PAYLOAD}/requestMetadata/callerIp"),
        account=_account(fields),
        region=_region(fields),
    )


def _told(fields: Fields, when: datetime, action: str, operation: Operation) -> Told:
    return replace(
        _base(fields, when, action, operation.action_class),
        job_id=_job_id(fields, operation),
        job_name=_first(fields, "job_name", operation.names),
        inputs=job_inputs(fields, ((role, _place(path)) for role, path in operation.inputs)),
        base_model=_first(fields, "base_model", operation.base_models),
        output_uri=_first(fields, "output_uri", operation.outputs),
        output_model=_first(fields, "output_model", operation.output_models),
        execution_role=_first(fields, "execution_role", operation.execution_roles),
    )


def _grant(fields: Fields, when: datetime, action: str, roles: tuple[tuple[str, JobInputDraft], ...]) -> Told:
    """A change of rights: which roles were given or taken, on which resource. To whom stands in the record alone."""
    note_inputs(fields, (place for place, _ in roles))
    return replace(
        _base(fields, when, action, ActionClass.GRANT),
        job_name=fields.text("job_name", f"{_PAYLOAD}/resourceName", f"{_REQUEST}/resource"),
        inputs=tuple(entry for _, entry in roles),
    )


def _stated_roles(record: Record) -> Iterator[tuple[str, str, str]]:
    """(place, what happened to it, role or permission) of all that a change of rights names.

    The difference is what counts. Where the entry has none, as a refused call has none, it is the policy asked for.
    """
    found = False
    for place, delta in each(record, f"{_PAYLOAD}/serviceData/policyDelta/bindingDeltas/*"):
        found = True
        removed = object_of(delta).get("action") == "REMOVE"
        yield f"{place}/role", "removed_role" if removed else "granted_role", text_of(object_of(delta).get("role"))
    for word, member in (("granted_right", "addedPermissions"), ("removed_right", "removedPermissions")):
        for place, value in each(record, f"{_PAYLOAD}/serviceData/permissionDelta/{member}/*"):
            found = True
            yield place, word, text_of(value)
    if not found:
        for place, value in each(record, f"{_REQUEST}/policy/bindings/*/role"):
            yield place, "role_in_policy", text_of(value)
        for members in ("includedPermissions", "included_permissions"):
            for place, value in each(record, f"{_REQUEST}/role/{members}/*"):
                yield place, "right_in_role", text_of(value)


def _touches_training(name: str) -> bool:
    return name.startswith(("roles/aiplatform.", "aiplatform.")) or name in _BASIC


def _roles(record: Record, scope: _Scope) -> tuple[tuple[str, JobInputDraft], ...]:
    stated = list(_stated_roles(record))
    touched = {JobInputDraft(role=word, uri=name): place for place, word, name in stated if _touches_training(name)}
    if not touched and (not stated or any(_CUSTOM.match(name) for _, _, name in stated)):
        scope.unknown_grants += 1
    return tuple((place, entry) for entry, place in touched.items())


def _key(record: Record, event_id: str) -> tuple[str, ...]:
    """Google's own rule: an entry is the same where log name, time and insertId are. Trailing zeros of the time may differ."""
    if not event_id:
        return "", raw_digest(record)
    whole, _, fraction = text_of(record.get("timestamp")).removesuffix("Z").partition(".")
    return text_of(record.get("logName")), f"{whole}.{fraction.rstrip('0')}", event_id


def _draft(fields: Fields, told: Told, expected: tuple[str, ...], locator: str) -> JobEventDraft:
    allowed = () if told.outcome is Outcome.DENIED else ("role",)
    event_id = fields.text("source_event_id", "/insertId")
    return job_event(
        fields,
        told,
        source=SOURCE,
        event_id=event_id,
        key=_key(fields.record, event_id),
        locator=locator,
        expected=("actor", *allowed, "source_address", "source_event_id", "account", *expected),
        searched=("protoPayload", "labels"),
    )


def _read(value: object, locator: str, extra: tuple[str, ...], scope: _Scope) -> JobEventDraft | None:
    """The draft of an entry, or None when it is of another log or method. Raises RejectedError."""
    if not isinstance(value, dict):
        raise RejectedError("is not a JSON object")
    if not text_of(value.get("logName")):
        raise RejectedError("it is no entry of Cloud Logging: logName is missing")
    fields = Fields(value)
    when = moment(value.get("timestamp"), "timestamp")
    scope.add(_account(fields), _region(fields), f"{when.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z")
    payload = object_of(value.get("protoPayload"))
    service, method = text_of(payload.get("serviceName")), text_of(payload.get("methodName"))
    if service == "k8s.io":
        scope.clusters += 1
    short = ".".join(method.split(".")[-2:])
    if short.rpartition(".")[2].lower() in _GRANTING and method:
        roles = _roles(value, scope)
        if not roles and service != _VERTEX:
            return None
        return _draft(fields, _grant(fields, when, method, roles), ("inputs",), locator)
    operation = OPERATIONS.get(short) if service == _VERTEX else None
    if operation is None and method and not {method, short}.isdisjoint(extra):
        operation = EXTRA
    if operation is None:
        return None
    told = _told(fields, when, method, operation)
    made = operation.collection and told.outcome is Outcome.SUCCESS
    expected = ("region", *(("job_id",) if made else ()), *operation.expected)
    return _draft(fields, told, expected, locator)


class GcpAudit:
    """The parser. Stateless: one instance serves all."""

    name = SOURCE
    label = "Google Cloud audit log (LogEntry JSON)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain when entries of Cloud Logging carry an audit log's payload or name."""
        if not head.lstrip().startswith((b"{", b"[")):
            return NO
        payload = b'"protoPayload"' in head and b"google.cloud.audit.AuditLog" in head
        named = b'"logName"' in head and b"cloudaudit.googleapis.com" in head
        return CERTAIN if payload or named else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """Fine-tune events as drafts, the entries of every other method counted. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        scope = _Scope(note=_NOTE)

        def read_record(value: object, locator: str) -> JobEventDraft | None:
            return _read(value, locator, context.extra_operations, scope)

        return read_log(
            stream,
            context,
            source=SOURCE,
            kind="entry of a Google Cloud log",
            array_keys=("entries",),
            first_keys=("insertId", "logName", "protoPayload"),
            scope=scope,
            read_record=read_record,
        )


PARSER = GcpAudit()
