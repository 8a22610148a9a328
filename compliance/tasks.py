"""Celery's doors: each takes an id, or nothing, and calls one service."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from compliance.services import bulk_edits, disposals, jobs, ledger, nightly, populations, reminders, webhook_sending
from compliance.services import rehash as rehashing


@shared_task(name="compliance.tasks.reap_jobs")
def reap_jobs() -> None:
    """Find jobs that lost their worker or their message."""
    jobs.reap()


@shared_task(name="compliance.tasks.seal_ledger")
def seal_ledger() -> None:
    """Place new events in the chain."""
    ledger.seal()


@shared_task(name="compliance.tasks.checkpoint_ledger")
def checkpoint_ledger() -> None:
    """State, sign and stamp how far the chain reaches today."""
    from compliance.services.checkpoints import make_daily  # noqa: PLC0415 - as for packs

    make_daily()


@shared_task(name="compliance.tasks.remind")
def remind() -> None:
    """Remind people of what is due, and mail what they are due."""
    reminders.remind(now=timezone.now())


@shared_task(name="compliance.tasks.deliver_webhooks")
def deliver_webhooks() -> None:
    """Send what waits in the outbox."""
    webhook_sending.deliver()


@shared_task(name="compliance.tasks.run_nightly")
def run_nightly() -> None:
    """Time limits, endings and staleness."""
    nightly.run()


@shared_task(name="compliance.tasks.issue_pack")
def issue_pack(job_id: int) -> None:
    """Render, seal and record the evidence pack that a job asks for."""
    from compliance.services.packs import issue_for_job  # noqa: PLC0415 - PDF libraries are loaded where a pack is made

    issue_for_job(job_id=job_id)


@shared_task(name="compliance.tasks.renew_stamps")
def renew_stamps() -> None:
    """Give packs another archive time stamp before the newest one's certificate ends."""
    from compliance.services.pack_renewals import renew_due  # noqa: PLC0415 - PDF libraries, as above

    renew_due(now=timezone.now())


@shared_task(name="compliance.tasks.freeze_population")
def freeze_population(job_id: int) -> None:
    """Count and freeze the population that a job asks for."""
    populations.freeze_for_job(job_id=job_id)


@shared_task(name="compliance.tasks.propose_disposal")
def propose_disposal() -> None:
    """Propose what is due; nothing is disposed of until somebody approves."""
    disposals.propose(actor=None)


@shared_task(name="compliance.tasks.dispose")
def dispose(job_id: int) -> None:
    """Purge what an approved disposal run names."""
    disposals.dispose_for_job(job_id=job_id)


@shared_task(name="compliance.tasks.begin_rehash")
def begin_rehash() -> None:
    """Queue the night's share of stored files."""
    rehashing.begin(actor=None)


@shared_task(name="compliance.tasks.rehash")
def rehash(job_id: int) -> None:
    """Hash stored files again."""
    rehashing.rehash_for_job(job_id=job_id)


@shared_task(name="compliance.tasks.edit_in_bulk")
def edit_in_bulk(job_id: int) -> None:
    """Do the edit of many remediation items that a job asks for."""
    bulk_edits.apply_for_job(job_id=job_id)


@shared_task(name="compliance.tasks.draw_certificate")
def draw_certificate(job_id: int) -> None:
    """Draw the certificate of a disposal run as a PDF."""
    from compliance.services.disposal_papers import make_for_job  # noqa: PLC0415 - PDF libraries, as above

    make_for_job(job_id=job_id)


@shared_task(name="compliance.tasks.make_summary")
def make_summary(job_id: int) -> None:
    """Draw the monthly summary that a job asks for."""
    from compliance.services.remediation_summaries import make_for_job  # noqa: PLC0415 - PDF libraries, as above

    make_for_job(job_id=job_id)


@shared_task(name="compliance.tasks.summarise_month")
def summarise_month() -> None:
    """Queue the summary of the month that is over, where there is none yet."""
    from compliance.services.remediation_summaries import begin_month  # noqa: PLC0415 - PDF libraries, as above

    begin_month(today=timezone.now().date())
