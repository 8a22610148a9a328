"""The plan of a remediation item: estimate and dates, baseline, work log, steps, and what it waits for."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.models import Baseline, ItemDependency, RemediationItem, WorkEntry
from compliance.rights import Verb, may
from compliance.selectors import remediation_plan as pages
from compliance.services import baselines, dependencies, plans, remediation, work_log
from compliance.services.errors import ConflictError, RefusedError
from compliance.services.remediation import MilestoneDraft
from compliance.web import plan_columns as columns
from compliance.web.base import Request, found, guarded, page_of, refuse, say
from compliance.web.exports import Column, exported, table_of, wanted
from compliance.web.plan_forms import (
    BaselineForm,
    DecisionForm,
    DependencyForm,
    NewMilestoneForm,
    PlanForm,
    ReviseForm,
    WorkForm,
)

ROWS = RemediationItem.objects.select_related("system", "owner", "team")
WORK_COLUMNS = (
    Column(gettext_lazy("day"), attrgetter("day")),
    Column(gettext_lazy("person"), attrgetter("person.name")),
    Column(gettext_lazy("role"), attrgetter("work_role")),
    Column(gettext_lazy("amount"), attrgetter("amount")),
    Column(gettext_lazy("unit"), lambda row: row.get_unit_display()),
    Column(gettext_lazy("person-days"), attrgetter("person_days")),
    Column(gettext_lazy("what was done"), attrgetter("what")),
    Column(gettext_lazy("remaining then, person-days"), attrgetter("remaining_after")),
    Column(gettext_lazy("takes back"), lambda row: str(row.reverses.uuid) if row.reverses else ""),
    Column(gettext_lazy("logged by"), attrgetter("made_by.name")),
    Column(gettext_lazy("logged at (UTC)"), attrgetter("created_at")),
    Column(gettext_lazy("identifier"), attrgetter("uuid")),
)


def _trail(item: RemediationItem, here: str) -> list[dict[str, str]]:
    return [
        {"label": _("Remediation"), "url": reverse("remediation-list")},
        {"label": item.title, "url": reverse("remediation-item", args=[item.uuid])},
        {"label": here},
    ]


# Plan and words: pages of their own, because two people may write at the same time ----------------------------------


def _edit(
    request: Request,
    item: RemediationItem,
    form: forms.Form,
    again: Callable[[Any], forms.Form],
    write: Callable[[], object],
    words: tuple[str, str],
) -> HttpResponse:
    """Show the form, or write it; where somebody else wrote meanwhile, both are shown and nothing is lost."""
    title, done = words
    conflict = None
    if request.method == "POST" and form.is_valid():
        try:
            write()
        except ConflictError as error:
            conflict = error
            sent = request.POST.copy()
            sent["version"] = str(error.version)
            form = again(sent)
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, done)
            return redirect("remediation-item", item.uuid)
    context = {
        "item": item,
        "form": form,
        "title": title,
        "conflict": conflict,
        "both": _both(conflict, form) if conflict else (),
        "both_columns": columns.of_conflict(),
        "trail": _trail(item, title),
    }
    return render(request, "compliance/remediation_edit.html", context, status=409 if conflict else 200)


def _both(conflict: ConflictError, form: forms.Form) -> list[dict[str, object]]:
    """The fields that differ, by their labels."""
    fields = form.fields
    return [
        {
            "label": fields[name].label if name in fields else name,
            "saved": conflict.saved.get(name, ""),
            "sent": conflict.sent[name],
        }
        for name in conflict.differing
    ]


@guarded(Verb.WORK_REMEDIATION, methods=("GET", "HEAD", "POST"))
def remediation_replan(request: Request, uuid: UUID) -> HttpResponse:
    """Another estimate, remaining effort or due date, with the reason."""
    item = found(request, ROWS, uuid)
    form = PlanForm(request.POST or None, initial=PlanForm.initial_of(item))
    return _edit(
        request,
        item,
        form,
        PlanForm,
        lambda: plans.update(
            item=item, change=form.change, expected_version=form.cleaned_data["version"], actor=request.user
        ),
        (_("Update the plan"), _("The plan is updated; the words before it are kept.")),
    )


@guarded(Verb.OPEN_REMEDIATION, methods=("GET", "HEAD", "POST"))
def remediation_revise(request: Request, uuid: UUID) -> HttpResponse:
    """Other words, team or role."""
    item = found(request, ROWS, uuid)
    form = ReviseForm(request.POST or None, initial=ReviseForm.initial_of(item))
    return _edit(
        request,
        item,
        form,
        ReviseForm,
        lambda: remediation.revise(
            item=item, words=form.words, expected_version=form.cleaned_data["version"], actor=request.user
        ),
        (_("Change the item"), _("The item is changed.")),
    )


# Acts on the item's page --------------------------------------------------------------------------------------------


def _act(
    request: Request, item: RemediationItem, form: forms.Form, verb: Callable[[], object], words: tuple[str, str]
) -> HttpResponse:
    """One act; words: what is said of a form that does not hold, and of what was done."""
    wrong, done = words
    try:
        if not form.is_valid():
            told = [str(error) for errors in form.errors.values() for error in errors]
            raise RefusedError(f"{wrong} {' '.join(told)}".strip())
        verb()
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, done)
    return redirect("remediation-item", item.uuid)


@guarded(Verb.WORK_REMEDIATION, methods=("POST",))
def remediation_baseline(request: Request, uuid: UUID) -> HttpResponse:
    """Propose the plan as it stands as baseline."""
    item, form = found(request, ROWS, uuid), BaselineForm(request.POST)
    return _act(
        request,
        item,
        form,
        lambda: baselines.propose(item=item, scope=form.cleaned_data["scope"], actor=request.user),
        (_("Say what is in scope."), _("The baseline is proposed; another person decides on it.")),
    )


@guarded(Verb.APPROVE_BASELINE, methods=("POST",))
def remediation_baseline_decide(request: Request, uuid: UUID) -> HttpResponse:
    """Approve or refuse the proposed baseline."""
    item, form = found(request, ROWS, uuid), DecisionForm(request.POST)
    approves = request.POST.get("decision") == "approve"
    proposal = Baseline.objects.filter(item=item, decision=None).select_related("item").first()
    if proposal is None:
        refuse(request, RefusedError(_("No baseline of this item waits for a decision.")))
        return redirect("remediation-item", item.uuid)
    done = _("The baseline is approved and kept for ever.") if approves else _("The baseline is refused.")
    return _act(
        request,
        item,
        form,
        lambda: baselines.decide(
            baseline=proposal, approves=approves, note=form.cleaned_data["note"], actor=request.user
        ),
        ("", done),
    )


@guarded(Verb.WORK_REMEDIATION, methods=("POST",))
def remediation_effort(request: Request, uuid: UUID) -> HttpResponse:
    """Log work."""
    item = found(request, ROWS, uuid)
    leads = may(request.user, Verb.OPEN_REMEDIATION)
    given = request.POST.copy()
    given.setdefault("person", str(request.user.uuid))
    form = WorkForm(system=item.system, asker=request.user, leads=leads, data=given)
    return _act(
        request,
        item,
        form,
        lambda: work_log.log(item=item, work=form.work, actor=request.user),
        (_("The work was not logged: give an amount, a day and what was done."), _("The work is logged.")),
    )


@guarded(Verb.WORK_REMEDIATION, methods=("POST",))
def remediation_effort_reverse(request: Request, uuid: UUID) -> HttpResponse:
    """Take a mistaken entry of the work log back."""
    entry = found(request, WorkEntry.objects.select_related("item__system", "person"), uuid)
    form = DecisionForm(request.POST)
    return _act(
        request,
        entry.item,
        form,
        lambda: work_log.reverse(entry=entry, why=form.cleaned_data["note"], actor=request.user),
        ("", _("The entry is taken back by a counter entry; both stay on record.")),
    )


@guarded(Verb.WORK_REMEDIATION, methods=("POST",))
def remediation_milestone_add(request: Request, uuid: UUID) -> HttpResponse:
    """One more step."""
    item, form = found(request, ROWS, uuid), NewMilestoneForm(request.POST)
    return _act(
        request,
        item,
        form,
        lambda: remediation.add_milestone(item=item, draft=MilestoneDraft(**form.cleaned_data), actor=request.user),
        (_("Give the step a title and a date."), _("The milestone is added.")),
    )


@guarded(Verb.OPEN_REMEDIATION, methods=("POST",))
def remediation_depend(request: Request, uuid: UUID) -> HttpResponse:
    """The item waits for another."""
    item = found(request, ROWS, uuid)
    form = DependencyForm(item=item, asker=request.user, data=request.POST)
    return _act(
        request,
        item,
        form,
        lambda: dependencies.add(item=item, needs=form.cleaned_data["needs"], actor=request.user),
        (_("Choose the item that has to be done before."), _("The dependency is noted.")),
    )


@guarded(Verb.OPEN_REMEDIATION, methods=("POST",))
def remediation_undepend(request: Request, uuid: UUID) -> HttpResponse:
    """The item waits no longer."""
    edge = found(request, ItemDependency.objects.select_related("item__system", "needs"), uuid)
    return _act(
        request,
        edge.item,
        forms.Form(request.POST),
        lambda: dependencies.remove(dependency=edge, actor=request.user),
        ("", _("The dependency is taken away.")),
    )


@guarded(Verb.WORK_REMEDIATION)
def remediation_work(request: Request, uuid: UUID) -> HttpResponseBase:
    """The whole work log of an item; `?export=` as a file."""
    item = found(request, ROWS, uuid)
    rows = pages.work_log(item, request.user)
    if wanted(request):
        return exported(request, table_of("work-log", _("Work log"), WORK_COLUMNS, rows))
    context = {
        "item": item,
        "page": page_of(request, rows),
        "total": rows.count(),
        "may_work": True,
        "columns": columns.of_work(),
        "trail": _trail(item, _("Work log")),
    }
    return render(request, "compliance/remediation_work.html", context)


_ITEM = "remediation/<uuid:uuid>/"
urls = [
    path(f"{_ITEM}plan/", remediation_replan, name="remediation-replan"),
    path(f"{_ITEM}change/", remediation_revise, name="remediation-revise"),
    path(f"{_ITEM}baseline/", remediation_baseline, name="remediation-baseline"),
    path(f"{_ITEM}baseline/decide/", remediation_baseline_decide, name="remediation-baseline-decide"),
    path(f"{_ITEM}effort/", remediation_effort, name="remediation-effort"),
    path(f"{_ITEM}work/", remediation_work, name="remediation-work"),
    path(f"{_ITEM}milestones/", remediation_milestone_add, name="remediation-milestone-add"),
    path(f"{_ITEM}dependencies/", remediation_depend, name="remediation-depend"),
    path("remediation/dependencies/<uuid:uuid>/remove/", remediation_undepend, name="remediation-undepend"),
    path("remediation/work/<uuid:uuid>/reverse/", remediation_effort_reverse, name="remediation-effort-reverse"),
]
