"""Checks of who could submit against who did."""

from __future__ import annotations

from compliance.types.checks import CheckRule
from scanning.checks.base import Case, Facts, Outcomes, case_of, who

_NO_READING = "No entitlement document of the period is on record."

_NOBODY_LEFT = "By the latest documents nobody can submit jobs; earlier ones named somebody."


def entitled_unused(facts: Facts) -> Outcomes:
    """Can submit, and did not in the period."""
    rule = CheckRule.ENTITLED_UNUSED
    if facts.can_now is None:
        return Outcomes(rule=rule, unit="principals", population=0, lacks=_NO_READING)
    if not facts.can_now and facts.ever_entitled:
        return Outcomes(rule=rule, unit="principals", population=0, none_left=_NOBODY_LEFT)
    used = frozenset[str]().union(*(event.acted_as for event in facts.submissions))
    exceptions = tuple(
        Case(
            key=one.actor.key, subject=one.actor.display, at=None,
            sentence=f"{one.actor.display} can submit jobs by the documents and submitted none in the period.",
            facts={"scope": one.scope, "principal": one.actor.key},
        )
        for one in facts.can_now
        if used.isdisjoint(one.actor.names | {one.actor.key})
    )  # fmt: skip
    return Outcomes(rule=rule, unit="principals", population=len(facts.can_now), exceptions=exceptions)


def used_not_entitled(facts: Facts) -> Outcomes:
    """Submitted without standing in any reading of entitlement documents."""
    rule, jobs = CheckRule.USED_NOT_ENTITLED, facts.submissions
    if not facts.scopes_read:
        told = "No entitlement document is on record."
        return Outcomes(rule=rule, unit="jobs", population=len(jobs), lacks=told)
    exceptions: list[Case] = []
    undecided: list[Case] = []
    for event in jobs:
        if event.actor is None and not event.role:
            undecided.append(case_of(event, f"The source does not name who submitted {event.title}."))
        elif not facts.ever_entitled.isdisjoint(event.acted_as):
            continue
        elif event.account not in facts.scopes_read:
            account = event.account or "the account"
            told = f"{event.title} was submitted in {account}, of which no entitlement document is on record."
            undecided.append(case_of(event, told))
        else:
            told = f"{who(event)} submitted {event.title} and stands in no entitlement document as somebody who can."
            exceptions.append(case_of(event, told))
    return Outcomes(
        rule=rule, unit="jobs", population=len(jobs), exceptions=tuple(exceptions), undecided=tuple(undecided)
    )
