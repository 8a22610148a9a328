"""Checks on job events: bind what is new, gather the facts, evaluate, record."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from compliance.models import AISystem, CheckRun, User
from compliance.services import bindings, check_runs, leases
from compliance.services.leases import LeaseKeeper
from compliance.types.canonical import digest_of
from compliance.types.drafts import JSON, ObservationDraft, Progress
from scanning.checks import registry
from scanning.checks.base import Facts
from scanning.models import Import
from scanning.services import check_facts
from scanning.services.staging import observation_as_json

TASK = "scanning.tasks.check_events"


def request(*, system: AISystem, actor: User | None, dispatch: bool = True) -> CheckRun:
    """Queue all checks on the events of a system."""
    return check_runs.create(system=system, task_name=TASK, actor=actor, dispatch=dispatch)


def bears(document: Import) -> bool:
    """Whether an import changed what the checks look at."""
    return bool(document.recorded)


def perform(*, job_id: int) -> None:
    """Bind, check and record for the system of a job."""
    leases.work_on(job_id=job_id, work=_check)


def _check(keeper: LeaseKeeper) -> None:
    run = CheckRun.objects.select_related("system", "job__requested_by").get(job_id=keeper.lease.job_id)
    keeper.progress(Progress(stage=_("Binding events to models and data"), done=0, total=None))
    bindings.bind_new(system=run.system)
    keeper.progress(Progress(stage=_("Checking"), done=0, total=None))
    period = check_facts.period_of(run.system)
    facts = check_facts.gather(system=run.system, period=period)
    found = registry.evaluate(facts)
    drafts = [draft for one in found for draft in registry.drafts_of(one, system=run.system.name, facts=facts)]
    keeper.check()
    results = [registry.result_of(one) for one in found]
    with transaction.atomic():
        check_runs.finish(
            run=run,
            period=period,
            results=results,
            facts=_stood_on(facts),
            drafts=drafts,
            outcome_sha256=_outcome(drafts),
            actor=run.job.requested_by,
        )
        keeper.finish(result={"verdicts": {one["rule"]: one["verdict"] for one in results}})


def _outcome(drafts: list[ObservationDraft]) -> str:
    return digest_of([observation_as_json(draft) for draft in drafts])


def _stood_on(facts: Facts) -> JSON:
    """How much of each kind the checks looked at, so that a reader sees what was not there."""
    return {
        "events": len(facts.events),
        "submissions": len(facts.submissions),
        "approved_list": None if facts.approved is None else len(facts.approved),
        "approvals": len(facts.approvals),
        "change_windows": len(facts.windows),
        "sources_with_expected_rate": len(facts.silences),
        "can_now": None if facts.can_now is None else len(facts.can_now),
    }


def as_json(run: CheckRun) -> JSON:
    """A run as commands answer it."""
    return {
        "system": run.system.name,
        "run": str(run.uuid),
        "repeats": str(run.repeats.uuid) if run.repeats else None,
        "period": [str(run.period_start), str(run.period_end)],
        "stood_on": run.facts,
        "results": run.results,
    }
