"""The coverage matrix: model versions against sub-techniques, how strong the test of each cell was, and how fresh."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext

from compliance.models import ModelVersion, Observation, Technique
from compliance.rights import Asker, visible
from compliance.selectors.coverage import (
    CoverageCell,
    CoverageRow,
    Seen,
    coverage_table,
    states_of,
    subtechniques_of,
)
from compliance.selectors.kept import record_mark
from compliance.selectors.model_pages import technique
from compliance.selectors.sources import Source, sources
from compliance.selectors.stage_document import power
from compliance.types.freeze_scans import AttackPower
from compliance.types.verdicts import CoverageState
from scanning.detectors.registry import label_of

OURS, FILE_SCAN = "assay", "file-scan"


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageFilter:
    """What the matrix is asked for; empty means any. state: of at least one cell."""

    text: str = ""
    system: UUID | None = None
    state: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Strength:
    """How strong the test behind a cell was, where it says so. p: of its statistic, None where it has none."""

    tier: str
    p: float | None
    power: tuple[AttackPower, ...]

    @property
    def weakest(self) -> AttackPower | None:
        """The kind of attack that is found least often."""
        return min(self.power, key=lambda row: row["rate"]["estimate"], default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixCell:
    """One cell: its state, what it rests on in words, and where that can be read. url: empty without a page of it."""

    cell: CoverageCell
    basis: str
    verdict: str
    verdict_kind: str
    url: str
    strength: Strength | None

    @property
    def at(self) -> datetime | None:
        """When it was tested."""
        return self.cell.at


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixRow:
    """One model version. is_new: its bytes were never tested, while another version of the model was."""

    version: ModelVersion
    cells: tuple[MatrixCell, ...]
    is_new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixFigures:
    """How many cells of the whole matrix are in each state."""

    cells: int
    covered: int
    finding: int
    stale: int
    failed: int
    not_covered: int


def columns() -> list[Technique]:
    """Sub-techniques, in the order of the cells; none before a catalogue is loaded."""
    about = technique()
    return subtechniques_of(about) if about else []


def matrix_versions(rows: QuerySet[ModelVersion], asked: CoverageFilter) -> QuerySet[ModelVersion]:
    """Versions as filtered by what the table of versions can tell."""
    if asked.text:
        plain = asked.text.replace(" ", "").lower()
        named = Q(model__name__icontains=asked.text) | Q(label__icontains=asked.text)
        rows = rows.filter(named | Q(digest__startswith=plain))
    if asked.system:
        rows = rows.filter(model__system__uuid=asked.system)
    return rows


def matrix_states(versions: QuerySet[ModelVersion], asked: CoverageFilter) -> dict[int, tuple[CoverageState, ...]]:
    """States of the cells by key of the version, in the order of the versions; those with a cell in the state asked for."""
    about = technique()
    states = states_of(versions, about) if about else {}
    return {key: row for key, row in states.items() if not asked.state or asked.state in row}


def matrix_figures(states: Iterable[tuple[CoverageState, ...]]) -> MatrixFigures:
    """Cells by state."""
    counts = Counter(state for row in states for state in row)
    return MatrixFigures(
        cells=counts.total(),
        covered=counts[CoverageState.COVERED],
        finding=counts[CoverageState.FINDING],
        stale=counts[CoverageState.STALE],
        failed=counts[CoverageState.FAILED],
        not_covered=counts[CoverageState.NOT_COVERED],
    )


def matrix_of(keys: Sequence[int], asker: Asker) -> list[MatrixRow]:
    """Rows of the versions with these keys, in their order."""
    about = technique()
    versions = visible(ModelVersion.objects.all(), asker).filter(pk__in=keys)
    found = (
        {row.version.pk: row for row in coverage_table(versions, technique=about, mark=record_mark())} if about else {}
    )
    return matrix_rows([found[key] for key in keys if key in found], asker)


def matrix_rows(rows: Sequence[CoverageRow], asker: Asker) -> list[MatrixRow]:
    """Rows with the strength of each test and links: four queries, whatever the number of rows."""
    behind = _behind([cell.observation.pk for row in rows for cell in row.cells if cell.observation is not None])
    known = sources([one.source for one in behind.values()], asker)
    new = _new_versions([row.version for row in rows], asker)
    return [
        MatrixRow(
            version=row.version,
            cells=tuple(_cell(cell, known, behind) for cell in row.cells),
            is_new=row.version.pk in new,
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class _Behind:
    """What stands behind a cell: where it comes from, and how strong it says it is."""

    source: UUID
    strength: Strength | None


def _behind(observations: Sequence[int]) -> dict[int, _Behind]:
    """By key of the observation; read without the pictures beside it."""
    calibration = (F(f"facts__stage__facts__calibration__{name}") for name in ("tier", "p_value", "power"))
    rows = Observation.objects.filter(pk__in=observations).values_list("pk", "source_uuid", *calibration)
    return {
        key: _Behind(
            source, Strength(tier=str(tier), p=p, power=tuple(power(told) for told in found or ())) if tier else None
        )
        for key, source, tier, p, found in rows
    }


def _new_versions(versions: Sequence[ModelVersion], asker: Asker) -> set[int]:
    own = Observation.objects.filter(model_version=OuterRef("pk"))
    siblings = visible(Observation.objects.all(), asker).filter(model_version__model=OuterRef("model"))
    rows = ModelVersion.objects.filter(pk__in=[version.pk for version in versions])
    return set(rows.filter(~Exists(own), Exists(siblings)).values_list("pk", flat=True))


def _cell(cell: CoverageCell, known: dict[UUID, Source], behind: dict[int, _Behind]) -> MatrixCell:
    observation = cell.observation
    if observation is None:
        return MatrixCell(cell=cell, basis="", verdict="", verdict_kind="", url="", strength=None)
    told = behind[observation.pk]
    source = known.get(told.source)
    return MatrixCell(
        cell=cell,
        basis=_basis(observation),
        verdict=observation.verdict,
        verdict_kind="file" if observation.verdict in _FILE_WORDS else "stage",
        url=source.url if source else "",
        strength=told.strength,
    )


def _basis(observation: Seen) -> str:
    if observation.producer != OURS:
        return f"{observation.producer} {observation.rule}"
    return gettext("File scan") if observation.rule == FILE_SCAN else label_of(observation.rule)


_FILE_WORDS = {"finding", "nothing_found", "nothing_scanned", "skipped"}
