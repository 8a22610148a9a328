"""Closings: what awaits a decision, on which new evidence; asked for, confirmed or returned."""

from __future__ import annotations

from operator import attrgetter
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.choices import label
from compliance.models import Closing, RemediationItem
from compliance.rights import Verb, may
from compliance.selectors.closing_workers import worked
from compliance.selectors.risk_pages import CLOSINGS, basis_lines, waiting_closings
from compliance.services import closings
from compliance.types.risk_life import ClosingBasis, ClosingState
from compliance.web.acts import act
from compliance.web.base import Request, found, guarded, page_of
from compliance.web.exports import Column, exported, table_of, wanted
from compliance.web.risk_forms import words_of
from compliance.web.risks import agreement_tabs


def _kinds(closing: Closing) -> str:
    return "; ".join(dict.fromkeys(str(label(ClosingBasis(one["kind"]))) for one in closing.basis))


TABLE = (
    Column(gettext_lazy("remediation item"), lambda row: row.item.title if row.item else ""),
    Column(gettext_lazy("AI system"), attrgetter("system.name")),
    Column(gettext_lazy("new evidence"), _kinds),
    Column(gettext_lazy("proposed (UTC)"), attrgetter("created_at")),
    Column(gettext_lazy("asked for by"), lambda row: row.asked_by or "Assay"),
    Column(gettext_lazy("identifier"), attrgetter("uuid")),
)


@guarded(Verb.VIEW)
def closing_list(request: Request) -> HttpResponseBase:
    """Closings that await a decision, the oldest first."""
    rows = waiting_closings(request.user)
    if wanted(request):
        return exported(request, table_of("closings", _("Closings to confirm"), TABLE, rows))
    page = page_of(request, rows.prefetch_related("risks__finding"))
    for closing in page:
        closing.kinds = _kinds(closing)  # type: ignore[attr-defined]  # for this page alone
    context = {
        "page": page,
        "total": rows.count(),
        "tabs": agreement_tabs("closing-list"),
        "columns": [
            {"label": _("Work or risk")},
            {"label": _("New evidence")},
            {"label": _("Proposed")},
            {"label": _("Asked for by")},
        ],
    }
    return render(request, "compliance/closing_list.html", context)


@guarded(Verb.VIEW)
def closing_detail(request: Request, uuid: UUID) -> HttpResponse:
    """One closing: on what it rests, and who may decide."""
    closing, user = found(request, CLOSINGS, uuid), request.user
    is_open = closing.state == ClosingState.PROPOSED
    has_worked = is_open and worked(closing, user)
    may_decide = is_open and may(user, Verb.CONFIRM_CLOSING)
    findings = closing.risks.select_related("finding__target")
    context = {
        "closing": closing,
        "basis": basis_lines(closing, user),
        "risks": findings,
        "worked": has_worked,
        "may_confirm": may_decide and not has_worked,
        "may_return": may_decide,
        "trail": [{"label": _("Closings to confirm"), "url": reverse("closing-list")}, {"label": _("Closing")}],
    }
    return render(request, "compliance/closing_detail.html", context)


def _back(closing: Closing) -> str:
    return reverse("closing-detail", args=[closing.uuid])


@guarded(Verb.CONFIRM_CLOSING, methods=("POST",))
def closing_confirm(request: Request, uuid: UUID) -> HttpResponse:
    """Close on the evidence named."""
    closing, words = found(request, CLOSINGS, uuid), words_of(request.POST)
    return act(
        request,
        lambda: closings.confirm(closing=closing, words=words, actor=request.user),
        done=_("Closed with new evidence."),
        back=_back(closing),
    )


@guarded(Verb.CONFIRM_CLOSING, methods=("POST",))
def closing_return(request: Request, uuid: UUID) -> HttpResponse:
    """Not yet, with the reason."""
    closing, words = found(request, CLOSINGS, uuid), words_of(request.POST)
    return act(
        request,
        lambda: closings.give_back(closing=closing, words=words, actor=request.user),
        done=_("The closing is returned with your reason."),
        back=_back(closing),
    )


@guarded(Verb.WORK_REMEDIATION, methods=("POST",))
def closing_ask(request: Request, uuid: UUID) -> HttpResponse:
    """Ask for an item to be closed on the new evidence there is."""
    item = found(request, RemediationItem.objects.select_related("system"), uuid)
    return act(
        request,
        lambda: closings.ask(item=item, actor=request.user),
        done=_("The closing waits for confirmation by somebody who did not do the work."),
        back=reverse("remediation-item", args=[item.uuid]),
    )


_ONE = "closings/<uuid:uuid>/"
urls = [
    path("closings/", closing_list, name="closing-list"),
    path(_ONE, closing_detail, name="closing-detail"),
    path(f"{_ONE}confirm/", closing_confirm, name="closing-confirm"),
    path(f"{_ONE}return/", closing_return, name="closing-return"),
    path("remediation/<uuid:uuid>/closing/", closing_ask, name="closing-ask"),
]
