"""Reading findings that come one record each (OCSF, Security Hub): the same loop, counts and scope for every carrier.

A finding may stand in an export several times, as it changed; what its newest record says is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, BinaryIO

from compliance.types.canonical import NotCanonicalError
from compliance.types.drafts import ObservationDraft, ParseSummary, Reject
from compliance.types.errors import BadInputError
from scanning.ingest.base import Drafts, ParseContext
from scanning.ingest.jsonrecords import Framed, JsonRecords
from scanning.ingest.limits import BoundedReader
from scanning.ingest.log_reading import decode_every
from scanning.ingest.records import Record, RejectedError
from scanning.ingest.redaction import redact
from scanning.ingest.report_scope import NOT_RECORDED

_MOST = 1000
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class FindingScope:
    """What an export of findings covers, gathered from every record. gaps: why nothing may be closed by its silence."""

    gaps: tuple[str, ...]
    tools: set[str] = field(default_factory=set)
    versions: set[str] = field(default_factory=set)
    accounts: set[str] = field(default_factory=set)
    regions: set[str] = field(default_factory=set)
    rules: set[str] = field(default_factory=set)
    first: datetime | None = None
    last: datetime | None = None

    def add(self, draft: ObservationDraft) -> None:
        """Count an observation in; its facts name account and region."""
        named = (
            (self.tools, draft.producer),
            (self.versions, draft.producer_version),
            (self.accounts, str(draft.facts.get("account", ""))),
            (self.regions, str(draft.facts.get("region", ""))),
            (self.rules, draft.rule),
        )
        for group, name in named:
            if name and len(group) < _MOST:
                group.add(name)
        if draft.observed_at is not None:
            self.first = min(self.first or draft.observed_at, draft.observed_at)
            self.last = max(self.last or draft.observed_at, draft.observed_at)

    def as_json(self, *, superseded: int) -> dict[str, Any]:
        """For the record of the import. superseded: records whose finding has a newer one in the same document."""
        return {
            "tool": ", ".join(sorted(self.tools)),
            "tool_version": ", ".join(sorted(self.versions)),
            "assets": [],
            "rules": sorted(self.rules),
            "accounts": sorted(self.accounts),
            "regions": sorted(self.regions),
            "not_before": self.first.isoformat(timespec="seconds") if self.first else None,
            "last_seen": self.last.isoformat(timespec="seconds") if self.last else None,
            "superseded": superseded,
            "gaps": list(self.gaps),
            "complete": False,
        }


def without_secrets(description: str, facts: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Description and facts without credentials; facts then name what was taken out."""
    shown, removed_here = redact(description, "description")
    kept, removed = redact(facts, "")
    assert isinstance(kept, dict)
    paths = [*removed_here, *(path.removeprefix(".") for path in removed)]
    return str(shown), kept | ({"redacted_fields": paths} if paths else {})


def waiver_facts(reason: str) -> dict[str, Any]:
    """The facts of a finding that was suppressed in its source. reason: as the source gives it, "" where it gives none."""
    waiver = {"kind": "suppressed in the source", "status": "accepted", "justification": reason or NOT_RECORDED}
    return {"waivers": [waiver | {"until": NOT_RECORDED}], "waived": True}


ReadRecord = Callable[[Record, str], Iterator[ObservationDraft]]


@dataclass(slots=True)
class _Export:
    """A document on its way. newest: drafts by fingerprint, in the order in which each finding was first named."""

    file_name: str
    scope: FindingScope
    newest: dict[str, ObservationDraft] = field(default_factory=dict)
    read: int = 0
    rejected: int = 0
    superseded: int = 0
    first_reason: str = ""

    def take(self, draft: ObservationDraft) -> None:
        self.scope.add(draft)
        known = self.newest.get(draft.fingerprint)
        self.superseded += known is not None
        # Of two records of the same moment the one with the greater digest stands, whichever comes first.
        if known is None or _rank(draft) > _rank(known):
            self.newest[draft.fingerprint] = draft

    def reject(self, locator: str, reason: RejectedError) -> Reject:
        self.rejected += 1
        self.first_reason = self.first_reason or f"{locator}: {reason}"
        return Reject(locator=locator, reason=f"{self.file_name}, {locator}: {reason}.")


def _rank(draft: ObservationDraft) -> tuple[datetime, str]:
    return draft.observed_at or _NEVER, draft.raw_sha256


def read_findings(
    stream: BinaryIO,
    context: ParseContext,
    *,
    source: str,
    kind: str,
    array_keys: tuple[str, ...],
    first_keys: tuple[str, ...],
    scope: FindingScope,
    read_record: ReadRecord,
) -> Drafts:
    """Observations of an export: {"KEY": [...]}, a list, one record, or one record a line; gzip or plain.

    source: name of the format; kind: what one record is called; array_keys, first_keys: see JsonRecords; read_record: told a
    record and its place, gives its observations or raises RejectedError. If every record is rejected, that is a BadInputError.
    """
    reader = BoundedReader(stream, context.file_name, context.limits, context.on_offset)
    records = JsonRecords(
        reader.read,
        file_name=context.file_name,
        array_keys=array_keys,
        first_keys=first_keys,
        max_record=context.limits.max_record,
        can_skip=decode_every,
    )
    export = _Export(context.file_name, scope)
    for framed in records:
        export.read += 1
        try:
            drafts = _drafts_of(framed, read_record)
        except RejectedError as reason:
            yield export.reject(framed.locator, reason)
            continue
        for draft in drafts:
            export.take(draft)
    yield from _taken(export, kind)
    scope_told = scope.as_json(superseded=export.superseded)
    relevant = len(export.newest)
    return ParseSummary(format=source, read=export.read, relevant=relevant, rejected=export.rejected, scope=scope_told)


def _taken(export: _Export, kind: str) -> Iterator[ObservationDraft]:
    if export.rejected and export.rejected == export.read:
        raise BadInputError(f"{export.file_name} holds no {kind} that can be read; {export.first_reason}.")
    yield from export.newest.values()


def _drafts_of(framed: Framed, read_record: ReadRecord) -> list[ObservationDraft]:
    if framed.problem:
        raise RejectedError(framed.problem)
    if not isinstance(framed.value, dict):
        raise RejectedError("it is no JSON object")
    try:
        return list(read_record(framed.value, framed.locator))
    except NotCanonicalError as error:
        raise RejectedError(f"it cannot be kept as it is: {error}") from error
