"""What freezes learned to hold of findings and risks later: history over reports, decisions on risks, closings, waivers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

from compliance.types.risk_life import AgreementState, ClosingBasis, ClosingState, Sighting
from compliance.types.risk_priority import Priority
from compliance.types.risk_transitions import RiskAct
from compliance.types.shape import Day, Named, UtcTime, Uuid
from compliance.types.states import RiskState


class FindingAdditions(TypedDict, total=False):
    """Absent from older freezes. sighting None: it never stood; priority_reason and severity_reason: why a person set
    these, else empty; waived_until: last day of the waiver in force when the assessment was frozen."""

    sighting: Sighting | None
    reappearances: int
    priority: Priority
    priority_reason: str
    severity_reason: str
    waived_until: Day | None


class FrozenAcceptance(TypedDict):
    """One acceptance, or request for one, in the state that counted when the assessment was frozen. controls: id and title."""

    uuid: Uuid
    state: AgreementState
    reason: str
    controls: list[str]
    compensation: str
    ends_on: Day
    review_on: Day
    requested_by: Named
    requested_at: UtcTime
    decided_by: Named
    decided_at: UtcTime | None
    decision: str


class FrozenMove(TypedDict):
    """One act on a risk. before None: the risk was recorded by it; by: empty where the record itself acted."""

    uuid: Uuid
    at: UtcTime
    act: RiskAct
    before: RiskState | None
    after: RiskState
    words: str
    by: Named


class RiskAdditions(TypedDict, total=False):
    """Absent from older freezes."""

    acceptances: list[FrozenAcceptance]
    history: list[FrozenMove]


class FrozenGround(TypedDict):
    """New evidence for one finding; records: uuids of what else it rests on."""

    finding: Uuid | None
    kind: ClosingBasis
    observation: Uuid | None
    records: list[Uuid]


class FrozenClosing(TypedDict):
    """One closing; item None: of a risk on which no work was opened. Empty names: Assay proposed it, nobody decided."""

    uuid: Uuid
    state: ClosingState
    item: Uuid | None
    risks: list[Uuid]
    basis: list[FrozenGround]
    proposed_at: UtcTime
    asked_by: Named
    decided_by: Named
    decided_at: UtcTime | None
    note: str


class FrozenWaiver(TypedDict):
    """One waiver of a scanner's rule, in the state that counted when the assessment was frozen. findings: that it set aside."""

    uuid: Uuid
    state: AgreementState
    producer: str
    rule: str
    assets: str
    reason: str
    ends_on: Day
    requested_by: Named
    decided_by: Named
    findings: list[Uuid]


def decisions_fault(doc: Mapping[str, Any], *, risks: set[str], findings: set[str], items: set[str]) -> str:
    """What does not hold in the closings and waivers of a freeze, in words; "" where all does. The sets: uuids on record."""
    for closing in doc.get("closings", []):
        if closing["item"] is not None and closing["item"] not in items:
            return f"closings: {closing['uuid']} names work that is not in the document"
        if not risks.issuperset(closing["risks"]):
            return f"closings: {closing['uuid']} names a risk that is not in the document"
    for waiver in doc.get("waivers", []):
        if not findings.issuperset(waiver["findings"]):
            return f"waivers: {waiver['uuid']} names a finding that is not in the document"
    return ""
