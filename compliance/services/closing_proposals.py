"""Closings that Assay proposes: after every import, scan or check that concludes findings, and each night.

A proposal names the new evidence. It falls away when the finding is back; one that was returned is made again on newer evidence
alone. Confirming is a person's: compliance.services.closings.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from django.db import transaction
from django.db.models import Exists, Model, OuterRef, Prefetch, Q, QuerySet, prefetch_related_objects
from django.utils import timezone

from compliance.models import Closing, EvidenceLink, Finding, ModelVersion, RemediationItem, Risk, User
from compliance.selectors.closing_basis import Ground, Missing, grounds_of
from compliance.selectors.closing_evidence import Asked
from compliance.services import bulk_rows, closing_notices, ledger
from compliance.types.drafts import JSON
from compliance.types.risk_life import ClosingState
from compliance.types.risk_transitions import WORKING
from compliance.types.states import RemediationState
from compliance.types.verdicts import Conclusion

Told = Ground | Missing


_CHUNK = 500
_RISKS: QuerySet[Risk] = Risk.objects.select_related("finding__system", "finding__model_version")
_of_items: Any = RemediationItem.risks.through
_of_findings: Any = Finding.observations.through


def grounds_of_item(item: RemediationItem) -> list[Told]:
    """For each finding that an item mends, on what it may be closed or what is missing."""
    (told,) = _told_of([item])
    return told


def _told_of(works: Sequence[RemediationItem | Risk]) -> list[list[Told]]:
    """The same of each of many items, and of risks on which nobody had to work."""
    _fetch([work for work in works if isinstance(work, RemediationItem)], Prefetch("risks", _RISKS))
    asked = [_asked(work) for work in works]
    told = iter(grounds_of([one for group in asked for one in group]))
    return [list(islice(told, len(group))) for group in asked]


def _fetch(rows: Sequence[Model], *lookups: str | Prefetch[Any]) -> None:
    """What rows lead to, for some hundreds at a time: Django asks for them in a list, and SQLite takes no longer one."""
    for start in range(0, len(rows), _CHUNK):
        prefetch_related_objects(rows[start : start + _CHUNK], *lookups)


def _asked(work: RemediationItem | Risk) -> list[Asked]:
    if isinstance(work, Risk):
        return [Asked(finding=work.finding, since=work.opened_at, item=None)]
    risks = list(work.risks.all())
    if not risks:
        return [Asked(finding=None, since=work.created_at, item=work)]
    return [Asked(finding=risk.finding, since=max(work.created_at, risk.opened_at), item=work) for risk in risks]


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
    _withdraw(_waiting().filter(pk__in=about.values("closing")))
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


def propose(now: datetime) -> int:
    """Propose whatever can be closed and is not proposed yet, and withdraw what fell away; how many were proposed."""
    _withdraw(_waiting())
    later = ModelVersion.objects.filter(
        model=OuterRef("finding__model_version__model"), created_at__gt=OuterRef("opened_at")
    )
    observed = _of_findings.objects.filter(finding=OuterRef("finding"))
    attached = Q(Exists(EvidenceLink.objects.filter(finding=OuterRef("finding"))))
    attached |= Q(Exists(EvidenceLink.objects.filter(remediation__risks=OuterRef("pk"))))
    which = Q(finding__state=Conclusion.SATISFIED) | Q(Exists(later)) | ~Exists(observed) & attached
    return _propose(which) + _propose_gaps()


@transaction.atomic
def _propose(which: Q) -> int:
    keys = list(Risk.objects.filter(which, state__in=sorted(WORKING)).order_by().values_list("pk", flat=True))
    links = _of_items.objects.filter(risk__among=keys)
    items = _worked_on().filter(pk__in=links.values("remediationitem"))
    open_work = _of_items.objects.filter(risk=OuterRef("pk")).exclude(remediationitem__state=RemediationState.CLOSED)
    unworked = _RISKS.filter(~Exists(open_work), pk__among=keys)
    return _offer([*items, *unworked])


@transaction.atomic
def _propose_gaps() -> int:
    """The same of work that mends no finding, on gaps and tasks of the playbook: once it is called done, with evidence."""
    links = EvidenceLink.objects.all()
    attached = Q(Exists(links.filter(remediation=OuterRef("pk")))) | Q(
        Exists(links.filter(control=OuterRef("control")))
    )
    return _offer(list(_worked_on().filter(attached, state=RemediationState.DONE, risks__isnull=True)))


def _worked_on() -> QuerySet[RemediationItem]:
    """Open work for which nothing is proposed."""
    waiting = Closing.objects.filter(item=OuterRef("pk"), state=ClosingState.PROPOSED)
    rows = RemediationItem.objects.exclude(state=RemediationState.CLOSED).filter(~Exists(waiting))
    return rows.select_related("system", "control_test", "statement_line").order_by("pk")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offer:
    """A closing to be made: of an item, or of one risk without work."""

    found: Sequence[Ground]
    item: RemediationItem | None
    risks: Sequence[Risk]

    @property
    def basis(self) -> list[JSON]:
        return [ground.to_json() for ground in self.found]


def _offer(works: Sequence[RemediationItem | Risk]) -> int:
    """Make proposals, unless one is there already, was returned on the same evidence, or a risk is lived with."""
    offers = []
    for work, told in zip(works, _told_of(works), strict=True):
        item, risks = (None, [work]) if isinstance(work, Risk) else (work, list(work.risks.all()))
        found = complete(told)
        if found and all(risk.state in WORKING for risk in risks):
            offers.append(_Offer(found=found, item=item, risks=risks))
    earlier = _last_closings(offers)
    made = _make([one for one in offers if _is_new(one, earlier.get(_subject(one)))], asked_by=None)
    closing_notices.tell(made)
    return len(made)


def _subject(offer: _Offer) -> tuple[int | None, int | None]:
    """The item, else the risk, that a closing is about."""
    return (offer.item.pk, None) if offer.item else (None, offer.risks[0].pk)


def _last_closings(offers: Sequence[_Offer]) -> dict[tuple[int | None, int | None], Closing]:
    items = [one.item.pk for one in offers if one.item]
    risks = [one.risks[0].pk for one in offers if not one.item]
    through: Any = Closing.risks.through
    of_risks = through.objects.filter(closing__item=None, risk__among=risks).select_related("closing")
    found = [((row.item_id, None), row) for row in Closing.objects.filter(item__among=items)]
    found += [((None, row.risk_id), row.closing) for row in of_risks]
    return dict(sorted(found, key=lambda one: (one[1].created_at, one[1].pk)))


def _is_new(offer: _Offer, last: Closing | None) -> bool:
    return last is None or (last.state != ClosingState.PROPOSED and last.basis != offer.basis)


@transaction.atomic
def make(
    found: Sequence[Ground], *, item: RemediationItem | None, risks: Iterable[Risk], asked_by: User | None
) -> Closing:
    """A closing that rests on these grounds, for a person to decide on."""
    (closing,) = _make([_Offer(found=found, item=item, risks=list(risks))], asked_by=asked_by)
    return closing


def _make(offers: Sequence[_Offer], *, asked_by: User | None) -> list[Closing]:
    """Closings for a person to decide on, in a few statements for any number."""
    if not offers:
        return []
    values = []
    for one in offers:
        system = one.item.system_id if one.item else one.risks[0].finding.system_id
        observation = next((ground.observation.pk for ground in one.found if ground.observation), None)
        values.append((system, one.item and one.item.pk, one.basis, observation, asked_by and asked_by.pk))
    names = ("system_id", "item_id", "basis", "observation_id", "asked_by_id")
    made = bulk_rows.create(Closing, names=names, values=values)
    pairs = [(closing.pk, risk.pk) for closing, one in zip(made, offers, strict=True) for risk in one.risks]
    bulk_rows.insert_values(model=Closing.risks.through, columns=("closing_id", "risk_id"), rows=pairs)
    acts = []
    for closing, one in zip(made, offers, strict=True):
        payload = {
            "item": str(one.item.uuid) if one.item else None,
            "risks": sorted(str(risk.uuid) for risk in one.risks),
            "basis": closing.basis,
        }
        acts.append((closing, payload, one.item.system if one.item else one.risks[0].finding.system))
    ledger.record_across(kind="closing.proposed", acts=acts, actor=asked_by)
    return made


# Withdrawing ----------------------------------------------------------------------------------------------------------


def _waiting() -> QuerySet[Closing]:
    return Closing.objects.filter(state=ClosingState.PROPOSED).order_by("pk")


def still_holds(closing: Closing) -> bool:
    """Whether every finding may still be closed, and nobody lives with its risk."""
    return not _fallen([closing])


def _fallen(closings: Sequence[Closing]) -> list[Closing]:
    """Those that rest on nothing any longer, as the record stands now, or whose risk somebody lives with."""
    _fetch(closings, "item__system", "item__control_test", "item__statement_line", Prefetch("risks", _RISKS))
    works = [[closing.item] if closing.item else list(closing.risks.all()) for closing in closings]
    told = iter(_told_of([work for group in works for work in group]))
    fallen = []
    for closing, group in zip(closings, works, strict=True):
        grounds = [one for found in islice(told, len(group)) for one in found]
        if not complete(grounds) or any(risk.state not in WORKING for risk in closing.risks.all()):
            fallen.append(closing)
    return fallen


def _withdraw(waiting: QuerySet[Closing]) -> None:
    """Let fall what no longer holds; looked at again once it is locked."""
    keys = [closing.pk for closing in _fallen(list(waiting))]
    if keys:
        with transaction.atomic():
            rows = waiting.select_for_update(of=("self",)).select_related("system").filter(pk__among=keys)
            fallen = _fallen(list(rows))
            if fallen:
                _lapse(fallen)


def lapse(closing: Closing) -> None:
    """The evidence no longer stands: nobody can confirm this any more."""
    _lapse([closing])


def _lapse(closings: Sequence[Closing]) -> None:
    for closing in closings:
        closing.state, closing.decided_at = ClosingState.LAPSED, timezone.now()
    bulk_rows.update(closings, names=("state", "decided_at"))
    ledger.record_across(
        kind="closing.lapsed", acts=[(closing, {}, closing.system) for closing in closings], actor=None
    )
