"""What follows an import, as far as it bears on it: events are bound and checked, and the completeness of the log is read.

Workers do it as jobs that wait once, however many imports come. Commands that must not need a worker do it here, in order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from compliance.models import AISystem, CheckRun, Job, User
from compliance.services import leases
from compliance.types.drafts import Progress
from scanning.models import Import
from scanning.services import checks, completeness

OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Followed:
    """The jobs that were done; None where the imports bore on nothing. run: the checks, where they ended."""

    checks: Job | None
    run: CheckRun | None
    completeness: Job | None

    @property
    def errors(self) -> tuple[str, ...]:
        """Why a job did not end as it should."""
        return tuple(job.error for job in (self.checks, self.completeness) if job is not None and job.error)


def queue(*, document: Import) -> None:
    """Queue what follows one import, where the import was sent to workers itself; in the caller's transaction."""
    if not document.job.asked.get("then_check"):
        return
    actor = document.job.requested_by
    if checks.bears(document):
        checks.request(system=document.system, actor=actor)
    if completeness.bears(document.format):
        completeness.request(system=document.system, actor=actor)


def run_here(
    *, system: AISystem, documents: Sequence[Import], actor: User | None = None, on_progress: OnProgress | None = None
) -> Followed:
    """Do what follows imports in this process, once for all of them."""
    job = run = read = None
    if any(checks.bears(document) for document in documents):
        run = checks.request(system=system, actor=actor, dispatch=False)
        job = leases.run_here(job=run.job, on_progress=on_progress)
        run.refresh_from_db()
    if any(completeness.bears(document.format) for document in documents):
        asked = completeness.request(system=system, actor=actor, dispatch=False)
        read = leases.run_here(job=asked, on_progress=on_progress)
    return Followed(checks=job, run=run if run is not None and run.finished_at else None, completeness=read)
