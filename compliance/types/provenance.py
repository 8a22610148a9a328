"""Where a piece of evidence comes from, told so that somebody else can repeat it (information produced by the entity)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, datetime
from enum import StrEnum

from compliance.types.drafts import JSON


class Obtained(StrEnum):
    """By which way it came to Assay."""

    BY_AUDITOR = "by_auditor"
    """The auditor took it from the source, or watched it being taken."""
    API = "api"
    """A machine fetched it from the source by its API and sent it."""
    UPLOAD = "upload"
    """A person of the organisation exported and uploaded it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """query: the exact query, command or parameters; executed_by: who ran it; extracted_at: when, in the time zone `zone` of
    whoever ran it; row_count, control_total: as the source counts them; the effective days are those the content speaks of,
    which the day of receipt is not. Empty or None: not stated."""

    source_system: str = ""
    environment: str = ""
    query: str = ""
    executed_by: str = ""
    extracted_at: datetime | None = None
    zone: str = ""
    row_count: int | None = None
    control_total: str = ""
    obtained: str = ""
    collected_how: str = ""
    effective_from: date | None = None
    effective_to: date | None = None

    @property
    def missing(self) -> list[str]:
        """Names of what is not stated and should be, for evidence that an answer rests on."""
        needed = (
            "source_system",
            "environment",
            "query",
            "executed_by",
            "extracted_at",
            "zone",
            "row_count",
            "obtained",
        )
        return [name for name in needed if getattr(self, name) in ("", None)]

    def as_json(self) -> JSON:
        """JSON-shaped, for its digest."""
        told = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value.isoformat() if isinstance(value, date) else value for name, value in told.items()}
