"""How a risk is moved: by the table in compliance.types.risk_transitions and by nothing else; each move is kept.

The verbs that people use stand in compliance.services.risks, risk_acceptances and closings; here is what the record does.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import AISystem, Finding, RemediationItem, Risk, RiskAcceptance, RiskMove, User
from compliance.services import bulk_rows, ledger, risk_notices, sla_clocks
from compliance.services.errors import RefusedError
from compliance.types.canonical import digest_of
from compliance.types.drafts import JSON
from compliance.types.risk_life import LIVE, AgreementState
from compliance.types.risk_transitions import DEVIATING, STEPS, By, Held, RiskAct, may_change
from compliance.types.states import RemediationState, RiskState

_OPENS = frozenset({RiskAct.REOPEN})


def step(
    *,
    risk: Risk,
    act: RiskAct,
    by: By,
    actor: User | None,
    words: str = "",
    acceptance: RiskAcceptance | None = None,
    facts: JSON | None = None,
) -> Risk:
    """Do one act of the table on a risk that the caller locked. Raises RefusedError for what the table does not have."""
    row = STEPS.get((RiskState(risk.state), act))
    if row is None or by not in row.by:
        raise RefusedError(_("The risk is “%s”; that is not possible now.") % risk.get_state_display())
    before, risk.state = risk.state, row.after
    if act in _OPENS:
        risk.opened_at = timezone.now()
    risk.save(update_fields=["state", "opened_at", "accepted_until"])
    write_down(risk, act, before, actor, words, acceptance, facts or {})
    sla_clocks.follow(findings=[risk.finding_id], actor=actor)
    risk_notices.tell(risk=risk, act=act, acceptance=acceptance, actor=actor)
    return risk


def write_down(
    risk: Risk,
    act: RiskAct,
    before: str,
    actor: User | None,
    words: str,
    acceptance: RiskAcceptance | None,
    facts: JSON,
) -> None:
    """Keep an act with what was said, and record it."""
    RiskMove.objects.create(
        risk=risk, act=act, before=before, after=risk.state, words=words, acceptance=acceptance, made_by=actor
    )
    payload: JSON = {"before": before, "state": str(risk.state), "finding": str(risk.finding.uuid), **facts}
    if words:
        payload["words_sha256"] = digest_of(words)
    if acceptance is not None:
        payload |= {"acceptance": str(acceptance.uuid), "ends_on": acceptance.ends_on.isoformat()}
    ledger.record(kind=f"risk.{act.value}", subject=risk, payload=payload, actor=actor, system=risk.finding.system)


def said(words: str) -> str:
    """What a person has to say. Raises RefusedError where it is nothing."""
    if not words.strip():
        raise RefusedError(_("Say why, in a sentence that somebody else can read."))
    return words.strip()


def reopen_reappeared(*, findings: Collection[int]) -> None:
    """Closed risks of findings that reappeared are open again. Runs in the transaction that concludes these."""
    if not findings:
        return
    rows = Risk.objects.select_for_update(of=("self",)).filter(finding__among=findings, state=RiskState.CLOSED)
    for risk in rows.select_related("finding__system").order_by("pk"):
        step(risk=risk, act=RiskAct.REOPEN, by=By.RECORD, actor=None)


def follow_severity(*, findings: Collection[int], actor: User | None) -> None:
    """Risks get the severity of these findings, but for those that somebody lives with. Runs in the transaction that concludes
    the findings, whose clocks are brought in line after it."""
    assert may_change(Held.RISK_SEVERITY, By.RECORD)
    other = Risk.objects.filter(finding__among=findings).exclude(severity=F("finding__severity"))
    rows = list(
        other.exclude(state__in=sorted(DEVIATING))
        .select_for_update(of=("self",))
        .select_related("finding__system")
        .only("uuid", "severity", "finding__uuid", "finding__severity", "finding__system__uuid")
        .order_by("pk")
    )
    if not rows:
        return
    acts: list[tuple[Risk, JSON, AISystem]] = []
    for risk in rows:
        before, risk.severity = risk.severity, risk.finding.severity
        facts = {"finding": str(risk.finding.uuid), "before": before, "after": risk.severity}
        acts.append((risk, facts, risk.finding.system))
    bulk_rows.update(rows, names=("severity",))
    ledger.record_across(kind="risk.severity_followed", acts=acts, actor=actor)


def open_items(risk: Risk) -> QuerySet[RemediationItem]:
    """Work on a risk that is not closed."""
    return risk.items.exclude(state=RemediationState.CLOSED)


def resume(risk: Risk) -> Risk:
    """A risk that nobody lives with any longer is being remediated again, where work on it is open."""
    if risk.state == RiskState.OPEN and open_items(risk).exists():
        step(risk=risk, act=RiskAct.REMEDIATE, by=By.RECORD, actor=None)
    return risk


def lapse(*, now: datetime, system: AISystem | None = None) -> list[Finding]:
    """End every acceptance, and request for one, whose last day is over; the findings that are judged no longer."""
    over = Q(accepted_until__lt=timezone.localdate(now)) | Q(accepted_until__isnull=True)
    rows = Risk.objects.filter(over, state__in=sorted(DEVIATING))
    if system is not None:
        rows = rows.filter(finding__system=system)
    ended: list[Finding] = []
    for key in rows.order_by("pk").values_list("pk", flat=True):
        with transaction.atomic():
            risk = Risk.objects.select_for_update(of=("self",)).select_related("finding__system").get(pk=key)
            if risk.has_lapsed(timezone.localdate(now)):
                ended.append(lapse_one(risk, now).finding)
    return ended


def lapse_one(risk: Risk, now: datetime | None = None) -> Risk:
    """End what is over on a risk that the caller locked."""
    acceptance = RiskAcceptance.objects.filter(risk=risk, state__in=sorted(LIVE)).first()
    if acceptance is not None:
        acceptance.state, acceptance.ended_at = AgreementState.EXPIRED, now or timezone.now()
        acceptance.save(update_fields=["state", "ended_at"])
    risk.accepted_until = None
    step(risk=risk, act=RiskAct.EXPIRE_ACCEPTANCE, by=By.RECORD, actor=None, acceptance=acceptance)
    return resume(risk)
