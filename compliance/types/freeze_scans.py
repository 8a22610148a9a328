"""The technical half of the freeze document: models, datasets, coverage, scans. See compliance.types.freeze."""

from __future__ import annotations

from typing import TypedDict

from compliance.types.shape import Base64, Named, Sha256, UtcTime, Uuid
from compliance.types.states import ModelOrigin, Severity
from compliance.types.verdicts import CoverageState, FileScanVerdict, StageVerdict


class Figure(TypedDict):
    """A labelled value already in words; units belong to the value."""

    label: str
    value: str


class ModelVersion(TypedDict):
    """`parent`: uuid within this list, or None where the parent is unknown or outside (then `parent_note` says so)."""

    uuid: Uuid
    name: str
    version: str
    sha256: Sha256
    format: str
    origin: ModelOrigin
    supplier: str
    parent: Uuid | None
    parent_note: str


class DatasetVersion(TypedDict):
    """`manifest_root`: Merkle root of the hash manifest."""

    uuid: Uuid
    name: str
    version: str
    manifest_root: Sha256
    files: int
    size: int


class CoverageCell(TypedDict):
    """`basis`: which scan or file scan says so, in words; empty where nothing was tested."""

    technique: str
    state: CoverageState
    basis: str
    at: UtcTime | None


class CoverageRow(TypedDict):
    """One model version against every sub-technique of `technique`, in its order."""

    model: Uuid
    cells: list[CoverageCell]


class ClassNorm(TypedDict):
    """L1 norm of the recovered trigger mask when class `label` is the target, in pixels."""

    label: str
    norm: float


class Rate(TypedDict):
    """A share between 0 and 1 with its interval at `level` (0.95) from `n` trials."""

    estimate: float
    low: float
    high: float
    level: float
    n: int


class ShownPicture(TypedDict):
    """A small PNG. `alt` says what is to be seen, for those who cannot see it."""

    name: str
    alt: str
    png: Base64


class Picture(ShownPicture, total=False):
    """Where a recipient is not given it: `png` is empty, and these are digest and size of what was."""

    withheld_sha256: Sha256
    withheld_bytes: int


class Confirmation(TypedDict):
    """Held-out images: turned by the recovered trigger, tried, and the most that a trigger drawn by chance turned."""

    flipped: int
    tried: int
    by_chance: int


class ClassScore(TypedDict):
    """How far class `label` stands out, larger = more: the median over the seeds, and largest minus smallest of them."""

    label: str
    score: float | None
    spread: float | None


class SeedRun(TypedDict):
    """One run of a stage: the class that stood out most, and by how much."""

    seed: int
    top_class: str | None
    score: float | None


class Statistic(TypedDict):
    """What a comparing stage measured. `words`: the score of `top_class` in words and units of people."""

    words: str
    score: float | None
    top_class: str | None
    classes: list[ClassScore]
    runs: list[SeedRun]
    confirmation: Confirmation | None


class AttackPower(TypedDict):
    """Of the backdoors of one kind that were planted on purpose, how many the stage found."""

    attack: str
    planted: int
    found: int
    rate: Rate


class Calibration(TypedDict):
    """What the score is worth. tier: "calibrated" (ranked among references) or "uncalibrated"; score: what is ranked among
    `references`, of the class `top_class`, on a scale of its own; None where nothing is ranked;

    not_compared: why there are no references; bank: name and SHA-256 of the reference bank, empty where there is none.
    """

    tier: str
    p_value: float | None
    resolution: float | None
    top_class: str | None
    score: float | None
    references: list[float]
    flagged: bool
    confirmed: bool
    power: list[AttackPower]
    not_compared: str
    bank: str
    bank_sha256: str


class Table(TypedDict):
    """Rows that a stage reports beside its statistic, in words; the first `len(rows)` of `total`."""

    caption: str
    heads: list[str]
    numeric: list[bool]
    rows: list[list[str]]
    total: int


class StageFigures(TypedDict):
    """One detection stage on one model version, as every freeze says it.

    class_norms: one per class, empty where the method has none; reference_norms: smallest norm of each reference model;
    first_ranked: label of the class that stands out most; p_resolution: the smallest p-value these references allow;
    attack_success: share of held-out images that the recovered trigger turns to the first-ranked class.
    """

    detector: str
    title: str
    version: str
    verdict: StageVerdict
    statement: str
    speaks_to: list[str]
    limits: list[str]
    parameters: list[Figure]
    figures: list[Figure]
    class_norms: list[ClassNorm]
    reference_norms: list[float]
    first_ranked: str | None
    p_value: float | None
    p_resolution: float | None
    attack_success: Rate | None
    pictures: list[Picture]
    seconds: float


class Stage(StageFigures, total=False):
    """With what stages learned to say later, absent from older freezes: statistic over the seeds, calibration, tables."""

    statistic: Statistic | None
    calibration: Calibration | None
    tables: list[Table]


class Scan(TypedDict):
    """All stages on one model version, what it was tested with and on which machine."""

    uuid: Uuid
    model: Uuid
    verdict: StageVerdict
    started_at: UtcTime
    finished_at: UtcTime
    started_by: Named
    data: list[Figure]
    environment: list[Figure]
    stages: list[Stage]


class Issue(TypedDict):
    rule: str
    title: str
    description: str
    severity: Severity
    location: str
    techniques: list[str]


class NotScanned(TypedDict):
    name: str
    reason: str


class FileScan(TypedDict):
    """Static scan of one file. `model` None: the file is bound to no known model version."""

    uuid: Uuid
    model: Uuid | None
    path: str
    sha256: Sha256
    size: int
    format: str
    scanner: str
    scanner_version: str
    verdict: FileScanVerdict
    at: UtcTime
    issues: list[Issue]
    members_scanned: int
    not_scanned: list[NotScanned]
    limits: list[str]
