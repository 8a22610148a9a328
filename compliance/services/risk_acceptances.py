"""Risk acceptances: asked for by one person, decided by another, reviewed, and over after their last day on every path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import Finding, ImplementedControl, Risk, RiskAcceptance, User
from compliance.services import findings, risks
from compliance.services.errors import RefusedError
from compliance.services.risk_steps import lapse, resume, said, step
from compliance.types.risk_life import LIVE, AgreementState
from compliance.types.risk_transitions import By, RiskAct
from compliance.types.verdicts import Conclusion

MOST_DAYS = 366


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptanceDraft:
    """What is asked for: why, until which day included, looked at again when, and what compensates meanwhile."""

    reason: str
    ends_on: date
    review_on: date
    controls: Sequence[ImplementedControl] = field(default=())
    compensation: str = ""


def check_end(ends_on: date) -> None:
    """Raises RefusedError for a last day that is over, or too far away."""
    today = timezone.localdate()
    if ends_on <= today:
        raise RefusedError(_("The last day has to be after today."))
    if ends_on > today + timedelta(days=MOST_DAYS):
        raise RefusedError(_("The last day is more than a year away; ask again when it comes."))


@transaction.atomic
def request(*, finding: Finding, draft: AcceptanceDraft, actor: User) -> RiskAcceptance:
    """Ask to live with the risk of a finding. A request on an accepted risk ends that acceptance. Raises RefusedError."""
    risk = risks.identify(finding=finding, actor=actor)
    _check(risk.finding, draft)
    before = _live(risk)
    if before is not None and before.state == AgreementState.REQUESTED:
        raise RefusedError(_("Acceptance of this risk is asked for already; decide on that, or withdraw it, first."))
    if before is not None:
        _end(before, AgreementState.REPLACED, actor)
    acceptance = RiskAcceptance.objects.create(
        risk=risk,
        reason=draft.reason.strip(),
        ends_on=draft.ends_on,
        review_on=draft.review_on,
        compensation=draft.compensation.strip(),
        requested_by=actor,
    )
    acceptance.controls.set(draft.controls)
    risk.accepted_until = draft.ends_on
    step(
        risk=risk,
        act=RiskAct.REQUEST_ACCEPTANCE,
        by=By.PERSON,
        actor=actor,
        words=acceptance.reason,
        acceptance=acceptance,
        facts={"controls": sorted(str(control.uuid) for control in draft.controls)},
    )
    return acceptance


def _check(finding: Finding, draft: AcceptanceDraft) -> None:
    if finding.state != Conclusion.NOT_SATISFIED:
        raise RefusedError(_("The finding is satisfied; there is nothing to accept."))
    said(draft.reason)
    check_end(draft.ends_on)
    if not timezone.localdate() < draft.review_on <= draft.ends_on:
        raise RefusedError(_("The review has to be after today, and not after the last day."))
    if any(control.system_id != finding.system_id for control in draft.controls):
        raise RefusedError(_("A compensating control belongs to another AI system."))
    if not draft.controls and not draft.compensation.strip():
        raise RefusedError(_("Name the controls that compensate, or say why none is needed."))


def approve(*, acceptance: RiskAcceptance, words: str, actor: User) -> RiskAcceptance:
    """Live with it until its last day. Raises RefusedError; whoever asked does not decide."""
    with _taken(acceptance, AgreementState.REQUESTED) as (risk, fresh):
        _refuse_own(fresh, actor)
        _decide(fresh, AgreementState.APPROVED, words.strip(), actor)
        step(
            risk=risk, act=RiskAct.APPROVE_ACCEPTANCE, by=By.PERSON, actor=actor, words=words.strip(), acceptance=fresh
        )
        return fresh


def refuse(*, acceptance: RiskAcceptance, words: str, actor: User) -> RiskAcceptance:
    """Not to be lived with. Raises RefusedError."""
    with _taken(acceptance, AgreementState.REQUESTED) as (risk, fresh):
        _refuse_own(fresh, actor)
        _decide(fresh, AgreementState.REFUSED, said(words), actor)
        _over(risk, fresh, RiskAct.REFUSE_ACCEPTANCE, words.strip(), actor)
        return fresh


def withdraw(*, acceptance: RiskAcceptance, actor: User) -> RiskAcceptance:
    """Take back what one asked for."""
    with _taken(acceptance, AgreementState.REQUESTED) as (risk, fresh):
        if fresh.requested_by_id != actor.pk:
            raise RefusedError(_("Only whoever asked for it withdraws it; others refuse it."))
        _end(fresh, AgreementState.WITHDRAWN, actor)
        _over(risk, fresh, RiskAct.WITHDRAW_ACCEPTANCE, "", actor)
        return fresh


def review(*, acceptance: RiskAcceptance, words: str, review_on: date, actor: User) -> RiskAcceptance:
    """Looked at again, and still agreed to. For a longer time than agreed, it is asked for anew."""
    with _taken(acceptance, AgreementState.APPROVED) as (risk, fresh):
        _refuse_own(fresh, actor)
        if not timezone.localdate() < review_on <= fresh.ends_on:
            raise RefusedError(_("The next review has to be after today, and not after the last day."))
        fresh.review_on, fresh.reviewed_at, fresh.reviewed_by = review_on, timezone.now(), actor
        fresh.save(update_fields=["review_on", "reviewed_at", "reviewed_by"])
        told = said(words)
        step(risk=risk, act=RiskAct.REVIEW_ACCEPTANCE, by=By.PERSON, actor=actor, words=told, acceptance=fresh)
        return fresh


def revoke(*, acceptance: RiskAcceptance, words: str, actor: User) -> RiskAcceptance:
    """No longer to be lived with, before its last day."""
    with _taken(acceptance, AgreementState.APPROVED) as (risk, fresh):
        told = said(words)
        _end(fresh, AgreementState.REVOKED, actor)
        _over(risk, fresh, RiskAct.REVOKE_ACCEPTANCE, told, actor)
        return fresh


def expire(now: datetime) -> int:
    """End what is past its last day, and let the newest observations speak again; how many ended."""
    ended = lapse(now=now)
    findings.conclude_again(findings=ended, actor=None)
    return len(ended)


def _live(risk: Risk) -> RiskAcceptance | None:
    return RiskAcceptance.objects.select_for_update().filter(risk=risk, state__in=sorted(LIVE)).first()


@contextmanager
def _taken(acceptance: RiskAcceptance, state: AgreementState) -> Iterator[tuple[Risk, RiskAcceptance]]:
    """Risk and acceptance as they stand now, locked in one transaction. Raises RefusedError where it is in another state.

    What is over is ended in a transaction of its own, so that it stays ended when the act is refused.
    """
    if acceptance.is_over:
        expire(timezone.now())
    with transaction.atomic():
        risk = risks.locked(acceptance.risk)
        rows = RiskAcceptance.objects.select_for_update(of=("self",))
        fresh = rows.select_related("risk__finding", "requested_by").get(pk=acceptance.pk)
        if fresh.state != state:
            raise RefusedError(_("That acceptance is “%s”; that is not possible now.") % fresh.get_state_display())
        yield risk, fresh


def _refuse_own(acceptance: RiskAcceptance, actor: User) -> None:
    if acceptance.requested_by_id == actor.pk:
        raise RefusedError(_("You asked for this acceptance; somebody else has to decide on it."))


def _decide(acceptance: RiskAcceptance, state: AgreementState, words: str, actor: User) -> None:
    acceptance.state, acceptance.decision = state, words
    acceptance.decided_by, acceptance.decided_at = actor, timezone.now()
    acceptance.save(update_fields=["state", "decision", "decided_by", "decided_at"])


def _end(acceptance: RiskAcceptance, state: AgreementState, actor: User) -> None:
    acceptance.state, acceptance.ended_by, acceptance.ended_at = state, actor, timezone.now()
    acceptance.save(update_fields=["state", "ended_by", "ended_at"])


def _over(risk: Risk, acceptance: RiskAcceptance, act: RiskAct, words: str, actor: User) -> None:
    """Nobody lives with the risk any longer: it is open, or being remediated, and reports speak again."""
    risk.accepted_until = None
    step(risk=risk, act=act, by=By.PERSON, actor=actor, words=words, acceptance=acceptance)
    resume(risk)
    findings.conclude_again(findings=[risk.finding], actor=actor)
