"""A job is done once, whoever dies; a job that kills its workers ends with a reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from compliance.models import AISystem, Job, JobStep
from compliance.services import jobs, leases
from compliance.services.jobs import JobCancelledError, Lease, LeaseLostError
from compliance.services.leases import LeaseKeeper
from compliance.types.drafts import Progress
from compliance.types.errors import BadInputError
from compliance.types.states import JobState

pytestmark = pytest.mark.django_db


@pytest.fixture
def job() -> Job:
    system = AISystem.objects.create(name="Reader of digits")
    return jobs.create(
        kind="import", task_name="compliance.tasks.reap_jobs", queue="default", subject=system,
        subject_url_name="overview", title="Import of a log", system=system, requested_by=None,
    )  # fmt: skip


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Primary keys of jobs for which a message was written; the broker itself is tested in tests/e2e."""
    written: list[int] = []

    def send_task(name: str, args: list[int], queue: str) -> None:
        written.extend(args)

    monkeypatch.setattr("compliance.services.jobs.current_app.send_task", send_task)
    return written


def claimed(job: Job) -> Lease:
    lease = jobs.claim(job_id=job.pk)
    assert lease is not None
    return lease


def expire(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(lease_expires_at=timezone.now() - timedelta(seconds=1))


def test_message_goes_out_when_the_transaction_commits(
    sent: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    system = AISystem.objects.create(name="Another")
    with django_capture_on_commit_callbacks(execute=True):
        created = jobs.create(
            kind="scan", task_name="x", queue="scan", subject=system, subject_url_name="", title="t" * 400,
            system=system, requested_by=None,
        )  # fmt: skip
        assert sent == []
    assert sent == [created.pk]
    created.refresh_from_db()
    assert created.dispatched_at is not None
    assert len(created.title) == 300


def test_live_lease_is_taken_once(job: Job) -> None:
    claimed(job)
    assert jobs.claim(job_id=job.pk) is None


def test_expired_lease_passes_on_and_the_old_owner_is_fenced_off(job: Job) -> None:
    old = claimed(job)
    expire(job)
    new = claimed(job)
    assert new.owner != old.owner
    for write in (
        lambda: jobs.heartbeat(lease=old),
        lambda: jobs.report_progress(lease=old, stage="late", done=1, total=2),
        lambda: jobs.checkpoint(lease=old, n=1),
        lambda: jobs.finish(lease=old, result={}),
        lambda: jobs.fail(lease=old, error="late"),
    ):
        with pytest.raises(LeaseLostError):
            write()
    job.refresh_from_db()
    assert (job.state, job.stage, job.attempts) == (JobState.RUNNING, "", 2)
    assert not JobStep.objects.filter(job=job).exists()


def test_progress_tells_the_worker_that_somebody_cancelled(job: Job) -> None:
    keeper = LeaseKeeper(lease=claimed(job))
    keeper.progress(Progress(stage="Reading", done=1, total=9))
    jobs.cancel(job=job, actor=None)
    keeper.progress(Progress(stage="Reading", done=9, total=9))
    assert keeper.should_stop()
    with pytest.raises(JobCancelledError):
        keeper.check()


def test_progress_is_written_twice_a_second_at_most_but_for_beginning_and_end_of_a_stage(job: Job) -> None:
    keeper, written = LeaseKeeper(lease=claimed(job)), []
    for stage, done in (("Reading", 0), ("Reading", 1), ("Reading", 2), ("Writing", 0), ("Writing", 8), ("Writing", 9)):
        keeper.progress(Progress(stage=stage, done=done, total=9))
        job.refresh_from_db()
        written.append((job.stage, job.done))
    first, begun, ended = ("Reading", 0), ("Writing", 0), ("Writing", 9)
    assert written == [first, first, first, begun, begun, ended]


def test_finished_job_keeps_its_result_and_is_never_claimed_again(job: Job) -> None:
    jobs.finish(lease=claimed(job), result={"rows": 3})
    job.refresh_from_db()
    assert (job.state, job.result, job.lease_owner) == (JobState.SUCCEEDED, {"rows": 3}, "")
    assert jobs.claim(job_id=job.pk) is None


def test_reaper_sends_expired_job_again(job: Job, sent: list[int]) -> None:
    claimed(job)
    expire(job)
    assert jobs.reap().dispatched == 1
    job.refresh_from_db()
    assert (job.state, sent) == (JobState.QUEUED, [job.pk])


def test_reaper_leaves_a_live_lease_alone(job: Job, sent: list[int]) -> None:
    claimed(job)
    assert jobs.reap() == jobs.Reaped(dispatched=0, failed=0, cancelled=0)
    assert sent == []


def test_poison_job_fails_with_its_reason(job: Job, sent: list[int]) -> None:
    for _ in range(job.max_attempts):
        lease = claimed(job)
        jobs.report_progress(lease=lease, stage="Reading", done=1, total=9)
        expire(job)
        jobs.reap()
    job.refresh_from_db()
    assert job.state == JobState.FAILED
    assert "lost 4 times" in job.error
    assert "Reading" in job.error
    assert len(sent) == 3


def test_reaper_sends_what_was_never_sent(job: Job, sent: list[int]) -> None:
    assert jobs.reap().dispatched == 0  # its transaction may only just have committed
    Job.objects.filter(pk=job.pk).update(created_at=timezone.now() - timedelta(minutes=5))
    assert jobs.reap().dispatched == 1
    assert jobs.reap().dispatched == 0
    assert sent == [job.pk]


def test_reaper_sends_a_lost_message_again_and_waits_longer_each_time(job: Job, sent: list[int]) -> None:
    now = timezone.now()
    Job.objects.filter(pk=job.pk).update(created_at=now - timedelta(hours=8), dispatched_at=now - timedelta(hours=1))
    assert jobs.reap().dispatched == 0
    Job.objects.filter(pk=job.pk).update(dispatched_at=now - timedelta(hours=3))
    assert jobs.reap().dispatched == 1


def test_silent_broker_is_tried_again_later(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr("compliance.services.jobs.current_app.send_task", refuse)
    assert jobs.send(job=job) is False
    job.refresh_from_db()
    assert (job.state, job.dispatched_at) == (JobState.QUEUED, None)


def test_waiting_job_is_cancelled_at_once(job: Job) -> None:
    jobs.cancel(job=job, actor=None)
    assert job.state == JobState.CANCELLED
    assert jobs.claim(job_id=job.pk) is None


def test_running_job_is_cancelled_by_its_worker(job: Job) -> None:
    def work(keeper: LeaseKeeper) -> None:
        jobs.cancel(job=job, actor=None)
        if jobs.heartbeat(lease=keeper.lease):
            raise JobCancelledError

    leases.work_on(job_id=job.pk, work=work)
    job.refresh_from_db()
    assert job.state == JobState.CANCELLED


def test_cancelled_job_whose_worker_died_ends_cancelled(job: Job, sent: list[int]) -> None:
    claimed(job)
    jobs.cancel(job=job, actor=None)
    expire(job)
    assert jobs.reap().cancelled == 1
    job.refresh_from_db()
    assert (job.state, sent) == (JobState.CANCELLED, [])


def test_step_is_recorded_once(job: Job) -> None:
    def work(keeper: LeaseKeeper) -> None:
        keeper.checkpoint(n=1, result={"upto": 7})
        assert keeper.steps()[1].result == {"upto": 7}
        keeper.progress(Progress(stage="Reading", done=7, total=7))
        keeper.finish(result={})

    leases.work_on(job_id=job.pk, work=work)
    job.refresh_from_db()
    assert (job.state, job.done, job.steps.count()) == (JobState.SUCCEEDED, 7, 1)


@pytest.mark.parametrize(
    ("error", "state", "words"),
    [
        (BadInputError("log.json breaks off at byte 7."), JobState.FAILED, "log.json breaks off at byte 7."),
        (OperationalError("server closed the connection"), JobState.QUEUED, "The database did not answer"),
        (ZeroDivisionError("division by zero"), JobState.FAILED, "Unexpected ZeroDivisionError"),
    ],
)
def test_every_failure_becomes_a_state_with_a_reason(job: Job, error: Exception, state: JobState, words: str) -> None:
    def work(keeper: LeaseKeeper) -> None:
        raise error

    leases.work_on(job_id=job.pk, work=work)
    job.refresh_from_db()
    assert job.state == state
    assert words in job.error


def test_work_without_a_result_is_a_failure(job: Job) -> None:
    leases.work_on(job_id=job.pk, work=lambda _keeper: None)
    job.refresh_from_db()
    assert (job.state, job.error) == (JobState.FAILED, "The work ended without a result.")


def test_last_release_is_a_failure(job: Job) -> None:
    Job.objects.filter(pk=job.pk).update(attempts=job.max_attempts - 1)
    jobs.release(lease=claimed(job), error="The database did not answer.")
    job.refresh_from_db()
    assert job.state == JobState.FAILED
