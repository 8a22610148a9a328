"""Databricks audit logs: runs of jobs, experiments, registered models, serving and grants.

Carriers: rows of `system.access.audit`, files as they are delivered to a bucket, rows of Azure's log tables; one record a line,
a list, or one record.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from compliance.types.drafts import JobEventDraft, JobInputDraft, PrincipalDraft
from compliance.types.states import ActionClass, Outcome
from scanning.ingest.base import CERTAIN, NO, Drafts, ParseContext, Parsing
from scanning.ingest.databricks_operations import EXTRA, LIFECYCLE, MODEL_SECURABLES, OPERATIONS, Operation
from scanning.ingest.databricks_records import CARRIERS, Inner, Row, row_of
from scanning.ingest.job_drafts import Told, job_event, job_input, note_inputs
from scanning.ingest.log_reading import LogScope, read_log
from scanning.ingest.records import RejectedError, clipped, each, object_of, raw_digest, text_of, within_text

SOURCE = "databricks"
_NOTE = (
    "Databricks writes audit events at least once and may deliver them late; verbose events are off by default. A job may be "
    "of any kind: the log does not say which runs train a model. It cannot show that nothing is missing."
)
_SYSTEM_USER = "System-User"
_SUBJECT_ID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# What a task runs, as the Jobs API nests it.
_CODE = (
    "/notebook_task/notebook_path",
    "/spark_python_task/python_file",
    "/python_wheel_task/package_name",
    "/spark_jar_task/main_class_name",
    "/pipeline_task/pipeline_id",
)
_TASKS = ("notebook_task", "spark_python_task", "python_wheel_task", "spark_jar_task", "pipeline_task")


@dataclass(slots=True)
class _Scope(LogScope):
    """What the log covers, and what was passed over although it may bear on the matter."""

    lifecycle: int = 0
    other_grants: int = 0
    cut: int = 0

    def as_json(self) -> dict[str, Any]:
        return LogScope.as_json(self) | {
            "run_lifecycle_records_not_kept": self.lifecycle,
            "grants_of_other_kinds_not_kept": self.other_grants,
            "records_with_parameters_cut_by_the_source": self.cut,
        }


def _account(row: Row) -> str:
    """The workspace; the account, for events of the account, whose workspace is 0."""
    for pointer in row.carrier.account:
        found = row.fields.text("account", pointer)
        if found and found != "0":
            return found
        row.fields.origins.pop("account", None)
    return ""


def _actor(row: Row) -> PrincipalDraft | None:
    """Who the request is charged to. With a run that acts for somebody else, `on_behalf_of` names who began it."""
    identifier = row.user.text("actor", "email", "mail", "subject_name", "subjectName", "userId")
    if not identifier:
        return None
    begun_by = text_of(row.fields.peek("/identity_metadata/run_by"))
    return PrincipalDraft(
        identifier=identifier,
        display=identifier,
        kind=_kind(identifier),
        session=row.fields.text("session", "/session_id", "/sessionId", "/SessionId"),
        on_behalf_of=begun_by if begun_by != identifier else "",
    )


def _kind(identifier: str) -> str:
    if identifier == _SYSTEM_USER:
        return "System"
    if "@" in identifier:
        return "User"
    return "ServicePrincipal" if _SUBJECT_ID.fullmatch(identifier) else "Unknown"


def _outcome(row: Row) -> tuple[Outcome, str]:
    code = row.response.text("outcome", *row.carrier.status)
    detail = next(filter(None, (text_of(row.response.values.get(name)) for name in row.carrier.message)), "")
    if not code.isdecimal():
        return Outcome.UNKNOWN, detail
    if code in ("401", "403"):
        return Outcome.DENIED, clipped(f"{code}: {detail}".rstrip(": "))
    good = int(code) < 300
    return (Outcome.SUCCESS, "") if good else (Outcome.FAILED, clipped(f"{code}: {detail}".rstrip(": ")))


def _job_id(row: Row, operation: Operation) -> str:
    """What the request made, else what it names, as a path of the Jobs API; a run of MLflow by its bare id."""
    made = object_of(within_text(row.response.values.get("result")))
    for name, prefix in operation.result:
        if found := text_of(made.get(name)):
            row.fields.origins["job_id"] = row.response.place("result")
            return f"{prefix}{found}"
    for name, prefix in operation.ids:
        if found := row.parameters.text("job_id", name):
            return f"{prefix}{found}"
    return ""


def _model(row: Row, operation: Operation) -> str:
    """Full name of the model that is touched, with its version where the record states one."""
    for names in operation.model:
        parts = [text_of(row.parameters.values.get(name)) for name in names]
        if all(parts):
            row.fields.origins["output_model"] = row.parameters.place(names[-1])
            version = text_of(row.parameters.values.get("version"))
            return ".".join(parts) + (f" version {version}" if version else "")
    return ""


def _inputs(row: Row, operation: Operation) -> tuple[JobInputDraft, ...]:
    """Sources of a model version, and what the tasks of a job run. Data that the code itself names is not in the log."""
    found: dict[JobInputDraft, str] = {}
    for name in operation.sources:
        if uri := text_of(row.parameters.values.get(name)):
            found.setdefault(job_input("model", uri), row.parameters.place(name))
    for name, task in _tasks(row.parameters):
        for pointer in _CODE:
            for _, value in each(task, pointer):
                if uri := text_of(value):
                    found.setdefault(job_input("code", uri), row.parameters.place(name))
    note_inputs(row.fields, found.values())
    return tuple(found)


def _tasks(parameters: Inner) -> Iterator[tuple[str, Any]]:
    """(parameter, task) of every task that the parameters describe, alone, in a list, or in the new settings of a job."""
    for name in _TASKS:
        if isinstance(task := parameters.nested(name), dict):
            yield name, {name: task}
    settings = object_of(parameters.nested("new_settings"))
    for name, tasks in (("tasks", parameters.nested("tasks")), ("new_settings", within_text(settings.get("tasks")))):
        for task in tasks if isinstance(tasks, list) else ():
            yield name, task


def _execution_role(row: Row) -> str:
    return row.fields.text("execution_role", "/identity_metadata/run_as") or row.parameters.text(
        "execution_role", "run_as", "run_as_user_name"
    )


def _granted(row: Row) -> tuple[JobInputDraft, ...]:
    """What was granted, in the source's own words. To whom stands there too."""
    for name in ("changes", "aclPermissionSet"):
        if words := text_of(row.parameters.values.get(name)):
            note_inputs(row.fields, (row.parameters.place(name),))
            return (JobInputDraft(role="granted_right", uri=words),)
    return ()


def _told(row: Row, operation: Operation) -> Told:
    outcome, detail = _outcome(row)
    grants = operation.action_class is ActionClass.GRANT
    return Told(
        occurred_at=row.when,
        action=row.action,
        action_class=operation.action_class,
        outcome=outcome,
        outcome_detail=detail,
        actor=_actor(row),
        execution_role=_execution_role(row),
        source_address=row.fields.text("source_address", *row.carrier.address),
        account=_account(row),
        job_id=_job_id(row, operation),
        job_name=row.parameters.text("job_name", *operation.names),
        inputs=_granted(row) if grants else _inputs(row, operation),
        output_model=_model(row, operation),
    )


def _draft(row: Row, operation: Operation, locator: str) -> JobEventDraft:
    told = _told(row, operation)
    event_id = row.fields.text("source_event_id", *row.carrier.event_id)
    request = text_of(row.fields.peek(row.carrier.request_id))
    refused = told.outcome is Outcome.DENIED
    return job_event(
        row.fields,
        told,
        source=SOURCE,
        event_id=event_id,
        # The id is said to be unique; with action and request it cannot take another event's place if it is not.
        key=(event_id, row.action, request) if event_id else ("", raw_digest(row.fields.record)),
        locator=locator,
        expected=(
            "actor",
            "role",
            "source_address",
            "source_event_id",
            "account",
            "region",
            *(name for name in operation.expected if not (refused and name == "job_id")),
        ),
        searched=tuple(pointer[1:] for pointer in (row.carrier.parameters, row.carrier.response)),
    )


def _is_passed_over(row: Row, scope: _Scope) -> bool:
    """Whether a record of a kind that may matter does not, as far as it shows; such are counted."""
    if row.action in LIFECYCLE:
        scope.lifecycle += 1
        return True
    securable = text_of(row.parameters.values.get("securable_type")).lower()
    if row.action == "unityCatalog:updatePermissions" and securable not in MODEL_SECURABLES:
        scope.other_grants += 1
        return True
    return False


def _read(value: object, locator: str, extra: tuple[str, ...], scope: _Scope) -> JobEventDraft | None:
    """The draft of a record, or None when it is of another action. Raises RejectedError."""
    if not isinstance(value, dict):
        raise RejectedError("is not a JSON object")
    row = row_of(value)
    scope.add(_account(row), "", f"{row.when.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z")
    operation = OPERATIONS.get(row.action) or (EXTRA if row.action in extra else None)
    if _is_passed_over(row, scope) or operation is None:
        return None
    scope.cut += row.parameters.is_cut()
    return _draft(row, operation, locator)


class Databricks:
    """The parser. Stateless: one instance serves all."""

    name = SOURCE
    label = "Databricks audit log (system table, delivered files, Azure tables; JSON)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain when a record names service, action and parameters as one of the carriers does."""
        if not head.lstrip().startswith((b"{", b"[")):
            return NO
        for carrier in CARRIERS:
            names = (carrier.service, carrier.action, carrier.parameters, carrier.user)
            if all(f'"{name[1:]}"'.encode() in head for name in names):
                return CERTAIN
        return NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """Fine-tune events as drafts, the records of every other action counted. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        scope = _Scope(note=_NOTE)

        def read_record(value: object, locator: str) -> JobEventDraft | None:
            return _read(value, locator, context.extra_operations, scope)

        return read_log(
            stream,
            context,
            source=SOURCE,
            kind="audit event of Databricks",
            array_keys=("records", "value"),
            first_keys=("account_id", "version", "timestamp", "TenantId"),
            scope=scope,
            read_record=read_record,
        )


PARSER = Databricks()
