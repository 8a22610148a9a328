"""Severity and priority of findings: by the rule, computed anew when what it rests on changes; or by a person, who says why."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from compliance.models import AISystem, Finding, Risk, User
from compliance.services import bulk_rows, ledger, sla_clocks
from compliance.services.finding_marks import exposure_of, put_priority
from compliance.services.risk_steps import said
from compliance.types.canonical import digest_of
from compliance.types.risk_priority import Priority, regraded, rejudged
from compliance.types.states import Severity
from compliance.types.verdicts import Conclusion

_BATCH = 1000
_BY_RULE = ("priority", "priority_points", "priority_reasons")
_GRADED_BY_HAND = ["severity", "severity_by_hand", "severity_reason", "severity_set_by", "severity_set_at"]
_BY_HAND = ["priority_by_hand", "priority_reason", "priority_set_by", "priority_set_at"]


@transaction.atomic
def set_by_hand(*, finding: Finding, priority: Priority | None, words: str, actor: User) -> Finding:
    """A person's priority, which outranks the rule; None gives the finding back to it. Raises RefusedError without a reason."""
    fresh = Finding.objects.select_for_update(of=("self",)).select_related("system").get(pk=finding.pk)
    before = fresh.priority_now
    fresh.priority_by_hand, fresh.priority_reason = priority.value if priority else "", said(words)
    fresh.priority_set_by, fresh.priority_set_at = actor, timezone.now()
    fresh.save(update_fields=_BY_HAND)
    payload = {
        "before": before.value,
        "after": fresh.priority_now.value,
        "by_rule": fresh.priority,
        "words_sha256": digest_of(fresh.priority_reason),
    }
    ledger.record(kind="finding.priority_set", subject=fresh, payload=payload, actor=actor, system=fresh.system)
    return fresh


@transaction.atomic
def grade_by_hand(*, finding: Finding, severity: Severity | None, words: str, actor: User) -> Finding:
    """A person's severity, which outranks what reports state; None gives the finding back to them. Risk, points of the priority
    and time limit follow. Raises RefusedError without a reason."""
    fresh = Finding.objects.select_for_update(of=("self",)).select_related("system").get(pk=finding.pk)
    before = fresh.severity
    fresh.severity_by_hand, fresh.severity_reason = severity.value if severity else "", said(words)
    fresh.severity = fresh.severity_by_hand or fresh.severity_by_rule
    fresh.severity_set_by, fresh.severity_set_at = actor, timezone.now()
    if fresh.state == Conclusion.NOT_SATISFIED:
        put_priority(fresh, regraded(reasons=fresh.priority_reasons, severity=Severity(fresh.severity)))
    fresh.save(update_fields=[*_GRADED_BY_HAND, *_BY_RULE])
    Risk.objects.filter(finding=fresh).update(severity=fresh.severity)
    sla_clocks.follow(findings=[fresh.pk], actor=actor)
    payload = {
        "before": before,
        "after": fresh.severity,
        "by_rule": fresh.severity_by_rule,
        "words_sha256": digest_of(fresh.severity_reason),
    }
    ledger.record(kind="finding.severity_set", subject=fresh, payload=payload, actor=actor, system=fresh.system)
    return fresh


def expose(*, system: AISystem) -> None:
    """What the organisation states of the system changed: the findings that stand get the priority that follows from it.

    Runs in the caller's transaction. A few statements for each thousand findings.
    """
    exposure = exposure_of(system)
    rows = Finding.objects.filter(system=system, state=Conclusion.NOT_SATISFIED).order_by("pk")
    waiting: list[Finding] = []
    for finding in rows.only("uuid", "severity", *_BY_RULE).iterator(chunk_size=_BATCH):
        put_priority(finding, rejudged(reasons=finding.priority_reasons, exposure=exposure))
        waiting.append(finding)
        if len(waiting) == _BATCH:
            bulk_rows.update(waiting, names=_BY_RULE)
            waiting.clear()
    bulk_rows.update(waiting, names=_BY_RULE)
