"""The life of a risk as data: every act, what it leads to, who may do it; and what an import may change. Pure.

`compliance.services.risks.step` moves a risk by this table and by nothing else; docs/risks.md is printed from it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from compliance.types.states import RiskState
from compliance.types.verbs import Verb


class RiskAct(StrEnum):
    """What moves a risk. The value is the last word of its event in the ledger."""

    IDENTIFY = "identified"
    INVESTIGATE = "investigated"
    REMEDIATE = "taken_up"
    PUT_BACK = "put_back"
    REQUEST_ACCEPTANCE = "acceptance_requested"
    WITHDRAW_ACCEPTANCE = "acceptance_withdrawn"
    REFUSE_ACCEPTANCE = "acceptance_refused"
    APPROVE_ACCEPTANCE = "acceptance_approved"
    REVIEW_ACCEPTANCE = "acceptance_reviewed"
    REVOKE_ACCEPTANCE = "acceptance_revoked"
    EXPIRE_ACCEPTANCE = "acceptance_expired"
    CLOSE = "closed"
    REOPEN = "reopened"


class By(StrEnum):
    """Who acts: a person on a page or by the API, or the record itself, in an import, a scan or a nightly run."""

    PERSON = "person"
    RECORD = "record"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One row of the table. before None: there is no risk yet; verb: what a person needs; service: the function for it."""

    before: RiskState | None
    act: RiskAct
    after: RiskState
    by: frozenset[By]
    verb: Verb | None
    rule: str
    service: str


_PERSON, _RECORD = frozenset({By.PERSON}), frozenset({By.RECORD})
_BOTH = _PERSON | _RECORD
_OPEN, _INVESTIGATING, _REMEDIATING = RiskState.OPEN, RiskState.INVESTIGATING, RiskState.REMEDIATING
_REQUESTED, _APPROVED, _CLOSED = RiskState.DEVIATION_REQUESTED, RiskState.DEVIATION_APPROVED, RiskState.CLOSED


def _rows(
    before: Iterable[RiskState | None],
    act: RiskAct,
    after: RiskState,
    by: frozenset[By],
    verb: Verb | None,
    service: str,
    rule: str,
) -> tuple[Transition, ...]:
    return tuple(
        Transition(before=one, act=act, after=after, by=by, verb=verb, rule=rule, service=service) for one in before
    )


TRANSITIONS: tuple[Transition, ...] = (
    *_rows(
        (None,), RiskAct.IDENTIFY, _OPEN, _PERSON, Verb.WORK_REMEDIATION, "risks.identify",
        "The finding is not satisfied.",
    ),
    *_rows(
        (_OPEN,), RiskAct.INVESTIGATE, _INVESTIGATING, _PERSON, Verb.WORK_REMEDIATION, "risks.investigate",
        "Somebody looks into it.",
    ),
    *_rows(
        (_OPEN, _INVESTIGATING), RiskAct.REMEDIATE, _REMEDIATING, _BOTH, Verb.OPEN_REMEDIATION, "risks.take_up",
        "A remediation item is opened; the record does it where a request or an acceptance ends while work is open.",
    ),
    *_rows(
        (_INVESTIGATING, _REMEDIATING), RiskAct.PUT_BACK, _OPEN, _PERSON, Verb.WORK_REMEDIATION, "risks.put_back",
        "With a reason, and no work open on it.",
    ),
    *_rows(
        (_OPEN, _INVESTIGATING, _REMEDIATING, _APPROVED), RiskAct.REQUEST_ACCEPTANCE, _REQUESTED, _PERSON,
        Verb.REQUEST_ACCEPTANCE, "risk_acceptances.request",
        "With a rationale, an end date, and the controls that compensate. A request for a longer time ends the acceptance "
        "in force.",
    ),
    *_rows(
        (_REQUESTED,), RiskAct.WITHDRAW_ACCEPTANCE, _OPEN, _PERSON, Verb.REQUEST_ACCEPTANCE,
        "risk_acceptances.withdraw", "By whoever requested it.",
    ),
    *_rows(
        (_REQUESTED,), RiskAct.REFUSE_ACCEPTANCE, _OPEN, _PERSON, Verb.DECIDE_ACCEPTANCE, "risk_acceptances.refuse",
        "With a reason; not by whoever requested it.",
    ),
    *_rows(
        (_REQUESTED,), RiskAct.APPROVE_ACCEPTANCE, _APPROVED, _PERSON, Verb.DECIDE_ACCEPTANCE,
        "risk_acceptances.approve", "Not by whoever requested it, and before its end date.",
    ),
    *_rows(
        (_APPROVED,), RiskAct.REVIEW_ACCEPTANCE, _APPROVED, _PERSON, Verb.DECIDE_ACCEPTANCE,
        "risk_acceptances.review", "With a note and the day of the next review; not by whoever requested it.",
    ),
    *_rows(
        (_APPROVED,), RiskAct.REVOKE_ACCEPTANCE, _OPEN, _PERSON, Verb.DECIDE_ACCEPTANCE, "risk_acceptances.revoke",
        "With a reason.",
    ),
    *_rows(
        (_REQUESTED, _APPROVED), RiskAct.EXPIRE_ACCEPTANCE, _OPEN, _RECORD, None, "risk_acceptances.expire",
        "Its last day is over: in the nightly run, in the next import, at the next act on it.",
    ),
    *_rows(
        (_OPEN, _INVESTIGATING, _REMEDIATING), RiskAct.CLOSE, _CLOSED, _PERSON, Verb.CONFIRM_CLOSING,
        "closings.confirm", "New evidence is named in a proposed closing; not by anybody who did the work.",
    ),
    *_rows(
        (_CLOSED,), RiskAct.REOPEN, _OPEN, _BOTH, Verb.OPEN_REMEDIATION, "risks.reopen",
        "The finding reappeared; or by a person with a reason.",
    ),
)  # fmt: skip

STEPS: dict[tuple[RiskState | None, RiskAct], Transition] = {(row.before, row.act): row for row in TRANSITIONS}
WORKING = frozenset({_OPEN, _INVESTIGATING, _REMEDIATING})
DEVIATING = frozenset({_REQUESTED, _APPROVED})


def acts_from(state: RiskState | None, by: By) -> frozenset[RiskAct]:
    """The acts that the table has from a state, for a person or for the record."""
    return frozenset(row.act for row in TRANSITIONS if row.before == state and by in row.by)


class Held(StrEnum):
    """What somebody may want to change."""

    CONCLUSION = "conclusion, condition and, by the rule, severity of a finding"
    JUDGED = "the same of a finding whose risk is accepted, or asked to be"
    EXAMINED = "the same of a finding that a person made"
    SIGHTING = "when a finding was last seen, and that it was fixed or reappeared"
    PRIORITY = "priority by the rule"
    OVERRIDE = "severity or priority set by a person"
    RISK_SEVERITY = "severity of a risk, by which its time limit counts"
    CLOSED_RISK = "that a closed risk is open again"
    ACCEPTANCE = "that a risk is accepted, and until when"
    LAPSE = "that an acceptance, a request or a waiver is over after its last day"
    PROPOSAL = "that a closing is proposed, or falls away"
    CLOSING = "that a risk and its remediation item are closed"
    WAIVER = "that a rule of a scanner is waived"
    WORK = "owner, dates, effort and state of remediation"


@dataclass(frozen=True, slots=True, kw_only=True)
class Precedence:
    """Whether an import, a scan or a nightly run may change it, whether a person may, and by what rule."""

    held: Held
    record: bool
    person: bool
    rule: str


PRECEDENCE: tuple[Precedence, ...] = (
    Precedence(
        held=Held.CONCLUSION, record=True, person=False, rule="The newest observation speaks; nobody states it."
    ),
    Precedence(
        held=Held.JUDGED,
        record=False,
        person=False,
        rule="It stays as it was judged. When the acceptance ends, the newest observation speaks.",
    ),
    Precedence(
        held=Held.EXAMINED,
        record=False,
        person=True,
        rule="Closed by a person on evidence that was attached after it was taken up.",
    ),
    Precedence(held=Held.SIGHTING, record=True, person=False, rule="Follows from what reports say."),
    Precedence(held=Held.PRIORITY, record=True, person=False, rule="Computed anew whenever the finding is concluded."),
    Precedence(
        held=Held.OVERRIDE,
        record=False,
        person=True,
        rule="With a reason; it outranks the rule until it is taken away.",
    ),
    Precedence(
        held=Held.RISK_SEVERITY,
        record=True,
        person=False,
        rule="That of its finding: as the newest report states it, unless a person set it there. While the risk is accepted, "
        "or asked to be, no report changes it.",
    ),
    Precedence(held=Held.CLOSED_RISK, record=True, person=True, rule="The record only where the finding reappeared."),
    Precedence(held=Held.ACCEPTANCE, record=False, person=True, rule="Requested by one person, decided by another."),
    Precedence(held=Held.LAPSE, record=True, person=False, rule="By its date, on every path."),
    Precedence(held=Held.PROPOSAL, record=True, person=True, rule="Only on new evidence."),
    Precedence(held=Held.CLOSING, record=False, person=True, rule="Confirmed by a person who did not do the work."),
    Precedence(held=Held.WAIVER, record=False, person=True, rule="Requested by one person, decided by another."),
    Precedence(held=Held.WORK, record=False, person=True, rule="No import touches it."),
)
_MAY = {row.held: {By.RECORD: row.record, By.PERSON: row.person} for row in PRECEDENCE}


def may_change(held: Held, by: By) -> bool:
    """Whether the precedence table lets the record, or a person, change this."""
    return _MAY[held][by]
