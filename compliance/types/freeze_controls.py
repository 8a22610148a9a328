"""What freezes learned to hold of an own control later, absent from older ones."""

from __future__ import annotations

from typing import TypedDict

from compliance.types.controls import ControlBasis
from compliance.types.shape import Day


class ControlAdditions(TypedDict, total=False):
    """Own id, how it relates to its reference controls, what is in scope, and when it ended.

    requirements: "framework id", by the organisation's own word.
    """

    control_id: str
    basis: ControlBasis
    systems: list[str]
    accounts: list[str]
    requirements: list[str]
    retired_on: Day | None
