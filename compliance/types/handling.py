"""Handling labels: who may have a file, and whether a pack for external recipients may speak of it. Rules as data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from compliance.types.states import Role


class HandlingLabel(StrEnum):
    """How a piece of evidence is to be handled; `none` on a piece means: as its AI system."""

    NONE = "none"
    INTERNAL = "internal"
    NDA = "nda"
    REGION = "region"
    PRIVILEGED = "privileged"
    EXPORT_REVIEW = "export-review"


class Outside(StrEnum):
    """Under which condition a pack for an external recipient may speak of a piece."""

    ALWAYS = "always"
    UNDER_NDA = "under-nda"
    SAME_REGION = "same-region"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class HandlingRule:
    """download: roles that may have the file; asks: whether they confirm that they will handle it by its label."""

    download: frozenset[Role]
    asks: bool
    outside: Outside


_STAFF = frozenset({Role.ADMINISTRATOR, Role.OFFICER, Role.MANAGER})
_ORGANISATION = _STAFF | {Role.CONTRIBUTOR}
_WITH_AUDITORS = _ORGANISATION | {Role.AUDITOR}

RULES: dict[HandlingLabel, HandlingRule] = {
    HandlingLabel.NONE: HandlingRule(_WITH_AUDITORS, asks=False, outside=Outside.ALWAYS),
    HandlingLabel.INTERNAL: HandlingRule(_ORGANISATION, asks=False, outside=Outside.NEVER),
    HandlingLabel.NDA: HandlingRule(_WITH_AUDITORS, asks=True, outside=Outside.UNDER_NDA),
    HandlingLabel.REGION: HandlingRule(_WITH_AUDITORS, asks=True, outside=Outside.SAME_REGION),
    HandlingLabel.PRIVILEGED: HandlingRule(_STAFF, asks=True, outside=Outside.NEVER),
    HandlingLabel.EXPORT_REVIEW: HandlingRule(_ORGANISATION, asks=False, outside=Outside.NEVER),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Whom a pack is for, as the person who asks for it states."""

    name: str = ""
    purpose: str = ""
    under_nda: bool = False
    region: str = ""

    def may_know_of(self, label: HandlingLabel, *, region: str) -> bool:
        """Whether a pack for this recipient may speak of a piece with this label, of this region."""
        condition = RULES[label].outside
        if condition is Outside.UNDER_NDA:
            return self.under_nda
        if condition is Outside.SAME_REGION:
            return bool(region) and self.region.strip().casefold() == region.strip().casefold()
        return condition is Outside.ALWAYS
