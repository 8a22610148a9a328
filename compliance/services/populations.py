"""Populations: defined by an auditor, counted and frozen by a job: count and root are in the ledger before a seed is typed."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import IO, BinaryIO

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import AISystem, Engagement, Job, Population, User
from compliance.selectors import population_rows
from compliance.services import evidence, jobs, leases, ledger, stored_files
from compliance.services.audit_teams import require_team
from compliance.services.errors import RefusedError
from compliance.services.leases import LeaseKeeper
from compliance.services.spool import Spool
from compliance.types.canonical import digest_of, merkle_root
from compliance.types.drafts import JSON, Progress
from compliance.types.testing import PopulationKind

TASK = "compliance.tasks.freeze_population"
_TOLD_EVERY = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationDraft:
    """What a population is to be. stream, filename, stated_count, total_column, stated_total: of a list alone."""

    title: str
    kind: PopulationKind
    period_start: date
    period_end: date
    filters: Mapping[str, str] = field(default_factory=dict)
    stratify_by: str = ""
    stream: BinaryIO | IO[bytes] | None = None
    filename: str = ""
    stated_count: int | None = None
    total_column: str = ""
    stated_total: str = ""


def define(
    *, engagement: Engagement, system: AISystem, draft: PopulationDraft, actor: User, dispatch: bool = True
) -> Population:
    """Define a population and queue its freeze. Raises RefusedError."""
    require_team(engagement=engagement, actor=actor)
    _check(engagement, system, draft)
    is_list = draft.kind is PopulationKind.LIST
    name, sha256 = "", ""
    if is_list and draft.stream is not None:
        name, sha256, _size, _head = evidence.store_bytes(stream=draft.stream)
    population = Population(
        engagement=engagement,
        system=system,
        title=draft.title.strip()[:200],
        kind=draft.kind,
        filters={key: value for key, value in draft.filters.items() if value},
        period_start=draft.period_start,
        period_end=draft.period_end,
        stratify_by=draft.stratify_by.strip(),
        source_name=draft.filename[:300] if is_list else "",
        source_storage=name,
        source_sha256=sha256,
        stated_count=draft.stated_count if is_list else None,
        total_column=draft.total_column.strip() if is_list else "",
        stated_total=_total(draft.stated_total) if is_list else "",
        made_by=actor,
    )
    with transaction.atomic():
        stored_files.hold({name: sha256} if name else {})
        population.job = _job(population, dispatch=dispatch)
        population.save()
        payload: JSON = {"of": draft.kind.value, "list": sha256, "asked": digest_of(_asked(population))}
        ledger.record(
            kind="population.defined", subject=population, payload=payload, actor=actor, system=population.system
        )
    return population


def _job(population: Population, *, dispatch: bool) -> Job:
    """Its title tells nothing of the test: people of the organisation see the list of jobs."""
    return jobs.create(
        kind="population",
        task_name=TASK,
        queue="default",
        subject=population,
        subject_url_name="",
        title=_("Count records of %s for an auditor") % population.system.name,
        system=population.system,
        requested_by=population.made_by,
        dispatch=dispatch,
    )


def _asked(population: Population) -> JSON:
    return {
        "of": population.kind,
        "filters": population.filters,
        "period": [population.period_start.isoformat(), population.period_end.isoformat()],
        "strata": population.stratify_by,
    }


def _check(engagement: Engagement, system: AISystem, draft: PopulationDraft) -> None:
    if not draft.title.strip():
        raise RefusedError(_("Give the population a title."))
    if not engagement.systems.filter(pk=system.pk).exists():
        raise RefusedError(_("The AI system is not part of the engagement."))
    if draft.period_end < draft.period_start:
        raise RefusedError(_("The period of the population ends before it begins."))
    if draft.period_start < engagement.period_start or draft.period_end > engagement.period_end:
        raise RefusedError(_("The period of the population lies outside that of the engagement."))
    if draft.kind is PopulationKind.LIST:
        if draft.stream is None:
            raise RefusedError(_("Hand in the list as a CSV file."))
        return
    if unknown := draft.filters.keys() - population_rows.FILTERS[draft.kind].keys():
        raise RefusedError(_("These records have no filter “%s”.") % min(unknown))
    if draft.stratify_by and draft.stratify_by not in population_rows.columns_of(draft.kind):
        raise RefusedError(_("These records have no column “%s” for strata.") % draft.stratify_by)


def _total(typed: str) -> str:
    """A control total as stated, in the form in which it is compared. Raises RefusedError."""
    if not typed.strip():
        return ""
    try:
        total = Decimal(typed.strip())
    except InvalidOperation:
        total = Decimal("NaN")
    if not total.is_finite():
        raise RefusedError(_("The control total is a number such as 1234.50, not “%s”.") % typed[:40])
    return population_rows.plain_total(total)


# Freezing -----------------------------------------------------------------------------------------------------------


def freeze_for_job(*, job_id: int) -> None:
    """Count and freeze the population that a job asks for; taken up whole after a crash."""
    leases.work_on(job_id=job_id, work=_freeze)


def _freeze(keeper: LeaseKeeper) -> None:
    rows = Population.objects.select_related("system", "made_by", "job")
    population = rows.get(job_id=keeper.lease.job_id)
    tally = population_rows.Tally(stratify_by=population.stratify_by, total_column=population.total_column)
    with Spool(most_bytes=settings.MAX_UPLOAD_BYTES) as spool:
        source = _Written(spool=spool, keeper=keeper, tally=tally)
        population.root = merkle_root(source.lines(_rows(population)))
        if not source.count:
            raise RefusedError(_("No row fits: widen the period or the filters."))
        keeper.check()
        with spool.finish() as received:
            population.storage_name, population.sha256, _size, _head = evidence.store_bytes(stream=received)
    population.count, population.strata, population.frozen_at = source.count, tally.strata, timezone.now()
    population.total = population_rows.plain_total(tally.total) if tally.total is not None else ""
    with transaction.atomic():
        stored_files.hold({population.storage_name: population.sha256})
        population.save()
        payload: JSON = {"rows": source.count, "rows_root": population.root, "sha256": population.sha256}
        ledger.record(
            kind="population.frozen",
            subject=population,
            payload=payload,
            actor=population.made_by,
            system=population.system,
        )
        keeper.finish(result={"rows": source.count})


def _rows(population: Population) -> Generator[JSON]:
    if population.kind != PopulationKind.LIST:
        yield from population_rows.held_rows(population, population.made_by)
        return
    with evidence.open_stored(name=population.source_storage) as stream:
        yield from population_rows.listed_rows(stream)


@dataclass(slots=True)
class _Written:
    """Rows on their way: counted, tallied and written while their tree grows."""

    spool: Spool
    keeper: LeaseKeeper
    tally: population_rows.Tally
    count: int = 0

    def lines(self, rows: Generator[JSON]) -> Iterator[bytes]:
        with closing(rows):
            for row in rows:
                line = population_rows.line_of(row)
                self.tally.take(row)
                self.spool.write(line + b"\n")
                self.count += 1
                if self.count % _TOLD_EVERY == 0:
                    self.keeper.progress(Progress(stage=_("Counting rows"), done=self.count, total=None))
                yield line


def lines_of(*, population: Population) -> Iterator[bytes]:
    """The frozen rows as they lie in the storage. Raises RefusedError at their end where they differ from what was frozen."""
    if population.frozen_at is None:
        raise RefusedError(_("The population is not frozen yet; wait until it is counted."))
    digest = hashlib.sha256()
    with evidence.open_stored(name=population.storage_name) as stream:
        for line in stream:
            digest.update(line)
            yield line
    if digest.hexdigest() != population.sha256:
        raise RefusedError(_("The stored rows no longer match their SHA-256; nothing can be drawn from them."))
