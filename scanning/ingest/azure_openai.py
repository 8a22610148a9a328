"""Azure OpenAI: calls of the data plane that bear on fine-tuning, from diagnostic logs.

Carriers: what a diagnostic setting writes (`{"records": [...]}` or one record a line), and rows of the Log Analytics table
AzureDiagnostics, whose `properties` are JSON in the column `properties_s`.
No source names the operations of fine-tuning: they are recognised by their wording, or by the address of the call.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO

from compliance.types.drafts import JobEventDraft, PrincipalDraft
from compliance.types.states import ActionClass, Outcome
from scanning.ingest.azure_records import AzureFields, fields_of, last_name, subscription
from scanning.ingest.base import CERTAIN, NO, Drafts, ParseContext, Parsing
from scanning.ingest.job_drafts import SUBMISSION, Told, job_event
from scanning.ingest.log_reading import LogScope, read_log
from scanning.ingest.records import RejectedError, moment, raw_digest, text_of

SOURCE = "azure_openai"
_NOTE = (
    "Diagnostic logs hold the calls of the categories that their setting sends; which operations of fine-tuning they name is "
    "not documented, so they cannot show that nothing is missing."
)
_RESOURCE = ("/resourceId", "/_ResourceId")
_TIMES = ("/time", "/TimeGenerated")
_CODE = ("/resultSignature", "/resultType")
_PROPERTIES = ("/properties", "/properties_s")
_FINE_TUNE = re.compile(r"fine[-_ ]?tun", re.IGNORECASE)
# Addresses of the API: https://HOST/openai/fine_tuning/jobs, /openai/v1/fine_tuning/jobs/{id}/cancel.
_ADDRESS = re.compile(
    r"(?:https?://[^/\s]+)?(?:/[\w.-]+)*/fine[_-]tun(?:ing/jobs|es)(?:/(?P<job>[\w-]+))?(?:/(?P<verb>[a-z_]+))?/?"
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_READS = frozenset({"get", "list", "retrieve", "read"})
_STARTS = frozenset({"create", "submit", "post", "start"})
_ALWAYS = ("actor", "role", "source_address", "source_event_id", "account", "region")
_CATEGORY = re.compile(rb'"(?:category|Category)"\s*:\s*"(?:Audit|RequestResponse|Trace|AzureOpenAIRequestUsage)"')


@dataclass(slots=True)
class _Scope(LogScope):
    """What the log covers, and how many calls only read about fine-tuning."""

    reads: int = 0

    def as_json(self) -> dict[str, Any]:
        return LogScope.as_json(self) | {"reads_of_fine_tuning_not_kept": self.reads}


def _addressed(fields: AzureFields) -> re.Match[str] | None:
    """The address of a fine-tuning call, if one of the properties is one, whatever its name. Text that holds one is none."""
    for pointer in _PROPERTIES:
        for value in fields.opened(pointer).values():
            if found := _ADDRESS.fullmatch(text_of(value).partition("?")[0]):
                return found
    return None


def _class(operation: str, address: re.Match[str] | None) -> ActionClass | None:
    """What a call did, by its words; None for one that has nothing to do with fine-tuning. Reads are OTHER here."""
    named = _FINE_TUNE.search(operation)
    if not named and not address:
        return None
    words = _words(operation) if named else set()
    if "cancel" in words or (address and address["verb"] == "cancel"):
        return ActionClass.CANCEL
    if words & _STARTS and not words & _READS:
        return ActionClass.SUBMIT
    return ActionClass.OTHER


def _words(operation: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(operation)}


def _actor(fields: AzureFields) -> PrincipalDraft | None:
    """Who called, by Entra's object id. Calls with a key have none: whoever held the key is not recorded."""
    identifier = fields.text("actor", *(f"{place}/objectId" for place in _PROPERTIES))
    return PrincipalDraft(identifier=identifier.lower(), display=identifier, kind="Unknown") if identifier else None


def _outcome(fields: AzureFields) -> tuple[Outcome, str]:
    code = fields.text("outcome", *_CODE)
    if not (code.isascii() and code.isdigit()):
        return Outcome.UNKNOWN, code
    if int(code) < 400:
        return Outcome.SUCCESS, ""
    return (Outcome.DENIED if code in ("401", "403") else Outcome.FAILED), f"HTTP {code}"


def _told(fields: AzureFields, when: datetime, action_class: ActionClass, address: re.Match[str] | None) -> Told:
    outcome, detail = _outcome(fields)
    job = (address["job"] or "") if address else ""
    if job:
        fields.origins["job_id"] = next(place for place in _PROPERTIES if fields.peek(place) is not None)
    fields.text("job_name", *_RESOURCE)
    return Told(
        occurred_at=when,
        action=fields.text("action", "/operationName"),
        action_class=action_class,
        outcome=outcome,
        outcome_detail=detail,
        actor=_actor(fields),
        source_address=fields.text("source_address", "/callerIpAddress"),
        account=subscription(fields, *_RESOURCE, "/SubscriptionId"),
        region=fields.text("region", "/location", "/Location", "/location_s"),
        job_id=job,
        job_name=last_name(fields.first(*_RESOURCE)).lower(),
    )


def _draft(fields: AzureFields, told: Told, locator: str) -> JobEventDraft:
    event_id = fields.text("source_event_id", "/correlationId")
    resource = fields.first(*_RESOURCE).lower()
    key = (resource, event_id.lower(), told.action.lower(), told.occurred_at.isoformat())
    return job_event(
        fields,
        told,
        source=SOURCE,
        event_id=event_id,
        key=key if event_id else ("", raw_digest(fields.record)),
        locator=locator,
        expected=(*_ALWAYS, *SUBMISSION) if told.action_class is ActionClass.SUBMIT else _ALWAYS,
    )


def _read(value: object, locator: str, extra: frozenset[str], scope: _Scope) -> JobEventDraft | None:
    """The draft of a record, or None when the call has nothing to do with fine-tuning. Raises RejectedError."""
    fields = fields_of(value)
    operation = fields.first("/operationName")
    if not operation:
        raise RejectedError("it is no diagnostic record of Azure OpenAI: operationName is missing")
    place, stated = next(((at, one) for at, one in map(fields.reach, _TIMES) if one), ("/time", None))
    when = moment(stated, place[1:])
    fields.origins["occurred_at"] = place
    account = subscription(fields, *_RESOURCE, "/SubscriptionId")
    scope.add_at(account, fields.first("/location", "/location_s"), when)
    address = _addressed(fields)
    action_class = ActionClass.OTHER if operation.lower() in extra else _class(operation, address)
    if action_class is None:
        return None
    if action_class is ActionClass.OTHER and _words(operation) & _READS and operation.lower() not in extra:
        scope.reads += 1
        return None
    return _draft(fields, _told(fields, when, action_class, address), locator)


class AzureOpenai:
    """The parser. Stateless: one instance serves all."""

    name = SOURCE
    label = "Azure OpenAI diagnostic log (Audit, RequestResponse)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain when records of a Cognitive Services account are of a category that its diagnostic settings have."""
        if not head.lstrip().startswith((b"{", b"[")) or b'perationName"' not in head:
            return NO
        account = b"/MICROSOFT.COGNITIVESERVICES/ACCOUNTS/" in head.upper() or b'"ShoeboxCallResult"' in head
        return CERTAIN if account and _CATEGORY.search(head) else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """Calls that bear on fine-tuning as drafts, every other call counted. See scanning.ingest.base.Parser."""
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
            kind="diagnostic record of Azure OpenAI",
            array_keys=("records", "value"),
            first_keys=("time", "Tenant", "callerIpAddress", "TenantId", "TimeGenerated", "resourceId"),
            scope=scope,
            read_record=read_record,
        )


PARSER = AzureOpenai()
