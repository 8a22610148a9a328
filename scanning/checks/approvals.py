"""Checks on approvals: whether a job had one, before it started, that names what was approved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from compliance.types.checks import CheckRule
from scanning.checks.base import Approval, Case, Event, Facts, Outcomes, case_of

_NOTHING = "No approval of a job is on record: neither in the logs nor recorded by a person."


def jobs_with_approvals(facts: Facts) -> Iterator[tuple[Event, tuple[Approval, ...]]]:
    """Each submission of the period with the approvals of its job, by the job's id or name, oldest first."""
    by_job: dict[str, list[Approval]] = defaultdict(list)
    for approval in sorted(facts.approvals, key=lambda one: one.at):
        by_job[approval.job.casefold()].append(approval)
    for event in facts.submissions:
        names = dict.fromkeys(name.casefold() for name in (event.job_id, event.job_name) if name)
        yield event, tuple(approval for name in names for approval in by_job.get(name, ()))


def _lacks(facts: Facts) -> str:
    return "" if facts.approvals or not facts.submissions else _NOTHING


def job_without_approval(facts: Facts) -> Outcomes:
    """Submitted without any approval on record."""
    rule, jobs = CheckRule.JOB_WITHOUT_APPROVAL, facts.submissions
    exceptions: list[Case] = []
    undecided: list[Case] = []
    if not _lacks(facts):
        for event, approvals in jobs_with_approvals(facts):
            if not (event.job_id or event.job_name):
                undecided.append(case_of(event, "The source names neither id nor name of the job."))
            elif not approvals:
                exceptions.append(case_of(event, f"No approval of {event.title} is on record."))
    return Outcomes(
        rule=rule, unit="jobs", population=len(jobs), exceptions=tuple(exceptions), undecided=tuple(undecided),
        lacks=_lacks(facts), facts={"approvals_on_record": len(facts.approvals)},
    )  # fmt: skip


def approval_after_start(facts: Facts) -> Outcomes:
    """Approved only after it was submitted."""
    exceptions = []
    population = 0
    for event, approvals in jobs_with_approvals(facts):
        if not approvals:
            continue
        population += 1
        first = approvals[0]
        if first.at > event.at:
            told = f"{event.title} was submitted at {event.at:%Y-%m-%d %H:%M} UTC and first approved at "
            exceptions.append(case_of(event, f"{told}{first.at:%Y-%m-%d %H:%M} UTC."))
    return Outcomes(
        rule=CheckRule.APPROVAL_AFTER_START, unit="approved jobs", population=population,
        exceptions=tuple(exceptions), lacks=_lacks(facts),
    )  # fmt: skip


def approval_without_digests(facts: Facts) -> Outcomes:
    """Approved without naming the digests of the data set and the base model that the job used."""
    exceptions: list[Case] = []
    undecided: list[Case] = []
    population = 0
    for event, approvals in jobs_with_approvals(facts):
        if not approvals:
            continue
        population += 1
        gaps = [_gap(event, approval) for approval in approvals if approval.at <= event.at or len(approvals) == 1]
        if gaps and all(gaps):
            exceptions.append(case_of(event, f"The approval of {event.title} {gaps[0]}."))
        elif not _used(event):
            undecided.append(
                case_of(event, f"Which data set and base model {event.title} used is bound to no version.")
            )
    return Outcomes(
        rule=CheckRule.APPROVAL_WITHOUT_DIGESTS, unit="approved jobs", population=population,
        exceptions=tuple(exceptions), undecided=tuple(undecided), lacks=_lacks(facts),
    )  # fmt: skip


def _used(event: Event) -> bool:
    """Whether data and base of the job are bound, so that a named digest can be held against them."""
    return any(one.data for one in event.data) and any(one.model for one in event.bases)


def _gap(event: Event, approval: Approval) -> str:
    """What an approval does not name, or names otherwise than the job used it; "" where nothing."""
    missing = [
        word
        for word, digest in (("data set", approval.dataset_digest), ("base model", approval.base_digest))
        if not digest
    ]
    if missing:
        return f"names no digest of the {' and of the '.join(missing)}"
    data = {one.data.digest for one in event.data if one.data}
    if data and approval.dataset_digest not in data:
        return "names another data set than the job used"
    bases = {one.model.digest for one in event.bases if one.model}
    if bases and approval.base_digest not in bases:
        return "names another base model than the job used"
    return ""
