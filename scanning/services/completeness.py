"""From imported documents to a reading of the three figures: documents with the import that brings them, the reading after it.

One reading looks at every digest file, log file and job of a period, so it is a job of its own that follows imports and waits
once, however many of them come: a folder of two thousand digest files is read once, and not two thousand times.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from compliance.models import AISystem, CompletenessReading, Job, PlatformDocument, User
from compliance.services import completeness, jobs, leases
from compliance.services.leases import LeaseKeeper
from compliance.types.drafts import JSON, Progress
from compliance.types.states import JobState
from scanning.completeness.base import Facts
from scanning.completeness.evaluate import measure
from scanning.models import Import
from scanning.services import check_facts, completeness_facts, staging
from scanning.services.completeness_facts import LISTS, LOGS

TASK, KIND = "scanning.tasks.read_completeness", "completeness"
# Formats that become documents which the figures stand on.
DOCUMENTS = frozenset(
    {
        "cloudtrail_digest", "cloudtrail_signatures", "cloudtrail_keys", "aws_logging", "azure_logging", "gcp_logging",
        "stated_sources", "aws_jobs", "aws_billing", "aws_iam", "azure_roles",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """New documents of an import, and how many were known."""

    documents: tuple[PlatformDocument, ...] = ()
    duplicates: int = 0


def plan(*, document: Import) -> Plan:
    """What the staged documents add; an empty plan where the import holds none."""
    drafts = staging.completeness_of(document)
    if not drafts:
        return Plan()
    new = completeness.unrecorded(
        system=document.system, evidence=document.evidence, source_uuid=document.uuid, drafts=drafts
    )
    return Plan(tuple(new), len(drafts) - len(new))


def bears(format_name: str) -> bool:
    """Whether a document of this format bears on the figures."""
    return format_name in LOGS or format_name in LISTS or format_name in DOCUMENTS


def request(*, system: AISystem, actor: User | None, dispatch: bool = True) -> Job:
    """Queue a reading; one that still waits is given instead of a second one."""
    with transaction.atomic():
        waiting = Job.objects.filter(kind=KIND, system=system, state=JobState.QUEUED).first()
        if waiting is not None and dispatch:
            return waiting
        return jobs.create(
            kind=KIND,
            task_name=TASK,
            queue="default",
            subject=system,
            subject_url_name="completeness-system",
            title=_("Completeness of the job log of %s") % system.name,
            system=system,
            requested_by=actor,
            dispatch=dispatch,
        )


def perform(*, job_id: int) -> None:
    """Read the figures for the system of a job."""
    leases.work_on(job_id=job_id, work=_read)


def _read(keeper: LeaseKeeper) -> None:
    job = Job.objects.select_related("system", "requested_by").get(pk=keeper.lease.job_id)
    assert job.system is not None
    keeper.progress(Progress(stage=_("Gathering documents, log files and jobs"), done=0, total=None))
    period = check_facts.period_of(job.system)
    facts = completeness_facts.gather(system=job.system, period=period)
    keeper.progress(Progress(stage=_("Verifying and matching"), done=0, total=None))
    measured = measure(facts)
    keeper.check()
    with transaction.atomic():
        reading = completeness.record(
            system=job.system,
            period=period,
            as_of=facts.end,
            measured=measured,
            stood_on=_stood_on(facts),
            actor=job.requested_by,
        )
        keeper.finish(result=_result(reading))


def _result(reading: CompletenessReading | None) -> JSON:
    if reading is None:
        return {"unchanged": True}
    return {"reading": str(reading.uuid), "integrity": reading.figures["integrity"]["verdict"]}


def _stood_on(facts: Facts) -> JSON:
    """How much of each kind was looked at, so that a reader sees what was not there."""
    return {
        "documents": dict(sorted(Counter(document.kind for document in facts.documents).items())),
        "log_files": dict(sorted(Counter(file.source for file in facts.log_files).items())),
        "logged_jobs": len(facts.logged),
        "from": facts.start.isoformat(),
        "to": facts.end.isoformat(),
    }
