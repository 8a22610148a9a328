"""Closings that Assay proposes: after every import, scan or check that concludes findings, and each night.

A proposal names the new evidence. It falls away when the finding is back; one that was returned is made again on newer evidence
alone. Confirming is a person's: compliance.services.closings.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from compliance.models import Closing, EvidenceLink, Finding, ModelVersion, RemediationItem, Risk, User
from compliance.selectors.closing_basis import Ground, Missing, examined, ground_of
from compliance.services import closing_notices, ledger
from compliance.types.risk_life import ClosingState
from compliance.types.risk_transitions import WORKING
from compliance.types.states import RemediationState
from compliance.types.verdicts import Conclusion

Told = Ground | Missing


def grounds_of_item(item: RemediationItem) -> list[Told]:
    """For each finding that an item mends, on what it may be closed or what is missing."""
    risks = list(item.risks.select_related("finding__system", "finding__model_version"))
    if not risks:
        return [examined(None, since=item.created_at, item=item)]
    return [ground_of(risk.finding, since=max(item.created_at, risk.opened_at), item=item) for risk in risks]


def grounds_of_risk(risk: Risk) -> list[Told]:
    """The same of a risk on which nobody had to work."""
    return [ground_of(risk.finding, since=risk.opened_at, item=None)]


def grounds(closing: Closing) -> list[Told]:
    """What a closing rests on as the record stands now."""
    if closing.item is not None:
        return grounds_of_item(closing.item)
    return [told for risk in closing.risks.select_related("finding__model_version") for told in grounds_of_risk(risk)]


def complete(told: Sequence[Told]) -> list[Ground]:
    """The grounds, where nothing is missing; else none."""
    found = [one for one in told if isinstance(one, Ground)]
    return found if len(found) == len(told) else []


# Proposing ------------------------------------------------------------------------------------------------------------


def follow(*, findings: Sequence[Finding]) -> None:
    """Propose, and withdraw, what follows from findings that were just concluded. Runs in the transaction of that."""
    if not findings:
        return
    keys = [finding.pk for finding in findings]
    about = Closing.risks.through.objects.filter(risk__finding__among=keys)
    for closing in _waiting().filter(pk__in=about.values("closing")):
        _check(closing)
    satisfied = [finding for finding in findings if finding.state == Conclusion.SATISFIED]
    if satisfied:
        _propose(_touched(satisfied))


def _touched(satisfied: Sequence[Finding]) -> Q:
    """Risks of these findings, and of findings on earlier versions of the models that they are on."""
    versions = {finding.model_version_id for finding in satisfied if finding.model_version_id is not None}
    own = Q(finding__among=[finding.pk for finding in satisfied])
    if not versions:
        return own
    models = ModelVersion.objects.filter(pk__in=versions).values("model")
    return own | Q(finding__model_version__model__in=models)


def _waiting() -> QuerySet[Closing]:
    return Closing.objects.select_for_update(of=("self",)).filter(state=ClosingState.PROPOSED).select_related("item")


def propose(now: datetime) -> int:
    """Propose whatever can be closed and is not proposed yet, and withdraw what fell away; how many were proposed."""
    for key in Closing.objects.filter(state=ClosingState.PROPOSED).values_list("pk", flat=True):
        with transaction.atomic():
            for closing in _waiting().filter(pk=key):
                _check(closing)
    later = ModelVersion.objects.filter(
        model=OuterRef("finding__model_version__model"), created_at__gt=OuterRef("opened_at")
    )
    attached = Q(Exists(EvidenceLink.objects.filter(finding=OuterRef("finding"))))
    attached |= Q(Exists(EvidenceLink.objects.filter(remediation__risks=OuterRef("pk"))))
    examined_alone = Q(finding__observations__isnull=True) & attached
    which = Q(finding__state=Conclusion.SATISFIED) | Q(Exists(later)) | examined_alone
    return _propose(which) + _propose_gaps()


@transaction.atomic
def _propose(which: Q) -> int:
    risks = Risk.objects.filter(which, state__in=sorted(WORKING)).distinct()
    made = [
        _offer(complete(grounds_of_item(item)), item=item, risks=list(item.risks.all()))
        for item in _worked_on().filter(risks__in=risks.values("pk"))
    ]
    unworked = risks.exclude(items__in=_open_items()).select_related("finding__system", "finding__model_version")
    made += [_offer(complete(grounds_of_risk(risk)), item=None, risks=[risk]) for risk in unworked]
    return _told(made)


@transaction.atomic
def _propose_gaps() -> int:
    """The same of work that mends no finding, on gaps and tasks of the playbook: once it is called done, with evidence."""
    attached = Q(evidence_links__isnull=False) | Q(control__evidence_links__isnull=False)
    items = _worked_on().filter(attached, state=RemediationState.DONE, risks__isnull=True)
    return _told([_offer(complete(grounds_of_item(item)), item=item, risks=[]) for item in items])


def _told(made: Iterable[Closing | None]) -> int:
    closings = [one for one in made if one is not None]
    closing_notices.tell(closings)
    return len(closings)


def _open_items() -> QuerySet[RemediationItem]:
    return RemediationItem.objects.exclude(state=RemediationState.CLOSED)


def _worked_on() -> QuerySet[RemediationItem]:
    """Open work for which nothing is proposed."""
    waiting = Closing.objects.filter(item=OuterRef("pk"), state=ClosingState.PROPOSED)
    rows = _open_items().filter(~Exists(waiting))
    return rows.select_related("system", "control_test", "statement_line").distinct().order_by("pk")


def _offer(found: Sequence[Ground], *, item: RemediationItem | None, risks: Sequence[Risk]) -> Closing | None:
    """Make a proposal, unless it is there already, was returned on the same evidence, or a risk is lived with."""
    if not found or any(risk.state not in WORKING for risk in risks):
        return None
    earlier = Closing.objects.filter(item=item) if item else Closing.objects.filter(item=None, risks__in=risks)
    basis = [ground.to_json() for ground in found]
    last = earlier.order_by("-created_at", "-pk").first()
    if last is not None and (last.state == ClosingState.PROPOSED or last.basis == basis):
        return None
    return make(found, item=item, risks=risks, asked_by=None)


@transaction.atomic
def make(
    found: Sequence[Ground], *, item: RemediationItem | None, risks: Iterable[Risk], asked_by: User | None
) -> Closing:
    """A closing that rests on these grounds, for a person to decide on."""
    listed = list(risks)
    system = item.system if item else listed[0].finding.system
    observation = next((one.observation for one in found if one.observation), None)
    closing = Closing.objects.create(
        system=system,
        item=item,
        basis=[ground.to_json() for ground in found],
        observation=observation,
        asked_by=asked_by,
    )
    closing.risks.set(listed)
    payload = {
        "item": str(item.uuid) if item else None,
        "risks": sorted(str(risk.uuid) for risk in listed),
        "basis": closing.basis,
    }
    ledger.record(kind="closing.proposed", subject=closing, payload=payload, actor=asked_by, system=system)
    return closing


# Withdrawing ----------------------------------------------------------------------------------------------------------


def still_holds(closing: Closing) -> bool:
    """Whether every finding may still be closed, and nobody lives with its risk."""
    return bool(complete(grounds(closing))) and not closing.risks.exclude(state__in=sorted(WORKING)).exists()


def _check(closing: Closing) -> None:
    if not still_holds(closing):
        lapse(closing)


def lapse(closing: Closing) -> None:
    """The evidence no longer stands: nobody can confirm this any more."""
    closing.state, closing.decided_at = ClosingState.LAPSED, timezone.now()
    closing.save(update_fields=["state", "decided_at"])
    ledger.record(kind="closing.lapsed", subject=closing, payload={}, actor=None, system=closing.system)
