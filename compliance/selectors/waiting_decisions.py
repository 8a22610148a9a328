"""What waits for a decision of the person who asks: risk acceptances, waivers, closings, and releases of packs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import Closing, EvidencePack, RiskAcceptance, Waiver
from compliance.rights import Asker, Verb, may, visible
from compliance.selectors.closing_workers import confirmable
from compliance.selectors.day_words import day_words
from compliance.types.risk_life import AgreementState
from compliance.types.states import Audience

_LISTED = 3  # of each kind; more are one line that leads to their list


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One thing, or what there is more of its kind, as a sentence with a link."""

    sentence: str
    url: str


def waiting_for(user: Asker) -> list[Waiting]:
    """What this person may decide, the oldest first of each kind: not what they asked for, nor work that they did."""
    found: list[Waiting] = []
    if may(user, Verb.DECIDE_ACCEPTANCE):
        asked = Q(state=AgreementState.REQUESTED, ends_on__gte=timezone.localdate()) & ~Q(requested_by=user.pk)
        accepted = RiskAcceptance.objects.select_related("risk__finding", "requested_by").filter(asked)
        waived = Waiver.objects.select_related("requested_by").filter(asked)
        more = _("More risk acceptances wait for your decision.")
        found += _lines(visible(accepted, user), _acceptance, more, f"{reverse('acceptance-list')}?state=requested")
        more = _("More waivers wait for your decision.")
        found += _lines(visible(waived, user), _waiver, more, f"{reverse('waiver-list')}?state=requested")
    if may(user, Verb.RELEASE_PACK):
        packs = EvidencePack.objects.select_related("issued_by", "freeze__assessment").filter(
            audience=Audience.EXTERNAL, release=None
        )
        more = _("More packs for external recipients wait for their release.")
        found += _lines(visible(packs.exclude(issued_by=user.pk), user), _pack, more, reverse("pack-list"))
    more = _("More closings wait for your confirmation.")
    closings = confirmable(user).select_related("item", "system").prefetch_related("risks")
    return found + _lines(closings, _closing, more, reverse("closing-list"))


def _lines(rows: QuerySet[Any], line: Callable[[Any], Waiting], more: str, place: str) -> list[Waiting]:
    first = list(rows.order_by("created_at", "pk")[: _LISTED + 1])
    told = [line(row) for row in first[:_LISTED]]
    return [*told, Waiting(sentence=more, url=place)] if len(first) > _LISTED else told


def _acceptance(row: RiskAcceptance) -> Waiting:
    told = _("%(who)s asks to accept the risk of “%(title)s” until %(day)s.")
    facts = {"who": row.requested_by.name, "title": row.risk.finding.title, "day": day_words(row.ends_on)}
    return Waiting(sentence=told % facts, url=reverse("acceptance-detail", args=[row.uuid]))


def _waiver(row: Waiver) -> Waiting:
    told = _("%(who)s asks to set the rule “%(rule)s” aside until %(day)s.")
    facts = {"who": row.requested_by.name, "rule": row.rule, "day": day_words(row.ends_on)}
    return Waiting(sentence=told % facts, url=reverse("waiver-detail", args=[row.uuid]))


def _pack(row: EvidencePack) -> Waiting:
    told = _("%(who)s issued pack %(n)d of “%(title)s” for external recipients; read it, and release it or refuse.")
    facts = {"who": row.issued_by.name, "n": row.number, "title": row.freeze.assessment.title}
    return Waiting(sentence=told % facts, url=reverse("pack-detail", args=[row.uuid]))


def _closing(row: Closing) -> Waiting:
    name = row.item.title if row.item else ", ".join(risk.title for risk in row.risks.all())
    told = _("New evidence lets “%s” be closed; confirm it, or return it.")
    return Waiting(sentence=told % name, url=reverse("closing-detail", args=[row.uuid]))
