"""States around a risk: how a finding stands beside the report before, acceptances, waivers and closings. Pure."""

from __future__ import annotations

from enum import StrEnum

from compliance.types.verdicts import Conclusion


class Sighting(StrEnum):
    """How a finding stands beside what was known before its newest report. Empty for one that never stood."""

    NEW = "new"
    UNCHANGED = "unchanged"
    FIXED = "fixed"
    REAPPEARED = "reappeared"


def sighted(*, before: str, conclusion: Conclusion, stood: bool) -> Sighting | None:
    """How a finding stands after one more conclusion. before: as it stood; stood: whether it was not satisfied until now."""
    if conclusion is Conclusion.SATISFIED:
        return Sighting.FIXED if before else None
    if stood:
        return Sighting.UNCHANGED
    return Sighting.REAPPEARED if before else Sighting.NEW


class AgreementState(StrEnum):
    """Life of a risk acceptance or a waiver: asked for by one person, decided by another, over by its date."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"
    EXPIRED = "expired"
    REPLACED = "replaced"


LIVE = frozenset({AgreementState.REQUESTED, AgreementState.APPROVED})


class ClosingState(StrEnum):
    """Life of a closing: proposed on new evidence; confirmed, returned, or fallen away as the finding is back."""

    PROPOSED = "proposed"
    CONFIRMED = "confirmed"
    RETURNED = "returned"
    LAPSED = "lapsed"


class ClosingBasis(StrEnum):
    """On which kind of new evidence a closing rests."""

    RESCAN = "rescan"
    REPLACEMENT = "replacement"
    VERIFICATION = "verification"
    ENTITLEMENTS = "entitlements"
    CHECK = "check"
    AUDIT = "audit"
    EXAMINATION = "examination"
