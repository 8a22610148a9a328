"""Tests of controls as their pages, files and packs show them: what counts, what was found, what that says of the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from uuid import UUID

from django.db.models import Count, Max, Q, QuerySet

from compliance.choices import conclusion_label
from compliance.models import (
    AttributeResult,
    CheckRun,
    ControlTest,
    ImplementedControl,
    Population,
    Sample,
    SampledInstance,
)
from compliance.rights import Asker, visible
from compliance.sampling import SamplingError, size_for, upper_limit
from compliance.types.canonical import digest_of, merkle_root
from compliance.types.testing import (
    ControlTestConclusion,
    ControlTestKind,
    ControlTestState,
    InstanceResult,
    PopulationKind,
    SourceCheck,
)

ROWS = ControlTest.objects.select_related(
    "engagement", "control__system", "population", "check_run", "preparer", "reviewer", "released_by"
)
CONFIDENCE = Decimal("0.95")


# What counts --------------------------------------------------------------------------------------------------------


def current_draw(test: ControlTest) -> Sample | None:
    """The latest draw or choice, whose rows count; those of earlier ones stay on record."""
    return test.samples.filter(extends=None).select_related("population").order_by("-number").first()


def _of_draw(root: Sample) -> Q:
    return Q(sample=root) | Q(sample__extends=root)


def used_ranks(root: Sample) -> dict[str, int]:
    """Stratum -> the last rank that a draw with its extensions and replacements has used."""
    rows = SampledInstance.objects.filter(_of_draw(root)).order_by()
    return dict(rows.values_list("stratum").annotate(last=Max("rank")))


def shown_instances(test: ControlTest) -> QuerySet[SampledInstance]:
    """Instances of the current draw and those that the auditor named, voided ones included."""
    root = current_draw(test)
    chosen = Q(sample=None) if root is None else Q(sample=None) | _of_draw(root)
    return test.instances.filter(chosen)


def counted_instances(test: ControlTest) -> list[SampledInstance]:
    """Those of them that are not void, with their results."""
    return list(shown_instances(test).filter(voided_at=None).prefetch_related("results"))


def told_of(result: AttributeResult) -> list[object]:
    """What the ledger's digest of a result covers. Its own identifier makes the digest one that nobody can guess."""
    return [str(result.uuid), result.attribute, str(result.result), digest_of(result.note)]


def results_root(test: ControlTest) -> str:
    """Merkle root over all results that count."""
    rows = [result for one in counted_instances(test) for result in one.results.all()]
    return merkle_root(sorted(bytes.fromhex(digest_of(told_of(row))) for row in rows))


# Figures ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Counts over the instances that count. limit: upper deviation limit in percent; None where the rows were not drawn by one
    seed without strata, or not all are decided. of: rows of the population behind the limit."""

    instances: int
    decided: int
    exceptions: int
    voided: int
    held_against_source: int
    differing: int
    limit: float | None
    confidence: Decimal
    tolerable: Decimal | None
    of: int | None

    @property
    def waiting(self) -> int:
        """Instances with attributes that have no result yet."""
        return self.instances - self.decided

    @property
    def confidence_percent(self) -> str:
        """The confidence of the limit, as people write it."""
        return f"{float(100 * self.confidence):g}"

    @property
    def tolerable_percent(self) -> str:
        """The tolerable rate, as people write it; "" where none was named."""
        return f"{100 * self.tolerable:g}" if self.tolerable is not None else ""

    @property
    def is_too_much(self) -> bool:
        """Whether the limit lies above what was called tolerable."""
        return self.limit is not None and self.tolerable is not None and self.limit > float(100 * self.tolerable)


def figures(test: ControlTest) -> Figures:
    """The figures of a test: five queries."""
    root, instances = current_draw(test), counted_instances(test)
    asked = {one.key for one in test.attributes}
    decided = [one for one in instances if asked <= {result.attribute for result in one.results.all()}]
    exceptions = sum(has_exception(one) for one in instances)
    drawn_ones = [one for one in instances if one.sample_id is not None]
    confidence = _rate(root, "confidence") or CONFIDENCE
    limit = None
    if root is not None and len(decided) == len(instances):
        limit = _limit(root, drawn_ones, confidence)
    return Figures(
        instances=len(instances),
        decided=len(decided),
        exceptions=exceptions,
        voided=shown_instances(test).filter(voided_at__isnull=False).count(),
        held_against_source=sum(bool(one.source_check) for one in instances),
        differing=sum(one.source_check == SourceCheck.DIFFERS for one in instances),
        limit=limit,
        confidence=confidence,
        tolerable=_rate(root, "tolerable"),
        of=root.population.count if root else None,
    )


def has_exception(instance: SampledInstance) -> bool:
    """Whether any attribute of an instance failed; reads its results."""
    return any(result.result == InstanceResult.EXCEPTION for result in instance.results.all())


def _rate(root: Sample | None, name: str) -> Decimal | None:
    try:
        return Decimal(root.plan[name]) if root and name in root.plan else None
    except InvalidOperation:
        return None


def _limit(root: Sample, instances: Sequence[SampledInstance], confidence: Decimal) -> float | None:
    """In percent; None where it would say nothing."""
    if not root.seed or len(root.sizes) != 1 or len(root.population.strata) > 1 or not instances:
        return None
    found = sum(has_exception(one) for one in instances)
    try:
        return 100 * upper_limit(
            confidence=confidence, size=len(instances), exceptions=found, population=root.population.count
        )
    except SamplingError:
        return None


# Lists --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class TestFilter:
    """What the list is asked for; empty means any."""

    __test__ = False  # no test of ours, whatever pytest makes of the name

    text: str = ""
    kind: str = ""
    state: str = ""
    engagement: UUID | None = None


def control_tests(user: Asker, asked: TestFilter) -> QuerySet[ControlTest]:
    """Tests that exist for the asker, latest first, with how many instances were chosen."""
    rows = visible(ROWS, user).annotate(chosen=Count("instances", filter=Q(instances__voided_at=None)))
    if asked.text:
        of_control = Q(control__control_id__icontains=asked.text) | Q(control__title__icontains=asked.text)
        rows = rows.filter(of_control | Q(procedure__icontains=asked.text))
    exact = {"kind": asked.kind, "state": asked.state, "engagement__uuid": asked.engagement}
    return rows.filter(**{name: value for name, value in exact.items() if value}).order_by("-created_at", "-pk")


def tests_of(control: ImplementedControl, user: Asker) -> QuerySet[ControlTest]:
    """Tests of one control that exist for the asker, latest first."""
    return visible(ROWS.filter(control=control), user).order_by("-created_at", "-pk")


def populations(user: Asker) -> QuerySet[Population]:
    """Populations that exist for the asker, latest first."""
    rows = Population.objects.select_related("engagement", "system", "made_by", "job")
    return visible(rows, user).order_by("-created_at", "-pk")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What one check says of the whole population that it looked at."""

    rule: str
    population: int
    exceptions: int
    undecided: int
    statement: str


def checked_whole(test: ControlTest) -> tuple[Checked, ...]:
    """The checks that a test names, as its run found them."""
    run: CheckRun | None = test.check_run
    if run is None:
        return ()
    return tuple(
        Checked(
            rule=str(result["rule"]),
            population=int(result["population"]),
            exceptions=int(result["exceptions"]),
            undecided=int(result["undecided"]),
            statement=str(result["statement"]),
        )
        for result in run.results
        if result["rule"] in test.check_rules
    )


def neighbours(
    test: ControlTest, instance: SampledInstance
) -> tuple[SampledInstance | None, SampledInstance | None, int, int]:
    """The instance before and after one on the page of a test, its place from 1, and how many there are."""
    keys = list(shown_instances(test).values_list("pk", flat=True))
    if instance.pk not in keys:
        return None, None, 0, len(keys)
    place = keys.index(instance.pk)
    around = SampledInstance.objects.in_bulk([*keys[max(0, place - 1) : place], *keys[place + 1 : place + 2]])
    before = around.get(keys[place - 1]) if place else None
    after = around.get(keys[place + 1]) if place + 1 < len(keys) else None
    return before, after, place + 1, len(keys)


def next_waiting(test: ControlTest, after: SampledInstance | None = None) -> SampledInstance | None:
    """The first instance with an attribute that has no result: after one, in the order of the page, else from its beginning."""
    asked = {one.key for one in test.attributes}
    rows: Iterable[SampledInstance] = counted_instances(test)
    waiting = [one for one in rows if asked - {result.attribute for result in one.results.all()}]
    if after is not None:
        later = [one for one in waiting if (one.stratum, one.rank, one.pk) > (after.stratum, after.rank, after.pk)]
        waiting = later or [one for one in waiting if one.pk != after.pk]
    return waiting[0] if waiting else None


@dataclass(frozen=True, slots=True, kw_only=True)
class SizesFor:
    """What a confidence and a tolerable rate ask of a population, with no exception and with one; None where nothing does."""

    confidence: Decimal
    tolerable: Decimal
    none: int | None
    one: int | None


def sizes_for(population: Population) -> tuple[SizesFor, ...]:
    """The usual plans for a population of this size."""
    return tuple(
        SizesFor(
            confidence=100 * confidence,
            tolerable=100 * tolerable,
            none=_size(population, confidence, tolerable, 0),
            one=_size(population, confidence, tolerable, 1),
        )
        for confidence in (Decimal("0.95"), Decimal("0.90"))
        for tolerable in (Decimal("0.05"), Decimal("0.10"))
    )


def _size(population: Population, confidence: Decimal, tolerable: Decimal, exceptions: int) -> int | None:
    try:
        return size_for(
            confidence=confidence, tolerable=tolerable, exceptions=exceptions, population=population.count or 0
        )
    except SamplingError:
        return None


def conclusion_words(test: ControlTest) -> str:
    """What a test concludes, in words; "" before it does."""
    concluded = test.conclusion and test.state != ControlTestState.OPEN
    return conclusion_label(ControlTestKind(test.kind), ControlTestConclusion(test.conclusion)) if concluded else ""


RECORD_PAGES = {
    PopulationKind.JOB_EVENTS: "job-event",
    PopulationKind.MODEL_VERSIONS: "model-version",
    PopulationKind.EVIDENCE: "evidence-detail",
    PopulationKind.FINDINGS: "finding-detail",
}
"""Kind of a population -> page of the record that one of its rows copies."""
