"""The job log in a freeze: counts, where it came from, the first rows, and the register of all of them."""

from __future__ import annotations

from typing import TypedDict

from compliance.types.freeze_blob import Blob
from compliance.types.shape import Identity, Sha256, UtcTime, Uuid

EXTRACT_ROWS = 500


class LogSource(TypedDict):
    """One imported log. `evidence`: uuid of the raw file in the evidence register."""

    name: str
    format: str
    evidence: Uuid | None
    recorded: int
    duplicates: int
    rejected: int


class JobEventRow(TypedDict):
    occurred_at: UtcTime
    actor: Identity
    action: str
    outcome: str
    account: str
    region: str
    job: str
    base_model: str
    raw_sha256: Sha256


class JobLog(TypedDict):
    """Counts are of the whole period; `extract` holds the first rows by time, at most EXTRACT_ROWS of `recorded`."""

    recorded: int
    duplicates: int
    rejected: int
    sources: list[LogSource]
    extract: list[JobEventRow]
    register: Blob | None
