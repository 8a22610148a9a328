"""Auditors' requests: the lists, one request with its thread, asking, changing, replying, and the list as a file out and in."""

from __future__ import annotations

import tempfile
from operator import attrgetter, methodcaller
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.models import AuditRequest, Engagement
from compliance.rights import Verb, may, visible
from compliance.selectors import request_page as pages
from compliance.selectors.request_sheet import write_sheet
from compliance.selectors.table_files import MEDIA_TYPES, Kind
from compliance.services import audit_requests, request_lists
from compliance.services.errors import RefusedError
from compliance.web.base import Request, found, guarded, ordered, page_of, refuse, say
from compliance.web.exports import Column, exported, table_of, wanted
from compliance.web.request_forms import ListFileForm, ReplyForm, RequestFilterForm, RequestForm, initial_of

TABLE = (
    Column(gettext_lazy("engagement"), attrgetter("engagement.title")),
    Column(gettext_lazy("number"), attrgetter("number")),
    Column(gettext_lazy("title"), attrgetter("title")),
    Column(gettext_lazy("request"), attrgetter("text")),
    Column(gettext_lazy("owner"), attrgetter("owner")),
    Column(gettext_lazy("due on"), attrgetter("due_on")),
    Column(gettext_lazy("state"), methodcaller("get_state_display")),
    Column(gettext_lazy("changed at (UTC)"), attrgetter("changed_at")),
    Column(gettext_lazy("identifier"), attrgetter("uuid")),
)
_ORDERS = {"number": ("engagement", "number"), "due": ("due_on",), "state": ("state",), "changed": ("changed_at",)}


def _shown(request: Request, rows: QuerySet[AuditRequest]) -> tuple[RequestFilterForm, QuerySet[AuditRequest], bool]:
    """The filter, the rows that it leaves, and whether it narrows."""
    form = RequestFilterForm(request.GET)
    form.is_valid()
    given: dict[str, Any] = form.cleaned_data
    kept = pages.request_list(
        rows,
        text=given.get("q", ""),
        state=given.get("state", ""),
        owner=request.user if given.get("mine") else None,
        is_overdue=bool(given.get("overdue")),
    )
    return form, ordered(request, kept, _ORDERS), any(given.values())


def _columns() -> list[dict[str, object]]:
    return [
        {"label": _("Request"), "sort": "number"},
        {"label": _("Owner")},
        {"label": _("Due on"), "sort": "due"},
        {"label": _("State"), "sort": "state"},
        {"label": _("Changed"), "sort": "changed"},
    ]


@guarded(Verb.VIEW)
def request_list(request: Request) -> HttpResponseBase:
    """Every request that exists for the reader, in all engagements."""
    rows = visible(pages.LIST, request.user)
    form, shown, active = _shown(request, rows)
    if wanted(request):
        return exported(request, table_of("audit-requests", _("Requests of auditors"), TABLE, shown), form)
    context = {
        "page": page_of(request, shown), "total": rows.count(), "form": form, "active": active, "columns": _columns(),
    }  # fmt: skip
    return render(request, "compliance/request_list.html", context)


@guarded(Verb.VIEW_ENGAGEMENTS)
def engagement_requests(request: Request, uuid: UUID) -> HttpResponseBase:
    """The request list of one engagement."""
    engagement = found(request, Engagement.objects.all(), uuid)
    rows = visible(pages.LIST.filter(engagement=engagement), request.user)
    form, shown, active = _shown(request, rows)
    if wanted(request):
        return exported(request, table_of("audit-requests", _("Requests of %s") % engagement.title, TABLE, shown), form)
    context = {
        "engagement": engagement,
        "page": page_of(request, shown),
        "total": rows.count(),
        "form": form,
        "active": active,
        "figures": pages.request_figures([engagement]).get(engagement.pk, pages.RequestFigures()),
        "may_ask": may(request.user, Verb.ASK_REQUEST),
        "file_form": ListFileForm(),
        "columns": _columns(),
        "trail": _trail(engagement, _("Requests")),
    }
    return render(request, "compliance/engagement_requests.html", context)


def _trail(engagement: Engagement, here: str) -> list[dict[str, str]]:
    return [
        {"label": _("Engagements"), "url": reverse("engagement-list")},
        {"label": engagement.title, "url": reverse("engagement-detail", args=[engagement.uuid])},
        {"label": here},
    ]


# One request --------------------------------------------------------------------------------------------------------


@guarded(Verb.VIEW)
def request_detail(request: Request, uuid: UUID) -> HttpResponse:
    """One request with its thread."""
    return _request_page(request, found(request, pages.ONE, uuid), None)


def _request_page(request: Request, asked: AuditRequest, form: ReplyForm | None) -> HttpResponse:
    content = pages.request_page(asked, request.user)
    may_work = may(request.user, Verb.WORK_REQUEST)
    context = {
        "asked": asked,
        "content": content,
        "form": form or (ReplyForm(steps=content.steps, asker=request.user) if may_work else None),
        "may_change": may(request.user, Verb.CHANGE_REQUEST),
        "may_see_room": may(request.user, Verb.VIEW_ENGAGEMENTS),
        "trail": [
            {"label": _("Requests of auditors"), "url": reverse("request-list")},
            {"label": _("Request %d") % asked.number},
        ],
    }
    status = 422 if form is not None else 200
    return render(request, "compliance/request_detail.html", context, status=status)


@guarded(Verb.WORK_REQUEST, methods=("POST",))
def request_reply(request: Request, uuid: UUID) -> HttpResponse:
    """Add to the thread: words, a move, evidence."""
    asked = found(request, pages.ONE, uuid)
    form = ReplyForm(steps=pages.request_page(asked, request.user).steps, asker=request.user, data=request.POST)
    if form.is_valid():
        given = form.cleaned_data
        try:
            audit_requests.reply(
                request=asked, text=given["text"], to=form.move_to, evidence=given["evidence"], actor=request.user
            )
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, _("The reply is in the thread."))
            return redirect("request-detail", uuid)
    return _request_page(request, asked, form)


@guarded(Verb.ASK_REQUEST, methods=("GET", "HEAD", "POST"))
def engagement_ask(request: Request, uuid: UUID) -> HttpResponse:
    """Ask for something."""
    return _stated(request, found(request, Engagement.objects.all(), uuid), None)


@guarded(Verb.CHANGE_REQUEST, methods=("GET", "HEAD", "POST"))
def request_change(request: Request, uuid: UUID) -> HttpResponse:
    """State title, words, controls, owner and day anew."""
    asked = found(request, pages.ONE, uuid)
    return _stated(request, asked.engagement, asked)


def _stated(request: Request, engagement: Engagement, asked: AuditRequest | None) -> HttpResponse:
    initial = initial_of(asked) if asked is not None else None
    form = RequestForm(engagement=engagement, asker=request.user, data=request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        draft = form.draft(asked)
        try:
            if asked is None:
                kept = audit_requests.ask(engagement=engagement, draft=draft, actor=request.user)
            else:
                kept = audit_requests.change(request=asked, draft=draft, actor=request.user)
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, _("Request %d is on record.") % kept.number)
            return redirect("request-detail", kept.uuid)
    title = _("Change request %d") % asked.number if asked is not None else _("Ask for something")
    context = {
        "form": form,
        "title": title,
        "asked": asked,
        "engagement": engagement,
        "trail": _trail(engagement, title),
    }
    return render(request, "compliance/request_edit.html", context, status=422 if request.method == "POST" else 200)


# The list as a file ---------------------------------------------------------------------------------------------------


@guarded(Verb.VIEW_ENGAGEMENTS)
def engagement_list_file(request: Request, uuid: UUID) -> FileResponse:
    """The list to be edited and sent back."""
    engagement = found(request, Engagement.objects.all(), uuid)
    file = tempfile.TemporaryFile()  # noqa: SIM115  # the answer closes it
    write_sheet(request_lists.list_rows(engagement=engagement, reader=request.user), file)
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename="requests.xlsx", content_type=MEDIA_TYPES[Kind.XLSX])


@guarded(Verb.ASK_REQUEST, methods=("POST",))
def engagement_list_import(request: Request, uuid: UUID) -> HttpResponse:
    """Take an edited list in, whole or not at all."""
    engagement = found(request, Engagement.objects.all(), uuid)
    form = ListFileForm(request.POST, request.FILES)
    try:
        if not form.is_valid():
            raise RefusedError(_("Choose the edited list."))
        done = request_lists.import_list(engagement=engagement, file=form.cleaned_data["file"].file, actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        facts = {"asked": done.asked, "changed": done.changed, "unchanged": done.unchanged}
        say(request, _("%(asked)d asked anew, %(changed)d changed, %(unchanged)d as they were.") % facts)
    return redirect("engagement-requests", uuid)


urls = [
    path("requests/", request_list, name="request-list"),
    path("requests/<uuid:uuid>/", request_detail, name="request-detail"),
    path("requests/<uuid:uuid>/reply/", request_reply, name="request-reply"),
    path("requests/<uuid:uuid>/change/", request_change, name="request-change"),
    path("engagements/<uuid:uuid>/requests/", engagement_requests, name="engagement-requests"),
    path("engagements/<uuid:uuid>/requests/new/", engagement_ask, name="engagement-ask"),
    path("engagements/<uuid:uuid>/requests/file/", engagement_list_file, name="engagement-list-file"),
    path("engagements/<uuid:uuid>/requests/import/", engagement_list_import, name="engagement-list-import"),
]
