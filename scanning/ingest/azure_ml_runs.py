"""Azure Machine Learning's own tables: what became of runs and of jobs on compute.

Tables: AmlRunStatusChangedEvent and AmlComputeJobEvent. Carriers: rows of Log Analytics (one a line, or a list), and what a
diagnostic setting writes, whose columns stand in `properties`. Column names: Azure Monitor's table reference.
"""

from __future__ import annotations

from datetime import datetime
from typing import BinaryIO

from compliance.types.drafts import JobEventDraft, PrincipalDraft
from compliance.types.states import ActionClass, Outcome
from scanning.ingest.azure_records import AzureFields, fields_of, subscription
from scanning.ingest.base import CERTAIN, NO, Drafts, ParseContext, Parsing
from scanning.ingest.job_drafts import SUBMISSION, Told, job_event
from scanning.ingest.log_reading import LogScope, read_log
from scanning.ingest.records import RejectedError, clipped, moment

SOURCE = "azure_ml_runs"
_RUNS, _COMPUTE = "AmlRunStatusChangedEvent", "AmlComputeJobEvent"
_NOTE = "Tables hold what the workspace's diagnostic setting sent; they cannot show that nothing is missing."
_RESOURCE = ("/_ResourceId", "/resourceId")
_OUTCOMES = {
    "completed": Outcome.SUCCESS,
    "succeeded": Outcome.SUCCESS,
    "jobsucceeded": Outcome.SUCCESS,
    "jobsubmitted": Outcome.SUCCESS,
    "failed": Outcome.FAILED,
    "jobfailed": Outcome.FAILED,
}
_ALWAYS = ("actor", "role", "source_address", "source_event_id", "account", "region")


def _column(name: str) -> tuple[str, ...]:
    return f"/{name}", f"/properties/{name}"


def _table(fields: AzureFields) -> str:
    """Which table a row is of; a query may have left its name out, but not the columns that make it one."""
    named = fields.first("/Type", "/category")
    if not named and fields.first(*_column("RunId")) and fields.first(*_column("Status")):
        return _RUNS
    if not named and fields.first(*_column("JobId"), *_column("JobName")) and fields.first(*_column("EventType")):
        return _COMPUTE
    return next((table for table in (_RUNS, _COMPUTE) if named.lower().rstrip("s") == table.lower()), named)


def _actor(fields: AzureFields) -> PrincipalDraft | None:
    """Who changed a run. Often only a display name is told, which two people may share."""
    identifier = fields.text("actor", *_column("Identity"), *_column("TriggeringUserName"))
    if not identifier:
        return None
    display = fields.first(*_column("TriggeringUserName")) or identifier
    return PrincipalDraft(identifier=identifier, display=display, kind="Unknown")


def _class(table: str, state: str) -> ActionClass:
    """A status follows from a job that was submitted or cancelled, and is neither itself."""
    if table == _COMPUTE and state == "jobsubmitted":
        return ActionClass.SUBMIT
    return ActionClass.CANCEL if table == _RUNS and state == "cancelrequested" else ActionClass.OTHER


def _job_id(fields: AzureFields, table: str) -> str:
    """The id that the Activity Log gives the same job, where the row names its workspace."""
    if table == _COMPUTE:
        return fields.text("job_id", *_column("JobId"))
    run = fields.text("job_id", *_column("RunId"))
    workspace = fields.first(*_RESOURCE).rstrip("/")
    return f"{workspace}/jobs/{run}".lower() if run and workspace else run


def _told(fields: AzureFields, when: datetime, table: str) -> Told:
    state = fields.text("action", *_column("Status" if table == _RUNS else "EventType"))
    reasons = (state, *(fields.first(*_column(name)) for name in ("JobErrorMessage", "ErrorDetails", "Message")))
    outcome = _OUTCOMES.get(state.lower(), Outcome.UNKNOWN)
    return Told(
        occurred_at=when,
        action=f"{table}:{state}",
        action_class=_class(table, state.lower()),
        outcome=outcome,
        outcome_detail="" if outcome is Outcome.SUCCESS else clipped(": ".join(filter(None, reasons))),
        actor=_actor(fields),
        source_address=fields.text("source_address", "/CallerIpAddress"),
        account=subscription(fields, *_RESOURCE, "/_SubscriptionId", *_column("CustomerSubscriptionId")),
        region=fields.text("region", "/Location"),
        job_id=_job_id(fields, table),
        job_name=fields.text("job_name", *_column("RunId" if table == _RUNS else "JobName")),
    )


def _draft(fields: AzureFields, when: datetime, table: str, locator: str) -> JobEventDraft:
    told = _told(fields, when, table)
    if not told.job_id and not told.job_name:
        raise RejectedError(f"it is no row of {table}: its job is not named")
    workspace = fields.first(*_RESOURCE, *_column("WorkspaceName")).lower()
    expected = (*_ALWAYS, *SUBMISSION) if told.action_class is ActionClass.SUBMIT else _ALWAYS
    # Rows have no id. A query may leave columns out, so what tells rows apart is taken and not the whole of them.
    key = (workspace, told.action, told.job_id, told.job_name, fields.first(*_column("NodeId")), when.isoformat())
    return job_event(fields, told, source=SOURCE, event_id="", key=key, locator=locator, expected=expected)


def _read(value: object, locator: str, scope: LogScope) -> JobEventDraft | None:
    """The draft of a row, or None when it is of another table. Raises RejectedError."""
    fields = fields_of(value)
    table = _table(fields)
    if not table:
        raise RejectedError(f"it is no row of {_RUNS} or {_COMPUTE}: Type is missing")
    place, stated = fields.reach("/TimeGenerated")
    if stated is None:
        place, stated = fields.reach("/time")
    when = moment(stated, place[1:] or "TimeGenerated")
    fields.origins["occurred_at"] = place
    account = subscription(fields, *_RESOURCE, "/_SubscriptionId", *_column("CustomerSubscriptionId"))
    scope.add_at(account, fields.first("/Location"), when)
    return _draft(fields, when, table, locator) if table in (_RUNS, _COMPUTE) else None


class AzureMlRuns:
    """The parser. Stateless: one instance serves all."""

    name = SOURCE
    label = "Azure Machine Learning run and job events (Log Analytics)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain when rows name one of the tables, or have its columns."""
        if not head.lstrip().startswith((b"{", b"[")):
            return NO
        named = f'"{_RUNS}"'.encode() in head or f'"{_COMPUTE}'.encode() in head
        columns = b'"TriggeringUserName"' in head and b'"RunId"' in head
        return CERTAIN if named or columns else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """Changes of runs as drafts, the rows of other tables counted. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        scope = LogScope(note=_NOTE)

        def read_record(value: object, locator: str) -> JobEventDraft | None:
            return _read(value, locator, scope)

        return read_log(
            stream,
            context,
            source=SOURCE,
            kind="row of Azure Machine Learning's tables",
            array_keys=("records", "value"),
            first_keys=("TimeGenerated", "TenantId", "time", "CallerIpAddress", "_ResourceId"),
            scope=scope,
            read_record=read_record,
        )


PARSER = AzureMlRuns()
