"""Closings: asked for or proposed on new evidence; confirmed, or returned, by a person who did not do the work."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import Closing, Finding, RemediationItem, User
from compliance.selectors.closing_basis import Missing
from compliance.selectors.closing_workers import worked
from compliance.services import closing_notices, closing_proposals, ledger, risks, sla_clocks
from compliance.services.errors import RefusedError
from compliance.services.risk_steps import open_items, said, step
from compliance.types.drafts import JSON
from compliance.types.risk_life import ClosingBasis, ClosingState, Sighting
from compliance.types.risk_transitions import WORKING, By, Held, RiskAct, may_change
from compliance.types.states import RemediationState
from compliance.types.verdicts import Conclusion


@transaction.atomic
def ask(*, item: RemediationItem, actor: User) -> Closing:
    """Ask for an item to be closed. Raises RefusedError naming what is missing."""
    fresh = RemediationItem.objects.select_for_update(of=("self",)).select_related("system").get(pk=item.pk)
    if fresh.state == RemediationState.CLOSED:
        raise RefusedError(_("The item is closed already."))
    if fresh.closings.filter(state=ClosingState.PROPOSED).exists():
        raise RefusedError(_("Its closing awaits confirmation already."))
    treated = [risks.locked(risk) for risk in fresh.risks.order_by("pk")]
    if any(risk.state not in WORKING for risk in treated):
        raise RefusedError(_("A risk of this item is accepted, or asked to be; end that first."))
    told = closing_proposals.grounds_of_item(fresh)
    missing = [one.sentence for one in told if isinstance(one, Missing)]
    if missing:
        raise RefusedError(" ".join(missing))
    closing = closing_proposals.make(closing_proposals.complete(told), item=fresh, risks=treated, asked_by=actor)
    closing_notices.tell([closing])
    return closing


def confirm(*, closing: Closing, words: str, actor: User) -> Closing:
    """Close the work and its risks on the evidence named. Raises RefusedError; whoever did the work does not confirm."""
    with transaction.atomic():
        fresh = _proposed(closing)
        _refuse_workers(fresh, actor)
        holds = closing_proposals.still_holds(fresh)
        if holds:
            _close(fresh, words.strip(), actor)
        else:
            closing_proposals.lapse(fresh)
    if not holds:
        raise RefusedError(_("The evidence no longer stands: the finding is back, or its risk is accepted."))
    return fresh


@transaction.atomic
def give_back(*, closing: Closing, words: str, actor: User) -> Closing:
    """Not to be closed yet, with the reason; work that was called done goes on."""
    fresh = _proposed(closing)
    _decide(fresh, ClosingState.RETURNED, said(words), actor)
    item = fresh.item
    if item is not None and item.state == RemediationState.DONE:
        item.state = RemediationState.IN_PROGRESS
        item.save(update_fields=["state"])
        payload = {"before": RemediationState.DONE.value, "after": item.state.value}
        ledger.record(kind="remediation.moved", subject=item, payload=payload, actor=actor, system=item.system)
    return fresh


def _proposed(closing: Closing) -> Closing:
    rows = Closing.objects.select_for_update(of=("self",))
    fresh = rows.select_related("item__owner", "item__system", "system", "asked_by", "observation").get(pk=closing.pk)
    if fresh.state != ClosingState.PROPOSED:
        raise RefusedError(_("That closing is “%s”; nothing is to be decided.") % fresh.get_state_display().lower())
    return fresh


def _refuse_workers(closing: Closing, actor: User) -> None:
    if worked(closing, actor):
        raise RefusedError(_("You worked on this or asked for its closing; somebody else has to confirm it."))


def _decide(closing: Closing, state: ClosingState, words: str, actor: User) -> None:
    closing.state, closing.note = state, words
    closing.decided_by, closing.decided_at = actor, timezone.now()
    closing.save(update_fields=["state", "note", "decided_by", "decided_at"])
    payload = {"item": str(closing.item.uuid) if closing.item else None, "basis": closing.basis}
    ledger.record(kind=f"closing.{state.value}", subject=closing, payload=payload, actor=actor, system=closing.system)


def _close(closing: Closing, words: str, actor: User) -> None:
    _settle(closing, actor)
    _decide(closing, ClosingState.CONFIRMED, words, actor)
    if closing.item is not None:
        _close_item(closing, closing.item, actor)
    for risk in closing.risks.select_related("finding__system").order_by("pk"):
        fresh = risks.locked(risk)
        if not open_items(fresh).exists():
            facts = {"closing": str(closing.uuid)}
            step(risk=fresh, act=RiskAct.CLOSE, by=By.PERSON, actor=actor, words=words, facts=facts)


def _close_item(closing: Closing, item: RemediationItem, actor: User) -> None:
    item.state, item.closed_at = RemediationState.CLOSED, timezone.now()
    item.closing_observation = closing.observation
    item.save(update_fields=["state", "closed_at", "closing_observation"])
    observation = str(closing.observation.uuid) if closing.observation else None
    payload: JSON = {"observation": observation, "closing": str(closing.uuid)}
    ledger.record(kind="remediation.closed", subject=item, payload=payload, actor=actor, system=item.system)


def _settle(closing: Closing, actor: User) -> None:
    """Findings that a person made are satisfied by examination: of the evidence that the closing names."""
    assert may_change(Held.EXAMINED, By.PERSON)
    examined = {one["finding"]: one["records"] for one in closing.basis if one["kind"] == ClosingBasis.EXAMINATION}
    rows = Finding.objects.select_for_update(of=("self",)).filter(uuid__in=[uuid for uuid in examined if uuid])
    settled = list(rows.select_related("target", "system"))
    for finding in settled:
        before, finding.state = finding.state, Conclusion.SATISFIED
        finding.sighting, finding.last_seen_at = Sighting.FIXED, timezone.now()
        finding.save(update_fields=["state", "sighting", "last_seen_at"])
        payload: JSON = {
            "state": str(finding.state),
            "before": before,
            "control": finding.target.control_id,
            "evidence": examined[str(finding.uuid)],
        }
        ledger.record(kind="finding.concluded", subject=finding, payload=payload, actor=actor, system=finding.system)
    sla_clocks.follow(findings=[finding.pk for finding in settled], actor=actor)
