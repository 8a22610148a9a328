"""Statements of applicability: what is decided on the control ids of a framework. No Django."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Inclusion(StrEnum):
    """Whether a control of a framework is taken in."""

    UNDECIDED = "undecided"
    INCLUDED = "included"
    EXCLUDED = "excluded"


class Implementation(StrEnum):
    """How far an included control is implemented, by the organisation's own word."""

    NOT_STATED = "not-stated"
    PLANNED = "planned"
    PARTLY = "partly"
    IMPLEMENTED = "implemented"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is decided on one id. version: of the line that the writer has read, 0 where there was none."""

    requirement_id: str
    inclusion: Inclusion
    reason: str
    implementation: Implementation
    version: int = 0
