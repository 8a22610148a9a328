"""Fine-tune jobs that were submitted, each counted once however many records tell of it (compliance.types.job_identity)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from compliance.models import JobEvent, Principal
from compliance.types.job_identity import INVENTORIES
from compliance.types.states import ActionClass, Outcome
from compliance.types.submitters import folded, is_approved

WENT_THROUGH = Q(action_class=ActionClass.SUBMIT, outcome=Outcome.SUCCESS)


def jobs_in(condition: Q = WENT_THROUGH) -> tuple[Count, Count]:
    """Two counts over job events whose sum is the number of jobs: those with an id, and records that name none."""
    return (
        Count("job_key", distinct=True, filter=condition & ~Q(job_key="")),
        Count("pk", filter=condition & Q(job_key="")),
    )


def logged_jobs(system: int) -> QuerySet[JobEvent]:
    """Submissions that went through as the logs of a system tell them, inventories left out."""
    told = JobEvent.objects.filter(WENT_THROUGH, system=system).order_by()
    return told.exclude(source__in=INVENTORIES).exclude(job_key="")


def acts(rows: QuerySet[JobEvent], *, system: int) -> QuerySet[JobEvent]:
    """The submissions among events of a system that went through, without those of inventories of whose job a log on record
    tells, whenever that was."""
    told = logged_jobs(system).filter(job_key=OuterRef("job_key"))
    return rows.filter(WENT_THROUGH).exclude(Q(source__in=INVENTORIES) & Q(Exists(told)))


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmittedJobs:
    """jobs: each counted once; records: events that tell of them, inventories included; unnamed: jobs of which no record
    names a submitter; without_id: records that name no job, of which each counts as one; by_actor: principal -> its jobs."""

    jobs: int
    records: int
    unnamed: int
    without_id: int
    by_actor: dict[int, int]


def submitted_jobs(rows: QuerySet[JobEvent], *, system: int) -> SubmittedJobs:
    """The figures over events of one system."""
    told = acts(rows, system=system).order_by()
    every, each = jobs_in(Q())
    named, each_named = jobs_in(Q(actor__isnull=False))
    found = told.aggregate(every=every, each=each, named=named, each_named=each_named)
    by_actor = told.filter(actor__isnull=False).values_list("actor").annotate(ids=every, bare=each)
    return SubmittedJobs(
        jobs=found["every"] + found["each"],
        records=rows.filter(WENT_THROUGH).count(),
        unnamed=found["every"] + found["each"] - found["named"] - found["each_named"],
        without_id=found["each"],
        by_actor={actor: ids + bare for actor, ids, bare in by_actor},
    )


def not_approved(rows: QuerySet[JobEvent], *, system: int, actors: Iterable[int], stated: list[str]) -> list[Principal]:
    """Of these actors those who submitted a job while neither they nor the role that they used are on the list, by name."""
    principals = Principal.objects.filter(pk__in=list(actors)).order_by("display", "pk")
    unlisted = [one for one in principals if not is_approved(stated=stated, acted_as=(one.identifier, one.display))]
    told = acts(rows, system=system).order_by().filter(actor__in=unlisted).values_list("actor", "role").distinct()
    listed = folded(stated)
    strangers = {actor for actor, role in told if role.casefold() not in listed}
    return [one for one in unlisted if one.pk in strangers]
