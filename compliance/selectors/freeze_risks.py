"""Risks of a freeze, with the decisions on them, closings and waivers, as they stood when the assessment was frozen."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.db.models import Prefetch

from compliance.choices import label
from compliance.models import AISystem, Closing, Finding, Risk, RiskAcceptance, RiskMove, User, Waiver
from compliance.types import freeze as doc
from compliance.types.freeze_risks import (
    FindingAdditions,
    FrozenAcceptance,
    FrozenClosing,
    FrozenGround,
    FrozenMove,
    FrozenWaiver,
)
from compliance.types.risk_life import ClosingBasis, ClosingState, Sighting
from compliance.types.risk_transitions import RiskAct
from compliance.types.states import RiskState, Role

_ROWS_AT_ONCE = 500


def _utc(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


def _at(moment: datetime) -> str:
    return _utc(moment) or ""


def _named(user: User | None) -> str:
    return f"{user.name} ({label(Role(user.role))})" if user else ""


def marks(finding: Finding) -> FindingAdditions:
    """How a finding stands over reports, and how soon somebody should work on it."""
    return {
        "sighting": Sighting(finding.sighting) if finding.sighting else None,
        "reappearances": finding.reappearances,
        "priority": finding.priority_now,
        "priority_reason": finding.priority_reason if finding.priority_by_hand else "",
        "severity_reason": finding.severity_reason if finding.severity_by_hand else "",
        "waived_until": finding.waived_until.isoformat() if finding.waived_until and finding.is_waived else None,
    }


def risks(system: AISystem) -> Iterator[doc.Risk]:
    """Every risk with its acceptances and all that was done to it, a few held at a time."""
    acceptances = RiskAcceptance.objects.select_related("requested_by", "decided_by").prefetch_related("controls")
    moves = RiskMove.objects.select_related("made_by")
    rows = Risk.objects.filter(finding__system=system).select_related("finding").order_by("pk")
    listed = rows.prefetch_related(Prefetch("acceptances", acceptances), Prefetch("moves", moves))
    return map(_risk, listed.iterator(chunk_size=_ROWS_AT_ONCE))


def _risk(risk: Risk) -> doc.Risk:
    return doc.Risk(
        uuid=str(risk.uuid),
        title=risk.title,
        statement=risk.statement,
        state=risk.state_now,
        deadline=risk.deadline.isoformat() if risk.deadline else None,
        findings=[str(risk.finding.uuid)],
        acceptances=[_acceptance(row) for row in risk.acceptances.all()],
        history=[_move(row) for row in risk.moves.all()],
    )


def _acceptance(row: RiskAcceptance) -> FrozenAcceptance:
    return FrozenAcceptance(
        uuid=str(row.uuid),
        state=row.state_now,
        reason=row.reason,
        controls=[f"{control.control_id} {control.title}" for control in row.controls.all()],
        compensation=row.compensation,
        ends_on=row.ends_on.isoformat(),
        review_on=row.review_on.isoformat(),
        requested_by=_named(row.requested_by),
        requested_at=_at(row.created_at),
        decided_by=_named(row.decided_by),
        decided_at=_utc(row.decided_at),
        decision=row.decision,
    )


def _move(row: RiskMove) -> FrozenMove:
    return FrozenMove(
        uuid=str(row.uuid),
        at=_at(row.created_at),
        act=RiskAct(row.act),
        before=RiskState(row.before) if row.before else None,
        after=RiskState(row.after),
        words=row.words,
        by=_named(row.made_by),
    )


def closings(system: AISystem) -> Iterator[FrozenClosing]:
    """Every closing, oldest first, a few held at a time."""
    rows = Closing.objects.filter(system=system).select_related("item", "asked_by", "decided_by")
    listed = rows.prefetch_related("risks").order_by("created_at", "pk")
    return map(_closing, listed.iterator(chunk_size=_ROWS_AT_ONCE))


def _closing(row: Closing) -> FrozenClosing:
    return FrozenClosing(
        uuid=str(row.uuid),
        state=ClosingState(row.state),
        item=str(row.item.uuid) if row.item else None,
        risks=[str(risk.uuid) for risk in row.risks.all()],
        basis=[_ground(one) for one in row.basis],
        proposed_at=_at(row.created_at),
        asked_by=_named(row.asked_by),
        decided_by=_named(row.decided_by),
        decided_at=_utc(row.decided_at),
        note=row.note,
    )


def _ground(one: dict[str, Any]) -> FrozenGround:
    return FrozenGround(
        finding=one["finding"],
        kind=ClosingBasis(one["kind"]),
        observation=one["observation"],
        records=list(one["records"]),
    )


def waivers(system: AISystem) -> list[FrozenWaiver]:
    """Every waiver, oldest first."""
    rows = Waiver.objects.filter(system=system).select_related("requested_by", "decided_by")
    aside = Prefetch("findings", Finding.objects.only("uuid", "waiver"))
    return [
        FrozenWaiver(
            uuid=str(row.uuid),
            state=row.state_now,
            producer=row.producer,
            rule=row.rule,
            assets=row.assets,
            reason=row.reason,
            ends_on=row.ends_on.isoformat(),
            requested_by=_named(row.requested_by),
            decided_by=_named(row.decided_by),
            findings=[str(finding.uuid) for finding in row.findings.all()],
        )
        for row in rows.prefetch_related(aside).order_by("created_at", "pk")
    ]
