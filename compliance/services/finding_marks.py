"""What a finding is marked with whenever it is concluded: its priority by the rule, and the waiver that sets it aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from compliance.models import AISystem, Finding, Observation, Waiver
from compliance.types.applicability import RiskClass
from compliance.types.risk_life import AgreementState
from compliance.types.risk_priority import Exposure, Judgement, Priority, judge, strength_of
from compliance.types.risk_waivers import covers
from compliance.types.states import Severity


def exposure_of(system: AISystem) -> Exposure:
    """What the organisation states of a system that bears on priority."""
    since = system.on_market_since
    return Exposure(
        risk_class=RiskClass(system.risk_class),
        is_systemic=bool(system.is_systemic),
        is_on_market=since is not None and since <= timezone.localdate(),
    )


def judged(observation: Observation, severity: str, techniques: Sequence[str], exposure: Exposure) -> Judgement:
    """The priority of a finding that stands by this observation."""
    strength = strength_of(verdict=observation.verdict, producer=observation.producer, facts=observation.facts)
    return judge(severity=Severity(severity), exposure=exposure, techniques=techniques, strength=strength)


@dataclass(frozen=True, slots=True)
class Marks:
    """What bears on the marks of all findings of one system."""

    exposure: Exposure
    waivers: tuple[Waiver, ...]

    @classmethod
    def of(cls, system: AISystem) -> Marks:
        """As the system stands today."""
        return cls(exposure_of(system), tuple(in_force(system)))

    def on_new(self, observation: Observation, severity: str, *, stands: bool) -> tuple[Any, ...]:
        """Priority, points, reasons, waiver and its last day, of a finding that is being made."""
        if not stands:
            return Priority.P4.value, 0, [], None, None
        judgement = judged(observation, severity, observation.techniques, self.exposure)
        waiver = self._waiver(observation)
        reasons = [reason.to_json() for reason in judgement.reasons]
        until = (waiver.pk, waiver.ends_on) if waiver else (None, None)
        return judgement.priority.value, judgement.points, reasons, *until

    def put_on(self, finding: Finding, observation: Observation) -> None:
        """Mark a finding that stands by this observation; the caller stores it."""
        put_priority(finding, judged(observation, finding.severity, observation.techniques, self.exposure))
        waiver = self._waiver(observation)
        finding.waiver, finding.waived_until = waiver, waiver.ends_on if waiver else None

    def _waiver(self, observation: Observation) -> Waiver | None:
        return next((one for one in self.waivers if is_covered(one, observation)), None)


def put_priority(finding: Finding, judgement: Judgement) -> None:
    """Give a finding the priority that follows from the rule."""
    finding.priority, finding.priority_points = judgement.priority.value, judgement.points
    finding.priority_reasons = [reason.to_json() for reason in judgement.reasons]


def in_force(system: AISystem) -> list[Waiver]:
    """Waivers of a system that count today, the one that lasts longest first."""
    rows = Waiver.objects.filter(system=system, state=AgreementState.APPROVED, ends_on__gte=timezone.localdate())
    return list(rows.order_by("-ends_on", "pk"))


def is_covered(waiver: Waiver, observation: Observation) -> bool:
    """Whether a waiver is about what an observation says."""
    return covers(
        producer=waiver.producer,
        rule=waiver.rule,
        assets=waiver.assets,
        seen=(observation.producer, observation.rule, observation.asset_name),
    )
