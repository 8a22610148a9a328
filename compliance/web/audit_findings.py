"""Auditors' findings: written from exceptions, issued to management, answered, evaluated, followed up."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter, methodcaller
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.models import AuditFinding
from compliance.rights import Verb, may, visible
from compliance.selectors import audit_finding_page as pages
from compliance.selectors import control_test_page
from compliance.services import audit_findings as service
from compliance.services.errors import RefusedError
from compliance.types.testing import AuditFindingState, acts_from
from compliance.web.audit_finding_forms import (
    AuditFindingFilterForm,
    AuditFindingForm,
    FollowUpForm,
    ResponseForm,
    WordsForm,
)
from compliance.web.base import Request, found, guarded, page_of, refuse, say
from compliance.web.exports import Column, exported, table_of, wanted

ROWS = pages.ROWS
TABLE = (
    Column(gettext_lazy("number"), attrgetter("number")),
    Column(gettext_lazy("finding"), attrgetter("title")),
    Column(gettext_lazy("engagement"), attrgetter("engagement.title")),
    Column(gettext_lazy("AI system"), attrgetter("test.control.system.name")),
    Column(gettext_lazy("control"), attrgetter("test.control.control_id")),
    Column(gettext_lazy("rating"), attrgetter("rating")),
    Column(gettext_lazy("condition"), attrgetter("condition")),
    Column(gettext_lazy("criteria"), attrgetter("criteria")),
    Column(gettext_lazy("cause"), attrgetter("cause")),
    Column(gettext_lazy("effect"), attrgetter("effect")),
    Column(gettext_lazy("repeats"), lambda row: str(row.repeats.engagement) if row.repeats else ""),
    Column(gettext_lazy("state"), methodcaller("get_state_display")),
    Column(gettext_lazy("issued (UTC)"), attrgetter("issued_at")),
    Column(gettext_lazy("management"), methodcaller("get_agreement_display")),
    Column(gettext_lazy("response"), attrgetter("response")),
    Column(gettext_lazy("action"), attrgetter("action")),
    Column(gettext_lazy("action by"), attrgetter("action_owner")),
    Column(gettext_lazy("due on"), attrgetter("action_due_on")),
    Column(gettext_lazy("closed (UTC)"), attrgetter("closed_at")),
    Column(gettext_lazy("identifier"), attrgetter("uuid")),
)


@guarded(Verb.VIEW)
def audit_finding_list(request: Request) -> HttpResponseBase:
    """Auditors' findings that exist for the asker; the organisation sees issued ones alone."""
    form = AuditFindingFilterForm(request.GET)
    form.is_valid()
    given = form.cleaned_data
    asked = pages.AuditFindingFilter(
        text=given.get("q", ""), state=given.get("state", ""), engagement=given.get("engagement")
    )
    rows = pages.audit_findings(request.user, asked)
    if wanted(request):
        return exported(request, table_of("audit-findings", _("Auditors’ findings"), TABLE, rows), form)
    context = {
        "page": page_of(request, rows),
        "total": visible(AuditFinding.objects.all(), request.user).count(),
        "form": form,
        "active": asked != pages.AuditFindingFilter(),
        "may_test": may(request.user, Verb.TEST_CONTROLS),
        "columns": [
            {"label": _("Finding")},
            {"label": _("Control")},
            {"label": _("Rating")},
            {"label": _("State")},
            {"label": _("Action by")},
        ],
    }
    return render(request, "compliance/audit_finding_list.html", context)


@guarded(Verb.TEST_CONTROLS, methods=("GET", "HEAD", "POST"))
def control_test_finding(request: Request, uuid: UUID) -> HttpResponse:
    """Write a finding from the exceptions of a test."""
    test = found(request, control_test_page.ROWS, uuid)
    start = {"criteria": test.control.statement}
    form = AuditFindingForm(test=test, data=request.POST or None, initial=start)
    if request.method == "POST" and form.is_valid():
        try:
            row = service.write(test=test, draft=form.draft, actor=request.user)
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, _("The draft is kept. The organisation sees nothing of it before you issue it."))
            return redirect("audit-finding-detail", row.uuid)
    return _edit(request, form, _("Write a finding"), reverse("control-test-detail", args=[uuid]), str(test))


@guarded(Verb.TEST_CONTROLS, methods=("GET", "HEAD", "POST"))
def audit_finding_change(request: Request, uuid: UUID) -> HttpResponse:
    """Change a draft."""
    row = found(request, ROWS, uuid)
    form = AuditFindingForm(test=row.test, data=request.POST or None, initial=AuditFindingForm.initial_of(row))
    if request.method == "POST" and form.is_valid():
        try:
            service.rewrite(audit_finding=row, draft=form.draft, actor=request.user)
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            return redirect("audit-finding-detail", row.uuid)
    return _edit(request, form, _("Change the draft"), reverse("audit-finding-detail", args=[uuid]), str(row))


def _edit(request: Request, form: forms.Form, title: str, url: str, of: str) -> HttpResponse:
    trail = [{"label": of, "url": url}, {"label": title}]
    return render(request, "compliance/audit_finding_edit.html", {"form": form, "title": title, "trail": trail})


@guarded(Verb.VIEW)
def audit_finding_detail(request: Request, uuid: UUID) -> HttpResponse:
    """One finding: what the auditor found, what management says, what became of it."""
    return _page(request, found(request, ROWS, uuid))


def _page(request: Request, row: AuditFinding, **forms_with_errors: Any) -> HttpResponse:
    state = AuditFindingState(row.state)
    audits, answers = may(request.user, Verb.TEST_CONTROLS), may(request.user, Verb.ANSWER_AUDIT_FINDING)
    acts = {
        *(acts_from(state, of_management=False) if audits else ()),
        *(acts_from(state, of_management=True) if answers else ()),
    }
    context = {
        "row": row,
        "may_open": may(request.user, Verb.OPEN_REMEDIATION),
        "test_is_open_to_reader": visible(control_test_page.ROWS, request.user).filter(pk=row.test_id).exists(),
        "repeats_is_open_to_reader": row.repeats is not None
        and visible(ROWS, request.user).filter(pk=row.repeats.pk).exists(),
        "results": row.results.select_related("instance"),
        "entries": row.entries.select_related("made_by", "evidence"),
        "acts": {act.value for act in acts},
        "respond": ResponseForm(initial=ResponseForm.initial_of(row)),
        "words": WordsForm(),
        "follow_up": FollowUpForm(row=row, asker=request.user),
        "trail": [
            {"label": _("Auditors’ findings"), "url": reverse("audit-finding-list")},
            {"label": row.title},
        ],
        **forms_with_errors,
    }
    return render(request, "compliance/audit_finding_detail.html", context)


def _acted(request: Request, uuid: UUID, act: Callable[[AuditFinding], object], done: str) -> HttpResponse:
    """Do one act, and say in words what became of it."""
    row = found(request, ROWS, uuid)
    try:
        act(row)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, done)
    return redirect("audit-finding-detail", uuid)


@guarded(Verb.TEST_CONTROLS, methods=("POST",))
def audit_finding_issue(request: Request, uuid: UUID) -> HttpResponse:
    """Hand the finding to management."""
    done = _("Issued: the organisation sees the finding, and management responds.")
    return _acted(request, uuid, lambda row: service.issue(audit_finding=row, actor=request.user), done)


@guarded(Verb.ANSWER_AUDIT_FINDING, methods=("POST",))
def audit_finding_respond(request: Request, uuid: UUID) -> HttpResponse:
    """Management's response."""
    row = found(request, ROWS, uuid)
    form = ResponseForm(request.POST)
    if not form.is_valid():
        return _page(request, row, respond=form)
    try:
        service.respond(audit_finding=row, response=form.response, actor=request.user)
    except RefusedError as error:
        form.add_error(None, str(error))
        return _page(request, row, respond=form)
    say(request, _("The response is on record; the auditor evaluates it."))
    return redirect("audit-finding-detail", uuid)


@guarded(Verb.TEST_CONTROLS, methods=("POST",))
def audit_finding_evaluate(request: Request, uuid: UUID) -> HttpResponse:
    """Take the response, or send it back."""
    accepts, words = request.POST.get("act") == "accept", request.POST.get("words", "")[:20_000]
    return _acted(
        request, uuid,
        lambda row: service.evaluate(audit_finding=row, accepts=accepts, words=words, actor=request.user),
        _("The response is accepted.") if accepts else _("The response is sent back."),
    )  # fmt: skip


@guarded(Verb.TEST_CONTROLS, methods=("POST",))
def audit_finding_withdraw(request: Request, uuid: UUID) -> HttpResponse:
    """Take the finding back."""
    words = request.POST.get("words", "")[:20_000]
    done = _("The finding is withdrawn, and stays on record as that.")
    return _acted(request, uuid, lambda row: service.withdraw(audit_finding=row, words=words, actor=request.user), done)


@guarded(Verb.TEST_CONTROLS, methods=("POST",))
def audit_finding_follow_up(request: Request, uuid: UUID) -> HttpResponse:
    """What the auditor found when looking again."""
    row = found(request, ROWS, uuid)
    form = FollowUpForm(row=row, asker=request.user, data=request.POST)
    if form.is_valid():
        given = form.cleaned_data
        is_closed = given.pop("outcome") == "close"
        try:
            service.follow_up(audit_finding=row, is_closed=is_closed, **given, actor=request.user)
        except RefusedError as error:
            form.add_error(None, str(error))
    if form.errors:
        return _page(request, row, follow_up=form)
    return redirect("audit-finding-detail", uuid)


urls = [
    path("audit-findings/", audit_finding_list, name="audit-finding-list"),
    path("tests/<uuid:uuid>/finding/", control_test_finding, name="control-test-finding"),
    path("audit-findings/<uuid:uuid>/", audit_finding_detail, name="audit-finding-detail"),
    path("audit-findings/<uuid:uuid>/change/", audit_finding_change, name="audit-finding-change"),
    path("audit-findings/<uuid:uuid>/issue/", audit_finding_issue, name="audit-finding-issue"),
    path("audit-findings/<uuid:uuid>/respond/", audit_finding_respond, name="audit-finding-respond"),
    path("audit-findings/<uuid:uuid>/evaluate/", audit_finding_evaluate, name="audit-finding-evaluate"),
    path("audit-findings/<uuid:uuid>/withdraw/", audit_finding_withdraw, name="audit-finding-withdraw"),
    path("audit-findings/<uuid:uuid>/follow-up/", audit_finding_follow_up, name="audit-finding-follow-up"),
]
