"""One remediation item: its page, moved, given to people and closed. Opening: remediation_opening; plan: remediation_plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from compliance.models import Milestone, RemediationItem, User
from compliance.rights import Verb, may
from compliance.selectors import remediation_pages as pages
from compliance.selectors.remediation_plan import plan_page
from compliance.selectors.workers import workers_on
from compliance.services import remediation
from compliance.services.errors import RefusedError
from compliance.types.states import RemediationState
from compliance.types.verdicts import Conclusion
from compliance.web import plan_columns as columns
from compliance.web.base import Request, found, guarded, refuse, say
from compliance.web.plan_forms import BaselineForm, DecisionForm, DependencyForm, NewMilestoneForm, WorkForm
from compliance.web.remediation_desk import desk_of
from compliance.web.remediation_forms import AssignForm, MoveForm
from compliance.web.tickets import TicketForm

ROWS = RemediationItem.objects.select_related(
    "system",
    "owner",
    "opened_by",
    "closing_observation",
    "team",
    "control",
    "statement_line__framework",
    "control_test",
)


@guarded(Verb.VIEW)
def remediation_item(request: Request, uuid: UUID) -> HttpResponse:
    """One item: what it mends, its steps, what happened, and what closing needs."""
    item = found(request, ROWS, uuid)
    content = pages.remediation_page(item, request.user)
    is_open = item.state != RemediationState.CLOSED
    may_lead = is_open and may(request.user, Verb.OPEN_REMEDIATION)
    people = tuple(workers_on(item.system))
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
        "plan": plan_page(item, request.user, workers=people),
        **columns.of_item(),
        **_plan_forms(request, item, people if may_lead else None),
        "assign": AssignForm(system=item.system, people=people, initial={"owner": item.owner.uuid})
        if may_lead
        else None,
        "satisfied": Conclusion.SATISFIED.value,
        **desk_of(request, item),
        "trail": [{"label": _("Remediation"), "url": reverse("remediation-list")}, {"label": item.title}],
    }
    return render(request, "compliance/remediation_item.html", context)


def _plan_forms(request: Request, item: RemediationItem, people: Sequence[User] | None) -> dict[str, object]:
    """Forms on the plan, as far as the asker may use them. people: who can be given work, for whoever leads it."""
    if item.state == RemediationState.CLOSED or not may(request.user, Verb.WORK_REMEDIATION):
        return {}
    return {
        "work": WorkForm(system=item.system, asker=request.user, leads=people is not None, people=people),
        "propose": BaselineForm(initial={"scope": item.description}) if item.baseline_id is None else None,
        "decide": DecisionForm() if may(request.user, Verb.APPROVE_BASELINE) else None,
        "depend": DependencyForm(item=item, asker=request.user) if people is not None else None,
        "step_form": NewMilestoneForm(),
    }


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
    path(_ITEM, remediation_item, name="remediation-item"),
    path(f"{_ITEM}assign/", remediation_assign, name="remediation-assign"),
    path(f"{_ITEM}milestone/", remediation_milestone, name="remediation-milestone"),
]
