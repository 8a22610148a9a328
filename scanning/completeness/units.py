"""What of a platform delivers logs: one account, region, subscription, project, cluster or resource at a time.

A unit of which no document says whether it delivers is not assessed: it is in scope and counts as neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from compliance.types.completeness import CompletenessRow, Part, RowState
from compliance.types.drafts import JSON
from scanning.completeness.base import Facts, latest, named

STATED_ACCOUNTS = "stated-accounts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """kind: "account", "region", "subscription" …; place: its name on the platform; seen: whether a log of it is on record."""

    platform: str
    kind: str
    place: str
    state: RowState
    reason: str
    seen: bool

    def row(self) -> CompletenessRow:
        """The unit as a line."""
        seen = "Logs of it are on record." if self.seen else "No log of it is on record."
        return CompletenessRow(
            part=Part.COVERAGE,
            state=self.state,
            platform=self.platform,
            place=self.place[:300],
            name=self.kind,
            sentence=f"{self.reason} {seen}",
            facts={"seen": self.seen},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """What one platform's documents say. declared: whether one of them lists everything there is of the platform; gaps: what
    no document says, one sentence each; places: accounts and regions of AWS that are in scope."""

    platform: str
    units: tuple[Unit, ...]
    declared: bool
    gaps: tuple[str, ...] = ()
    places: tuple[tuple[str, str], ...] = ()


def worst(states: Iterable[RowState]) -> RowState:
    """Of parts to their whole: one that does not deliver outweighs one that is not assessed."""
    found = set(states)
    for state in (RowState.NOT_DELIVERING, RowState.NOT_ASSESSED):
        if state in found:
            return state
    return RowState.DELIVERS


def seen_in(facts: Facts, sources: Sequence[str], account: str, region: str = "") -> bool:
    """Whether an imported log of these sources names the account (and the region) in the period."""
    wanted = account.casefold()
    return any(
        file.source in sources
        and any(name.casefold() == wanted for name in file.accounts)
        and (not region or region in file.regions)
        and (file.last is None or file.last >= facts.start)
        and (file.first is None or file.first < facts.end)
        for file in facts.log_files
    )


def stated(facts: Facts, platform: str) -> dict[str, str]:
    """Accounts, subscriptions or projects of a platform that people state to be in scope -> who states it."""
    return {
        str(one["id"]): str(document.content["stated_by"])
        for document in latest(facts.of_kind(STATED_ACCOUNTS))
        for one in document.content["accounts"]
        if one["platform"] == platform
    }


def statement_gap(what: str, command: str, by: Iterable[str]) -> str:
    """That a platform's own list was not handed in, and whose statement stands in its place. what: "accounts of AWS"."""
    people = sorted(set(by))
    if people:
        return f"The {what} in scope are those that {named(people)} states; {command} was not handed in."
    return f"Which {what} there are ({command}) was not handed in."


def totals(units: Sequence[Unit]) -> list[JSON]:
    """N of M for each kind of unit of each platform, in the order in which they come."""
    kinds = dict.fromkeys((one.platform, one.kind) for one in units)
    return [
        {
            "platform": platform,
            "unit": kind,
            "in_scope": len(its_own),
            "delivering": sum(one.state is RowState.DELIVERS for one in its_own),
            "not_assessed": sum(one.state is RowState.NOT_ASSESSED for one in its_own),
            "seen": sum(one.seen for one in its_own),
        }
        for platform, kind in kinds
        for its_own in [[one for one in units if (one.platform, one.kind) == (platform, kind)]]
    ]
