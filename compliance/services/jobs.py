"""Background jobs. The row is the truth and a broker's message only a wake-up: messages may be lost or come twice.

Every transition is one conditional UPDATE. A worker takes a lease, keeps extending it (`leases.LeaseKeeper`), and each
of its writes is fenced by the lease's owner, so a worker that was given up for dead can do no more harm. `reap` finds
leases that ran out and jobs whose message was lost. Machines that share a database must agree on the time to within a
lease.
"""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import structlog
from celery import current_app
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone
from kombu.exceptions import OperationalError

from compliance.models import AISystem, Job, JobStep, User
from compliance.models.base import Record
from compliance.services import ledger
from compliance.types.drafts import JSON
from compliance.types.states import JobState

log = structlog.get_logger("assay.jobs")
_LONGEST_ERROR = 4_000


class LeaseLostError(Exception):
    """Another worker owns the job now, or nobody does: whoever raised this must stop without a further write."""


class JobCancelledError(Exception):
    """A person asked for the job to be cancelled."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a job, as long as the row still names this owner."""

    job_id: int
    owner: str


@dataclass(frozen=True, slots=True)
class Reaped:
    """What one run of the reaper did, in jobs."""

    dispatched: int
    failed: int
    cancelled: int


def create(
    *,
    kind: str,
    task_name: str,
    queue: str,
    subject: Record,
    subject_url_name: str,
    title: str,
    system: AISystem | None,
    requested_by: User | None,
    asked: JSON | None = None,
    dispatch: bool = True,
) -> Job:
    """A queued job, sent to the workers when the transaction around this call commits.

    subject: the record the job is about, saved or about to be; task_name: dotted path of a Celery task that takes the
    job's primary key; asked: what the work needs to know beside its subject. With dispatch=False the caller runs it by
    `run_here`.
    """
    job = Job.objects.create(
        kind=kind,
        task_name=task_name,
        queue=queue,
        subject_type=subject._meta.label,
        subject_uuid=subject.uuid,
        subject_url_name=subject_url_name,
        title=title[:300],
        system=system,
        requested_by=requested_by,
        max_attempts=settings.JOB_MAX_ATTEMPTS,
        asked=asked or {},
    )
    if dispatch:
        transaction.on_commit(partial(send, job=job))
    return job


def send(*, job: Job) -> bool:
    """Wake a worker for the job. False where the broker does not answer: then the reaper tries again."""
    try:
        current_app.send_task(job.task_name, args=[job.pk], queue=job.queue)
    except (OperationalError, OSError) as error:
        log.warning("dispatch_failed", job=str(job.uuid), reason=str(error))
        return False
    Job.objects.filter(pk=job.pk).update(dispatched_at=timezone.now())
    return True


def _lease_end() -> datetime:
    return timezone.now() + timedelta(seconds=settings.JOB_LEASE_SECONDS)


def claim(*, job_id: int) -> Lease | None:
    """Take the lease of a job that waits or whose lease ran out; None where there is nothing to take."""
    now = timezone.now()
    owner = f"{socket.gethostname()[:32]}:{os.getpid()}:{secrets.token_hex(8)}"
    free = Q(state=JobState.QUEUED) | Q(state=JobState.RUNNING, lease_expires_at__lt=now)
    taken = Job.objects.filter(free, pk=job_id, attempts__lt=F("max_attempts"), cancel_requested=False).update(
        state=JobState.RUNNING,
        lease_owner=owner,
        lease_expires_at=_lease_end(),
        attempts=F("attempts") + 1,
        started_at=Coalesce("started_at", now),
    )
    return Lease(job_id=job_id, owner=owner) if taken else None


def _owned(lease: Lease) -> QuerySet[Job]:
    return Job.objects.filter(pk=lease.job_id, lease_owner=lease.owner, state=JobState.RUNNING)


def _fence(rows: int, lease: Lease) -> None:
    if not rows:
        raise LeaseLostError(f"job {lease.job_id} is no longer owned by {lease.owner}")


def heartbeat(*, lease: Lease) -> bool:
    """Extend the lease; answers whether a person asked to cancel. Raises LeaseLostError."""
    _fence(_owned(lease).update(lease_expires_at=_lease_end()), lease)
    return _owned(lease).filter(cancel_requested=True).exists()


def report_progress(*, lease: Lease, stage: str, done: int, total: int | None) -> bool:
    """Show how far the job is; answers whether a person asked to cancel. Raises LeaseLostError."""
    rows = _owned(lease).update(stage=stage[:200], done=done, total=total, lease_expires_at=_lease_end())
    _fence(rows, lease)
    return _owned(lease).filter(cancel_requested=True).exists()


def checkpoint(*, lease: Lease, n: int, digest: str = "", result: JSON | None = None) -> None:
    """Record step n as finished, in one transaction with what the step wrote. Raises LeaseLostError."""
    with transaction.atomic():
        _fence(_owned(lease).update(lease_expires_at=_lease_end()), lease)
        JobStep.objects.create(job_id=lease.job_id, n=n, digest=digest, result=result or {})


def _end(lease: Lease, state: JobState, *, result: JSON | None = None, error: str = "") -> None:
    rows = _owned(lease).update(
        state=state,
        result=result or {},
        error=error[:_LONGEST_ERROR],
        finished_at=timezone.now(),
        lease_owner="",
        lease_expires_at=None,
    )
    _fence(rows, lease)


def finish(*, lease: Lease, result: JSON) -> None:
    """The job succeeded. Call it in the transaction of the last write: LeaseLostError then undoes that write."""
    _end(lease, JobState.SUCCEEDED, result=result)


def fail(*, lease: Lease, error: str) -> None:
    """The job cannot succeed; the reason is for people. Raises LeaseLostError."""
    _end(lease, JobState.FAILED, error=error)


def end_cancelled(*, lease: Lease) -> None:
    """The worker has seen that the job is cancelled. Raises LeaseLostError."""
    _end(lease, JobState.CANCELLED)


def release(*, lease: Lease, error: str) -> None:
    """Hand the job back after something that may pass; at the last attempt it fails with the reason."""
    waiting = (
        _owned(lease)
        .filter(attempts__lt=F("max_attempts"))
        .update(
            state=JobState.QUEUED,
            lease_owner="",
            lease_expires_at=None,
            dispatched_at=None,
            error=error[:_LONGEST_ERROR],
        )
    )
    if not waiting:
        fail(lease=lease, error=error)


def postpone(*, lease: Lease, error: str) -> None:
    """Hand the job back to wait for something outside; no attempt is used up, and the wait grows with the job's age."""
    rows = _owned(lease).update(
        state=JobState.QUEUED,
        lease_owner="",
        lease_expires_at=None,
        dispatched_at=timezone.now(),
        attempts=F("attempts") - 1,
        error=error[:_LONGEST_ERROR],
    )
    _fence(rows, lease)


def cancel(*, job: Job, actor: User | None) -> None:
    """Ask for the end: a waiting job ends at once, a running one at its next checkpoint, one that is over stays."""
    now = timezone.now()
    with transaction.atomic():
        asked = Job.objects.filter(pk=job.pk, state=JobState.QUEUED).update(
            state=JobState.CANCELLED, cancel_requested=True, finished_at=now
        ) or Job.objects.filter(pk=job.pk, state=JobState.RUNNING, cancel_requested=False).update(cancel_requested=True)
        if asked:
            payload = {"kind": job.kind, "about": str(job.subject_uuid)}
            ledger.record(kind="job.cancelled", subject=job, payload=payload, actor=actor, system=job.system)
    job.refresh_from_db()


def reap() -> Reaped:
    """Give every job that lost its worker or its message a new chance, or its end."""
    now = timezone.now()
    cancelled, failed, dispatched = 0, 0, 0
    for job in Job.objects.filter(state=JobState.RUNNING, lease_expires_at__lt=now):
        lease = Job.objects.filter(pk=job.pk, lease_owner=job.lease_owner, state=JobState.RUNNING)
        if job.cancel_requested:
            cancelled += lease.update(state=JobState.CANCELLED, finished_at=now, lease_owner="", lease_expires_at=None)
        elif job.attempts >= job.max_attempts:
            failed += lease.update(state=JobState.FAILED, finished_at=now, lease_owner="", error=_gave_up(job))
        elif lease.update(state=JobState.QUEUED, lease_owner="", lease_expires_at=None, dispatched_at=None):
            log.warning("lease_expired", job=str(job.uuid), attempts=job.attempts)
            dispatched += send(job=job)
    for job in Job.objects.filter(state=JobState.QUEUED):
        if _needs_message(job, now):
            dispatched += send(job=job)
    return Reaped(dispatched=dispatched, failed=failed, cancelled=cancelled)


def _gave_up(job: Job) -> str:
    return (
        f"The worker was lost {job.attempts} times while it worked on this, the last time at "
        f"“{job.stage or 'the start'}”; it was given up. {job.error}".strip()
    )


def _needs_message(job: Job, now: datetime) -> bool:
    """Whether a waiting job's message was never sent, or is so old that it may be lost.

    The wait grows with the job's age, so a long queue is not filled with copies of the same message.
    """
    lease = timedelta(seconds=settings.JOB_LEASE_SECONDS)
    if job.dispatched_at is None:
        return job.attempts > 0 or job.created_at < now - lease
    return job.dispatched_at < now - max(4 * lease, (now - job.created_at) / 4)
