"""Whether a legal requirement applies to an AI system, from what the organisation states of it. Pure; no legal advice.

A requirement that does not apply is neither a gap nor anything that counts for the organisation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from compliance.types.drafts import JSON


class LegalRole(StrEnum):
    """What an organisation is towards an AI system or model, in the words of Regulation (EU) 2024/1689."""

    PROVIDER = "provider"
    DEPLOYER = "deployer"
    IMPORTER = "importer"
    DISTRIBUTOR = "distributor"
    GPAI_PROVIDER = "gpai-provider"


class RiskClass(StrEnum):
    """The class of an AI system, as the organisation determined it."""

    NOT_ASSESSED = "not-assessed"
    HIGH_RISK_ANNEX_III = "high-risk-annex-iii"
    HIGH_RISK_ANNEX_I = "high-risk-annex-i"
    TRANSPARENCY = "transparency"
    MINIMAL = "minimal"


class Applies(StrEnum):
    """What follows for one requirement and one system."""

    APPLIES = "applies"
    NOT_YET = "not-yet"
    DOES_NOT_APPLY = "does-not-apply"
    NOT_ASSESSED = "not-assessed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the organisation states of a system. roles: empty where nothing is stated.

    is_systemic: a general-purpose model with systemic risk, None where not stated; on_market_since: first day on the market.
    """

    roles: frozenset[LegalRole] = frozenset()
    risk_class: RiskClass = RiskClass.NOT_ASSESSED
    is_systemic: bool | None = None
    on_market_since: date | None = None

    def to_json(self) -> JSON:
        """JSON-shaped, roles in order."""
        return {
            "roles": sorted(self.roles),
            "risk_class": self.risk_class.value,
            "is_systemic": self.is_systemic,
            "on_market_since": self.on_market_since.isoformat() if self.on_market_since else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Applicability:
    """state, and the day from which the requirement applies, where its content names one."""

    state: Applies
    since: date | None = None


_HIGH_RISK = {RiskClass.HIGH_RISK_ANNEX_III: "annex-iii", RiskClass.HIGH_RISK_ANNEX_I: "annex-i"}
_ROLE_OF = {"provider-high-risk": LegalRole.PROVIDER, "deployer-high-risk": LegalRole.DEPLOYER}
_UNKNOWN = Applicability(state=Applies.NOT_ASSESSED)
_NO = Applicability(state=Applies.DOES_NOT_APPLY)


def applicability(applies_to: str, applies_from: Mapping[str, str], standing: Standing, *, on: date) -> Applicability:
    """Whether a requirement applies to a system on a day.

    applies_to: "" for what is no law, "all", "provider-high-risk", "deployer-high-risk", "gpai-provider" or
    "gpai-systemic", any other word cannot be assessed; applies_from: ISO days by "all", "annex-iii", "annex-i", "new" (models
    first on the market from that day on) and "older".
    """
    if not applies_to:
        return Applicability(state=Applies.APPLIES)
    if applies_to == "all":
        return _from(applies_from.get("all"), on)
    if applies_to in _ROLE_OF:
        return _high_risk(_ROLE_OF[applies_to], applies_from, standing, on)
    if applies_to in {"gpai-provider", "gpai-systemic"}:
        return _general_purpose(applies_to == "gpai-systemic", applies_from, standing, on)
    return _UNKNOWN


def _high_risk(role: LegalRole, applies_from: Mapping[str, str], standing: Standing, on: date) -> Applicability:
    if standing.roles and role not in standing.roles:
        return _NO
    if standing.risk_class not in _HIGH_RISK and standing.risk_class is not RiskClass.NOT_ASSESSED:
        return _NO
    if not standing.roles or standing.risk_class is RiskClass.NOT_ASSESSED:
        return _UNKNOWN
    return _from(applies_from.get(_HIGH_RISK[standing.risk_class]), on)


def _general_purpose(systemic: bool, applies_from: Mapping[str, str], standing: Standing, on: date) -> Applicability:
    if standing.roles and LegalRole.GPAI_PROVIDER not in standing.roles:
        return _NO
    if systemic and standing.is_systemic is False:
        return _NO
    if not standing.roles or (systemic and standing.is_systemic is None):
        return _UNKNOWN
    new = applies_from.get("new")
    is_older = bool(new and standing.on_market_since and standing.on_market_since < date.fromisoformat(new))
    return _from(applies_from.get("older", new) if is_older else new, on)


def _from(day: str | None, on: date) -> Applicability:
    since = date.fromisoformat(day) if day else None
    state = Applies.NOT_YET if since and since > on else Applies.APPLIES
    return Applicability(state=state, since=since)
