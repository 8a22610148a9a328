"""Reading a log of JSON records into job events: the same loop, counts and scope for every source."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO

from compliance.types.drafts import JobEventDraft, ParseSummary, Reject
from compliance.types.errors import BadInputError
from scanning.ingest.base import Drafts, ParseContext
from scanning.ingest.jsonrecords import Framed, JsonRecords
from scanning.ingest.limits import BoundedReader
from scanning.ingest.records import RejectedError

_MOST = 1000
# What a record may give: an event, several, or none.
Found = JobEventDraft | Sequence[JobEventDraft] | None


@dataclass(slots=True)
class LogScope:
    """What a log covers, gathered from every record in it, whether it matters here or not. note: what the log cannot show."""

    note: str
    accounts: set[str] = field(default_factory=set)
    regions: set[str] = field(default_factory=set)
    first: str = ""
    last: str = ""
    passed_over: int = 0

    def add(self, account: str, region: str, time: str) -> None:
        """Count a record in. time: as text that sorts by time."""
        if len(self.accounts) < _MOST:
            self.accounts.add(account)
        if len(self.regions) < _MOST:
            self.regions.add(region)
        self.first = min(self.first or time, time)
        self.last = max(self.last, time)

    def add_at(self, account: str, region: str, when: datetime) -> None:
        """As `add`, by a time in UTC."""
        self.add(account, region, f"{when.replace(tzinfo=None).isoformat(timespec='milliseconds')}Z")

    def as_json(self) -> dict[str, Any]:
        """For the record of the import."""
        return {
            "accounts": sorted(self.accounts - {""}),
            "regions": sorted(self.regions - {""}),
            "first_event": self.first,
            "last_event": self.last,
            "complete": False,
            "note": self.note,
        }


def decode_every(_text: str, _start: int, _end: int) -> bool:
    """The `can_skip` of a log whose records are all decoded."""
    return False


def log_reader(stream: BinaryIO, context: ParseContext) -> BoundedReader:
    """The bytes of a log, decompressed, within the limits of the context."""
    return BoundedReader(stream, context.file_name, context.limits, context.on_offset, context.on_content)


def read_log(
    stream: BinaryIO | BoundedReader,
    context: ParseContext,
    *,
    source: str,
    kind: str,
    array_keys: tuple[str, ...],
    first_keys: tuple[str, ...],
    scope: LogScope,
    read_record: Callable[[object, str], Found],
    can_skip: Callable[[str, int, int], bool] = decode_every,
) -> Drafts:
    """Drafts of a log: {"KEY": [...]}, a list, one record, or one record a line; gzip or plain.

    source: name of the format; kind: what one record is called ("CloudTrail record"); array_keys, first_keys, can_skip: see
    JsonRecords; read_record: told a decoded record and its place, gives its event or events, None for one that does not
    matter here, or raises RejectedError. A log of which every record is rejected is a BadInputError.
    """
    reader = stream if isinstance(stream, BoundedReader) else log_reader(stream, context)
    records = JsonRecords(
        reader.read,
        file_name=context.file_name,
        array_keys=array_keys,
        first_keys=first_keys,
        max_record=context.limits.max_record,
        can_skip=can_skip,
        keep_raw=context.on_record is not None,
    )
    return read_records(records, context, source=source, kind=kind, scope=scope, read_record=read_record)


def read_records(
    records: Iterable[Framed],
    context: ParseContext,
    *,
    source: str,
    kind: str,
    scope: LogScope,
    read_record: Callable[[object, str], Found],
) -> Drafts:
    """As `read_log`, of records that were framed already."""
    decoded = relevant = rejected = 0
    first_reason = ""
    for framed in records:
        decoded += 1
        if context.on_record and framed.raw:
            context.on_record(framed.offset, framed.raw)
        try:
            drafts = _each(read_record(_value(framed), framed.locator))
        except RejectedError as reason:
            rejected += 1
            first_reason = first_reason or f"{framed.locator}: {reason}"
            yield Reject(locator=framed.locator, reason=f"{context.file_name}, {framed.locator}: {reason}.")
            continue
        relevant += len(drafts)
        yield from drafts
    read = decoded + scope.passed_over
    if rejected and rejected == read:
        raise BadInputError(f"{context.file_name} holds no {kind} that can be read; {first_reason}.")
    return ParseSummary(format=source, read=read, relevant=relevant, rejected=rejected, scope=scope.as_json())


def _each(found: Found) -> Sequence[JobEventDraft]:
    if found is None:
        return ()
    return (found,) if isinstance(found, JobEventDraft) else found


def _value(framed: Framed) -> object:
    if framed.problem:
        raise RejectedError(framed.problem)
    return framed.value
