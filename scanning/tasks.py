"""Celery's doors of the instruments: each takes the id of a job and calls one service."""

from __future__ import annotations

from celery import shared_task

from scanning.services import checks, completeness, imports
from scanning.services.scans import perform as perform_scan


@shared_task(name="scanning.tasks.process_import")
def process_import(job_id: int) -> None:
    """Read a document, stage its rows and publish them."""
    imports.perform(job_id=job_id)


@shared_task(name="scanning.tasks.check_events")
def check_events(job_id: int) -> None:
    """Bind new job events, and run all checks on those of a system."""
    checks.perform(job_id=job_id)


@shared_task(name="scanning.tasks.read_completeness")
def read_completeness(job_id: int) -> None:
    """Read coverage, integrity and reconciliation of a system's job log."""
    completeness.perform(job_id=job_id)


@shared_task(name="scanning.tasks.process_scan")
def process_scan(job_id: int) -> None:
    """Scan one model version."""
    perform_scan(job_id=job_id)


@shared_task(name="scanning.tasks.sweep_staging")
def sweep_staging() -> None:
    """Remove staged rows that no import will publish any more."""
    imports.sweep()
