"""The nightly run: acceptances that ended, clocks and warnings of time limits, tests that grew too old, old deliveries.

Each step stands by itself and may be repeated; one that fails is written down and does not keep the others from running.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import structlog
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from compliance.models import ModelVersion, NightlyRun, Technique, User
from compliance.rights import Verb, may
from compliance.selectors.coverage import coverage_table
from compliance.services import (
    closing_proposals,
    notices,
    risk_acceptances,
    sla_clocks,
    sla_warnings,
    waivers,
    webhooks,
)
from compliance.services.notices import Telling
from compliance.types.notices import NoticeKind

_log = structlog.get_logger(__name__)


def run(*, now: datetime | None = None) -> NightlyRun:
    """All steps, in order; the row tells what each did."""
    moment = now or timezone.now()
    night = NightlyRun.objects.create()
    for name, step in STEPS.items():
        night.steps = [*night.steps, _done(name, step, moment)]
        night.save(update_fields=["steps"])
    night.ended_at = timezone.now()
    night.save(update_fields=["ended_at"])
    return night


def _done(name: str, step: Callable[[datetime], Mapping[str, int]], now: datetime) -> dict[str, Any]:
    began = time.monotonic()
    counts: Mapping[str, int] = {}
    error = ""
    try:
        counts = step(now)
    except Exception as failure:  # noqa: BLE001 - the one boundary of the nightly task: a broken step stops no other
        error = type(failure).__name__
        _log.exception("nightly_step_failed", step=name)
    return {"step": name, "counts": dict(counts), "seconds": round(time.monotonic() - began, 3), "error": error}


def _agreements(now: datetime) -> Mapping[str, int]:
    """Ends acceptances of risks and waivers of rules whose last day is over."""
    return {"acceptances": risk_acceptances.expire(now), "waivers": waivers.expire(now)}


def _closings(now: datetime) -> Mapping[str, int]:
    return {"proposed": closing_proposals.propose(now)}


def _clocks(now: datetime) -> Mapping[str, int]:
    done = sla_clocks.follow(now=now, actor=None)
    return {
        "begun": done.begun,
        "ended": done.ended,
        "stopped": done.stopped,
        "gone_on": done.gone_on,
        "changed": done.changed,
    }


def _warnings(now: datetime) -> Mapping[str, int]:
    warned = sla_warnings.warn(now=now)
    return {"near": warned.near, "breached": warned.breached}


def _stale(_now: datetime) -> Mapping[str, int]:
    """Tells the owners of AI systems which model versions have a test that grew too old."""
    told: dict[tuple[int, str], Telling] = {}
    for technique in Technique.objects.filter(questions__isnull=False).distinct():
        for row in coverage_table(ModelVersion.objects.select_related("model__system__owner"), technique=technique):
            owner, since = row.version.model.system.owner, [cell.stale_since for cell in row.cells]
            oldest = min((at for at in since if at is not None), default=None)
            if oldest is not None and owner is not None and may(owner, Verb.VIEW):
                told[owner.pk, str(row.version.uuid)] = _too_old(owner, row.version, oldest)
    return {"stale": len(told), "told": notices.tell_all(list(told.values()))}


def _too_old(owner: User, version: ModelVersion, since: datetime) -> Telling:
    return Telling(
        user=owner,
        kind=NoticeKind.COVERAGE_STALE,
        subject_type=version._meta.label,
        subject_uuid=version.uuid,
        once=since.date().isoformat(),
        place=f"{reverse('coverage')}?state=stale",
    )


def _deliveries(now: datetime) -> Mapping[str, int]:
    return {"forgotten": webhooks.forget_old(now=now)}


def _query_statistics(_now: datetime) -> Mapping[str, int]:
    """SQLite plans queries by what ANALYZE found, and looks only when told to; PostgreSQL does so by itself."""
    if connection.vendor != "sqlite":
        return {}
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("SELECT COUNT(DISTINCT tbl) FROM sqlite_stat1")
        return {"tables": cursor.fetchone()[0]}


STEPS: Mapping[str, Callable[[datetime], Mapping[str, int]]] = {
    "agreements": _agreements,
    "closings": _closings,
    "clocks": _clocks,
    "warnings": _warnings,
    "staleness": _stale,
    "deliveries": _deliveries,
    "query_statistics": _query_statistics,
}
