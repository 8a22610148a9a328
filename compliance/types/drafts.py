"""What producers hand to the record: drafts of observations, job events and scan reports.

Every value is frozen and JSON-shaped, so it crosses processes as it is. Times are aware and in UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from compliance.types.states import ActionClass, Method, Outcome, Severity
from compliance.types.verdicts import FileScanVerdict, StageVerdict

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetRef:
    """What an observation is about, as the source names it.

    kind: "model_file", "model_version", "dataset_version", "account" … ; digest: SHA-256 hex where the source gives one.
    """

    kind: str
    name: str
    digest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationDraft:
    """One thing one producer saw. `fingerprint` is stable over repeated scans of the same asset (formats.md, part 4)."""

    producer: str
    producer_version: str
    rule: str
    title: str
    description: str
    method: Method
    asset: AssetRef
    fingerprint: str
    verdict: StageVerdict | FileScanVerdict
    observed_at: datetime | None
    severity: Severity | None = None
    native_severity: str = ""
    atlas_techniques: tuple[str, ...] = ()
    location: str = ""
    facts: JSON = field(default_factory=dict)
    raw_sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrincipalDraft:
    """Who acted, as the source names them. Personal: stored apart from the ledger, and erasable."""

    identifier: str
    display: str
    kind: str
    session: str = ""
    on_behalf_of: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobInputDraft:
    """One input of a fine-tune job: role is "train", "validation", "base_model", "code" …"""

    role: str
    uri: str
    digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEventDraft:
    """One fine-tune job event in normal form (formats.md §1.1). `unknown_fields` names what the source cannot give.

    origins: field -> JSON pointer (RFC 6901) within the record, or name of the column, that it was taken from;
    raw_text: canonical JSON of `raw`, where whoever made the draft has it already.
    """

    source: str
    source_event_id: str
    fingerprint: str
    raw_sha256: str
    raw: JSON
    locator: str
    occurred_at: datetime
    actor: PrincipalDraft | None
    role: str
    execution_role: str
    action: str
    action_class: ActionClass
    outcome: Outcome
    outcome_detail: str
    source_address: str
    account: str
    region: str
    job_id: str
    job_name: str
    inputs: tuple[JobInputDraft, ...] = ()
    base_model: str = ""
    output_uri: str = ""
    output_model: str = ""
    unknown_fields: tuple[str, ...] = ()
    redacted_fields: tuple[str, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)
    raw_text: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """A record that could not be taken, and why. `locator` is a line, index or member name."""

    locator: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseSummary:
    """What a parser says of the whole document once its stream is exhausted.

    scope: what the document covers (files scanned, accounts, regions, period), JSON-shaped.
    """

    format: str
    read: int
    relevant: int
    rejected: int
    scope: JSON = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileIssue:
    """One thing a static scan found in a file."""

    rule: str
    title: str
    description: str
    severity: Severity
    location: str = ""
    atlas_techniques: tuple[str, ...] = ()
    facts: JSON = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileScanReport:
    """Static scan of one file. `scanned` and `not_scanned` name members; the latter each with its reason."""

    scanner: str
    scanner_version: str
    path: str
    size: int
    sha256: str
    format: str
    verdict: FileScanVerdict
    issues: tuple[FileIssue, ...] = ()
    scanned: tuple[str, ...] = ()
    not_scanned: tuple[tuple[str, str], ...] = ()
    speaks_to: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    facts: JSON = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageReport:
    """One detection stage on one model version: statistic, thresholds, verdict, and what it cannot say.

    parameters: repr-able settings of the detector; facts: raw statistics per class, intervals, p-values, timings;
    images: name -> PNG as base64 (recovered trigger and the like), small.
    """

    detector: str
    detector_version: str
    parameters: JSON
    verdict: StageVerdict
    statement: str
    speaks_to: tuple[str, ...]
    limits: tuple[str, ...]
    facts: JSON = field(default_factory=dict)
    images: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    peak_memory_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanReport:
    """All stages on one model version, with what identifies the model and the machine."""

    model_sha256: str
    model_format: str
    architecture_digest: str
    tensors: JSON
    stages: tuple[StageReport, ...]
    verdict: StageVerdict
    data: JSON
    environment: JSON
    started_at: datetime
    finished_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a long step is: stage in words, done of total (total None when unknown)."""

    stage: str
    done: int
    total: int | None = None


Told = Callable[[Progress], None]
"""Who hears of it."""
