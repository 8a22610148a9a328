"""Priority of a finding by a stated rule: points for severity, exposure of the AI system, sub-technique, and the test. Pure.

The points and what they are for stand in the tables below; docs/risks.md is printed from them. A finding keeps the reasons
that it was given, so that a page can say why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from compliance.types.applicability import RiskClass
from compliance.types.states import Severity
from compliance.types.verdicts import StageVerdict


class Priority(StrEnum):
    """How soon somebody should work on a finding."""

    P1 = "p1"
    P2 = "p2"
    P3 = "p3"
    P4 = "p4"


class Tier(StrEnum):
    """How strong the test is that says it."""

    CONFIRMED = "confirmed"
    CALIBRATED = "calibrated"
    UNCALIBRATED = "uncalibrated"
    FILE = "file"
    RECORDS = "records"
    EXAMINED = "examined"


class Factor(StrEnum):
    """What a priority is made of."""

    SEVERITY = "severity"
    EXPOSURE = "exposure"
    ON_MARKET = "on_market"
    TECHNIQUE = "technique"
    TIER = "tier"
    POWER = "power"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """What the organisation states of the AI system that bears on priority."""

    risk_class: RiskClass
    is_systemic: bool
    is_on_market: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Strength:
    """Tier of the test; power: share of planted backdoors it finds, measured; None where nobody measured it."""

    tier: Tier
    power: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One factor, what it is here, and its points."""

    factor: Factor
    value: str
    points: int

    def to_json(self) -> dict[str, Any]:
        """As a finding keeps it."""
        return {"factor": self.factor.value, "value": self.value, "points": self.points}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A priority with its reasons."""

    priority: Priority
    points: int
    reasons: tuple[Reason, ...]


SEVERITY_POINTS: Mapping[Severity, int] = {
    Severity.CRITICAL: 40,
    Severity.HIGH: 30,
    Severity.MEDIUM: 20,
    Severity.LOW: 10,
    Severity.INFORMATIONAL: 0,
}
# A class that nobody determined counts nearly as much as a high one: unknown is no reason to wait.
EXPOSURE_POINTS: Mapping[RiskClass, int] = {
    RiskClass.HIGH_RISK_ANNEX_III: 20,
    RiskClass.HIGH_RISK_ANNEX_I: 20,
    RiskClass.NOT_ASSESSED: 15,
    RiskClass.TRANSPARENCY: 10,
    RiskClass.MINIMAL: 5,
}
SYSTEMIC_POINTS = 20
ON_MARKET_POINTS = 5
TECHNIQUE_POINTS: Mapping[str, int] = {
    "AML.T0018.002": 20,
    "AML.T0018.000": 15,
    "AML.T0018.001": 15,
    "AML.T0018.003": 10,
}
OTHER_TECHNIQUE_POINTS = 5
TIER_POINTS: Mapping[Tier, int] = {
    Tier.CONFIRMED: 15,
    Tier.CALIBRATED: 10,
    Tier.FILE: 10,
    Tier.RECORDS: 8,
    Tier.EXAMINED: 8,
    Tier.UNCALIBRATED: 5,
}
GOOD_POWER, POWER_POINTS = 0.8, 5
LEAST_POINTS: tuple[tuple[Priority, int], ...] = (
    (Priority.P1, 80),
    (Priority.P2, 60),
    (Priority.P3, 40),
    (Priority.P4, 0),
)


def judge(*, severity: Severity, exposure: Exposure, techniques: Iterable[str], strength: Strength) -> Judgement:
    """The priority that follows from these, with its reasons."""
    reasons = (
        Reason(factor=Factor.SEVERITY, value=severity.value, points=SEVERITY_POINTS[severity]),
        *_exposed(exposure),
        _technique(techniques),
        *_strong(strength),
    )
    return _sum(reasons)


def rejudged(*, reasons: Iterable[Mapping[str, Any]], exposure: Exposure) -> Judgement:
    """The same for a system whose exposure changed: every other reason stays as the finding keeps it."""
    kept = [Reason(factor=Factor(one["factor"]), value=one["value"], points=one["points"]) for one in reasons]
    stays = (one for one in kept if one.factor not in {Factor.EXPOSURE, Factor.ON_MARKET})
    first, *rest = [*stays] or [Reason(factor=Factor.SEVERITY, value=Severity.MEDIUM.value, points=20)]
    return _sum((first, *_exposed(exposure), *rest))


def regraded(*, reasons: Iterable[Mapping[str, Any]], severity: Severity) -> Judgement:
    """The same for a finding whose severity a person set: every other reason stays as the finding keeps it."""
    kept = (Reason(factor=Factor(one["factor"]), value=one["value"], points=one["points"]) for one in reasons)
    graver = Reason(factor=Factor.SEVERITY, value=severity.value, points=SEVERITY_POINTS[severity])
    return _sum((graver, *(one for one in kept if one.factor is not Factor.SEVERITY)))


def _sum(reasons: tuple[Reason, ...]) -> Judgement:
    points = sum(reason.points for reason in reasons)
    priority = next(priority for priority, least in LEAST_POINTS if points >= least)
    return Judgement(priority=priority, points=points, reasons=reasons)


def _exposed(exposure: Exposure) -> Iterable[Reason]:
    by_class = EXPOSURE_POINTS[exposure.risk_class]
    if exposure.is_systemic:
        yield Reason(factor=Factor.EXPOSURE, value="systemic", points=max(by_class, SYSTEMIC_POINTS))
    else:
        yield Reason(factor=Factor.EXPOSURE, value=exposure.risk_class.value, points=by_class)
    if exposure.is_on_market:
        yield Reason(factor=Factor.ON_MARKET, value="yes", points=ON_MARKET_POINTS)


def _technique(techniques: Iterable[str]) -> Reason:
    """The gravest of the sub-techniques that the finding speaks to."""
    points, value = max(
        ((TECHNIQUE_POINTS.get(one, OTHER_TECHNIQUE_POINTS), one) for one in techniques), default=(0, "")
    )
    return Reason(factor=Factor.TECHNIQUE, value=value or "none", points=points or OTHER_TECHNIQUE_POINTS)


def _strong(strength: Strength) -> Iterable[Reason]:
    yield Reason(factor=Factor.TIER, value=strength.tier.value, points=TIER_POINTS[strength.tier])
    if strength.power is not None and strength.power >= GOOD_POWER:
        yield Reason(factor=Factor.POWER, value=f"{strength.power:.0%}", points=POWER_POINTS)


def strength_of(*, verdict: str, producer: str, facts: Mapping[str, Any]) -> Strength:
    """How strong the test behind an observation is, from what its producer left in it."""
    if verdict in _STAGE:
        return _of_stage((facts.get("stage") or {}).get("facts") or {})
    if producer in {"auditor", "person"}:
        return Strength(tier=Tier.EXAMINED)
    return Strength(tier=Tier.RECORDS if producer == "assay-checks" else Tier.FILE)


_STAGE = frozenset({StageVerdict.EVIDENCE_FOUND.value, StageVerdict.NO_EVIDENCE_AT_POWER.value})


def _of_stage(facts: Mapping[str, Any]) -> Strength:
    """Of a detection stage: confirmed by its own trigger, ranked among references, or compared with the model itself."""
    told = facts.get("calibration") or facts
    rows = [row.get("rate") for row in told.get("power") or [] if isinstance(row, Mapping)]
    power = min((float(one) for one in rows if isinstance(one, int | float)), default=None)
    calibrated = told.get("tier") == Tier.CALIBRATED.value
    if told.get("confirmed") and calibrated:
        return Strength(tier=Tier.CONFIRMED, power=power)
    return Strength(tier=Tier.CALIBRATED if calibrated else Tier.UNCALIBRATED, power=power)
