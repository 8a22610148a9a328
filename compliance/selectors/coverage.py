"""What was tested, on which model version, against which sub-technique; and what never was."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from compliance.models import ModelVersion, Observation, Technique
from compliance.types.verdicts import (
    COVERAGE_OF_FILE_SCAN,
    COVERAGE_OF_STAGE,
    CoverageState,
    FileScanVerdict,
    StageVerdict,
)

_STRONGEST_FIRST = (
    CoverageState.FINDING,
    CoverageState.COVERED,
    CoverageState.FAILED,
    CoverageState.STALE,
    CoverageState.NOT_COVERED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageCell:
    """One model version against one sub-technique. `basis` is empty where nothing was tested."""

    technique_id: str
    technique_name: str
    state: CoverageState
    basis: str
    at: datetime | None
    observation: Observation | None

    @property
    def stale_since(self) -> datetime | None:
        """When what was covered grew too old; None for what is not stale, or stale because the file is another one."""
        if self.state is not CoverageState.STALE or self.at is None:
            return None
        due = self.at + timedelta(days=settings.SCAN_FRESH_DAYS)
        return due if due <= timezone.now() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageRow:
    """One model version and its cells, in the order of the sub-techniques."""

    version: ModelVersion
    cells: tuple[CoverageCell, ...]

    @property
    def is_covered_somewhere(self) -> bool:
        """Whether anything at all was concluded about this version."""
        return any(cell.state in {CoverageState.COVERED, CoverageState.FINDING} for cell in self.cells)


def state_of(observation: Observation, *, now: datetime, digest: str = "") -> CoverageState:
    """Coverage that one observation gives; what it covered goes stale after SCAN_FRESH_DAYS, and at once where it was
    made of bytes with another SHA-256 than `digest`, that of the model version."""
    if observation.verdict in {StageVerdict.EVIDENCE_FOUND, StageVerdict.NO_EVIDENCE_AT_POWER}:
        state = COVERAGE_OF_STAGE[StageVerdict(observation.verdict)]
    elif observation.verdict in set(FileScanVerdict):
        state = COVERAGE_OF_FILE_SCAN[FileScanVerdict(observation.verdict)]
    else:
        state = COVERAGE_OF_STAGE[StageVerdict(observation.verdict)]
    seen = observation.observed_at or observation.created_at
    is_old = now - seen > timedelta(days=settings.SCAN_FRESH_DAYS)
    is_of_other_bytes = bool(digest and observation.asset_digest and observation.asset_digest != digest)
    if state is CoverageState.COVERED and (is_old or is_of_other_bytes):
        return CoverageState.STALE
    return state


def _latest(observations: Iterable[Observation]) -> list[Observation]:
    """The newest observation of each producer, rule and place: an older one is history."""
    newest: dict[tuple[str, str, str], Observation] = {}
    for observation in observations:
        key = (observation.producer, observation.rule, observation.location)
        current = newest.get(key)
        if current is None or observation.created_at >= current.created_at:
            newest[key] = observation
    return list(newest.values())


def _cell(technique: Technique, observations: list[Observation], digest: str, now: datetime) -> CoverageCell:
    """The strongest state of what speaks to the sub-technique; of several observations in that state, the newest."""
    speaking = sorted(
        (o for o in observations if technique.atlas_id in o.techniques), key=lambda o: (o.created_at, o.pk)
    )
    by_state = {state_of(o, now=now, digest=digest): o for o in speaking}
    for state in _STRONGEST_FIRST:
        if state in by_state and state is not CoverageState.NOT_COVERED:
            basis = by_state[state]
            return CoverageCell(
                technique_id=technique.atlas_id,
                technique_name=technique.name,
                state=state,
                basis=f"{basis.producer} {basis.rule}",
                at=basis.observed_at or basis.created_at,
                observation=basis,
            )
    tried = by_state.get(CoverageState.NOT_COVERED)
    return CoverageCell(
        technique_id=technique.atlas_id,
        technique_name=technique.name,
        state=CoverageState.NOT_COVERED,
        basis=f"{tried.producer} {tried.rule}: {tried.verdict.replace('_', ' ')}" if tried else "",
        at=(tried.observed_at or tried.created_at) if tried else None,
        observation=tried,
    )


def subtechniques_of(technique: Technique) -> list[Technique]:
    """The columns of the table."""
    return list(technique.subtechniques.order_by("atlas_id")) or [technique]


def coverage_table(versions: QuerySet[ModelVersion], *, technique: Technique) -> list[CoverageRow]:
    """One row per model version, one cell per sub-technique: three queries, whatever the number of rows."""
    now = timezone.now()
    rows = list(versions.select_related("model__system", "parent__model"))
    subtechniques = subtechniques_of(technique)
    by_version: dict[int, list[Observation]] = {row.pk: [] for row in rows}
    fields = (
        "model_version",
        "producer",
        "rule",
        "location",
        "asset_digest",
        "source_uuid",
        "verdict",
        "techniques",
        "observed_at",
        "created_at",
        "uuid",
    )
    for observation in Observation.objects.filter(model_version__in=list(by_version)).only(*fields):
        by_version[observation.model_version_id or 0].append(observation)
    latest = {key: _latest(observations) for key, observations in by_version.items()}
    return [
        CoverageRow(version=row, cells=tuple(_cell(sub, latest[row.pk], row.digest, now) for sub in subtechniques))
        for row in rows
    ]
