"""One remediation item: opened from a finding, moved, logged and closed. Table and board: remediation_list."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from compliance.models import Finding, Milestone, RemediationItem
from compliance.rights import Verb, may
from compliance.selectors import remediation_pages as pages
from compliance.services import remediation
from compliance.services.errors import RefusedError
from compliance.types.states import RemediationState
from compliance.types.verdicts import Conclusion
from compliance.web.base import Request, found, guarded, refuse, say
from compliance.web.remediation_desk import desk_of
from compliance.web.remediation_forms import (
    MOST_MILESTONES,
    AssignForm,
    EffortForm,
    MilestoneForms,
    MoveForm,
    RemediationForm,
    drafts_of,
)
from compliance.web.tickets import TicketForm

ROWS = RemediationItem.objects.select_related("system", "owner", "opened_by", "closing_observation")
DAYS_A_PERSON_DAY_TAKES = 3  # for a first guess of dates; nobody works on one thing alone


def _initial(finding: Finding, plan: pages.Suggestion | None) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """First values of the form and of its steps: the playbook's, spread over the time until the item is due."""
    title = _("Resolve: %s") % finding.title
    if plan is None:
        return {"title": title[:300]}, []
    today = timezone.localdate()
    span = int(plan.person_days * DAYS_A_PERSON_DAY_TAKES) or 1
    first = {
        "title": title[:300],
        "description": plan.description,
        "effort_planned": plan.person_days,
        "due_on": today + timedelta(days=span),
    }
    each = span / len(plan.steps)
    steps = [
        {"title": step, "due_on": today + timedelta(days=round(each * n))} for n, step in enumerate(plan.steps, start=1)
    ]
    return first, steps


@guarded(Verb.OPEN_REMEDIATION, methods=("GET", "HEAD", "POST"))
def remediation_open(request: Request, uuid: UUID) -> HttpResponse:
    """Open an item for a finding; `?playbook=1` fills in the catalogue's plan."""
    finding = found(request, Finding.objects.select_related("system", "target"), uuid)
    plan = pages.suggestion(finding, most_steps=MOST_MILESTONES)
    initial, steps = _initial(finding, plan if "playbook" in request.GET else None)
    data = request.POST or None
    form = RemediationForm(system=finding.system, data=data, initial=initial)
    formset = MilestoneForms(data, initial=steps, prefix="step")
    formset.extra = MOST_MILESTONES - len(steps)
    if request.method == "POST" and form.is_valid() and formset.is_valid():
        try:
            item = remediation.open_item(
                finding=finding, milestones=drafts_of(formset), actor=request.user, **form.cleaned_data
            )
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, _("The remediation item is open."))
            return redirect("remediation-item", item.uuid)
    trail = [
        {"label": _("Findings"), "url": reverse("finding-list")},
        {"label": finding.title, "url": reverse("finding-detail", args=[finding.uuid])},
        {"label": _("Open a remediation item")},
    ]
    context = {"finding": finding, "form": form, "formset": formset, "plan": plan, "trail": trail}
    return render(request, "compliance/remediation_open.html", context)


@guarded(Verb.VIEW)
def remediation_item(request: Request, uuid: UUID) -> HttpResponse:
    """One item: what it mends, its steps, what happened, and what closing needs."""
    item = found(request, ROWS, uuid)
    content = pages.remediation_page(item, request.user)
    is_open = item.state != RemediationState.CLOSED
    may_lead = is_open and may(request.user, Verb.OPEN_REMEDIATION)
    context = {
        "item": item,
        "content": content,
        "is_open": is_open,
        "is_late": is_open and item.due_on < timezone.localdate(),
        "may_work": is_open and may(request.user, Verb.WORK_REMEDIATION),
        "may_lead": may_lead,
        "may_scan": may(request.user, Verb.START_SCAN),
        "ticket": TicketForm(initial={"ticket_key": item.ticket_key, "ticket_url": item.ticket_url}),
        "move": MoveForm(initial={"state": item.state}),
        "effort": EffortForm(),
        "assign": AssignForm(system=item.system, initial={"owner": item.owner.uuid}) if may_lead else None,
        "satisfied": Conclusion.SATISFIED.value,
        **desk_of(request, item),
        "trail": [{"label": _("Remediation"), "url": reverse("remediation-list")}, {"label": item.title}],
    }
    return render(request, "compliance/remediation_item.html", context)


def _back(request: Request, item: RemediationItem) -> HttpResponse:
    wanted = request.POST.get("next", "")
    if wanted and url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}):
        return redirect(wanted)
    return redirect("remediation-item", item.uuid)


def _act(request: Request, item: RemediationItem, verb: Callable[[], object], done: str) -> HttpResponse:
    try:
        verb()
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, done)
    return _back(request, item)


@guarded(Verb.WORK_REMEDIATION, methods=("POST",))
def remediation_effort(request: Request, uuid: UUID) -> HttpResponse:
    """Log person-days."""
    item = found(request, ROWS, uuid)
    form = EffortForm(request.POST)
    if not form.is_valid():
        refuse(request, RefusedError(_("Effort is a number of person-days above zero, such as 0.5.")))
        return _back(request, item)
    days: Decimal = form.cleaned_data["person_days"]
    return _act(
        request,
        item,
        lambda: remediation.log_effort(item=item, person_days=days, actor=request.user),
        _("The effort is logged."),
    )


@guarded(Verb.OPEN_REMEDIATION, methods=("POST",))
def remediation_assign(request: Request, uuid: UUID) -> HttpResponse:
    """Give it to another person."""
    item = found(request, ROWS, uuid)
    form = AssignForm(system=item.system, data=request.POST)
    if not form.is_valid():
        refuse(request, RefusedError(_("Choose somebody who works on this AI system.")))
        return _back(request, item)
    owner = form.cleaned_data["owner"]
    return _act(
        request,
        item,
        lambda: remediation.assign(item=item, owner=owner, actor=request.user),
        _("%s owns it now.") % owner.name,
    )


@guarded(Verb.WORK_REMEDIATION, methods=("POST",))
def remediation_milestone(request: Request, uuid: UUID) -> HttpResponse:
    """Mark one step done."""
    item = found(request, ROWS, uuid)
    try:
        asked = UUID(request.POST.get("milestone", ""))
    except ValueError as error:
        raise Http404 from error
    milestone = found(request, Milestone.objects.select_related("item__system").filter(item=item), asked)
    return _act(
        request,
        item,
        lambda: remediation.complete_milestone(milestone=milestone, actor=request.user),
        _("The milestone is reached."),
    )


_ITEM = "remediation/<uuid:uuid>/"
urls = [
    path("findings/<uuid:uuid>/remediation/new/", remediation_open, name="remediation-open"),
    path(_ITEM, remediation_item, name="remediation-item"),
    path(f"{_ITEM}effort/", remediation_effort, name="remediation-effort"),
    path(f"{_ITEM}assign/", remediation_assign, name="remediation-assign"),
    path(f"{_ITEM}milestone/", remediation_milestone, name="remediation-milestone"),
]
