"""Remediation as a freeze keeps it: items with milestones, baseline, estimate and slips; never what they cost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from compliance.models import AISystem, Baseline, PlanUpdate, RemediationItem
from compliance.types import freeze as doc
from compliance.types import freeze_remediation as plan
from compliance.types.plans import Estimate, ItemSource, PlanReason
from compliance.types.states import RemediationState


def remediation(system: AISystem) -> Iterator[doc.RemediationItem]:
    """Every item of an AI system, a few held at a time."""
    rows = system.remediation_items.select_related(
        "owner", "team", "baseline__proposed_by", "baseline__decision__decided_by"
    )
    listed = rows.prefetch_related("risks", "milestones", "plan_updates", "needs")
    return map(_item, listed.iterator(chunk_size=500))


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _item(item: RemediationItem) -> doc.RemediationItem:
    return doc.RemediationItem(
        uuid=str(item.uuid),
        title=item.title,
        description=item.description,
        owner=item.owner.name,
        state=RemediationState(item.state),
        due=item.due_on.isoformat(),
        effort_planned=float(item.effort_planned),
        effort_spent=float(item.effort_spent),
        risks=[str(risk.uuid) for risk in item.risks.all()],
        milestones=[
            doc.Milestone(
                title=step.title, due=step.due_on.isoformat(), done_at=_utc(step.done_at) if step.done_at else None
            )
            for step in item.milestones.all()
        ],
        source=ItemSource(item.source),
        team=item.team.name if item.team else "",
        original_due=item.original_due_on.isoformat(),
        estimate=_effort(item.estimate),
        remaining=float(item.remaining),
        baseline=_baseline(item.baseline) if item.baseline else None,
        slips=[_slip(update) for update in item.plan_updates.all() if update.slip_days > 0],
        depends_on=[str(other.uuid) for other in item.needs.all()],
    )


def _effort(estimate: Estimate) -> plan.Effort:
    return plan.Effort(low=float(estimate.low), likely=float(estimate.likely), high=float(estimate.high))


def _baseline(baseline: Baseline) -> plan.Baseline:
    return plan.Baseline(
        scope=baseline.scope,
        effort=_effort(baseline.effort),
        due=baseline.due_on.isoformat(),
        proposed_by=baseline.proposed_by.name,
        approved_by=baseline.decision.decided_by.name,
        approved_at=_utc(baseline.decision.created_at),
    )


def _slip(update: PlanUpdate) -> plan.Slip:
    return plan.Slip(
        at=_utc(update.created_at),
        due=update.due_on.isoformat(),
        days=update.slip_days,
        reason=PlanReason(update.reason),
        note=update.note,
    )
