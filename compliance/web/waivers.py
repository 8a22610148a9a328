"""Waivers of scanner rules: asked for, decided, ended; each with what it sets aside."""

from __future__ import annotations

from operator import attrgetter
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.choices import label
from compliance.models import Finding, Observation, Waiver
from compliance.rights import Verb, may, visible
from compliance.selectors.risk_pages import WAIVERS, in_state
from compliance.services import waivers
from compliance.services.errors import RefusedError
from compliance.types.risk_life import AgreementState
from compliance.web.acts import act
from compliance.web.base import Request, found, guarded, page_of, say, uuid_of
from compliance.web.exports import Column, exported, table_of, wanted
from compliance.web.risk_forms import ALL_STATES, AgreementFilterForm, WaiverForm, waiver_about, words_of
from compliance.web.risks import agreement_tabs

TABLE = (
    Column(gettext_lazy("scanner"), attrgetter("producer")),
    Column(gettext_lazy("rule"), attrgetter("rule")),
    Column(gettext_lazy("assets"), attrgetter("assets")),
    Column(gettext_lazy("AI system"), attrgetter("system.name")),
    Column(gettext_lazy("state"), lambda row: label(row.state_now)),
    Column(gettext_lazy("reason"), attrgetter("reason")),
    Column(gettext_lazy("last day"), attrgetter("ends_on")),
    Column(gettext_lazy("asked for by"), attrgetter("requested_by.name")),
    Column(gettext_lazy("asked for (UTC)"), attrgetter("created_at")),
    Column(gettext_lazy("decided by"), attrgetter("decided_by")),
    Column(gettext_lazy("decided (UTC)"), attrgetter("decided_at")),
    Column(gettext_lazy("note of the decision"), attrgetter("decision")),
    Column(gettext_lazy("identifier"), attrgetter("uuid")),
)


@guarded(Verb.VIEW)
def waiver_list(request: Request) -> HttpResponseBase:
    """Waivers, what ends first on top."""
    form = AgreementFilterForm(asker=request.user, data=request.GET)
    form.is_valid()
    rows = visible(WAIVERS, request.user).order_by("ends_on", "pk")
    given = form.cleaned_data
    state = given.get("state") or "living"
    shown = in_state(rows, "" if state == ALL_STATES else state)
    if given.get("system"):
        shown = shown.filter(system=given["system"])
    if wanted(request):
        return exported(request, table_of("waivers", _("Waivers of scanner rules"), TABLE, shown), form)
    context = {
        "page": page_of(request, shown),
        "total": rows.count(),
        "form": form,
        "active": state != "living" or bool(given.get("system")),
        "may_ask": may(request.user, Verb.REQUEST_ACCEPTANCE),
        "tabs": agreement_tabs("waiver-list"),
        "columns": [
            {"label": _("Rule")},
            {"label": _("Assets")},
            {"label": _("AI system")},
            {"label": _("State")},
            {"label": _("Last day")},
            {"label": _("Asked for by")},
        ],
    }
    return render(request, "compliance/waiver_list.html", context)


@guarded(Verb.REQUEST_ACCEPTANCE, methods=("GET", "HEAD", "POST"))
def waiver_new(request: Request) -> HttpResponse:
    """Ask for a rule to be set aside; `?observation=` fills in what one observation says."""
    asked = request.GET.get("observation")
    about = waiver_about(visible(Observation.objects.all(), request.user), str(uuid_of(asked)) if asked else "")
    form = WaiverForm(asker=request.user, data=request.POST or None, initial=about)
    if request.method == "POST" and form.is_valid():
        try:
            made = waivers.request(actor=request.user, **form.cleaned_data)
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, _("The request waits for a decision by somebody else."))
            return redirect("waiver-detail", made.uuid)
    trail = [{"label": _("Waivers of scanner rules"), "url": reverse("waiver-list")}, {"label": _("Ask for a waiver")}]
    return render(request, "compliance/waiver_new.html", {"form": form, "trail": trail})


@guarded(Verb.VIEW)
def waiver_detail(request: Request, uuid: UUID) -> HttpResponse:
    """One waiver: why, until when, and the findings that it sets aside."""
    waiver, user = found(request, WAIVERS, uuid), request.user
    state, is_own = waiver.state_now, waiver.requested_by_id == user.pk
    asked, may_decide = state == AgreementState.REQUESTED, may(user, Verb.DECIDE_ACCEPTANCE)
    aside = visible(Finding.objects.filter(waiver=waiver), user).select_related("target")
    context = {
        "waiver": waiver,
        "state": state,
        "is_own": is_own and asked,
        "may_decide": may_decide and asked and not is_own,
        "may_withdraw": is_own and asked and may(user, Verb.REQUEST_ACCEPTANCE),
        "may_revoke": may_decide and state == AgreementState.APPROVED,
        "page": page_of(request, aside.order_by("severity_rank", "-last_seen_at", "pk")),
        "total": aside.count(),
        "columns": [{"label": _("Finding")}, {"label": _("Severity")}, {"label": _("Last seen")}],
        "trail": [{"label": _("Waivers of scanner rules"), "url": reverse("waiver-list")}, {"label": str(waiver)}],
    }
    return render(request, "compliance/waiver_detail.html", context)


def _waiver(request: Request, uuid: UUID) -> tuple[Waiver, str]:
    waiver = found(request, WAIVERS, uuid)
    return waiver, reverse("waiver-detail", args=[waiver.uuid])


@guarded(Verb.DECIDE_ACCEPTANCE, methods=("POST",))
def waiver_approve(request: Request, uuid: UUID) -> HttpResponse:
    """Set the rule aside."""
    waiver, back = _waiver(request, uuid)
    words = words_of(request.POST)
    return act(
        request,
        lambda: waivers.approve(waiver=waiver, words=words, actor=request.user),
        done=_("The rule is set aside until the last day."),
        back=back,
    )


@guarded(Verb.DECIDE_ACCEPTANCE, methods=("POST",))
def waiver_refuse(request: Request, uuid: UUID) -> HttpResponse:
    """The rule goes on counting."""
    waiver, back = _waiver(request, uuid)
    words = words_of(request.POST)
    return act(
        request,
        lambda: waivers.refuse(waiver=waiver, words=words, actor=request.user),
        done=_("The request is refused."),
        back=back,
    )


@guarded(Verb.REQUEST_ACCEPTANCE, methods=("POST",))
def waiver_withdraw(request: Request, uuid: UUID) -> HttpResponse:
    """Take back what one asked for."""
    waiver, back = _waiver(request, uuid)
    return act(
        request,
        lambda: waivers.withdraw(waiver=waiver, actor=request.user),
        done=_("The request is withdrawn."),
        back=back,
    )


@guarded(Verb.DECIDE_ACCEPTANCE, methods=("POST",))
def waiver_revoke(request: Request, uuid: UUID) -> HttpResponse:
    """The rule counts again."""
    waiver, back = _waiver(request, uuid)
    words = words_of(request.POST)
    return act(
        request,
        lambda: waivers.revoke(waiver=waiver, words=words, actor=request.user),
        done=_("The rule counts again; what it set aside stands."),
        back=back,
    )


_ONE = "waivers/<uuid:uuid>/"
urls = [
    path("waivers/", waiver_list, name="waiver-list"),
    path("waivers/new/", waiver_new, name="waiver-new"),
    path(_ONE, waiver_detail, name="waiver-detail"),
    path(f"{_ONE}approve/", waiver_approve, name="waiver-approve"),
    path(f"{_ONE}refuse/", waiver_refuse, name="waiver-refuse"),
    path(f"{_ONE}withdraw/", waiver_withdraw, name="waiver-withdraw"),
    path(f"{_ONE}revoke/", waiver_revoke, name="waiver-revoke"),
]
