"""Engagements: what kinds of audit there are, who is on the team, and how an audit moves from plan to follow-up."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from compliance.types.states import Role


class EngagementKind(StrEnum):
    """What an audit is for."""

    INTERNAL = "internal"
    CUSTOMER = "customer"
    ISO_STAGE_1 = "iso_stage_1"
    ISO_STAGE_2 = "iso_stage_2"
    SOC_2_TYPE_1 = "soc_2_type_1"
    SOC_2_TYPE_2 = "soc_2_type_2"
    OTHER = "other"


class EngagementState(StrEnum):
    """How far an audit has come."""

    PLAN = "plan"
    FIELDWORK = "fieldwork"
    DRAFT = "draft"
    MANAGEMENT_RESPONSE = "management_response"
    FINAL = "final"
    FOLLOW_UP = "follow_up"


class TeamPart(StrEnum):
    """What somebody does on an audit team."""

    LEAD = "lead"
    AUDITOR = "auditor"
    SPECIALIST = "specialist"
    REVIEWER = "reviewer"
    OBSERVER = "observer"


class ReadAct(StrEnum):
    """How an auditor had something of the record."""

    LOOKED = "looked"
    LISTED = "listed"
    EXPORTED = "exported"
    DOWNLOADED = "downloaded"


@dataclass(frozen=True, slots=True)
class Step:
    """One permitted move of an audit: which roles may make it, and whether it needs a reason (all moves back do)."""

    before: EngagementState
    after: EngagementState
    roles: frozenset[Role]

    @property
    def is_back(self) -> bool:
        """Whether the audit returns to an earlier state."""
        order = list(EngagementState)
        return order.index(self.after) < order.index(self.before)


_BOTH = frozenset({Role.OFFICER, Role.AUDITOR})
_AUDITOR = frozenset({Role.AUDITOR})

# The whole life of an audit. What is the auditor's report (draft, final) only the auditor moves.
STEPS: tuple[Step, ...] = (
    Step(EngagementState.PLAN, EngagementState.FIELDWORK, _BOTH),
    Step(EngagementState.FIELDWORK, EngagementState.PLAN, _BOTH),
    Step(EngagementState.FIELDWORK, EngagementState.DRAFT, _AUDITOR),
    Step(EngagementState.DRAFT, EngagementState.FIELDWORK, _AUDITOR),
    Step(EngagementState.DRAFT, EngagementState.MANAGEMENT_RESPONSE, _AUDITOR),
    Step(EngagementState.MANAGEMENT_RESPONSE, EngagementState.DRAFT, _AUDITOR),
    Step(EngagementState.MANAGEMENT_RESPONSE, EngagementState.FINAL, _AUDITOR),
    Step(EngagementState.FINAL, EngagementState.FOLLOW_UP, _BOTH),
)


def steps_from(state: EngagementState, role: Role) -> tuple[Step, ...]:
    """The moves that somebody of this role may make now."""
    return tuple(step for step in STEPS if step.before == state and role in step.roles)


# The planned day of each state after the plan, by the name of its field, in order.
PLANNED = ("fieldwork_on", "draft_on", "response_on", "final_on", "follow_up_on")

VISIT_GAP = timedelta(hours=1)


def last_visit(reads: Iterable[datetime], now: datetime) -> datetime | None:
    """When the visit before the present one ended. reads: moments, newest first. An hour without a read ends a visit; None
    where there was no earlier one."""
    later = now
    for moment in reads:
        if later - moment > VISIT_GAP:
            return moment
        later = moment
    return None
