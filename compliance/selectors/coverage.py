"""What was tested, on which model version, against which sub-technique; and what never was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from compliance.models import ModelVersion, Observation, Technique
from compliance.selectors.kept import kept, record_mark
from compliance.types.verdicts import COVERAGE_OF_FILE_SCAN, COVERAGE_OF_STAGE, CoverageState

_STRONGEST_FIRST = (
    CoverageState.FINDING,
    CoverageState.COVERED,
    CoverageState.FAILED,
    CoverageState.STALE,
    CoverageState.NOT_COVERED,
)


_STATES = {verdict.value: state for verdict, state in COVERAGE_OF_STAGE.items()} | {
    verdict.value: state for verdict, state in COVERAGE_OF_FILE_SCAN.items()
}
_CONCLUDED = {CoverageState.FINDING, CoverageState.COVERED}
_Key = tuple[int, str, str, str]


class Seen(NamedTuple):
    """An observation as far as coverage asks, without what was found in it. at: when it was observed; of a source without
    time when its document was collected, else received; of two of one time the larger pk is the newer."""

    pk: int
    model_version: int
    producer: str
    rule: str
    location: str
    asset_digest: str
    verdict: str
    techniques: list[str]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageCell:
    """One model version against one sub-technique. `basis` is empty where nothing was tested."""

    technique_id: str
    technique_name: str
    state: CoverageState
    basis: str
    at: datetime | None
    observation: Seen | None

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


def state_of(seen: Seen, *, now: datetime, digest: str = "") -> CoverageState:
    """Coverage that one observation gives; what it covered goes stale after SCAN_FRESH_DAYS, and at once where it was
    made of bytes with another SHA-256 than `digest`, that of the model version."""
    state = _STATES[seen.verdict]
    if state is not CoverageState.COVERED:
        return state
    is_old = now - seen.at > timedelta(days=settings.SCAN_FRESH_DAYS)
    is_of_other_bytes = bool(digest and seen.asset_digest and seen.asset_digest != digest)
    return CoverageState.STALE if is_old or is_of_other_bytes else state


def coverage_table(versions: QuerySet[ModelVersion], *, technique: Technique, mark: str = "") -> list[CoverageRow]:
    """One row per model version, one cell per sub-technique: three queries, whatever the number of rows. With a mark of the
    record, what was last seen of these versions is kept: for pages, never for what decides."""
    now = timezone.now()
    rows = list(versions.select_related("model__system", "parent__model"))
    subtechniques = subtechniques_of(technique)
    latest = kept(f"latest|{[row.pk for row in rows]}", lambda: _latest(versions), mark=mark)
    return [
        CoverageRow(version=row, cells=tuple(_cell(sub, latest[row.pk], row.digest, now) for sub in subtechniques))
        for row in rows
    ]


def coverage_states(versions: QuerySet[ModelVersion], *, technique: Technique) -> dict[int, tuple[CoverageState, ...]]:
    """States of the cells of coverage_table, by key of the version and in the order of the versions: for counting and
    choosing among very many."""
    now = timezone.now()
    subtechniques = subtechniques_of(technique)
    latest = _latest(versions)
    return {
        key: tuple(_strongest(sub, latest[key], digest, now)[0] for sub in subtechniques)
        for key, digest in versions.values_list("pk", "digest")
    }


def kept_states(technique: Technique, *, mark: str) -> dict[int, tuple[CoverageState, ...]]:
    """As coverage_states of all model versions, kept: whoever shows it chooses those that its asker may see."""
    every = ModelVersion.objects.all()
    return kept(f"states|{technique.atlas_id}", lambda: coverage_states(every, technique=technique), mark=mark)


def states_of(versions: QuerySet[ModelVersion], technique: Technique) -> dict[int, tuple[CoverageState, ...]]:
    """Of these versions, in their order."""
    states = kept_states(technique, mark=record_mark())
    return {key: states[key] for key in versions.values_list("pk", flat=True) if key in states}


def subtechniques_of(technique: Technique) -> list[Technique]:
    """The columns of the table."""
    return list(technique.subtechniques.order_by("atlas_id")) or [technique]


def _latest(versions: QuerySet[ModelVersion]) -> defaultdict[int, list[Seen]]:
    """By version, the newest observation of each producer, rule and place: an older one is history. But a finding stands until
    a newer one concludes otherwise: a test from which nothing follows takes nothing back."""
    rows = Observation.objects.filter(model_version__in=versions.order_by().values("pk")).order_by()
    at = Coalesce("observed_at", "evidence__collected_at", "evidence__created_at", "created_at")
    newest: dict[_Key, Seen] = {}
    concluding: dict[_Key, Seen] = {}
    for values in rows.values_list(*Seen._fields[:-1], at).iterator():
        seen = Seen(*values)
        key = (seen.model_version, seen.producer, seen.rule, seen.location)
        for kept_by_key in (newest, concluding) if _STATES[seen.verdict] in _CONCLUDED else (newest,):
            if key not in kept_by_key or (seen.at, seen.pk) > (kept_by_key[key].at, kept_by_key[key].pk):
                kept_by_key[key] = seen
    by_version: defaultdict[int, list[Seen]] = defaultdict(list)
    for key, seen in newest.items():
        by_version[seen.model_version].append(seen)
        last = concluding.get(key, seen)
        if last is not seen and _STATES[last.verdict] is CoverageState.FINDING:
            by_version[seen.model_version].append(last)
    return by_version


def _strongest(
    technique: Technique, observations: Iterable[Seen], digest: str, now: datetime
) -> tuple[CoverageState, Seen | None]:
    """The strongest state of what speaks to the sub-technique, and of several observations in it the newest."""
    by_state: dict[CoverageState, Seen] = {}
    for seen in observations:
        if technique.atlas_id not in seen.techniques:
            continue
        state = state_of(seen, now=now, digest=digest)
        if state not in by_state or (seen.at, seen.pk) > (by_state[state].at, by_state[state].pk):
            by_state[state] = seen
    state = next((state for state in _STRONGEST_FIRST if state in by_state), CoverageState.NOT_COVERED)
    return state, by_state.get(state)


def _cell(technique: Technique, observations: Iterable[Seen], digest: str, now: datetime) -> CoverageCell:
    state, seen = _strongest(technique, observations, digest, now)
    return CoverageCell(
        technique_id=technique.atlas_id,
        technique_name=technique.name,
        state=state,
        basis=_basis(state, seen) if seen else "",
        at=seen.at if seen else None,
        observation=seen,
    )


def _basis(state: CoverageState, seen: Seen) -> str:
    """What the cell rests on; where nothing followed from it, also what it ended with."""
    told = f"{seen.producer} {seen.rule}"
    return f"{told}: {seen.verdict.replace('_', ' ')}" if state is CoverageState.NOT_COVERED else told
