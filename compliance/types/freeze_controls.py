"""What freezes learned to hold of an own control later, absent from older ones."""

from __future__ import annotations

from typing import TypedDict

from compliance.types.controls import ControlBasis
from compliance.types.shape import Day, Named, UtcTime, Uuid
from compliance.types.testing import ControlTestConclusion, ControlTestKind


class AuditorsTest(TypedDict):
    """A test that an auditor released before the freeze, over days of its period.

    population, root: of the frozen rows, None and "" without any; seeds: every one that was typed, in order; upper_limit: in
    percent, "" where none can be told.
    """

    uuid: Uuid
    engagement: str
    kind: ControlTestKind
    procedure: str
    period_start: Day
    period_end: Day
    conclusion: ControlTestConclusion
    statement: str
    population: int | None
    root: str
    seeds: list[str]
    instances: int
    exceptions: int
    upper_limit: str
    preparer: Named
    reviewer: Named
    released_at: UtcTime


class ReferenceAdditions(TypedDict, total=False):
    """techniques: ATLAS ids of the threats that a reference control is against."""

    techniques: list[str]


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
    auditors_tests: list[AuditorsTest]
