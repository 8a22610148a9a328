"""Samples: drawn from a frozen population by a seed, or chosen with a reason; extended, voided, tested, held to the source."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import AttributeResult, ControlTest, Evidence, Population, Sample, SampledInstance, User
from compliance.sampling import LARGEST, Drawn, SamplingError, drawn, plan_for, seed_of, size_for
from compliance.selectors import population_rows
from compliance.selectors.control_test_page import current_draw, told_of, used_ranks
from compliance.services import control_tests, ledger, populations
from compliance.services.errors import RefusedError
from compliance.types.canonical import digest_of
from compliance.types.drafts import JSON
from compliance.types.testing import BY_SEED, InstanceResult, Selection, SourceCheck

_BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplePlan:
    """Which rows, and how many. With strata the size is for each one, unless `sizes` says otherwise.

    STATISTICAL: confidence and tolerable with expected exceptions or an expected rate; FIXED: size; FREQUENCY: a word of the
    engagement's table; JUDGEMENTAL and TARGETED: the identifiers of rows, with a reason.
    """

    selection: Selection
    seed: str = ""
    confidence: Decimal | None = None
    tolerable: Decimal | None = None
    expected: int | None = None
    expected_rate: Decimal | None = None
    size: int | None = None
    sizes: Mapping[str, int] | None = None
    frequency: str = ""
    rows: tuple[str, ...] = ()
    reason: str = ""

    @property
    def facts(self) -> JSON:
        """What was asked for, as it is kept beside the sample."""
        told = {
            "confidence": self.confidence, "tolerable": self.tolerable, "expected": self.expected,
            "expected_rate": self.expected_rate, "frequency": self.frequency,
        }  # fmt: skip
        return {name: str(value) for name, value in told.items() if value not in (None, "")}


def draw(*, test: ControlTest, plan: SamplePlan, actor: User) -> Sample:
    """Draw or choose the sample of a test. Drawing again needs a reason; every seed stays on record. Raises RefusedError."""
    with transaction.atomic():
        fresh = control_tests.locked(test, actor)
        population, before = _population(fresh), current_draw(fresh)
        seed, sizes = _asked(fresh, population, plan, before)
        used = used_ranks(before) if before else {}
    # A million rows take seconds to read, and SQLite has one writer: nothing is locked meanwhile.
    rows = _ranked(population, seed, sizes) if seed else {"": _chosen(population, plan.rows)}
    with transaction.atomic():
        fresh = _unchanged(test, actor, root=before, used=used)
        sample = _make(fresh, plan, seed=seed, sizes=sizes, extends=None, actor=actor)
        _place(sample, rows)
    return sample


def _asked(
    test: ControlTest, population: Population, plan: SamplePlan, before: Sample | None
) -> tuple[str, dict[str, int]]:
    """The seed, "" for a choice by a person, and how many rows of each stratum. Raises RefusedError."""
    if before is not None and not plan.reason.strip():
        raise RefusedError(_("A sample is drawn already; say why another one is needed. Its seed stays on record."))
    try:
        sizes = _sizes(test, population, plan)
        seed = seed_of(plan.seed) if plan.selection in BY_SEED else ""
    except SamplingError as error:
        raise RefusedError(_sentence(error)) from error
    if seed and before is not None and before.seed == seed:
        raise RefusedError(_("The same seed gives the same rows; type another one."))
    return seed, sizes


def _unchanged(test: ControlTest, actor: User, *, root: Sample | None, used: Mapping[str, int]) -> ControlTest:
    """The test, locked, when nobody drew, extended or voided while the rows were read. Raises RefusedError."""
    fresh = control_tests.locked(test, actor)
    if current_draw(fresh) != root or (root is not None and used_ranks(root) != used):
        raise RefusedError(_("Somebody else changed the sample meanwhile; look at it again first."))
    return fresh


def _population(test: ControlTest) -> Population:
    if test.population is None:
        raise RefusedError(_("Name a population in the test first."))
    if test.population.frozen_at is None:
        raise RefusedError(_("The population is not frozen yet; a seed is typed only after it is."))
    return test.population


def _sentence(error: SamplingError) -> str:
    return _("The plan does not hold: %s.") % error


def _sizes(test: ControlTest, population: Population, plan: SamplePlan) -> dict[str, int]:
    """Stratum -> rows. Raises RefusedError and SamplingError."""
    if plan.selection not in BY_SEED:
        return {"": _chosen_size(plan)}
    strata = population.strata or {"": population.count or 0}
    if plan.sizes:
        if unknown := plan.sizes.keys() - strata.keys():
            raise RefusedError(_("The population has no stratum “%s”.") % min(unknown))
        sizes = {name: int(size) for name, size in plan.sizes.items() if size}
    else:
        sizes = {name: min(_size(test, plan, count), count) for name, count in strata.items()}
    if not sizes or min(sizes.values()) < 1 or sum(sizes.values()) > LARGEST:
        raise RefusedError(_("A sample has between 1 and 100,000 rows."))
    if too_many := [name for name, size in sizes.items() if size > strata[name]]:
        told = _("“%(name)s” has %(count)d rows; ask for at most as many.")
        raise RefusedError(told % {"name": too_many[0] or population.title, "count": strata[too_many[0]]})
    return sizes


def _chosen_size(plan: SamplePlan) -> int:
    if not plan.reason.strip():
        raise RefusedError(_("Say why these rows: a choice by judgement needs its reason."))
    if not plan.rows:
        raise RefusedError(_("Name the rows by their identifiers."))
    return len(set(plan.rows))


def _size(test: ControlTest, plan: SamplePlan, count: int) -> int:
    if plan.selection is Selection.FIXED:
        return plan.size or 0
    if plan.selection is Selection.FREQUENCY:
        return _by_frequency(test, plan.frequency)
    if plan.confidence is None or plan.tolerable is None:
        raise RefusedError(_("Give the confidence and the tolerable rate."))
    if plan.expected_rate is not None:
        given = plan_for(
            confidence=plan.confidence, tolerable=plan.tolerable, expected=plan.expected_rate, population=count
        )
        return given.size
    return size_for(
        confidence=plan.confidence, tolerable=plan.tolerable, exceptions=plan.expected or 0, population=count
    )


def _by_frequency(test: ControlTest, frequency: str) -> int:
    sizes = control_tests.scheme_of(engagement=test.engagement).sizes
    found = [one.size for one in sizes if one.frequency == frequency]
    if not found:
        raise RefusedError(_("The frequency table of the engagement has no “%s”.") % frequency)
    return found[0]


def _make(
    test: ControlTest, plan: SamplePlan, *, seed: str, sizes: dict[str, int], extends: Sample | None, actor: User
) -> Sample:
    last = test.samples.order_by("-number").values_list("number", flat=True).first()
    sample = Sample.objects.create(
        test=test,
        population=_population(test),
        number=(last or 0) + 1,
        extends=extends,
        selection=plan.selection,
        seed=seed,
        sizes=sizes,
        plan=plan.facts,
        reason=plan.reason.strip(),
        drawn_by=actor,
    )
    payload: JSON = {
        "test": str(test.uuid),
        "population": str(sample.population.uuid),
        "rows_root": sample.population.root,
        "number": sample.number,
        "by": sample.selection,
        "seed_sha256": digest_of(seed),
        "size": sample.size,
        "extends": str(extends.uuid) if extends else None,
    }
    ledger.record(kind="sample.drawn", subject=sample, payload=payload, actor=actor, system=test.control.system)
    return sample


# Rows ---------------------------------------------------------------------------------------------------------------


def _ranked(population: Population, seed: str, upto: Mapping[str, int]) -> dict[str, list[Drawn[JSON]]]:
    """The first rows of each stratum by rank, in one pass over the frozen lines, of which only these are read whole."""
    column = population.stratify_by
    found = drawn(
        populations.lines_of(population=population),
        seed=seed,
        sizes=upto,
        row_id=population_rows.id_of,
        stratum=lambda line: population_rows.stratum_of(json.loads(line), column) if column else "",
    )
    return {name: [Drawn(one.rank, one.key, json.loads(one.row)) for one in ranked] for name, ranked in found.items()}


def _place(
    sample: Sample, rows: Mapping[str, Sequence[Drawn[JSON]]], *, beyond: Mapping[str, int] | None = None
) -> int:
    """Make instances of ranked rows whose rank is beyond what is used; how many."""
    used = beyond or {}
    instances = [
        _instance(sample, one.row, rank=one.rank, stratum=stratum)
        for stratum, ranked in rows.items()
        for one in ranked
        if one.rank > used.get(stratum, 0)
    ]
    SampledInstance.objects.bulk_create(instances, batch_size=_BATCH)
    return len(instances)


def _instance(sample: Sample, row: JSON, *, rank: int, stratum: str) -> SampledInstance:
    return SampledInstance(
        test=sample.test, sample=sample, stratum=stratum, rank=rank, row_id=str(row["id"])[:300], row=row
    )


def _chosen(population: Population, wanted: Sequence[str]) -> list[Drawn[JSON]]:
    """Rows that were named, in the order in which they were. Raises RefusedError for a row that is not there."""
    order = {name: n for n, name in enumerate(dict.fromkeys(wanted), start=1)}
    lines = [line for line in populations.lines_of(population=population) if population_rows.id_of(line) in order]
    rows: list[JSON] = [json.loads(line) for line in lines]
    if missing := order.keys() - {row["id"] for row in rows}:
        raise RefusedError(_("The population has no row “%s”.") % min(missing)[:100])
    return sorted(Drawn(order[row["id"]], b"", row) for row in rows)


def extend(*, test: ControlTest, sizes: Mapping[str, int], reason: str, actor: User) -> Sample:
    """Take further rows from the ranking of the current draw, with a reason. Raises RefusedError."""
    with transaction.atomic():
        root = current_draw(control_tests.locked(test, actor))
        if root is None or not root.seed:
            raise RefusedError(_("Only a sample that was drawn by a seed can be extended."))
        more = {name: int(size) for name, size in sizes.items() if size}
        if not more or min(more.values()) < 1 or not more.keys() <= root.sizes.keys():
            raise RefusedError(_("Say how many further rows, of a stratum that the sample has."))
        if not reason.strip():
            raise RefusedError(_("Say why the sample is extended."))
        used = used_ranks(root)
    upto = {name: used.get(name, 0) + size for name, size in more.items()}
    rows = _ranked(root.population, root.seed, upto)
    plan = SamplePlan(selection=Selection(root.selection), reason=reason)
    with transaction.atomic():
        fresh = _unchanged(test, actor, root=root, used=used)
        sample = _make(fresh, plan, seed=root.seed, sizes=more, extends=root, actor=actor)
        if _place(sample, rows, beyond=used) < sample.size:
            raise RefusedError(_("The population has no further rows of that number."))
    return sample


def void(*, instance: SampledInstance, reason: str, actor: User) -> SampledInstance | None:
    """Take an instance out with a reason; the next of its ranking takes its place. None where the ranking is at its end, or
    where no seed ranked it. Raises RefusedError."""
    with transaction.atomic():
        test = control_tests.locked(instance.test, actor)
        if not reason.strip():
            raise RefusedError(_("Say why the instance is void; it stays on the page."))
        root = current_draw(test)
        used = used_ranks(root) if root else {}
    following = _following(instance, used)
    with transaction.atomic():
        test = _unchanged(test, actor, root=root, used=used)
        fresh = SampledInstance.objects.select_related("sample").get(pk=instance.pk)
        if fresh.voided_at is not None:
            raise RefusedError(_("The instance is void already."))
        fresh.voided_at, fresh.voided_by, fresh.void_reason = timezone.now(), actor, reason.strip()
        fresh.save(update_fields=["voided_at", "voided_by", "void_reason"])
        successor = None
        if following is not None and fresh.sample is not None:
            successor = _instance(fresh.sample, following.row, rank=following.rank, stratum=fresh.stratum)
            successor.replaces = fresh
            successor.save()
        payload: JSON = {
            "instance": str(fresh.uuid),
            "reason_sha256": digest_of(fresh.void_reason),
            "successor": str(successor.uuid) if successor else None,
        }
        ledger.record(kind="sample.voided", subject=test, payload=payload, actor=actor, system=test.control.system)
    return successor


def _following(instance: SampledInstance, used: Mapping[str, int]) -> Drawn[JSON] | None:
    """The row of its ranking that nothing has used yet."""
    sample = instance.sample
    if sample is None or not sample.seed:
        return None
    rank = used.get(instance.stratum, 0) + 1
    ranked = _ranked(sample.population, sample.seed, {instance.stratum: rank})[instance.stratum]
    return ranked[-1] if len(ranked) == rank else None


# Results ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultDraft:
    """What one attribute of an instance showed."""

    attribute: str
    result: InstanceResult
    note: str = ""
    evidence: Evidence | None = None


@transaction.atomic
def record_results(*, instance: SampledInstance, results: Sequence[ResultDraft], actor: User) -> list[AttributeResult]:
    """What the attributes of an instance showed; a later result replaces an earlier one. Raises RefusedError."""
    test = control_tests.locked(instance.test, actor)
    asked = {one.key for one in test.attributes}
    if SampledInstance.objects.filter(pk=instance.pk, voided_at__isnull=False).exists():
        raise RefusedError(_("The instance is void; record the results of the one that took its place."))
    for draft in results:
        if draft.attribute not in asked:
            raise RefusedError(_("The test asks nothing under the letter “%s”.") % draft.attribute[:8])
        if draft.result is not InstanceResult.PASS and not draft.note.strip():
            told = _("Attribute %s: an exception, or what does not apply, needs a note that says why.")
            raise RefusedError(told % draft.attribute)
        if draft.evidence and draft.evidence.system_id != test.control.system_id:
            raise RefusedError(_("The evidence belongs to another AI system."))
    kept = [_keep(instance, draft, actor) for draft in results]
    if kept:
        payload: JSON = {"instance": str(instance.uuid), "results": [digest_of(told_of(one)) for one in kept]}
        ledger.record(
            kind="control_test.results", subject=test, payload=payload, actor=actor, system=test.control.system
        )
    return kept


def _keep(instance: SampledInstance, draft: ResultDraft, actor: User) -> AttributeResult:
    told = {
        "result": draft.result, "note": draft.note.strip(), "evidence": draft.evidence,
        "decided_by": actor, "decided_at": timezone.now(),
    }  # fmt: skip
    row, _created = AttributeResult.objects.update_or_create(
        instance=instance, attribute=draft.attribute, defaults=told
    )
    return row


@transaction.atomic
def check_source(*, instance: SampledInstance, check: SourceCheck, note: str, actor: User) -> SampledInstance:
    """Note that an instance was held against the record in the source's own console. Raises RefusedError."""
    test = control_tests.locked(instance.test, actor)
    if check is SourceCheck.DIFFERS and not note.strip():
        raise RefusedError(_("Say what the source shows instead."))
    instance.source_check, instance.source_note = check, note.strip()
    instance.source_checked_at, instance.source_checked_by = timezone.now(), actor
    instance.save(update_fields=["source_check", "source_note", "source_checked_at", "source_checked_by"])
    ledger.record(
        kind="control_test.held_against_source",
        subject=test,
        payload={"instance": str(instance.uuid)},
        actor=actor,
        system=test.control.system,
    )
    return instance
