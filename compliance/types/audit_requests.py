"""Requests of auditors: their states, who moves them where, and when their owners are reminded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from compliance.types.states import Role


class RequestState(StrEnum):
    """Where a request stands."""

    OPEN = "open"
    IN_PROGRESS = "in_progress"
    ANSWERED = "answered"
    ACCEPTED = "accepted"
    CLARIFICATION = "clarification"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class RequestStep:
    """One permitted move of a request: which roles may make it, and whether it needs words."""

    before: RequestState
    after: RequestState
    roles: frozenset[Role]
    needs_words: bool = False


_OURS = frozenset({Role.OFFICER, Role.MANAGER, Role.CONTRIBUTOR})
_DECIDES = frozenset({Role.OFFICER, Role.MANAGER})
_AUDITOR = frozenset({Role.AUDITOR})
_S = RequestState
_UNDECIDED = (_S.OPEN, _S.IN_PROGRESS, _S.CLARIFICATION)

# The whole life of a request. What the organisation says of it goes back to the auditor, who alone ends it.
REQUEST_STEPS: tuple[RequestStep, ...] = (
    RequestStep(_S.OPEN, _S.IN_PROGRESS, _OURS),
    RequestStep(_S.OPEN, _S.ANSWERED, _OURS, needs_words=True),
    RequestStep(_S.IN_PROGRESS, _S.ANSWERED, _OURS, needs_words=True),
    RequestStep(_S.OPEN, _S.CLARIFICATION, _OURS, needs_words=True),
    RequestStep(_S.IN_PROGRESS, _S.CLARIFICATION, _OURS, needs_words=True),
    RequestStep(_S.CLARIFICATION, _S.OPEN, _AUDITOR, needs_words=True),
    *(RequestStep(state, _S.DENIED, _DECIDES, needs_words=True) for state in _UNDECIDED),
    RequestStep(_S.ANSWERED, _S.ACCEPTED, _AUDITOR),
    RequestStep(_S.ANSWERED, _S.IN_PROGRESS, _AUDITOR, needs_words=True),
    RequestStep(_S.ACCEPTED, _S.IN_PROGRESS, _AUDITOR, needs_words=True),
    RequestStep(_S.DENIED, _S.OPEN, _AUDITOR, needs_words=True),
    *(RequestStep(state, _S.WITHDRAWN, _AUDITOR, needs_words=True) for state in (*_UNDECIDED, _S.ANSWERED, _S.DENIED)),
)
# In these the organisation has to act, so its owner is reminded.
WAITS_FOR_US = frozenset({_S.OPEN, _S.IN_PROGRESS})


def request_steps(state: RequestState, role: Role) -> tuple[RequestStep, ...]:
    """The moves that somebody of this role may make now."""
    return tuple(step for step in REQUEST_STEPS if step.before == state and role in step.roles)


class Nearness(StrEnum):
    """Why an owner is reminded."""

    SOON = "soon"
    DUE = "due"


SOON_DAYS = 3


def nearness(due_on: date, today: date) -> Nearness | None:
    """What there is to remind of on a day in the owner's zone; None while the day is far."""
    if due_on <= today:
        return Nearness.DUE
    return Nearness.SOON if due_on - today <= timedelta(days=SOON_DAYS) else None
