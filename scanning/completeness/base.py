"""What the evaluators of completeness take. Times are aware and in UTC; nothing here judges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from compliance.types.completeness import PlatformDocument

SHOWN = 20
"""Names that a row lists by itself; the rest is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFile:
    """An imported log. sha256: of its bytes decompressed, "" where it was not taken; first, last: times of its records."""

    name: str
    sha256: str
    source: str
    accounts: frozenset[str]
    regions: frozenset[str]
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedJob:
    """A job whose submission went through, as a log tells it. event: uuid of the job event."""

    event: str
    source: str
    action: str
    account: str
    region: str
    job_id: str
    name: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedJob:
    """A job as the platform's own list or bill tells it. kind: of list; place: account and region, or workspace, that the list
    is of; parent: job that started it; told_by: file and place in it; event: uuid of the job event, where it is one."""

    kind: str
    place: str
    job_id: str
    name: str
    at: datetime
    parent: str = ""
    told_by: str = ""
    event: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """That a list of jobs was taken, of which it holds all. jobs: their ids, casefolded."""

    kind: str
    place: str
    taken_at: datetime
    jobs: frozenset[str]
    file_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that is evaluated for one system and period [start, end).

    documents: all that are on record, in any order; logged, listed: with a day more at either end, so that the two sides of a
    job that lies at an edge find each other.
    """

    start: datetime
    end: datetime
    documents: tuple[PlatformDocument, ...] = ()
    log_files: tuple[LogFile, ...] = ()
    logged: tuple[LoggedJob, ...] = ()
    listed: tuple[ListedJob, ...] = ()
    listings: tuple[Listing, ...] = ()

    def of_kind(self, *kinds: str) -> Iterator[PlatformDocument]:
        """Documents of these kinds."""
        return (document for document in self.documents if document.kind in kinds)

    def within(self, at: datetime) -> bool:
        """Whether a moment lies in the period."""
        return self.start <= at < self.end


def latest(documents: Iterable[PlatformDocument]) -> list[PlatformDocument]:
    """Of each kind and scope the document taken last; of those taken at once, the one with the larger digest of its file."""
    chosen: dict[tuple[str, str], PlatformDocument] = {}
    for document in sorted(documents, key=lambda one: (one.taken_at, one.evidence_sha256, one.uuid)):
        chosen[document.kind, document.scope] = document
    return [chosen[place] for place in sorted(chosen)]


def named(names: Sequence[str]) -> str:
    """Some names in a sentence, the rest counted."""
    shown = ", ".join(names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown} and {len(names) - SHOWN} more"


def counted(number: int, one: str, several: str = "") -> str:
    """A number with its noun: "1 log file", "2 log files"."""
    return f"{number} {one if number == 1 else several or one + 's'}"


def clock(moment: datetime) -> str:
    """A moment in a sentence."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"
