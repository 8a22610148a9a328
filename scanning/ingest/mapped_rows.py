"""Reading a record by a column mapping: its time in the stated zone, action and outcome by the stated values, its fields."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from compliance.types.drafts import JobEventDraft, JobInputDraft, PrincipalDraft
from compliance.types.errors import BadInputError
from compliance.types.states import ActionClass, Outcome
from scanning.ingest.base import ParseContext
from scanning.ingest.job_drafts import SUBMISSION, Told, job_event, note_inputs, without_secrets
from scanning.ingest.jsonrecords import Framed, JsonRecords
from scanning.ingest.limits import BoundedReader
from scanning.ingest.log_mapping import Layout, LogMapping, TimeFormat, plain_value
from scanning.ingest.log_reading import LogScope, decode_every
from scanning.ingest.records import Fields, RejectedError, clipped, each, escaped, moment, text_of
from scanning.ingest.table_reading import TableRecords

# In front of the mapping's own name for the source, so that no mapping passes its rows off as another format's.
PREFIX = "generic:"
STATED = "stated in the column mapping"
_MOST_COUNTED = 100
_ORDERS = {
    TimeFormat.DAY_FIRST: ("%d", "%m", "%Y"),
    TimeFormat.MONTH_FIRST: ("%m", "%d", "%Y"),
    TimeFormat.YEAR_FIRST: ("%Y", "%m", "%d"),
}
_SEPARATOR = re.compile(r"[/.\-]")
_CLOCKS = ("%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p", "%H:%M:%S %z", "%H:%M:%S%z")
_FRACTION = re.compile(r"(?<=:\d\d)[.,]\d+")
_EPOCH = re.compile(r"\d{9,10}\.\d{1,9}")
_ALWAYS = ("actor", "role", "source_address", "account", "region", "source_event_id")
_NOTE = (
    "Read by a column mapping that a person made: what the columns mean, and which actions matter, is their statement. The "
    "file cannot show that nothing is missing."
)


@dataclass(slots=True)
class MappedScope(LogScope):
    """What the log covers, by which mapping it was read, and which actions it passed over."""

    note: str = _NOTE
    mapping: dict[str, str] = field(default_factory=dict)
    not_kept: Counter[str] = field(default_factory=Counter)

    def pass_over(self, action: str) -> None:
        """Count a record whose action the mapping does not list; of many kinds of action the rest is counted as one."""
        known = action in self.not_kept or len(self.not_kept) < _MOST_COUNTED
        self.not_kept[action if known else "other actions"] += 1

    def as_json(self) -> dict[str, Any]:
        counted = sorted(self.not_kept.items(), key=lambda pair: (-pair[1], pair[0]))
        return LogScope.as_json(self) | {"actions_not_kept": dict(counted), "mapping": dict(self.mapping)}


def scope_of(mapping: LogMapping) -> MappedScope:
    """The scope that an import by this mapping fills."""
    return MappedScope(mapping={"source": mapping.source, "sha256": mapping.sha256})


def framed(reader: BoundedReader, layout: Layout, context: ParseContext) -> TableRecords | JsonRecords:
    """The records of a log in this layout. Raises BadInputError for a table without a usable header."""
    if layout is Layout.CSV:
        return TableRecords(reader, file_name=context.file_name, max_record=context.limits.max_record)
    return JsonRecords(
        reader.read,
        file_name=context.file_name,
        array_keys=("records",),
        first_keys=("timestamp", "time", "id"),
        max_record=context.limits.max_record,
        can_skip=decode_every,
    )


def check_columns(records: TableRecords | JsonRecords, mapping: LogMapping, file_name: str) -> None:
    """Raises BadInputError where a table lacks a column that the mapping reads. JSON records may each have other members."""
    if not isinstance(records, TableRecords):
        return
    present = {f"/{escaped(name)}" for name in records.columns}
    if missing := next((column for column in mapping.columns if column not in present), None):
        raise BadInputError(
            f"{file_name} has no column {missing[1:].replace('~1', '/').replace('~0', '~')[:60]!r}, which its mapping reads; "
            f"its columns are {' '.join(', '.join(records.columns).split())[:300]}."
        )


def value_of(framed_record: Framed) -> object:
    """The record, or RejectedError with the reason why there is none."""
    if framed_record.problem:
        raise RejectedError(framed_record.problem)
    return framed_record.value


def read_mapped(value: object, locator: str, mapping: LogMapping, scope: MappedScope) -> JobEventDraft | None:
    """The draft of a record, None for an action that the mapping passes over. Raises RejectedError."""
    if not isinstance(value, dict):
        raise RejectedError("is not a JSON object")
    row = _Row(Fields(value), mapping)
    when = _moment(row)
    scope.add(
        row.peek("account"), row.peek("region"), f"{when.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"
    )
    action = row.text("action")
    if not action:
        raise RejectedError(f"{row.name('action')} is empty, so that nothing says what was done")
    action_class = mapping.actions.get(plain_value(action), mapping.other_actions)
    if action_class is None:
        scope.pass_over(action)
        return None
    return _draft(row, when, action, action_class, locator)


class _Row:
    """One record, read by the mapping."""

    def __init__(self, fields: Fields, mapping: LogMapping) -> None:
        self.fields, self.mapping = fields, mapping

    def text(self, field_name: str) -> str:
        """A field as the mapping takes it, "" where it does not; where it came from is noted."""
        taken = self.mapping.fields.get(field_name)
        if taken is None:
            return ""
        if taken.constant:
            self.fields.origins[field_name] = STATED
            return clipped(taken.constant)
        found = self.fields.text(field_name, taken.column).strip()
        if not found:
            self.fields.origins.pop(field_name, None)
        return without_secrets(found)

    def peek(self, field_name: str) -> str:
        """As `text`, without a note."""
        taken = self.mapping.fields.get(field_name)
        return "" if taken is None else taken.constant or text_of(self.fields.peek(taken.column)).strip()

    def values(self, field_name: str) -> list[tuple[str, str]]:
        """(value, place) of all that a column leads to; a column of a list leads to several."""
        taken = self.mapping.fields.get(field_name)
        if taken is None:
            return []
        if taken.constant:
            return [(clipped(taken.constant), STATED)]
        pairs = ((text_of(value).strip(), place) for place, value in each(self.fields.record, taken.column))
        return [(value, place) for value, place in pairs if value]

    def name(self, field_name: str) -> str:
        """The column of a field as messages name it."""
        return self.mapping.fields[field_name].column.removeprefix("/").replace("~1", "/").replace("~0", "~")


def _moment(row: _Row) -> datetime:
    column = row.mapping.fields["occurred_at"].column
    name, value = row.name("occurred_at"), row.fields.peek(column)
    row.fields.origins["occurred_at"] = column
    zone = ZoneInfo(row.mapping.zone) if row.mapping.zone else None

    def placed(found: datetime) -> datetime:
        return _in_zone(found, zone, name) if zone else found

    if isinstance(value, str):
        value = _ordered(value.strip(), row.mapping.time_format, name)
    return moment(value, name, placed=placed if zone else None)


def _ordered(value: str, form: TimeFormat, name: str) -> object:
    """A time as `moment` reads it, whatever the order of its parts."""
    if _EPOCH.fullmatch(value):
        return float(value)
    order, separator = _ORDERS.get(form), _SEPARATOR.search(value)
    if order is None:
        return value
    date = separator.group().join(order) if separator else ""
    bare = _FRACTION.sub("", value.replace("T", " "))
    for clock in _CLOCKS:
        try:
            return datetime.strptime(bare, f"{date} {clock}").isoformat()  # noqa: DTZ007 - the zone follows
        except ValueError:
            continue
    raise RejectedError(f"{name} {value[:40]!r} is not a time with {form.value.replace('_', ' ')}")


def _in_zone(found: datetime, zone: ZoneInfo, name: str) -> datetime:
    """A local time in its zone. One that the clocks skipped or struck twice is nobody's to choose."""
    early, late = found.replace(tzinfo=zone, fold=0), found.replace(tzinfo=zone, fold=1)
    if early.utcoffset() == late.utcoffset():
        return early.astimezone(UTC)
    exists = early.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == found
    what = "came twice" if exists else "never came"
    raise RejectedError(
        f"{name} {found.isoformat(' ')} {what} in {zone.key}, as the clocks were changed; export times in UTC"
    )


def _actor(row: _Row) -> PrincipalDraft | None:
    identifier = row.text("actor")
    if not identifier:
        return None
    return PrincipalDraft(
        identifier=identifier,
        display=row.text("actor_display") or identifier,
        kind="Unknown",
        session=row.text("session"),
        on_behalf_of=row.text("on_behalf_of"),
    )


def _outcome(row: _Row) -> tuple[Outcome, str]:
    """The outcome that the value stands for; what stands for none is unknown, in its own words."""
    value, detail = row.text("outcome"), row.text("outcome_detail")
    found = row.mapping.outcomes.get(plain_value(value))
    if found is None:
        found = Outcome(plain_value(value)) if plain_value(value) in set(Outcome) else Outcome.UNKNOWN
    return found, detail or (value if found is not Outcome.SUCCESS else "")


def _inputs(row: _Row) -> tuple[JobInputDraft, ...]:
    found: dict[JobInputDraft, str] = {}
    for role, data, digests in (
        ("train", "train_data", "train_digest"),
        ("validation", "validation_data", "validation_digest"),
        ("code", "code", ""),
    ):
        uris, stated = row.values(data), [digest for digest, _ in row.values(digests)] if digests else []
        for at, (uri, place) in enumerate(uris):
            digest = stated[at].lower().removeprefix("sha256:") if at < len(stated) and len(stated) == len(uris) else ""
            found.setdefault(JobInputDraft(role=role, uri=without_secrets(uri), digest=digest), place)
    note_inputs(row.fields, found.values())
    return tuple(found)


def _draft(row: _Row, when: datetime, action: str, action_class: ActionClass, locator: str) -> JobEventDraft:
    outcome, detail = _outcome(row)
    told = Told(
        occurred_at=when,
        action=action,
        action_class=action_class,
        outcome=outcome,
        outcome_detail=detail,
        actor=_actor(row),
        role=row.text("role"),
        execution_role=row.text("execution_role"),
        source_address=row.text("source_address"),
        account=row.text("account"),
        region=row.text("region"),
        job_id=row.text("job_id"),
        job_name=row.text("job_name"),
        inputs=_inputs(row),
        base_model=row.text("base_model"),
        output_uri=row.text("output_uri"),
        output_model=row.text("output_model"),
    )
    event_id = row.text("event_id")
    if event_id:
        row.fields.origins["source_event_id"] = row.fields.origins.pop("event_id")
    return job_event(
        row.fields,
        told,
        source=f"{PREFIX}{row.mapping.source}",
        event_id=event_id,
        key=("id", event_id) if event_id else (),
        locator=locator,
        expected=(*_ALWAYS, *(SUBMISSION if action_class is ActionClass.SUBMIT else ())),
        free_form=_unread(row.fields.record, row.mapping.columns),
    )


def _unread(record: Iterable[str], columns: tuple[str, ...]) -> frozenset[str]:
    """Members that no field is taken from: one whose name sounds like a credential is taken for one."""
    read = {column.split("/")[1].replace("~1", "/").replace("~0", "~") for column in columns}
    return frozenset(record) - read
