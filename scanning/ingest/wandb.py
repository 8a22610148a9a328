"""Weights & Biases audit log: artifacts, runs that were changed, stopped or deleted, sweep agents, and rights to a team.

Carriers: the daily files of one record a line, and pages of the API (`{"audit_logs": [...]}`). There is no action for the start
of a run: who submitted one is not in this log.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from compliance.types.drafts import JobEventDraft, JobInputDraft, PrincipalDraft
from compliance.types.states import ActionClass, Outcome
from scanning.ingest.base import CERTAIN, NO, Drafts, ParseContext, Parsing
from scanning.ingest.job_drafts import Told, job_event, note_inputs
from scanning.ingest.log_reading import LogScope, read_log
from scanning.ingest.records import Fields, RejectedError, moment, raw_digest, text_of

SOURCE = "wandb"
_NOTE = (
    "This log has no record of a run being started: runs show only once they are changed, stopped or deleted, and what they "
    "were trained on does not show. Records have no id; two that agree in every field count as one. It cannot show that "
    "nothing is missing."
)
_CLASSES: Mapping[str, ActionClass] = {
    "artifact:create": ActionClass.REGISTER,
    "artifact:delete": ActionClass.OTHER,
    "run:update": ActionClass.OTHER,
    "run:update_many": ActionClass.OTHER,
    "run:stop": ActionClass.CANCEL,
    "run:delete": ActionClass.OTHER,
    "run:delete_many": ActionClass.OTHER,
    "run:undelete_many": ActionClass.OTHER,
    "sweep:create_agent": ActionClass.SUBMIT,
    "project:delete": ActionClass.OTHER,
    "team:create_service_account": ActionClass.GRANT,
    "team:invite_user": ActionClass.GRANT,
    "team:uninvite": ActionClass.GRANT,
    "user:create_api_key": ActionClass.GRANT,
    "user:delete_api_key": ActionClass.GRANT,
    "user:deactivate": ActionClass.GRANT,
    "user:reactivate": ActionClass.GRANT,
}
_SWEEP = ("job_id", "inputs", "base_model", "output_uri", "execution_role")


@dataclass(slots=True)
class _Scope(LogScope):
    """What the log covers, and how many of its records name nobody, as exports without personal data do."""

    nameless: int = 0

    def as_json(self) -> dict[str, Any]:
        return LogScope.as_json(self) | {"records_without_names": self.nameless}


def _actor(fields: Fields) -> PrincipalDraft | None:
    """Who acted: by e-mail address where the export has it, else by the number of the user."""
    email, number = fields.text("actor", "/actor_email"), text_of(fields.peek("/actor_user_id"))
    if email:
        return PrincipalDraft(identifier=email, display=email, kind="User", session=number and f"user {number}")
    if not number:
        return None
    fields.origins["actor"] = "/actor_user_id"
    return PrincipalDraft(identifier=f"wandb user {number}", display=f"wandb user {number}", kind="User")


def _outcome(fields: Fields) -> tuple[Outcome, str]:
    code = fields.text("outcome", "/response_code")
    if not code.isdecimal():
        return Outcome.UNKNOWN, code
    if code in ("401", "403"):
        return Outcome.DENIED, code
    return (Outcome.SUCCESS, "") if int(code) < 300 else (Outcome.FAILED, code)


def _artifact(fields: Fields) -> tuple[JobInputDraft, ...]:
    """The artifact that was touched, by name and by W&B's own digest, which is no SHA-256. Its type is not in the log."""
    name, digest = text_of(fields.peek("/artifact_qualified_name")), text_of(fields.peek("/artifact_digest"))
    place = "/artifact_qualified_name" if name else "/artifact_asset"
    named = name or text_of(fields.peek(place))
    if not named:
        return ()
    note_inputs(fields, (place,))
    return (JobInputDraft(role="artifact", uri=named, digest=f"wandb:{digest}" if digest else ""),)


def _subject(fields: Fields) -> tuple[JobInputDraft, ...]:
    """Whose rights were changed."""
    for place in ("/user_email", "/user_asset"):
        if named := text_of(fields.peek(place)):
            note_inputs(fields, (place,))
            return (JobInputDraft(role="principal", uri=named),)
    return ()


def _draft(fields: Fields, action: str, action_class: ActionClass, locator: str) -> JobEventDraft:
    fields.origins |= {"occurred_at": "/timestamp", "action": "/action"}
    outcome, detail = _outcome(fields)
    grants, touches = action_class is ActionClass.GRANT, action.startswith("artifact:")
    told = Told(
        occurred_at=moment(fields.record.get("timestamp"), "timestamp"),
        action=action,
        action_class=action_class,
        outcome=outcome,
        outcome_detail=detail,
        actor=_actor(fields),
        source_address=fields.text("source_address", "/actor_ip"),
        account=fields.text("account", "/entity_name", "/entity_asset"),
        job_id=fields.text("job_id", "/run_asset"),
        job_name=fields.text("job_name", "/project_name", "/project_asset"),
        inputs=_subject(fields) if grants else _artifact(fields) if touches else (),
        output_model=fields.text("output_model", "/artifact_qualified_name") if action == "artifact:create" else "",
    )
    by_kind = ("output_model",) if action == "artifact:create" else ("job_id",) if action.startswith("run:") else ()
    return job_event(
        fields,
        told,
        source=SOURCE,
        event_id="",
        key=("", raw_digest(fields.record)),
        locator=locator,
        expected=(
            *("actor", "role", "source_address", "source_event_id", "account", "region"),
            *(_SWEEP if action_class is ActionClass.SUBMIT else ("inputs",) if grants else by_kind),
        ),
    )


def _read(value: object, locator: str, extra: tuple[str, ...], scope: _Scope) -> JobEventDraft | None:
    """The draft of a record, or None when it is of another action. Raises RejectedError."""
    if not isinstance(value, dict):
        raise RejectedError("is not a JSON object")
    action = text_of(value.get("action")).strip()
    if not action:
        raise RejectedError("it is no audit record of Weights & Biases: action is missing")
    fields, when = Fields(value), moment(value.get("timestamp"), "timestamp")
    account = text_of(value.get("entity_name")) or text_of(value.get("entity_asset"))
    scope.add(account, "", f"{when.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z")
    scope.nameless += not text_of(value.get("actor_email"))
    action_class = _CLASSES.get(action) or (ActionClass.OTHER if action in extra else None)
    return _draft(fields, action, action_class, locator) if action_class else None


class Wandb:
    """The parser. Stateless: one instance serves all."""

    name = SOURCE
    label = "Weights & Biases audit log (JSON lines or API pages)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain when a record has a time, an action of W&B's form and one of its actors."""
        if not head.lstrip().startswith((b"{", b"[")) or b'"timestamp"' not in head:
            return NO
        acts = any(
            f'"{action}"'.encode() in head for action in (*_CLASSES, "artifact:read", "project:read", "user:login")
        )
        named = b'"actor_user_id"' in head or b'"actor_ip"' in head
        return CERTAIN if acts and named else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """Events around training as drafts, the records of every other action counted. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        scope = _Scope(note=_NOTE)

        def read_record(value: object, locator: str) -> JobEventDraft | None:
            return _read(value, locator, context.extra_operations, scope)

        return read_log(
            stream,
            context,
            source=SOURCE,
            kind="audit record of Weights & Biases",
            array_keys=("audit_logs",),
            first_keys=("timestamp", "action"),
            scope=scope,
            read_record=read_record,
        )


PARSER = Wandb()
