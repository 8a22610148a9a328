"""What people do to the risk of a finding, and acceptances of risks: asked for, decided, reviewed, ended."""

from __future__ import annotations

from operator import attrgetter
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.choices import label
from compliance.models import Finding, Risk, RiskAcceptance, RiskMove
from compliance.rights import Verb, may, visible
from compliance.selectors.risk_pages import ACCEPTANCES, in_state
from compliance.services import priorities, risk_acceptances, risks
from compliance.services.errors import RefusedError
from compliance.types.risk_life import AgreementState
from compliance.types.risk_priority import Priority
from compliance.types.states import Severity
from compliance.web.acts import act
from compliance.web.base import Request, found, guarded, page_of, refuse, say
from compliance.web.exports import Column, exported, table_of, wanted
from compliance.web.risk_forms import (
    ALL_STATES,
    AcceptanceForm,
    AgreementFilterForm,
    PriorityForm,
    ReviewForm,
    SeverityForm,
    words_of,
)

FINDINGS = Finding.objects.select_related("system", "target")
RISKS = Risk.objects.select_related("finding__system")
TABLE = (
    Column(gettext_lazy("finding"), attrgetter("risk.finding.title")),
    Column(gettext_lazy("AI system"), attrgetter("risk.finding.system.name")),
    Column(gettext_lazy("severity"), lambda row: row.risk.finding.get_severity_display()),
    Column(gettext_lazy("state"), lambda row: label(row.state_now)),
    Column(gettext_lazy("rationale"), attrgetter("reason")),
    Column(
        gettext_lazy("controls that compensate"), lambda row: ", ".join(one.control_id for one in row.controls.all())
    ),
    Column(gettext_lazy("how they compensate"), attrgetter("compensation")),
    Column(gettext_lazy("last day"), attrgetter("ends_on")),
    Column(gettext_lazy("review on"), attrgetter("review_on")),
    Column(gettext_lazy("last reviewed (UTC)"), attrgetter("reviewed_at")),
    Column(gettext_lazy("asked for by"), attrgetter("requested_by.name")),
    Column(gettext_lazy("asked for (UTC)"), attrgetter("created_at")),
    Column(gettext_lazy("decided by"), attrgetter("decided_by")),
    Column(gettext_lazy("decided (UTC)"), attrgetter("decided_at")),
    Column(gettext_lazy("note of the decision"), attrgetter("decision")),
    Column(gettext_lazy("identifier"), attrgetter("uuid")),
)


def agreement_tabs(here: str) -> list[dict[str, object]]:
    """Acceptances, waivers, and closings that await a decision."""
    pages = (
        ("acceptance-list", _("Risk acceptances")),
        ("waiver-list", _("Waivers of scanner rules")),
        ("closing-list", _("Closings to confirm")),
    )
    return [{"label": words, "url": reverse(name), "active": name == here} for name, words in pages]


def _finding_url(finding: Finding) -> str:
    return reverse("finding-detail", args=[finding.uuid])


# Acts on the risk of a finding ----------------------------------------------------------------------------------------


@guarded(Verb.WORK_REMEDIATION, methods=("POST",))
def risk_investigate(request: Request, uuid: UUID) -> HttpResponse:
    """Somebody looks into it."""
    finding = found(request, FINDINGS, uuid)
    done = _("The risk is under investigation.")
    return act(
        request,
        lambda: risks.investigate(finding=finding, actor=request.user),
        done=done,
        back=_finding_url(finding),
    )


def _risk_of(request: Request, uuid: UUID) -> Risk:
    finding = found(request, FINDINGS, uuid)
    risk = visible(RISKS.filter(finding=finding), request.user).first()
    if risk is None:
        raise RefusedError(_("The finding carries no risk yet."))
    return risk


@guarded(Verb.WORK_REMEDIATION, methods=("POST",))
def risk_put_back(request: Request, uuid: UUID) -> HttpResponse:
    """Nobody looks into it any longer."""
    finding, words = found(request, FINDINGS, uuid), words_of(request.POST)
    return act(
        request,
        lambda: risks.put_back(risk=_risk_of(request, uuid), words=words, actor=request.user),
        done=_("The risk is open again."),
        back=_finding_url(finding),
    )


@guarded(Verb.OPEN_REMEDIATION, methods=("POST",))
def risk_reopen(request: Request, uuid: UUID) -> HttpResponse:
    """A closed risk is open again, for a stated reason."""
    finding, words = found(request, FINDINGS, uuid), words_of(request.POST)
    return act(
        request,
        lambda: risks.reopen(risk=_risk_of(request, uuid), words=words, actor=request.user),
        done=_("The risk is open again."),
        back=_finding_url(finding),
    )


@guarded(Verb.SET_PRIORITY, methods=("POST",))
def finding_priority(request: Request, uuid: UUID) -> HttpResponse:
    """A person's priority, or back to the rule."""
    finding, form = found(request, FINDINGS, uuid), PriorityForm(request.POST)
    if not form.is_valid():
        refuse(request, RefusedError(_("Choose a priority and say why.")))
        return redirect(_finding_url(finding))
    asked, words = form.cleaned_data["priority"], form.cleaned_data["words"]
    priority = Priority(asked) if asked else None
    return act(
        request,
        lambda: priorities.set_by_hand(finding=finding, priority=priority, words=words, actor=request.user),
        done=_("The priority is set."),
        back=_finding_url(finding),
    )


@guarded(Verb.SET_PRIORITY, methods=("POST",))
def finding_severity(request: Request, uuid: UUID) -> HttpResponse:
    """A person's severity, or back to what reports state."""
    finding, form = found(request, FINDINGS, uuid), SeverityForm(request.POST)
    if not form.is_valid():
        refuse(request, RefusedError(_("Choose a severity and say why.")))
        return redirect(_finding_url(finding))
    asked, words = form.cleaned_data["severity"], form.cleaned_data["words"]
    severity = Severity(asked) if asked else None
    return act(
        request,
        lambda: priorities.grade_by_hand(finding=finding, severity=severity, words=words, actor=request.user),
        done=_("The severity is set."),
        back=_finding_url(finding),
    )


# Acceptances ----------------------------------------------------------------------------------------------------------


@guarded(Verb.VIEW)
def acceptance_list(request: Request) -> HttpResponseBase:
    """Acceptances, what ends first on top."""
    form = AgreementFilterForm(asker=request.user, data=request.GET)
    form.is_valid()
    rows = visible(ACCEPTANCES, request.user).order_by("ends_on", "pk")
    given = form.cleaned_data
    state = given.get("state") or "living"
    shown = in_state(rows, "" if state == ALL_STATES else state)
    if given.get("system"):
        shown = shown.filter(risk__finding__system=given["system"])
    if wanted(request):
        listed = shown.prefetch_related("controls")
        return exported(request, table_of("risk-acceptances", _("Risk acceptances"), TABLE, listed), form)
    context = {
        "page": page_of(request, shown),
        "total": rows.count(),
        "form": form,
        "active": state != "living" or bool(given.get("system")),
        "tabs": agreement_tabs("acceptance-list"),
        "columns": [
            {"label": _("Finding")},
            {"label": _("Severity")},
            {"label": _("State")},
            {"label": _("Last day")},
            {"label": _("Review on")},
            {"label": _("Asked for by")},
        ],
    }
    return render(request, "compliance/acceptance_list.html", context)


@guarded(Verb.REQUEST_ACCEPTANCE, methods=("GET", "HEAD", "POST"))
def acceptance_new(request: Request, uuid: UUID) -> HttpResponse:
    """Ask to live with the risk of a finding until a day."""
    finding = found(request, FINDINGS, uuid)
    form = AcceptanceForm(asker=request.user, system=finding.system, data=request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            made = risk_acceptances.request(finding=finding, draft=form.draft, actor=request.user)
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, _("The request waits for a decision by somebody else."))
            return redirect("acceptance-detail", made.uuid)
    trail = [
        {"label": _("Findings"), "url": reverse("finding-list")},
        {"label": finding.title, "url": _finding_url(finding)},
        {"label": _("Ask for acceptance")},
    ]
    return render(request, "compliance/acceptance_new.html", {"finding": finding, "form": form, "trail": trail})


@guarded(Verb.VIEW)
def acceptance_detail(request: Request, uuid: UUID) -> HttpResponse:
    """One acceptance: what was agreed, by whom, and what may be done."""
    acceptance = found(request, ACCEPTANCES.prefetch_related("controls"), uuid)
    state, user = acceptance.state_now, request.user
    is_own = acceptance.requested_by_id == user.pk
    may_decide = may(user, Verb.DECIDE_ACCEPTANCE)
    asked, in_force = state == AgreementState.REQUESTED, state == AgreementState.APPROVED
    moves = visible(RiskMove.objects.filter(acceptance=acceptance), user).select_related("made_by")
    context = {
        "acceptance": acceptance,
        "finding": acceptance.risk.finding,
        "state": state,
        "is_own": is_own and asked,
        "may_decide": may_decide and asked and not is_own,
        "may_withdraw": is_own and asked and may(user, Verb.REQUEST_ACCEPTANCE),
        "may_revoke": may_decide and in_force,
        "review": ReviewForm() if may_decide and in_force and not is_own else None,
        "moves": moves.order_by("created_at", "pk"),
        "trail": [{"label": _("Risk acceptances"), "url": reverse("acceptance-list")}, {"label": _("Acceptance")}],
    }
    return render(request, "compliance/acceptance_detail.html", context)


def _acceptance(request: Request, uuid: UUID) -> tuple[RiskAcceptance, str]:
    acceptance = found(request, ACCEPTANCES, uuid)
    return acceptance, reverse("acceptance-detail", args=[acceptance.uuid])


@guarded(Verb.DECIDE_ACCEPTANCE, methods=("POST",))
def acceptance_approve(request: Request, uuid: UUID) -> HttpResponse:
    """Live with it until the last day."""
    acceptance, back = _acceptance(request, uuid)
    words = words_of(request.POST)
    return act(
        request,
        lambda: risk_acceptances.approve(acceptance=acceptance, words=words, actor=request.user),
        done=_("The risk is accepted until its last day."),
        back=back,
    )


@guarded(Verb.DECIDE_ACCEPTANCE, methods=("POST",))
def acceptance_refuse(request: Request, uuid: UUID) -> HttpResponse:
    """Not to be lived with."""
    acceptance, back = _acceptance(request, uuid)
    words = words_of(request.POST)
    return act(
        request,
        lambda: risk_acceptances.refuse(acceptance=acceptance, words=words, actor=request.user),
        done=_("The request is refused; the risk is open."),
        back=back,
    )


@guarded(Verb.REQUEST_ACCEPTANCE, methods=("POST",))
def acceptance_withdraw(request: Request, uuid: UUID) -> HttpResponse:
    """Take back what one asked for."""
    acceptance, back = _acceptance(request, uuid)
    return act(
        request,
        lambda: risk_acceptances.withdraw(acceptance=acceptance, actor=request.user),
        done=_("The request is withdrawn; the risk is open."),
        back=back,
    )


@guarded(Verb.DECIDE_ACCEPTANCE, methods=("POST",))
def acceptance_review(request: Request, uuid: UUID) -> HttpResponse:
    """Looked at again, and still agreed to."""
    acceptance, back = _acceptance(request, uuid)
    form = ReviewForm(request.POST)
    if not form.is_valid():
        refuse(request, RefusedError(_("Say what was looked at, and on which day the next review is.")))
        return redirect(back)
    given = form.cleaned_data
    return act(
        request,
        lambda: risk_acceptances.review(acceptance=acceptance, actor=request.user, **given),
        done=_("The review is on record."),
        back=back,
    )


@guarded(Verb.DECIDE_ACCEPTANCE, methods=("POST",))
def acceptance_revoke(request: Request, uuid: UUID) -> HttpResponse:
    """No longer to be lived with."""
    acceptance, back = _acceptance(request, uuid)
    words = words_of(request.POST)
    return act(
        request,
        lambda: risk_acceptances.revoke(acceptance=acceptance, words=words, actor=request.user),
        done=_("The acceptance is revoked; the risk is open again."),
        back=back,
    )


_FINDING, _ONE = "findings/<uuid:uuid>/", "acceptances/<uuid:uuid>/"
urls = [
    path(f"{_FINDING}investigate/", risk_investigate, name="risk-investigate"),
    path(f"{_FINDING}put-back/", risk_put_back, name="risk-put-back"),
    path(f"{_FINDING}reopen/", risk_reopen, name="risk-reopen"),
    path(f"{_FINDING}priority/", finding_priority, name="finding-priority"),
    path(f"{_FINDING}severity/", finding_severity, name="finding-severity"),
    path(f"{_FINDING}acceptance/new/", acceptance_new, name="acceptance-new"),
    path("acceptances/", acceptance_list, name="acceptance-list"),
    path(_ONE, acceptance_detail, name="acceptance-detail"),
    path(f"{_ONE}approve/", acceptance_approve, name="acceptance-approve"),
    path(f"{_ONE}refuse/", acceptance_refuse, name="acceptance-refuse"),
    path(f"{_ONE}withdraw/", acceptance_withdraw, name="acceptance-withdraw"),
    path(f"{_ONE}review/", acceptance_review, name="acceptance-review"),
    path(f"{_ONE}revoke/", acceptance_revoke, name="acceptance-revoke"),
]
