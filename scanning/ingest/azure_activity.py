"""Azure Activity Log: jobs, models and deployments, keys that were read, and changes of the rights to them.

Carriers: pages of the REST API `{"value": [...]}`, `az monitor activity-log list`, diagnostic settings (`{"records": [...]}` or
one record a line), rows of the Log Analytics table AzureActivity. Member names: EventData, and Microsoft's mapping of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, BinaryIO

from compliance.types.drafts import JobEventDraft, JobInputDraft, PrincipalDraft
from compliance.types.states import ActionClass, Outcome
from scanning.ingest.azure_activity_operations import NAMING_A_ROLE, OPERATIONS, WITHOUT_ID, bodies, changed_rights
from scanning.ingest.azure_records import AzureFields, fields_of, last_name, subscription
from scanning.ingest.base import CERTAIN, NO, Drafts, ParseContext, Parsing
from scanning.ingest.job_drafts import SUBMISSION, Told, job_event, job_input, note_inputs
from scanning.ingest.log_reading import LogScope, read_log
from scanning.ingest.records import RejectedError, clipped, escaped, moment, raw_digest, text_of

SOURCE = "azure_activity"
_NOTE = (
    "An export holds what its filter or diagnostic setting let through. Calls that Azure refused before they reached a "
    "resource may not be in this log, calls of the data plane never are; it cannot show that nothing is missing."
)
_ADMINISTRATIVE = re.compile(
    rb'"category"\s*:\s*(?:\{[^{}]*"value"\s*:\s*)?"(?:Administrative|Policy|ServiceHealth|ResourceHealth|Recommendation|'
    rb'Autoscale)"'
)
_TIMES = ("eventTimestamp", "time", "TimeGenerated")
_NAMES = ("/operationName/value", "/OperationNameValue", "/operationName")
_STATUS = ("/status/value", "/ActivityStatusValue", "/resultType", "/ActivityStatus", "/status")
_CODES = (
    "/properties/statusCode",
    "/properties_d/statusCode",
    "/subStatus/value",
    "/ActivitySubstatusValue",
    "/resultSignature",
)
_MESSAGES = tuple(
    f"/{properties}/statusMessage/error/{member}"
    for member in ("code", "message")
    for properties in ("properties", "properties_d")
)
_RESOURCE = ("/resourceId", "/_ResourceId", "/resourceUri", "/properties/entity", "/authorization/scope")
# Where the same id may stand as it was typed; exports write it in upper case.
_TYPED = (
    "/properties/entity",
    "/properties_d/entity",
    "/identity/authorization/scope",
    "/authorization/scope",
    "/authorization_d/scope",
)
_TYPED_NAMES = (
    "/identity/authorization/action",
    "/authorization/action",
    "/authorization_d/action",
    "/properties/message",
    "/properties_d/message",
)
_CLAIMS = ("/identity/claims", "/claims", "/claims_d")
_PERMITTED = ("/identity/authorization", "/authorization", "/authorization_d")
_OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
_UPN = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
_GUID = re.compile(r"([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})")
_VERSION = re.compile(r"/([^/]+)/versions/([^/]+)$", re.IGNORECASE)
_ENDS = {
    "succeeded": Outcome.SUCCESS,
    "success": Outcome.SUCCESS,
    "failed": Outcome.FAILED,
    "failure": Outcome.FAILED,
    "canceled": Outcome.FAILED,
    "cancelled": Outcome.FAILED,
}
# Words for a step of an operation that has not ended; REST and the exports have one each.
_STEPS = {"started": "started", "start": "started", "accepted": "accepted", "accept": "accepted"}
_STEPS |= {"in progress": "in progress", "inprogress": "in progress"}
_DENIED = re.compile(r"forbidden|unauthorized|authorizationfailed|\b40[13]\b", re.IGNORECASE)


@dataclass(slots=True)
class _Scope(LogScope):
    """What the log covers, and how many of the records kept are steps of operations and not their end."""

    steps: int = 0

    def as_json(self) -> dict[str, Any]:
        return LogScope.as_json(self) | {"steps_of_operations": self.steps}


def _claim(name: str) -> tuple[str, ...]:
    return tuple(f"{claims}/{escaped(name)}" for claims in _CLAIMS)


def _permitted(path: str) -> tuple[str, ...]:
    return tuple(f"{place}{path}" for place in _PERMITTED)


def _guid(text: str) -> str:
    """An id in its usual form; `principalId` comes without hyphens, and any id in any case."""
    found = _GUID.fullmatch(text.lower())
    return "-".join(found.groups()) if found else text


def _actor(fields: AzureFields) -> PrincipalDraft | None:
    """Who called, by Entra's object id where the record holds it: entitlement documents name people by the same id.

    `evidence` is about the role assignment that let the call through: its principal may be a group that the caller is in.
    """
    by_group = fields.first(*_permitted("/evidence/principalType")) == "Group"
    own = () if by_group else _permitted("/evidence/principalId")
    identifier = fields.text("actor", *_claim(_OBJECT_ID), *_claim("oid"), *own, "/caller")
    if not identifier:
        return None
    display = fields.first(*_claim(_UPN), *_claim("upn"), "/caller", *_claim("name")) or identifier
    return PrincipalDraft(
        identifier=_guid(identifier),
        display=display,
        kind=_kind(fields, display, by_group),
        session=fields.first(*_claim("uti")),
    )


def _kind(fields: AzureFields, display: str, by_group: bool) -> str:
    stated = "" if by_group else fields.first(*_permitted("/evidence/principalType"))
    claimed = {"user": "User", "app": "ServicePrincipal"}.get(fields.first(*_claim("idtyp")), "")
    return stated or claimed or ("User" if "@" in display else "Unknown")


def _outcome(fields: AzureFields) -> tuple[Outcome, str, str]:
    """(outcome, in the source's words, status as one word for every carrier). A step of an operation has no outcome yet."""
    status = fields.text("outcome", *_STATUS)
    word = status.lower()
    code = fields.first(*_CODES)
    outcome = _ENDS.get(word, Outcome.UNKNOWN)
    if word in _STEPS:
        return outcome, f"{status}: another record says how the operation ended", _STEPS[word]
    if outcome is Outcome.SUCCESS:
        return outcome, "", "succeeded"
    told = [text for pointer in _MESSAGES if (text := text_of(fields.peek(pointer)))]
    if outcome is Outcome.FAILED and _DENIED.search(" ".join((code, *told[:1]))):
        outcome = Outcome.DENIED
    detail = clipped(": ".join(dict.fromkeys((*filter(None, (status, code)), *told))))
    return outcome, detail, "failed" if outcome in (Outcome.DENIED, Outcome.FAILED) else word


def _resource(fields: AzureFields) -> str:
    """The id of what was acted on, as it was typed where the record keeps that."""
    return fields.typed(fields.first(*_RESOURCE).rstrip("/"), *_TYPED)


def _rights(fields: AzureFields, operation: str, outcome: Outcome) -> tuple[JobInputDraft, ...]:
    found: dict[JobInputDraft, str] = {}
    for place, word, name in changed_rights(fields, operation, done=outcome is Outcome.SUCCESS):
        found.setdefault(JobInputDraft(role=word, uri=name), place)
    note_inputs(fields, found.values())
    return tuple(found)


def _model(fields: AzureFields) -> tuple[JobInputDraft, ...]:
    """The model that a deployment names, or what a model was registered from, where the record holds what was asked for."""
    uri = fields.text("inputs/0", *bodies("/model/name"), *bodies("/model"), *bodies("/modelUri"))
    return (job_input("model", uri),) if uri else ()


def _about(fields: AzureFields, told: Told, operation: str, resource: str) -> Told:
    """What was acted on: a job, model or deployment by its id, a right by where it holds, anything else by its name."""
    if told.action_class is ActionClass.GRANT:
        scope, _, _ = resource.lower().partition("/providers/microsoft.authorization/")
        return replace(told, job_name=resource[: len(scope)] or "/", inputs=_rights(fields, operation, told.outcome))
    version = _VERSION.search(resource)
    told = replace(told, job_name=":".join(version.groups()) if version else last_name(resource))
    if operation in WITHOUT_ID:
        return told
    fields.text("job_id", *_RESOURCE)
    told = replace(told, job_id=resource.lower())
    if told.action_class is ActionClass.DEPLOY:
        return replace(told, inputs=_model(fields))
    if told.action_class is ActionClass.REGISTER:
        fields.text("output_model", *_RESOURCE)
        return replace(told, output_model=resource, inputs=_model(fields))
    return told


def _expected(told: Told, operation: str) -> tuple[str, ...]:
    """What such a record should tell, and what no record of this log tells."""
    role = () if told.outcome is Outcome.DENIED else ("role",)
    always = ("actor", "source_address", "source_event_id", "account", "region", *role)
    if told.action_class is ActionClass.GRANT:
        return (*always, "inputs") if operation in NAMING_A_ROLE else always
    if told.action_class is ActionClass.SUBMIT:
        return (*always, *SUBMISSION)
    return (*always, "job_id", "inputs") if told.action_class in (ActionClass.DEPLOY, ActionClass.REGISTER) else always


def _told(fields: AzureFields, when: datetime, action: str, action_class: ActionClass) -> tuple[Told, str]:
    """What every record tells, and its status as one word for every carrier."""
    outcome, detail, status = _outcome(fields)
    told = Told(
        occurred_at=when,
        action=fields.typed(action, *_TYPED_NAMES),
        action_class=action_class,
        outcome=outcome,
        outcome_detail=detail,
        actor=_actor(fields),
        role=fields.text("role", *_permitted("/evidence/role"), *_permitted("/role")),
        source_address=fields.text(
            "source_address", "/httpRequest/clientIpAddress", "/callerIpAddress", *_claim("ipaddr")
        ),
        account=subscription(fields, *_RESOURCE, "/subscriptionId"),
    )
    return told, status


def _draft(fields: AzureFields, told: Told, status: str, scope: _Scope, locator: str) -> JobEventDraft:
    operation, resource = told.action.lower(), _resource(fields)
    told = _about(fields, told, operation, resource)
    if status in _STEPS.values():
        scope.steps += 1
        told = replace(told, action_class=ActionClass.OTHER)
    event_id = fields.text("source_event_id", "/eventDataId")
    correlation = fields.first("/correlationId").lower()
    # Only some carriers give the event's id. A caller may choose the correlation id and choose it twice: the time tells such
    # operations apart, and it is the same in every carrier.
    key = (correlation, operation, resource.lower(), status, told.occurred_at.isoformat())
    return job_event(
        fields,
        told,
        source=SOURCE,
        event_id=event_id,
        key=key if correlation else ("", event_id or raw_digest(fields.record)),
        locator=locator,
        expected=_expected(told, operation),
    )


def _time(fields: AzureFields) -> tuple[datetime, str]:
    for name in _TIMES:
        place, value = fields.reach(f"/{name}")
        if value:
            return moment(value, place[1:]), place
    raise RejectedError("eventTimestamp is missing or no time")


def _read(value: object, locator: str, extra: frozenset[str], scope: _Scope) -> JobEventDraft | None:
    """The draft of a record, or None when it is of another operation. Raises RejectedError."""
    fields = fields_of(value)
    action = fields.text("action", *_NAMES)
    if not action:
        raise RejectedError("it is no record of the Azure Activity Log: operationName is missing")
    when, fields.origins["occurred_at"] = _time(fields)
    scope.add_at(subscription(fields, *_RESOURCE, "/subscriptionId"), "", when)
    action_class = OPERATIONS.get(action.lower())
    if action_class is None and action.lower() in extra:
        action_class = ActionClass.OTHER
    if action_class is None:
        return None
    return _draft(fields, *_told(fields, when, action, action_class), scope, locator)


class AzureActivity:
    """The parser. Stateless: one instance serves all."""

    name = SOURCE
    label = "Azure Activity Log (REST, az, export, Log Analytics)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain when records carry the Activity Log's own members or categories."""
        if not head.lstrip().startswith((b"{", b"[")):
            return NO
        if b'"OperationNameValue"' in head or (b'"eventTimestamp"' in head and b'"operationName"' in head):
            return CERTAIN
        exported = b'"operationName"' in head and b'"correlationId"' in head and b'"resourceId"' in head
        return CERTAIN if exported and _ADMINISTRATIVE.search(head) else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """Fine-tune events as drafts, the records of every other operation counted. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        scope = _Scope(note=_NOTE)
        extra = frozenset(name.lower() for name in context.extra_operations)

        def read_record(value: object, locator: str) -> JobEventDraft | None:
            return _read(value, locator, extra, scope)

        return read_log(
            stream,
            context,
            source=SOURCE,
            kind="record of the Azure Activity Log",
            array_keys=("value", "records"),
            first_keys=("authorization", "caller", "channels", "RoleLocation", "time", "TenantId", "TimeGenerated"),
            scope=scope,
            read_record=read_record,
        )


PARSER = AzureActivity()
