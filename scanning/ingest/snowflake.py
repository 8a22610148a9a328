"""Snowflake query history: calls of Cortex fine-tuning, and grants of the right to them.

Carriers: rows of ACCOUNT_USAGE or ORGANIZATION_USAGE.QUERY_HISTORY as JSON (a list, or one a line) or as CSV with its header.
The call stands in the text of the query; its arguments are read by tokens. Functions: FINETUNE('CREATE' | 'CANCEL' | …).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from itertools import pairwise
from typing import Any, BinaryIO

from compliance.types.drafts import JobEventDraft, JobInputDraft, PrincipalDraft
from compliance.types.states import ActionClass, Outcome
from scanning.ingest.base import CERTAIN, NO, Drafts, ParseContext, Parsing
from scanning.ingest.job_drafts import Told, job_event, job_input, note_inputs
from scanning.ingest.jsonrecords import Framed, JsonRecords
from scanning.ingest.limits import BoundedReader
from scanning.ingest.log_reading import LogScope, decode_every, read_records
from scanning.ingest.records import Fields, Record, RejectedError, clipped, moment, text_of
from scanning.ingest.sql_calls import Call, Token, calls, tokens
from scanning.ingest.table_reading import TableRecords, dialect_of

SOURCE = "snowflake"
_NOTE = (
    "Query history holds the queries of a year, their texts cut at 100,000 characters; the id of the job that a query started "
    "is not in it. Training outside Cortex fine-tuning does not appear. It cannot show that nothing is missing."
)
_FUNCTION = "FINETUNE"
_CLASSES = {"CREATE": ActionClass.SUBMIT, "CANCEL": ActionClass.CANCEL}
_READS = ("SHOW", "DESCRIBE")
# The function lies in SNOWFLAKE.CORTEX, and may be called without as much of that as the session has set.
_QUALIFIED = ("CORTEX.FINETUNE", "SNOWFLAKE.CORTEX.FINETUNE")
# "SQL access control error: Insufficient privileges"
_DENIED_CODES = ("3001", "003001")
_DENIED_WORDS = "insufficient privileges"
_FAILURES = ("FAIL", "FAILED_WITH_ERROR", "FAILED_WITH_INCIDENT", "INCIDENT")
_ALWAYS = ("actor", "role", "source_address", "account", "region")
_CREATED = (*_ALWAYS, "job_id", "inputs", "base_model", "output_model", "output_uri", "execution_role")


@dataclass(slots=True)
class _Scope(LogScope):
    """What the rows cover, and what was passed over although it names fine-tuning."""

    reads: int = 0
    mentions: int = 0
    cut: int = 0

    def as_json(self) -> dict[str, Any]:
        return LogScope.as_json(self) | {
            "calls_that_only_read_not_kept": self.reads,
            "queries_that_only_mention_fine_tuning": self.mentions,
            "calls_cut_by_the_source": self.cut,
        }


_Reader = Callable[["_Row", Told], tuple[Told, tuple[str, ...]]]
_COLUMNS = ("QUERY_ID", "QUERY_TEXT", "USER_NAME", "START_TIME")
# What a text must hold before it is worth reading.
_WORDS = (_FUNCTION, "CORTEX_USER", "MODEL")


class _Row:
    """A row, its columns in capitals or small letters as the export wrote them."""

    def __init__(self, record: Record) -> None:
        self.fields = Fields(record)
        self._small = "query_id" in record

    def pointer(self, column: str) -> str:
        """Where a column stands."""
        return f"/{column.lower() if self._small else column}"

    def value(self, column: str) -> Any:
        """A column as it is."""
        return self.fields.peek(self.pointer(column))

    def text(self, field: str, column: str) -> str:
        """A column as text, noted under `field`."""
        return self.fields.text(field, self.pointer(column))


def _outcome(row: _Row) -> tuple[Outcome, str]:
    status = row.text("outcome", "EXECUTION_STATUS")
    code, message = (text_of(row.value(name)) for name in ("ERROR_CODE", "ERROR_MESSAGE"))
    if status.upper() == "SUCCESS":
        return Outcome.SUCCESS, ""
    detail = clipped(": ".join(filter(None, (code, message or status))))
    if code in _DENIED_CODES or _DENIED_WORDS in message.lower():
        return Outcome.DENIED, detail
    return (Outcome.FAILED if status.upper() in _FAILURES else Outcome.UNKNOWN), detail


def _actor(row: _Row) -> PrincipalDraft | None:
    name = row.text("actor", "USER_NAME")
    if not name:
        return None
    kind = text_of(row.value("USER_TYPE")) or "User"
    return PrincipalDraft(identifier=name, display=name, kind=kind, session=text_of(row.value("SESSION_ID")))


def _base(row: _Row, when: datetime) -> Told:
    """What every row tells, whatever its query."""
    outcome, detail = _outcome(row)
    row.fields.origins |= {"occurred_at": row.pointer("START_TIME"), "action": row.pointer("QUERY_TEXT")}
    return Told(
        occurred_at=when,
        action="",
        action_class=ActionClass.OTHER,
        outcome=outcome,
        outcome_detail=detail,
        actor=_actor(row),
        role=row.text("role", "ROLE_NAME"),
        account=row.text("account", "ACCOUNT_NAME"),
        region=row.text("region", "REGION"),
    )


def _argument(row: _Row, call: Call, place: int, field: str) -> str:
    """An argument of a call, "" where it is none or no constant; it stands in the text of the query."""
    value = call.arguments[place] if place < len(call.arguments) else None
    if value and field:
        row.fields.origins[field] = row.pointer("QUERY_TEXT")
    return clipped(value or "")


def _data(row: _Row, call: Call) -> tuple[JobInputDraft, ...]:
    """The queries that gave training and validation data. What they returned is not in the history."""
    given = (("train", _argument(row, call, 3, "")), ("validation", _argument(row, call, 4, "")))
    found = tuple(job_input(role, query) for role, query in given if query)
    note_inputs(row.fields, (row.pointer("QUERY_TEXT") for _ in found))
    return found


def _verb(call: Call) -> str:
    """What a call does, "" where its first argument is no constant."""
    return (call.arguments[0] or "").upper() if call.arguments else ""


def _is_fine_tuning(call: Call) -> bool:
    return call.name in _QUALIFIED or (call.name == _FUNCTION and _verb(call) in (*_CLASSES, *_READS))


def _of_call(row: _Row, base: Told, call: Call) -> tuple[Told, tuple[str, ...]]:
    """What a call tells beside its row, and what it should. One whose first argument is no constant may be a submission."""
    verb = _verb(call)
    told = replace(
        base,
        action=clipped(f"{_QUALIFIED[-1]}:{verb}" if verb else _QUALIFIED[-1]),
        action_class=_CLASSES.get(verb, ActionClass.OTHER),
    )
    if verb == "CANCEL":
        return replace(told, job_id=_argument(row, call, 1, "job_id")), (*_ALWAYS, "job_id")
    if verb != "CREATE":
        return told, _CREATED
    return (
        replace(
            told,
            job_name=_argument(row, call, 1, "job_name"),
            output_model=_argument(row, call, 1, "output_model"),
            base_model=_argument(row, call, 2, "base_model"),
            inputs=_data(row, call),
        ),
        _CREATED,
    )


def _right(sql: tuple[Token, ...]) -> str:
    """The right to fine-tune that a statement grants or revokes: the database role, or the privilege to make models."""
    words = [token.value for token in sql if token.kind in ("word", "quoted")]
    if words[:1] not in (["GRANT"], ["REVOKE"]):
        return ""
    if "CORTEX_USER" in words:
        return "SNOWFLAKE.CORTEX_USER"
    made = any(pair == ("CREATE", "MODEL") for pair in pairwise(words))
    return "CREATE MODEL" if made else ""


def _of_grant(row: _Row, base: Told, verb: str, right: str) -> tuple[Told, tuple[str, ...]]:
    """A grant. To whom it is given, and where, stands in the text of the query alone."""
    note_inputs(row.fields, (row.pointer("QUERY_TEXT"),))
    role = "granted_right" if verb == "GRANT" else "removed_right"
    inputs = (JobInputDraft(role=role, uri=right),)
    return replace(base, action=f"{verb} {right}", action_class=ActionClass.GRANT, inputs=inputs), (*_ALWAYS, "inputs")


def _events(value: object, locator: str, scope: _Scope) -> tuple[JobEventDraft, ...]:
    """The drafts of a row: one for each call or grant. Raises RejectedError."""
    if not isinstance(value, dict):
        raise RejectedError("is not a JSON object")
    row = _Row(value)
    if not text_of(row.value("QUERY_ID")):
        raise RejectedError("it is no row of Snowflake's query history: QUERY_ID is missing")
    when = moment(row.value("START_TIME"), "START_TIME")
    time = f"{when.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
    scope.add(text_of(row.value("ACCOUNT_NAME")), text_of(row.value("REGION")), time)
    text = row.value("QUERY_TEXT")
    if not isinstance(text, str) or not any(word in text.upper() for word in _WORDS):
        return ()
    sql = tokens(text)
    found = [call for call in calls(sql, _FUNCTION) if _is_fine_tuning(call)]
    kept = [call for call in found if _verb(call) not in _READS]
    right = _right(sql)
    scope.reads += len(found) - len(kept)
    scope.cut += sum(call.is_cut for call in kept)
    scope.mentions += not found and not right and _FUNCTION in text.upper()
    readers = [partial(_of_call, call=call) for call in kept]
    if right:
        readers = [partial(_of_grant, verb=sql[0].value, right=right)]
    return tuple(_event(_Row(value), when, reader, locator, place) for place, reader in enumerate(readers))


def _event(row: _Row, when: datetime, reader: _Reader, locator: str, place: int) -> JobEventDraft:
    told, expected = reader(row, _base(row, when))
    query = row.text("source_event_id", "QUERY_ID")
    refused = told.outcome is Outcome.DENIED
    return job_event(
        row.fields,
        told,
        source=SOURCE,
        event_id=query,
        key=(query, str(place)),
        locator=locator,
        expected=tuple(name for name in expected if not (refused and name == "job_id")),
    )


class Snowflake:
    """The parser. Stateless: one instance serves all."""

    name = SOURCE
    label = "Snowflake query history (JSON or CSV)"

    def identify(self, head: bytes, file_name: str) -> int:
        """Certain when rows, or the header of a table, name the id, text, user and start of queries."""
        upper = head.upper()
        if head.lstrip().startswith((b"{", b"[")):
            return CERTAIN if all(f'"{name}"'.encode() in upper for name in _COLUMNS) else NO
        header = upper.lstrip(b"\r\n").split(b"\n", 1)[0]
        named = all(name.encode() in header for name in _COLUMNS)
        return CERTAIN if named and dialect_of(head.decode("utf-8", "replace")) else NO

    def parse(self, stream: BinaryIO, context: ParseContext) -> Parsing:
        """Calls of fine-tuning as drafts, every other query counted. See scanning.ingest.base.Parser."""
        return Parsing(self._drafts(stream, context))

    def _drafts(self, stream: BinaryIO, context: ParseContext) -> Drafts:
        scope = _Scope(note=_NOTE)

        def read_record(value: object, locator: str) -> tuple[JobEventDraft, ...]:
            return _events(value, locator, scope)

        reader = BoundedReader(stream, context.file_name, context.limits, context.on_offset)
        return read_records(
            _framed(reader, context),
            context,
            source=SOURCE,
            kind="row of Snowflake's query history",
            scope=scope,
            read_record=read_record,
        )


def _framed(reader: BoundedReader, context: ParseContext) -> Iterable[Framed]:
    if not reader.peek().lstrip().startswith((b"{", b"[")):
        return TableRecords(reader, file_name=context.file_name, max_record=context.limits.max_record)
    return JsonRecords(
        reader.read,
        file_name=context.file_name,
        array_keys=("data",),
        first_keys=("QUERY_ID", "query_id"),
        max_record=context.limits.max_record,
        can_skip=decode_every,
    )


PARSER = Snowflake()
