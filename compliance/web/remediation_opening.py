"""Opening remediation: for a finding, a gap of a control, a response to an auditor's finding, or from the playbook."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from operator import attrgetter
from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from compliance.models import (
    AISystem,
    AuditFinding,
    ControlTest,
    Finding,
    ImplementedControl,
    RemediationItem,
    StatementLine,
)
from compliance.rights import Verb, may, visible
from compliance.selectors.estimate_claim import claim_page
from compliance.selectors.playbook import Suggestion, programme, suggestion
from compliance.services import audit_findings, playbooks, remediation
from compliance.services.errors import RefusedError
from compliance.services.remediation import ItemPlan, Origin
from compliance.types.plans import ItemSource
from compliance.web.base import PER_PAGE, Request, found, guarded, say, uuid_of
from compliance.web.exports import Column, exported, table_of, wanted
from compliance.web.playbook_forms import OpeningForm, PlaybookForm
from compliance.web.remediation_forms import MOST_MILESTONES, MilestoneForms, RemediationForm, drafts_of

DAYS_A_PERSON_DAY_TAKES = 3  # for a first guess of dates; nobody works on one thing alone
Open = Callable[[ItemPlan], RemediationItem]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """What an item is opened for: its system, its words on the page, where they lead, and the verb that opens it."""

    system: AISystem
    title: str
    url: str
    initial: dict[str, Any]
    open: Open


def _of_finding(request: Request, finding: Finding) -> Reason:
    return Reason(
        system=finding.system,
        title=finding.title,
        url=reverse("finding-detail", args=[finding.uuid]),
        initial={"title": (_("Resolve: %s") % finding.title)[:300]},
        open=lambda plan: remediation.open_item(origin=Origin.of_finding(finding), plan=plan, actor=request.user),
    )


def _of_control(request: Request, control: ImplementedControl) -> Reason:
    origin = Origin(system=control.system, source=ItemSource.CONTROL_GAP, control=control)
    return _of_gap(request, origin, str(control), reverse("control-detail", args=[control.uuid]))


def _of_test(request: Request, test: ControlTest) -> Reason:
    control = test.control
    origin = Origin(system=control.system, source=ItemSource.CONTROL_GAP, control=control, control_test=test)
    return _of_gap(request, origin, str(test), reverse("control-test-detail", args=[test.uuid]))


def _of_line(request: Request, line: StatementLine) -> Reason:
    if line.system is None:
        raise Http404  # of the whole organisation: items belong to AI systems
    origin = Origin(system=line.system, source=ItemSource.CONTROL_GAP, statement_line=line)
    url = f"{reverse('statement-detail', args=[line.framework.key])}?system={line.system.uuid}"
    return _of_gap(request, origin, str(line), url)


def _of_gap(request: Request, origin: Origin, title: str, url: str) -> Reason:
    return Reason(
        system=origin.system,
        title=title,
        url=url,
        initial={"title": (_("Close the gap: %s") % title)[:300]},
        open=lambda plan: remediation.open_item(origin=origin, plan=plan, actor=request.user),
    )


def _of_response(request: Request, row: AuditFinding) -> Reason:
    return Reason(
        system=row.test.control.system,
        title=row.title,
        url=reverse("audit-finding-detail", args=[row.uuid]),
        initial={
            "title": row.action.splitlines()[0][:300] if row.action else "",
            "description": row.action,
            "owner": row.action_owner.uuid if row.action_owner else None,
            "due_on": row.action_due_on,
        },
        open=lambda plan: audit_findings.open_item(audit_finding=row, plan=plan, actor=request.user),
    )


_KINDS: dict[str, tuple[QuerySet[Any], Callable[[Request, Any], Reason]]] = {
    "control": (ImplementedControl.objects.select_related("system"), _of_control),
    "test": (ControlTest.objects.select_related("control__system", "engagement"), _of_test),
    "line": (StatementLine.objects.select_related("system", "framework"), _of_line),
    "response": (
        AuditFinding.objects.select_related("test__control__system", "action_owner", "finding", "item"),
        _of_response,
    ),
}


@guarded(Verb.OPEN_REMEDIATION, methods=("GET", "HEAD", "POST"))
def remediation_open(request: Request, uuid: UUID) -> HttpResponse:
    """Open an item for a finding; `?playbook=1` fills in the catalogue's plan."""
    finding = found(request, Finding.objects.select_related("system", "target"), uuid)
    plan = suggestion(finding, most_steps=MOST_MILESTONES)
    return _page(request, _of_finding(request, finding), plan=plan, finding=finding)


@guarded(Verb.OPEN_REMEDIATION, methods=("GET", "HEAD", "POST"))
def remediation_new(request: Request) -> HttpResponse:
    """Open an item for what the address names: `?control=`, `?test=`, `?line=` or `?response=` and an identifier.

    Without a name it says where items are opened from.
    """
    for name, (rows, reason_of) in _KINDS.items():
        if name in request.GET:
            row: Model = found(request, rows, uuid_of(request.GET[name]))
            return _page(request, reason_of(request, row))
    trail = [{"label": _("Remediation"), "url": reverse("remediation-list")}, {"label": _("Open a remediation item")}]
    return render(request, "compliance/remediation_new.html", {"trail": trail})


def _planned(plan: Suggestion) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """First values of the form and of its steps: the playbook's, spread over the time until the item is due."""
    today = timezone.localdate()
    span = int(plan.estimate.likely * DAYS_A_PERSON_DAY_TAKES) or 1
    first = {
        "description": plan.description,
        "effort_low": plan.estimate.low,
        "effort_planned": plan.estimate.likely,
        "effort_high": plan.estimate.high,
        "due_on": today + timedelta(days=span),
    }
    each = span / len(plan.steps)
    steps = [
        {"title": step, "due_on": today + timedelta(days=round(each * n))} for n, step in enumerate(plan.steps, start=1)
    ]
    return first, steps


def _page(
    request: Request, reason: Reason, *, plan: Suggestion | None = None, finding: Finding | None = None
) -> HttpResponse:
    first, steps = _planned(plan) if plan and "playbook" in request.GET else ({}, [])
    data = request.POST or None
    form = RemediationForm(system=reason.system, data=data, initial=reason.initial | first)
    formset = MilestoneForms(data, initial=steps, prefix="step")
    formset.extra = MOST_MILESTONES - len(steps)
    if request.method == "POST" and form.is_valid() and formset.is_valid():
        try:
            item = reason.open(form.plan(drafts_of(formset)))
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, _("The remediation item is open."))
            return redirect("remediation-item", item.uuid)
    trail = [
        {"label": _("Remediation"), "url": reverse("remediation-list")},
        {"label": reason.title, "url": reason.url},
        {"label": _("Open a remediation item")},
    ]
    context = {"reason": reason, "finding": finding, "form": form, "formset": formset, "plan": plan, "trail": trail}
    return render(request, "compliance/remediation_open.html", context)


# From the playbook --------------------------------------------------------------------------------------------------


@guarded(Verb.OPEN_REMEDIATION, methods=("GET", "HEAD", "POST"))
def playbook_open(request: Request, uuid: UUID) -> HttpResponse:
    """Open items of an AI system from the tasks of the playbook that build its controls."""
    system = found(request, AISystem.objects.all(), uuid)
    shipped = programme()
    form = PlaybookForm(system=system, tasks=shipped.tasks if shipped else (), data=request.POST or None)
    if request.method == "POST" and shipped and form.is_valid():
        given = form.cleaned_data
        tasks = [task for key in given["tasks"] if (task := shipped.task(key))]
        try:
            items = playbooks.open_tasks(
                system=system, tasks=tasks, owner=given["owner"], team=given["team"], due_on=given["due_on"],
                actor=request.user,
            )  # fmt: skip
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            words = ngettext("%d remediation item is open.", "%d remediation items are open.", len(items))
            say(request, words % len(items))
            return redirect(f"{reverse('remediation-list')}?system={system.uuid}")
    context = {
        "system": system,
        "programme": shipped,
        "form": form,
        "columns": _task_columns(),
        "trail": [
            {"label": _("Remediation"), "url": reverse("remediation-list")},
            {"label": _("The playbook"), "url": reverse("playbook")},
            {"label": system.name},
        ],
    }
    return render(request, "compliance/playbook_open.html", context)


def _task_columns() -> list[dict[str, object]]:
    figures = (_("Low"), _("Likely"), _("High"))
    return [{"label": _("Task")}, {"label": _("Role")}, *({"label": label, "numeric": True} for label in figures)]


ESTIMATE_COLUMNS = (
    Column(gettext_lazy("AI system"), attrgetter("name")),
    Column(gettext_lazy("what it says"), attrgetter("words")),
    Column(gettext_lazy("tasks opened"), attrgetter("elapsed.begun")),
    Column(gettext_lazy("tasks finished"), attrgetter("elapsed.finished")),
    Column(gettext_lazy("items"), attrgetter("elapsed.items")),
    Column(gettext_lazy("items with an approved baseline"), attrgetter("elapsed.baselines")),
    Column(gettext_lazy("weeks planned"), attrgetter("elapsed.weeks_planned")),
    Column(gettext_lazy("weeks taken"), attrgetter("elapsed.weeks_taken")),
    Column(gettext_lazy("weeks so far"), attrgetter("elapsed.weeks_so_far")),
    Column(gettext_lazy("planned person-days"), attrgetter("elapsed.planned")),
    Column(gettext_lazy("spent person-days"), attrgetter("elapsed.spent")),
    Column(gettext_lazy("identifier"), attrgetter("uuid")),
)


@guarded(Verb.VIEW)
def playbook_page(request: Request) -> HttpResponseBase:
    """The tasks that build controls, with their estimates and steps; the told weeks beside those on record."""
    form = OpeningForm(asker=request.user, data=request.GET if "system" in request.GET else None)
    if form.is_valid():
        return redirect("playbook-open", form.cleaned_data["system"].uuid)
    page = claim_page(visible(RemediationItem.objects.all(), request.user), today=timezone.localdate())
    lines = page.systems if page else ()
    if wanted(request):
        return exported(
            request, table_of("playbook-estimate", _("The told estimate beside the record"), ESTIMATE_COLUMNS, lines)
        )
    context = {
        "programme": programme(),
        "estimate": page,
        "lines": Paginator(lines, PER_PAGE).get_page(request.GET.get("page")),
        "estimate_columns": _estimate_columns(),
        "form": form if may(request.user, Verb.OPEN_REMEDIATION) else None,
        "columns": _task_columns(),
        "trail": [{"label": _("Remediation"), "url": reverse("remediation-list")}, {"label": _("The playbook")}],
    }
    return render(request, "compliance/playbook.html", context)


def _estimate_columns() -> list[dict[str, object]]:
    figures = (_("Weeks planned"), _("Weeks"), _("Person-days planned"), _("Spent"))
    heads: list[dict[str, object]] = [
        {"label": head} for head in (_("AI system"), _("What it says"), _("Tasks finished"))
    ]
    return [*heads, *({"label": figure, "numeric": True} for figure in figures)]


urls = [
    path("findings/<uuid:uuid>/remediation/new/", remediation_open, name="remediation-open"),
    path("remediation/new/", remediation_new, name="remediation-new"),
    path("remediation/playbook/", playbook_page, name="playbook"),
    path("systems/<uuid:uuid>/playbook/", playbook_open, name="playbook-open"),
]
