"""Acceptances, waivers and closings as their lists show them, and what a finding's page says of its risk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone

from compliance.choices import label
from compliance.models import (
    Closing,
    DatasetVerification,
    EntitlementReading,
    Evidence,
    Finding,
    ModelVersion,
    Observation,
    Risk,
    RiskAcceptance,
    RiskMove,
    Waiver,
)
from compliance.rights import Asker, visible
from compliance.selectors.sources import sources
from compliance.types.applicability import RiskClass
from compliance.types.risk_life import LIVE, AgreementState, ClosingBasis, ClosingState
from compliance.types.risk_priority import Factor, Tier
from compliance.types.risk_transitions import By, RiskAct, acts_from
from compliance.types.states import RiskState, Severity

ACCEPTANCES = RiskAcceptance.objects.select_related(
    "risk__finding__system", "requested_by", "decided_by", "ended_by", "reviewed_by"
)
WAIVERS = Waiver.objects.select_related("system", "requested_by", "decided_by", "ended_by")
CLOSINGS = Closing.objects.select_related("system", "item__owner", "observation", "asked_by", "decided_by")


def in_state(rows: QuerySet[Any], state: str) -> QuerySet[Any]:
    """Agreements that count as in this state today; "living": asked for or in force; empty: all."""
    today = timezone.localdate()
    if state == "living":
        return rows.filter(state__in=sorted(LIVE), ends_on__gte=today)
    if state == AgreementState.EXPIRED:
        return rows.filter(Q(state=state) | Q(state__in=sorted(LIVE), ends_on__lt=today))
    if state in LIVE:
        return rows.filter(state=state, ends_on__gte=today)
    return rows.filter(state=state) if state else rows


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorityReason:
    """One factor of a priority in words, with its points."""

    factor: str
    value: str
    points: int


def priority_reasons(finding: Finding) -> tuple[PriorityReason, ...]:
    """Why a finding has its priority, as a person reads it."""
    return tuple(
        PriorityReason(
            factor=str(label(Factor(one["factor"]))), value=_in_words(one["factor"], one["value"]), points=one["points"]
        )
        for one in finding.priority_reasons
    )


def _in_words(factor: str, value: str) -> str:
    kinds = {Factor.SEVERITY: Severity, Factor.EXPOSURE: RiskClass, Factor.TIER: Tier}
    kind = kinds.get(Factor(factor))
    return str(label(kind(value))) if kind is not None and value in set(kind) else value


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskPart:
    """What a finding's page says of its risk: state today, what may be done, its acceptance, moves and closings."""

    risk: Risk | None
    state: RiskState | None
    acts: frozenset[RiskAct]
    acceptance: RiskAcceptance | None
    moves: tuple[RiskMove, ...]
    closings: tuple[Closing, ...]
    reasons: tuple[PriorityReason, ...]

    @property
    def may_investigate(self) -> bool:
        """Whether the table has that act now; a finding that stands without a risk gets one by it."""
        return RiskAct.INVESTIGATE in self.acts

    @property
    def may_request(self) -> bool:
        """The same of asking for acceptance."""
        return RiskAct.REQUEST_ACCEPTANCE in self.acts

    @property
    def may_put_back(self) -> bool:
        """The same of putting it back."""
        return RiskAct.PUT_BACK in self.acts

    @property
    def may_reopen(self) -> bool:
        """The same of opening it again."""
        return RiskAct.REOPEN in self.acts


def risk_part(finding: Finding, user: Asker) -> RiskPart:
    """The risk of a finding as far as the asker may see."""
    risk = visible(Risk.objects.filter(finding=finding), user).first()
    reasons = priority_reasons(finding)
    if risk is None:
        acts = acts_from(RiskState.OPEN, By.PERSON)
        return RiskPart(risk=None, state=None, acts=acts, acceptance=None, moves=(), closings=(), reasons=reasons)
    rows = visible(ACCEPTANCES.filter(risk=risk, state__in=sorted(LIVE)), user)
    moves = visible(RiskMove.objects.filter(risk=risk).exclude(words=""), user).select_related("made_by")
    closings = visible(CLOSINGS.filter(risks=risk), user)
    return RiskPart(
        risk=risk,
        state=risk.state_now,
        acts=acts_from(risk.state_now, By.PERSON),
        acceptance=rows.prefetch_related("controls").first(),
        moves=tuple(moves.order_by("-created_at", "-pk")[:20]),
        closings=tuple(closings[:5]),
        reasons=reasons,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class BasisLine:
    """The new evidence for one finding in words, with links to what it rests on: (title, address or empty)."""

    finding: Finding | None
    words: str
    links: tuple[tuple[str, str], ...]


def basis_lines(closing: Closing, user: Asker) -> tuple[BasisLine, ...]:
    """What a closing rests on, as far as the asker may see. A few queries, whatever it rests on."""
    told = closing.basis
    findings = {str(row.uuid): row for row in visible(Finding.objects.filter(uuid__in=_given(told, "finding")), user)}
    seen = visible(Observation.objects.filter(uuid__in=_given(told, "observation")), user)
    observed = {str(row.uuid): row for row in seen}
    known = sources([row.source_uuid for row in observed.values()], user)
    records = _records([uuid for one in told for uuid in one["records"]], user)
    lines = []
    for one in told:
        links = [records[uuid] for uuid in one["records"] if uuid in records]
        row = observed.get(one["observation"] or "")
        if row is not None:
            source = known.get(row.source_uuid)
            links.insert(0, (f"{row.title}: {source.title}" if source else row.title, source.url if source else ""))
        words = str(label(ClosingBasis(one["kind"])))
        lines.append(BasisLine(finding=findings.get(one["finding"] or ""), words=words, links=tuple(links)))
    return tuple(lines)


def _given(told: Iterable[Any], name: str) -> list[str]:
    return [one[name] for one in told if one[name]]


def _records(uuids: Iterable[str], user: Asker) -> dict[str, tuple[str, str]]:
    """Titles and addresses of what a closing rests on besides observations."""
    wanted = [UUID(uuid) for uuid in uuids]
    if not wanted:
        return {}
    found: dict[str, tuple[str, str]] = {}
    for piece in visible(Evidence.objects.filter(uuid__in=wanted), user):
        found[str(piece.uuid)] = (piece.title, reverse("evidence-detail", args=[piece.uuid]))
    for version in visible(ModelVersion.objects.filter(uuid__in=wanted), user).select_related("model"):
        found[str(version.uuid)] = (str(version), reverse("model-version", args=[version.uuid]))
    for check in visible(DatasetVerification.objects.filter(uuid__in=wanted), user).select_related(
        "dataset_version__dataset"
    ):
        address = reverse("dataset-version", args=[check.dataset_version.uuid])
        found[str(check.uuid)] = (str(check.dataset_version), address)
    for reading in visible(EntitlementReading.objects.filter(uuid__in=wanted), user).select_related("system"):
        found[str(reading.uuid)] = (str(reading), f"{reverse('entitlements')}?reading={reading.uuid}")
    return found


def waiting_closings(user: Asker) -> QuerySet[Closing]:
    """Closings that await a decision, the oldest first."""
    return visible(CLOSINGS.filter(state=ClosingState.PROPOSED), user).order_by("created_at", "pk")
