"""Runs of the checks on job events: asked for, and recorded with observations and the findings that follow."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import AISystem, CheckRun, Finding, Job, User
from compliance.services import closing_proposals, findings, jobs, ledger, observations
from compliance.types.drafts import JSON, ObservationDraft
from compliance.types.states import JobState


def create(*, system: AISystem, task_name: str, actor: User | None, dispatch: bool = True) -> CheckRun:
    """Queue all checks on the events of a system; a run that still waits is given instead of a second one."""
    with transaction.atomic():
        waiting = CheckRun.objects.filter(system=system, job__state=JobState.QUEUED).select_related("job").first()
        if waiting is not None and dispatch:
            return waiting
        run = CheckRun(system=system)
        run.job = jobs.create(
            kind="checks",
            task_name=task_name,
            queue="default",
            subject=run,
            subject_url_name="check-run",
            title=_("Checks on the job events of %s") % system.name,
            system=system,
            requested_by=actor,
            dispatch=dispatch,
        )
        run.save()
    return run


def latest(*, system: AISystem) -> CheckRun | None:
    """The run that finished last."""
    return CheckRun.objects.filter(system=system, finished_at__isnull=False).first()


def finish(
    *,
    run: CheckRun,
    period: tuple[date, date],
    results: list[JSON],
    facts: JSON,
    drafts: Sequence[ObservationDraft],
    outcome_sha256: str,
    actor: User | None,
) -> CheckRun:
    """Record what a run found, in the caller's transaction. The same outcome as the run before records nothing anew.

    drafts: one for each rule, on the AI system, and its parts; outcome_sha256: over all of them.
    """
    system = AISystem.objects.select_for_update(no_key=True).get(pk=run.system_id)
    before = latest(system=system)
    if before is not None and before.outcome_sha256 == outcome_sha256:
        run.repeats = before.repeats or before
    run.period_start, run.period_end = period
    run.results, run.facts, run.outcome_sha256 = results, facts, outcome_sha256
    run.finished_at = timezone.now()
    run.save()
    if run.repeats is None:
        observations.record_batch(system=system, source_uuid=run.uuid, evidence=None, drafts=drafts)
        wholes = observations.rows_of(source_uuid=run.uuid).filter(asset_kind="ai_system")
        findings.conclude(observations=wholes, actor=actor)
    else:  # what it looked at may be new all the same: a document read, a data set compared since
        closing_proposals.follow(findings=_findings_of(run.repeats))
    ledger.record(
        kind="checks.run",
        subject=run,
        payload={
            "period": [day.isoformat() for day in period],
            "outcome": outcome_sha256,
            "repeats": str(run.repeats.uuid) if run.repeats else None,
            "rows": 0 if run.repeats else len(drafts),
            "rows_root": "" if run.repeats else observations.rows_root(source_uuid=run.uuid),
            "verdicts": {result["rule"]: result["verdict"] for result in results},
        },
        actor=actor,
        system=system,
    )
    return run


def _findings_of(run: CheckRun) -> list[Finding]:
    rows = Finding.objects.filter(observations__source_uuid=run.uuid, observations__asset_kind="ai_system")
    return list(rows.select_related("system").distinct())


def job_of(*, run: CheckRun) -> Job:
    """The job as it stands now."""
    run.job.refresh_from_db()
    return run.job
