"""OpenAI's audit log of an organization: changes of who may use fine-tuned models, keys, roles and projects.

Carriers: pages of `GET /organization/audit_logs` (`{"object": "list", "data": [...]}`), a list, one event, one event a line.
The log has no event for a fine-tuning job. Member names: the API's own schema; the details stand under the event's type.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO

from compliance.types.drafts import JobEventDraft, JobInputDraft, PrincipalDraft
from compliance.types.states import ActionClass, Outcome
from scanning.ingest.base import CERTAIN, NO, Drafts, ParseContext, Parsing
from scanning.ingest.job_drafts import Told, job_event, job_inputs
from scanning.ingest.log_reading import LogScope, read_log
from scanning.ingest.records import Fields, RejectedError, escaped, moment, text_of

SOURCE = "openai_audit"
_NOTE = (
    "The audit log begins where an owner switched it on, holds what was done and not what was refused, and has no event for "
    "fine-tuning jobs; it cannot show that nothing is missing."
)
_AUDIT_OBJECT = re.compile(rb'"object"\s*:\s*"organization\.audit_log"')
_EFFECTIVE = re.compile(rb'"effective_at"\s*:\s*"?\d{9}')
_KEPT: tuple[tuple[str, ActionClass], ...] = (
    ("project.", ActionClass.OTHER),
    ("resource.deleted", ActionClass.OTHER),
    ("scim.", ActionClass.OTHER),
    *(
        (prefix, ActionClass.GRANT)
        for prefix in (
            "checkpoint.permission.",
            "api_key.",
            "role.",
            "service_account.",
            "user.",
            "invite.",
            "group.",
            "workload_identity_provider.",
            "workload_identity_provider_mapping.",
            "tenant.admin_api_key.",
            "tenant.project_api_key.",
            "tenant.api_organization_invite.",
            "tenant.custom_role.",
            "tenant.role_assignment.",
            "tenant.resource_role_assignment.",
            "tenant.resource_access.",
            "tenant.resource_share_grant.",
            "tenant.product_access_policy.",
            "tenant.policy.",
            "tenant.group.",
            "tenant.membership.",
            "tenant.service_account.",
            "tenant.user.",
            "tenant.workload_identity.",
        )
    ),
)
_LOOKED_UP = "tenant.user.looked_up"
# What an event's details say of rights: role of the input, path below the details.
_RIGHTS = (
    ("model", "/data/fine_tuned_model_checkpoint"),
    ("granted_role", "/data/role"),
    ("granted_role", "/changes_requested/role"),
    ("granted_right", "/data/scopes/*"),
    ("granted_right", "/changes_requested/scopes/*"),
    ("granted_right", "/changes_requested/permissions_added/*"),
    ("removed_right", "/changes_requested/permissions_removed/*"),
)
# What `permissions` means: of a new role what it gives, of a bound one what was given, of an unbound one what is left.
_PERMISSIONS = {
    "role.created": "right_in_role",
    "role.bound_to_resource": "granted_right",
    "role.unbound_from_resource": "right_in_role",
}
# Types whose details should say which right or model they are about.
_STATING_RIGHTS = ("api_key.created", "role.assignment.", "checkpoint.permission.")
_SESSION, _KEY = "/actor/session", "/actor/api_key"


@dataclass(slots=True)
class _Scope(LogScope):
    """What the log covers, and how often each type occurs that is not kept."""

    others: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return LogScope.as_json(self) | {"types_not_kept": dict(sorted(self.others.items()))}


def _class(kind: str) -> ActionClass | None:
    found = (action_class for prefix, action_class in _KEPT if kind.startswith(prefix))
    return None if kind == _LOOKED_UP else next(found, None)


def _actor(fields: Fields) -> PrincipalDraft | None:
    """Who acted: the person of a session or of a key, else the key's service account, else the key, which names nobody."""
    key = text_of(fields.peek(f"{_KEY}/id"))
    for place in (f"{_SESSION}/user", f"{_KEY}/user"):
        identifier = fields.text("actor", f"{place}/id", f"{place}/email")
        if identifier:
            email = text_of(fields.peek(f"{place}/email"))
            return PrincipalDraft(identifier=identifier, display=email or identifier, kind="User", session=key)
    if identifier := fields.text("actor", f"{_KEY}/service_account/id"):
        return PrincipalDraft(identifier=identifier, display=identifier, kind="ServiceAccount", session=key)
    if identifier := fields.text("actor", f"{_KEY}/id"):
        return PrincipalDraft(identifier=identifier, display=f"API key {identifier}", kind="ApiKey", session=key)
    return None


def _rights(fields: Fields, kind: str, details: str) -> tuple[JobInputDraft, ...]:
    paths = [(role, f"{details}{path}") for role, path in _RIGHTS]
    if kind in _PERMISSIONS:
        paths.append((_PERMISSIONS[kind], f"{details}/permissions/*"))
    return job_inputs(fields, paths)


def _about(fields: Fields, details: str) -> str:
    """What an event is about: where a right holds, else the id of what was made, changed or removed."""
    paths = ("/data/project_id", "/resource_id", "/changes_requested/resource_id", "/project_id", "/id")
    return fields.text("job_name", *(f"{details}{path}" for path in paths))


def _draft(fields: Fields, when: datetime, kind: str, action_class: ActionClass, locator: str) -> JobEventDraft:
    event_id, details = fields.text("source_event_id", "/id"), f"/{escaped(kind)}"
    told = Told(
        occurred_at=when,
        action=kind,
        action_class=action_class,
        outcome=Outcome.SUCCESS,
        actor=_actor(fields),
        source_address=fields.text("source_address", f"{_SESSION}/ip_address"),
        account=fields.text("account", "/project/id"),
        job_name=_about(fields, details),
        inputs=_rights(fields, kind, details),
        output_model=fields.text("output_model", f"{details}/data/fine_tuned_model_checkpoint"),
    )
    states = ("inputs",) if kind.startswith(_STATING_RIGHTS) else ()
    return job_event(
        fields,
        told,
        source=SOURCE,
        event_id=event_id,
        key=(event_id,) if event_id else (),
        locator=locator,
        expected=("actor", "role", "source_address", "source_event_id", "job_name", *states),
    )


def _read(value: object, locator: str, extra: tuple[str, ...], scope: _Scope) -> JobEventDraft | None:
    """The draft of an event, or None when it has nothing to do with rights. Raises RejectedError."""
    if not isinstance(value, dict):
        raise RejectedError("is not a JSON object")
    fields = Fields(value)
    kind = fields.text("action", "/type")
    if not kind or "effective_at" not in value:
        raise RejectedError("it is no event of OpenAI's audit log: type or effective_at is missing")
    when = moment(value["effective_at"], "effective_at")
    fields.origins["occurred_at"] = "/effective_at"
    project = text_of(fields.peek("/project/id"))
    scope.add_at(project, "", when)
    action_class = ActionClass.OTHER if kind in extra else _class(kind)
    if action_class is None:
        scope.others[kind] = scope.others.get(kind, 0) + 1
        return None
    return _draft(fields, when, kind, action_class, locator)


class OpenaiAudit:
    """The parser. Stateless: one instance serves all."""

    name = SOURCE
    label = "OpenAI organization audit log"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain when events say what they are, or carry an effective time and an actor."""
        if not head.lstrip().startswith((b"{", b"[")):
            return NO
        return CERTAIN if _AUDIT_OBJECT.search(head) or (_EFFECTIVE.search(head) and b'"actor"' in head) else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """Changes of rights as drafts, events of every other type counted. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        scope = _Scope(note=_NOTE)

        def read_record(value: object, locator: str) -> JobEventDraft | None:
            return _read(value, locator, context.extra_operations, scope)

        return read_log(
            stream,
            context,
            source=SOURCE,
            kind="event of OpenAI's audit log",
            array_keys=("data",),
            first_keys=("object", "id", "type"),
            scope=scope,
            read_record=read_record,
        )


PARSER = OpenaiAudit()
