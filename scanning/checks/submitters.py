"""Checks on who submitted: on the approved list or not, a person who can be told or not, and the approver of the own job."""

from __future__ import annotations

import re

from compliance.types.checks import CheckRule
from compliance.types.erased_names import in_words
from compliance.types.submitters import is_approved
from scanning.checks.approvals import jobs_with_approvals
from scanning.checks.base import Actor, Case, Event, Facts, Outcomes, case_of, who

# Kinds of principals that stand for whoever holds them, in the words of the sources.
_NOBODY_IN_PERSON = {
    "apikey": "a key acted, and whoever holds it can use it",
    "root": "the root user of the account acted, which is no person",
    "clientasserted": "the name is what the client said of itself",
    "awsaccount": "another account acted as a whole",
}
# Session names that tools choose by themselves; the real sample of CloudTrail says GitHubActions.
_TOOL_SESSION = re.compile(
    r"(botocore-session-\d+|aws-?cli-session.*|githubactions|gitlab.*|jenkins|sagemaker|default|session\d*|\d+)",
    re.IGNORECASE,
)


def submitter_not_approved(facts: Facts) -> Outcomes:
    """Submitted by somebody who is not on the approved list."""
    rule, jobs = CheckRule.SUBMITTER_NOT_APPROVED, facts.submissions
    if facts.approved is None:
        lacks = "The answer to question 2 names no approved submitters."
        return Outcomes(rule=rule, unit="jobs", population=len(jobs), lacks=lacks)
    exceptions = tuple(
        case_of(event, f"{event.title} was submitted by {who(event)}, who is not on the approved list.")
        for event in jobs
        if event.actor is not None and not is_approved(stated=facts.approved, acted_as=event.acted_as)
    )
    undecided = tuple(
        case_of(event, f"The source does not name who submitted {event.title}.") for event in jobs if not event.actor
    )
    return Outcomes(
        rule=rule, unit="jobs", population=len(jobs), exceptions=exceptions, undecided=undecided,
        facts={"approved_list": len(facts.approved)},
    )  # fmt: skip


def submitter_cannot_be_told(facts: Facts) -> Outcomes:
    """Submitted by something behind which no person can be told."""
    shared = _shared_sessions(facts.submissions)
    reasons = ((event, _why_nobody(event, shared)) for event in facts.submissions)
    exceptions = [
        case_of(event, f"Who submitted {event.title} cannot be told: {reason}.", facts={"why": reason})
        for event, reason in reasons
        if reason
    ]
    return Outcomes(
        rule=CheckRule.SUBMITTER_CANNOT_BE_TOLD,
        unit="jobs",
        population=len(facts.submissions),
        exceptions=tuple(exceptions),
        facts={"shared_sessions": len(shared)},
    )


def _why_nobody(event: Event, shared: frozenset[tuple[str, str]]) -> str:
    """Why no person stands behind a submission, "" where one may."""
    if event.actor is None:
        return "the source names nobody"
    if reason := _NOBODY_IN_PERSON.get(event.actor.kind.replace(" ", "").casefold()):
        return reason
    if event.on_behalf_of or not event.session:
        return ""
    if _TOOL_SESSION.fullmatch(event.session):
        return f"the session name “{in_words(event.session)}” is one that a tool chooses"
    if (event.role, event.session) in shared:
        return f"the session name “{in_words(event.session)}” was used from several addresses within an hour"
    return ""


def _shared_sessions(jobs: tuple[Event, ...]) -> frozenset[tuple[str, str]]:
    """Roles and session names that were used from two addresses within an hour of each other."""
    last: dict[tuple[str, str], Event] = {}
    shared = set()
    for event in jobs:
        if not event.session or not event.address:
            continue
        place = (event.role, event.session)
        before = last.get(place)
        if before and before.address != event.address and (event.at - before.at).total_seconds() < 3600:
            shared.add(place)
        last[place] = event
    return frozenset(shared)


def approved_own_job(facts: Facts) -> Outcomes:
    """Approved by the one who submitted it."""
    exceptions: list[Case] = []
    undecided: list[Case] = []
    population = 0
    for event, approvals in jobs_with_approvals(facts):
        if not approvals:
            continue
        population += 1
        approvers = [approval.approver for approval in approvals]
        if event.actor is not None and any(one and _is_same(one, event.actor) for one in approvers):
            exceptions.append(case_of(event, f"{who(event)} submitted {event.title} and approved it."))
        elif event.actor is None or None in approvers:
            undecided.append(case_of(event, f"Of {event.title} the submitter or the approver is not named."))
    return Outcomes(
        rule=CheckRule.APPROVED_OWN_JOB, unit="approved jobs", population=population,
        exceptions=tuple(exceptions), undecided=tuple(undecided),
        lacks="" if facts.approvals or not facts.submissions else "No approval of a job is on record.",
    )  # fmt: skip


def _is_same(one: Actor, other: Actor) -> bool:
    return one.key == other.key or not one.names.isdisjoint(other.names)
