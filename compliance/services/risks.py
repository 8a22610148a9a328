"""The verbs of people on a risk. Pages and the API call the same; what the record does by itself is in risk_steps.

An acceptance whose last day is over counts for nothing: whoever touches its risk moves it first.
"""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import Finding, Risk, User
from compliance.services import findings
from compliance.services.errors import RefusedError
from compliance.services.risk_steps import lapse_one, open_items, said, step, write_down
from compliance.types.risk_transitions import STEPS, By, RiskAct
from compliance.types.states import RiskState
from compliance.types.verdicts import Conclusion


def locked(risk: Risk) -> Risk:
    """The risk as it stands now, locked; an acceptance that is over is ended first, and reports speak again."""
    fresh = Risk.objects.select_for_update(of=("self",)).select_related("finding__system").get(pk=risk.pk)
    if fresh.has_lapsed(timezone.localdate()):
        lapse_one(fresh)
        findings.conclude_again(findings=[fresh.finding], actor=None)
        fresh.refresh_from_db()
    return fresh


@transaction.atomic
def identify(*, finding: Finding, actor: User) -> Risk:
    """The risk of a finding that stands; made where there is none yet."""
    known = Risk.objects.filter(finding=finding).first()
    if known is not None:
        return locked(known)
    if finding.state != Conclusion.NOT_SATISFIED:
        raise RefusedError(_("The finding is satisfied; it carries no risk."))
    risk, created = Risk.objects.get_or_create(
        finding=finding,
        defaults={
            "title": finding.title,
            "statement": finding.effect or finding.condition,
            "severity": finding.severity,
            "state": STEPS[None, RiskAct.IDENTIFY].after,
        },
    )
    if created:
        write_down(risk, RiskAct.IDENTIFY, "", actor, "", None, {})
    return locked(risk)


@transaction.atomic
def investigate(*, finding: Finding, actor: User) -> Risk:
    """Somebody begins to look into it."""
    risk = identify(finding=finding, actor=actor)
    return step(risk=risk, act=RiskAct.INVESTIGATE, by=By.PERSON, actor=actor)


@transaction.atomic
def take_up(*, finding: Finding, actor: User) -> Risk:
    """Work on the finding is opened. What is accepted stays so; what was closed is open again."""
    risk = identify(finding=finding, actor=actor)
    if risk.state == RiskState.CLOSED:
        told = _("A remediation item was opened.")
        risk = step(risk=risk, act=RiskAct.REOPEN, by=By.PERSON, actor=actor, words=told)
    if risk.state in {RiskState.OPEN, RiskState.INVESTIGATING}:
        risk = step(risk=risk, act=RiskAct.REMEDIATE, by=By.PERSON, actor=actor)
    return risk


@transaction.atomic
def put_back(*, risk: Risk, words: str, actor: User) -> Risk:
    """Nobody looks into it, or works on it, any longer."""
    fresh = locked(risk)
    if open_items(fresh).exists():
        raise RefusedError(_("Work on this risk is open; close or move that first."))
    return step(risk=fresh, act=RiskAct.PUT_BACK, by=By.PERSON, actor=actor, words=said(words))


@transaction.atomic
def reopen(*, risk: Risk, words: str, actor: User) -> Risk:
    """A closed risk is open again, because a person says why."""
    return step(risk=locked(risk), act=RiskAct.REOPEN, by=By.PERSON, actor=actor, words=said(words))
