"""Working on a job: claim it, keep its lease alive beside the work, end it in exactly one way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from types import TracebackType
from typing import Self

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.utils.module_loading import import_string

from compliance.isolation import IsolationError
from compliance.models import Job, JobStep
from compliance.services import jobs
from compliance.services.errors import RefusedError
from compliance.services.jobs import JobCancelledError, Lease, LeaseLostError
from compliance.types.drafts import JSON, Progress
from compliance.types.errors import BadInputError
from compliance.types.states import JobState

log = structlog.get_logger("assay.jobs")
_PROGRESS_SECONDS = 0.5
_watcher: ContextVar[Callable[[Progress], None] | None] = ContextVar("assay_job_watcher", default=None)


class LeaseKeeper:
    """Extends a lease from a thread with a database connection of its own, while the work goes on.

    The work asks `check` or `should_stop` between its steps, and writes through `progress`, `checkpoint`, `finish` and
    `fail`, which are fenced. Inside an open transaction nobody else can see the job, so no thread is started there.
    """

    def __init__(self, *, lease: Lease) -> None:
        self.lease = lease
        self.is_over = False
        self._lost = threading.Event()
        self._cancelled = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._last_progress = 0.0

    def __enter__(self) -> Self:
        if not connection.in_atomic_block:
            self._thread = threading.Thread(target=self._beat, name=f"lease-{self.lease.job_id}", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()

    def _beat(self) -> None:
        end = time.monotonic() + settings.JOB_LEASE_SECONDS
        try:
            while not self._stop.wait(settings.JOB_LEASE_SECONDS / 3):
                try:
                    cancelled = jobs.heartbeat(lease=self.lease)
                except LeaseLostError:
                    self._lost.set()
                    return
                except DatabaseError as error:
                    log.warning("heartbeat_failed", job=self.lease.job_id, reason=str(error))
                    if time.monotonic() > end:
                        self._lost.set()
                        return
                    continue
                end = time.monotonic() + settings.JOB_LEASE_SECONDS
                if cancelled:
                    self._cancelled.set()
        finally:
            connection.close()

    def should_stop(self) -> bool:
        """Whether the work must end: the lease is lost or the job cancelled."""
        return self._lost.is_set() or self._cancelled.is_set()

    def check(self) -> None:
        """Raises LeaseLostError or JobCancelledError where the work must end."""
        if self._lost.is_set():
            raise LeaseLostError(f"job {self.lease.job_id}: the lease ran out")
        if self._cancelled.is_set():
            raise JobCancelledError

    def progress(self, progress: Progress) -> None:
        """Show how far the work is, at most twice a second; beginning and end of a stage always."""
        self.check()
        now = time.monotonic()
        if now - self._last_progress < _PROGRESS_SECONDS and progress.done not in (0, progress.total):
            return
        self._last_progress = now
        if jobs.report_progress(lease=self.lease, stage=progress.stage, done=progress.done, total=progress.total):
            self._cancelled.set()  # the work sees it at its next step, long before the next heartbeat
        if watch := _watcher.get():
            watch(progress)

    def steps(self) -> dict[int, JobStep]:
        """Steps that are finished, by number: where a resumed job goes on."""
        return {step.n: step for step in JobStep.objects.filter(job_id=self.lease.job_id)}

    def checkpoint(self, *, n: int, digest: str = "", result: JSON | None = None) -> None:
        """Record step n, in the caller's transaction with what the step wrote."""
        self.check()
        jobs.checkpoint(lease=self.lease, n=n, digest=digest, result=result)

    def finish(self, *, result: JSON) -> None:
        """The job succeeded; call it inside the transaction of the last write.

        Only the fence in the database decides whether the lease is lost: while that transaction holds SQLite's one writer,
        the heartbeat cannot write, and nobody can take the job either.
        """
        if self._cancelled.is_set():
            raise JobCancelledError
        jobs.finish(lease=self.lease, result=result)
        self.is_over = True

    def fail(self, *, error: str) -> None:
        """The job cannot succeed; call it inside the transaction that records why."""
        jobs.fail(lease=self.lease, error=error)
        self.is_over = True

    def postpone(self, *, error: str) -> None:
        """The job waits for something outside (`jobs.postpone`)."""
        jobs.postpone(lease=self.lease, error=error)
        self.is_over = True


def work_on(*, job_id: int, work: Callable[[LeaseKeeper], None]) -> None:
    """Claim the job and do the work, which ends by the keeper's `finish` or `fail`. Nothing to claim: nothing is done.

    The one boundary of every background task: whatever goes wrong becomes the state of the job.
    """
    lease = jobs.claim(job_id=job_id)
    if lease is None:
        return
    try:
        with LeaseKeeper(lease=lease) as keeper:
            work(keeper)
        if not keeper.is_over:
            jobs.fail(lease=lease, error="The work ended without a result.")
    except LeaseLostError:
        log.warning("lease_lost", job=job_id)
    except JobCancelledError:
        _quietly(lambda: jobs.end_cancelled(lease=lease))
    except (BadInputError, RefusedError, IsolationError) as error:
        reason = str(error)
        _quietly(lambda: jobs.fail(lease=lease, error=reason))
    except (OperationalError, InterfaceError) as error:
        log.warning("job_released", job=job_id, reason=str(error))
        reason = f"The database did not answer: {error}"
        _quietly(lambda: jobs.release(lease=lease, error=reason))
    except KeyboardInterrupt:
        _quietly(lambda: jobs.end_cancelled(lease=lease))
        raise
    except Exception as error:
        log.exception("job_failed", job=job_id)
        reason = f"Unexpected {type(error).__name__}: {error}. The log of the worker says more."
        _quietly(lambda: jobs.fail(lease=lease, error=reason))


def _quietly(end: Callable[[], None]) -> None:
    """End a job that somebody else may have taken meanwhile."""
    try:
        end()
    except LeaseLostError:
        log.warning("lease_lost_at_end")


@contextmanager
def _watched(watch: Callable[[Progress], None] | None) -> Iterator[None]:
    token = _watcher.set(watch)
    try:
        yield
    finally:
        _watcher.reset(token)


def run_here(*, job: Job, on_progress: Callable[[Progress], None] | None = None) -> Job:
    """Run a job in this process, for commands that must not need a worker; the job as it ended, or as it waits for
    something outside: a worker takes it up again then.

    Where a worker has taken it already, wait for that worker.
    """
    waits = _run_once(job, on_progress)
    while not job.is_over and not waits:
        time.sleep(_PROGRESS_SECONDS)
        if on_progress:
            on_progress(Progress(stage=job.stage, done=job.done, total=job.total))
        jobs.reap()
        waits = _run_once(job, on_progress)
    return job


def _run_once(job: Job, on_progress: Callable[[Progress], None] | None) -> bool:
    """Whether the work was postponed: it stands in the queue again, says why, and used up no attempt."""
    job.refresh_from_db()
    before = job.attempts
    with _watched(on_progress):
        import_string(job.task_name)(job.pk)
    job.refresh_from_db()
    return job.state == JobState.QUEUED and bool(job.error) and job.attempts == before
