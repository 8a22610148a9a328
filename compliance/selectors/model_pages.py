"""Models and data: the list with what was tested and what never was, one model version, one data-set version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from compliance.models import (
    DatasetVerification,
    DatasetVersion,
    Finding,
    JobBinding,
    JobEvent,
    ModelVersion,
    Observation,
    Technique,
)
from compliance.rights import Asker, visible
from compliance.selectors.coverage import CoverageRow, coverage_table, states_of
from compliance.selectors.kept import record_mark
from compliance.selectors.overview import TECHNIQUE
from compliance.selectors.sources import Source, sources
from compliance.selectors.unmatched_page import jobs_of
from compliance.types.verdicts import (
    Conclusion,
    CoverageState,
    FileScanVerdict,
    StageVerdict,
    worst_file_scan,
    worst_stage,
)

MOST_ANCESTORS = 50
IN_BRIEF = 10
SHOWN = 50
CONCLUSIVE = "conclusive"
_STAGE_WORDS = frozenset(StageVerdict) - frozenset(FileScanVerdict)
_OWN_STAGES = "assay"  # the producer of the stages that Assay runs; its look at a file has another


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFilter:
    """What the list is asked for; empty means any. tested: "never" for versions without any observation, "yes";
    traced: "no" for versions of which no data set is recorded; cell: a CoverageState that a cell has, or "conclusive" for
    covered or finding, against `technique` (else the one that Assay is about)."""

    text: str = ""
    origin: str = ""
    tested: str = ""
    system: UUID | None = None
    traced: str = ""
    cell: str = ""
    technique: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFigures:
    """Counts over the rows of the list: what was never tested beside what was."""

    versions: int
    never: int
    inherited: int
    inherited_never: int
    with_finding: int


def technique() -> Technique | None:
    """The technique that Assay is about, once a catalogue is loaded."""
    return Technique.objects.filter(atlas_id=TECHNIQUE).first()


def _is_observed() -> Exists:
    return Exists(Observation.objects.filter(model_version=OuterRef("pk")))


def model_list(rows: QuerySet[ModelVersion], asked: ModelFilter) -> QuerySet[ModelVersion]:
    """The list as filtered."""
    if asked.text:
        plain = asked.text.replace(" ", "").lower()
        words = Q(model__name__icontains=asked.text) | Q(label__icontains=asked.text)
        rows = rows.filter(words | Q(supplier__icontains=asked.text) | Q(digest__startswith=plain))
    if asked.origin:
        rows = rows.filter(origin=asked.origin)
    if asked.system:
        rows = rows.filter(model__system__uuid=asked.system)
    if asked.tested:
        rows = rows.filter(_is_observed() if asked.tested == "yes" else ~_is_observed())
    if asked.traced == "no":
        rows = rows.filter(training_data__isnull=True)
    return _with_cell(rows, asked) if asked.cell else rows


def dataset_list(rows: QuerySet[DatasetVersion], *, system: UUID | None) -> QuerySet[DatasetVersion]:
    """Data-set versions, of one AI system where it is named."""
    return rows.filter(dataset__system__uuid=system) if system else rows


def _with_cell(rows: QuerySet[ModelVersion], asked: ModelFilter) -> QuerySet[ModelVersion]:
    """Those with a cell in the state asked for."""
    about = Technique.objects.filter(atlas_id=asked.technique or TECHNIQUE).first()
    if about is None:
        return rows.none()
    conclusive = {CoverageState.COVERED, CoverageState.FINDING}
    wanted = conclusive if asked.cell == CONCLUSIVE else {CoverageState(asked.cell)}
    states = states_of(rows, about)
    return rows.filter(pk__in=[key for key, cells in states.items() if wanted & set(cells)])


def model_figures(rows: QuerySet[ModelVersion]) -> ModelFigures:
    """One query over the rows of a list."""
    standing = Finding.objects.filter(model_version=OuterRef("pk"), state=Conclusion.NOT_SATISFIED)
    marked = rows.order_by().annotate(observed=_is_observed(), standing=Exists(standing))
    found = marked.aggregate(
        versions=Count("pk"),
        never=Count("pk", filter=Q(observed=False)),
        inherited=Count("pk", filter=Q(origin="inherited")),
        inherited_never=Count("pk", filter=Q(origin="inherited", observed=False)),
        with_finding=Count("pk", filter=Q(standing=True)),
    )
    return ModelFigures(**found)


def coverage_of(versions: Sequence[ModelVersion], about: Technique | None) -> list[CoverageRow]:
    """Coverage of these versions in their order."""
    if about is None:
        return []
    rows = coverage_table(
        ModelVersion.objects.filter(pk__in=[version.pk for version in versions]), technique=about, mark=record_mark()
    )
    by_version = {row.version.pk: row for row in rows}
    return [by_version[version.pk] for version in versions]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanLine:
    """One scan or import that looked at a version. origin is None where it was not run as a job.

    verdicts: each with its vocabulary, `stage` or `file`: of a scan that searched the model and its file, one of each.
    """

    source: UUID
    at: datetime
    producer: str
    verdicts: tuple[tuple[str, str], ...]
    observations: int
    origin: Source | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPage:
    """Everything on a model version's page. ancestors: nearest last, so that the page reads from root to version; scans:
    the newest of those that there are; findings: the open ones first, of those that there are."""

    ancestors: tuple[ModelVersion, ...]
    hidden_parent: bool
    children: tuple[ModelVersion, ...]
    training_data: tuple[DatasetVersion, ...]
    coverage: CoverageRow | None
    scans: tuple[ScanLine, ...]
    scanned: int
    findings: tuple[Finding, ...]
    found: int
    made_by: tuple[JobEvent, ...]
    jobs: tuple[JobBinding, ...]


def _ancestors(version: ModelVersion, user: Asker) -> tuple[tuple[ModelVersion, ...], bool]:
    """Parents from the root down, and whether one of them is not the asker's to see."""
    chain: list[ModelVersion] = []
    current, seen = version.parent_id, {version.pk}
    while current is not None and current not in seen and len(chain) < MOST_ANCESTORS:
        parent = visible(ModelVersion.objects.select_related("model"), user).filter(pk=current).first()
        if parent is None:
            return tuple(reversed(chain)), True
        chain.append(parent)
        seen.add(parent.pk)
        current = parent.parent_id
    return tuple(reversed(chain)), False


class _Seen(NamedTuple):
    """One observation of a scan or import."""

    key: int
    producer: str
    verdict: str
    observed_at: datetime | None
    created_at: datetime

    @property
    def at(self) -> datetime:
        return self.observed_at or self.created_at

    @property
    def is_stage(self) -> bool:
        """Of a search of the model. What could not be run says "failed" either way: Assay's own stages name their producer."""
        return self.verdict in _STAGE_WORDS or (self.verdict == StageVerdict.FAILED and self.producer == _OWN_STAGES)


def _scans(version: ModelVersion, user: Asker) -> tuple[list[ScanLine], int]:
    """The newest scans and reports that looked at the version, newest first, and how many there are."""
    fields = ("pk", "producer", "verdict", "observed_at", "created_at")
    rows = visible(Observation.objects.filter(model_version=version), user).order_by("created_at", "pk")
    by_source: dict[UUID, list[_Seen]] = {}
    for source, *seen in rows.values_list("source_uuid", *fields):
        by_source.setdefault(source, []).append(_Seen(*seen))
    newest = sorted(by_source.items(), key=lambda item: item[1][-1].at, reverse=True)[:SHOWN]
    known = sources([source for source, _seen in newest], user)
    concluded = _concluded([stage.key for _source, group in newest for stage in _stages(group)[:1]])
    return [_line(source, group, known.get(source), concluded) for source, group in newest], len(by_source)


def _stages(group: Sequence[_Seen]) -> list[_Seen]:
    return [seen for seen in group if seen.is_stage]


def _concluded(stages: Sequence[int]) -> dict[int, str]:
    """By the key of one of its stages, what the whole scan concluded, as it recorded with each of them."""
    if not stages:
        return {}
    rows = Observation.objects.filter(pk__in=stages, facts__has_key="scan")
    return dict(rows.values_list("pk", "facts__scan__verdict"))


def _line(source: UUID, group: Sequence[_Seen], origin: Source | None, concluded: Mapping[int, str]) -> ScanLine:
    stages, of_file = _stages(group), [FileScanVerdict(seen.verdict) for seen in group if not seen.is_stage]
    verdicts: list[tuple[str, str]] = []
    if stages:
        gravest = worst_stage(StageVerdict(seen.verdict) for seen in stages).value
        verdicts.append((concluded.get(stages[0].key, gravest), "stage"))
    if of_file:
        verdicts.append((worst_file_scan(of_file).value, "file"))
    return ScanLine(
        source=source,
        at=group[-1].at,
        producer=(stages or group)[0].producer,
        verdicts=tuple(verdicts),
        observations=len(group),
        origin=origin,
    )


def _made_by(version: ModelVersion, user: Asker) -> tuple[JobEvent, ...]:
    """Job events whose output is named as this version is: by its label or its digest."""
    names = [name for name in (str(version), version.digest) if name]
    # That the name is not empty follows; it is said so that the database takes the index on names.
    named = JobEvent.objects.filter(output_model__in=names).exclude(output_model="")
    # Asked for by key: beside the days of an audit the database would else go through all events of these days.
    rows = visible(JobEvent.objects.filter(pk__in=named.filter(system=version.model.system_id).values("pk")), user)
    return tuple(rows.select_related("actor")[:IN_BRIEF])


def model_page(version: ModelVersion, user: Asker) -> ModelPage:
    """The page of one model version, as far as the asker may see."""
    ancestors, hidden = _ancestors(version, user)
    children = visible(ModelVersion.objects.filter(parent=version), user).select_related("model")
    datasets = visible(DatasetVersion.objects.filter(trained=version), user).select_related("dataset")
    findings = visible(Finding.objects.filter(model_version=version), user)
    scans, scanned = _scans(version, user)
    # "not-satisfied" comes before "satisfied".
    gravest = findings.select_related("target").order_by("state", "severity_rank", "-last_seen_at")
    return ModelPage(
        ancestors=ancestors,
        hidden_parent=hidden,
        children=tuple(children),
        training_data=tuple(datasets),
        coverage=next(iter(coverage_of([version], technique())), None),
        scans=tuple(scans),
        scanned=scanned,
        findings=tuple(gravest[:SHOWN]),
        found=findings.count(),
        made_by=_made_by(version, user),
        jobs=tuple(jobs_of(user, model_version=version)[:IN_BRIEF]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetPage:
    """Everything on a data-set version's page."""

    trained: tuple[ModelVersion, ...]
    siblings: tuple[DatasetVersion, ...]
    verifications: tuple[DatasetVerification, ...]
    jobs: tuple[JobBinding, ...]


def dataset_page(version: DatasetVersion, user: Asker) -> DatasetPage:
    """The page of one data-set version, as far as the asker may see."""
    trained = visible(ModelVersion.objects.filter(training_data=version), user).select_related("model")
    siblings = visible(DatasetVersion.objects.filter(dataset=version.dataset_id), user).exclude(pk=version.pk)
    verifications = visible(DatasetVerification.objects.filter(dataset_version=version), user)
    return DatasetPage(
        trained=tuple(trained),
        siblings=tuple(siblings.select_related("dataset").order_by("-created_at")[:IN_BRIEF]),
        verifications=tuple(verifications.select_related("verified_by")[:IN_BRIEF]),
        jobs=tuple(jobs_of(user, dataset_version=version)[:IN_BRIEF]),
    )
