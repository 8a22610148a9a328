"""Completeness of the job log in a freeze: three figures apart, the keys by which log files were verified, and exceptions."""

from __future__ import annotations

from typing import Literal, TypedDict

from compliance.types.completeness import Integrity, Part
from compliance.types.freeze_blob import Blob
from compliance.types.shape import Named, Sha256, UtcTime

COMPLETENESS_ROWS = 200


class CompletenessUnit(TypedDict):
    """N of M of one kind of unit: `delivering` of `in_scope`; `seen`: of how many a log is on record."""

    platform: str
    unit: str
    in_scope: int
    delivering: int
    not_assessed: int
    seen: int


class KeyCompared(TypedDict):
    by: Named
    at: UtcTime
    matches: bool
    seen: str
    way: str


class CompletenessKey(TypedDict):
    """A key by which digest files were verified: where it came from, and who compared it. `comparison` None: nobody did."""

    sha256: Sha256
    fingerprint: str
    region: str
    file: str
    fetched_by: Named
    fetched_at: UtcTime | None
    comparison: KeyCompared | None


class IntegrityFigures(TypedDict):
    """`seconds` and `seconds_consistent` are of the period, over all chains of digest files."""

    verdict: Integrity
    chains: int
    digests: int
    verified: int
    seconds: int
    seconds_consistent: int
    logs_listed: int
    logs_matching: int
    logs_altered: int
    logs_absent: int
    files_on_record: int
    files_unlisted: int
    keys: list[CompletenessKey]


class JobFamily(TypedDict):
    """Jobs of one kind, both ways: `matched` of `listed` are in the log."""

    platform: str
    kind: str
    listed: int
    matched: int
    logged: int
    not_in_log: int
    not_listed: int
    vanished: int
    not_assessed: int


class NotLogged(TypedDict):
    """What nothing logs: as the organisation states it, or by the nature of a source."""

    source: str
    what: str
    instead: str


class CompletenessLine(TypedDict):
    """One line of a figure. Times are those of the stretch or moment that it speaks of."""

    figure: Part
    state: str
    platform: str
    place: str
    name: str
    starts_at: UtcTime | None
    ends_at: UtcTime | None
    sentence: str


class CompletenessReading(TypedDict):
    """`extract` holds the first of `exceptions`, at most COMPLETENESS_ROWS; `register` all lines, canonical JSON each."""

    as_of: UtcTime
    read_at: UtcTime
    rule_version: str
    coverage: str
    integrity: str
    reconciliation: str
    units: list[CompletenessUnit]
    gaps: list[str]
    digests: IntegrityFigures
    families: list[JobFamily]
    not_logged: list[NotLogged]
    blind_spots: list[NotLogged]
    exceptions: int
    extract: list[CompletenessLine]
    lines: int
    rows_root: Sha256
    register: Blob
    limits: list[str]


class CompletenessDetails(TypedDict, total=False):
    reading: CompletenessReading


class Completeness(CompletenessDetails):
    """Over the period of the assessment. `statement` says what follows; `reading` is there where it was measured."""

    state: Literal["not_assessed", "assessed"]
    statement: str


def completeness_fault(told: Completeness) -> str:
    """What does not hold in it, in words; "" where all does."""
    reading = told.get("reading")
    if (reading is not None) != (told["state"] == "assessed"):
        return "completeness: it is assessed where a reading is there, and not assessed where none is"
    if reading is None:
        return ""
    if len(reading["extract"]) > COMPLETENESS_ROWS:
        return f"completeness.extract: {len(reading['extract'])} rows, at most {COMPLETENESS_ROWS} are taken"
    if reading["register"]["rows"] != reading["lines"]:
        return "completeness.register: its row count differs from the number of lines"
    # The top verdict is an auditor's: whoever writes a document cannot reach it by a figure.
    keys = [key["comparison"] for key in reading["digests"]["keys"]]
    if reading["digests"]["verdict"] == "confirmed" and not (keys and all(one and one["matches"] for one in keys)):
        return "completeness.digests: confirmed, and not every key was compared by somebody who saw the same"
    return ""
