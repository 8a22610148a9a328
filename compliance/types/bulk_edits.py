"""One edit of many remediation items: what is to change and what becomes of each. Pure; preview and job ask it alike."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from compliance.types.canonical import digest_of
from compliance.types.states import RemediationState

MOST_ITEMS = 5_000
_MARK = 16  # digits of a digest, which tell two states of one item apart


class Refusal(StrEnum):
    """Why an item is left as it is."""

    GONE = "gone"
    CHANGED_SINCE = "changed_since"
    CLOSED = "closed"
    CLOSING = "closing"
    OWNER_ELSEWHERE = "owner_elsewhere"
    DUE_BEFORE_OPENED = "due_before_opened"
    MILESTONE_AFTER_DUE = "milestone_after_due"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An item as it stands; people, teams and systems by key."""

    key: int
    system: int
    state: RemediationState
    owner: int
    team: int | None
    due_on: date
    opened_on: date
    last_step_due_on: date | None

    @property
    def mark(self) -> str:
        """A short word that is another one as soon as anything is that an edit could change."""
        return digest_of([self.state.value, self.owner, self.team, self.due_on.isoformat()])[:_MARK]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What is to be; None leaves it. owner_systems: where the new owner may work; None: everywhere."""

    state: RemediationState | None = None
    owner: int | None = None
    team: int | None = None
    due_on: date | None = None
    reason: str = ""
    owner_systems: Collection[int] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing would change."""
        return self.state is None and self.owner is None and self.team is None and self.due_on is None

    def as_json(self) -> dict[str, Any]:
        """What is stored; where the owner may work is asked anew."""
        return {
            "state": self.state.value if self.state else None,
            "owner": self.owner,
            "team": self.team,
            "due_on": self.due_on.isoformat() if self.due_on else None,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What becomes of one item: why it is left alone, or the names of what changes; neither where it is so already."""

    key: int
    refusal: Refusal | None = None
    changed: tuple[str, ...] = ()


def judge(item: Standing | None, changes: Changes, *, key: int, mark: str) -> Judged:
    """Judge one item against the mark it had when the edit was drafted. An item is changed as a whole or not at all."""
    refusal = _refusal(item, changes, mark)
    if refusal is not None or item is None:
        return Judged(key=key, refusal=refusal)
    wanted = {"state": changes.state, "owner": changes.owner, "team": changes.team, "due_on": changes.due_on}
    changed = tuple(name for name, value in wanted.items() if value is not None and value != getattr(item, name))
    return Judged(key=key, changed=changed)


def _refusal(item: Standing | None, changes: Changes, mark: str) -> Refusal | None:
    if item is None:
        return Refusal.GONE
    due_on = None if changes.due_on == item.due_on else changes.due_on
    rules = (
        (item.mark != mark, Refusal.CHANGED_SINCE),
        (changes.state is RemediationState.CLOSED, Refusal.CLOSING),
        (item.state is RemediationState.CLOSED, Refusal.CLOSED),
        (changes.owner_systems is not None and item.system not in changes.owner_systems, Refusal.OWNER_ELSEWHERE),
        (due_on is not None and due_on < item.opened_on, Refusal.DUE_BEFORE_OPENED),
        (
            due_on is not None and item.last_step_due_on is not None and due_on < item.last_step_due_on,
            Refusal.MILESTONE_AFTER_DUE,
        ),
    )
    return next((refusal for holds, refusal in rules if holds), None)
