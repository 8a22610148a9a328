"""Imports: the list, a new one, and one with everything that was recognised, recorded, known or rejected."""

from __future__ import annotations

from operator import attrgetter
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.rights import Verb, may
from compliance.services.errors import RefusedError
from compliance.types.errors import BadInputError
from compliance.types.states import EvidenceState, JobState
from compliance.web.base import Request, found, guarded, ordered, page_of, refuse, say
from compliance.web.exports import Column, exported, table_of, wanted
from compliance.web.jobs import STOP_POLLING, progress_of
from scanning import intake
from scanning.ingest import registry
from scanning.models import Import
from scanning.selectors import import_page, lists
from scanning.services import imports
from scanning.web.answers import see_other
from scanning.web.forms import ImportFilter, ImportForm

ORDERS = {
    "file": ("evidence__filename",),
    "system": ("system__name",),
    "time": ("created_at",),
    "recorded": ("recorded",),
    "rejected": ("rejected",),
}
REJECTS_PER_PAGE = 25
TABLE = (
    Column(gettext_lazy("document"), attrgetter("evidence.filename")),
    Column(gettext_lazy("format"), attrgetter("format")),
    Column(gettext_lazy("AI system"), attrgetter("system.name")),
    Column(gettext_lazy("received (UTC)"), attrgetter("created_at")),
    Column(gettext_lazy("handed in by"), attrgetter("job.requested_by")),
    Column(gettext_lazy("records read"), attrgetter("read")),
    Column(gettext_lazy("relevant"), attrgetter("relevant")),
    Column(gettext_lazy("recorded"), attrgetter("recorded")),
    Column(gettext_lazy("already known"), attrgetter("duplicates")),
    Column(gettext_lazy("rejected"), attrgetter("rejected")),
    Column(gettext_lazy("published (UTC)"), attrgetter("published_at")),
    Column(gettext_lazy("state"), lambda row: row.job.get_state_display()),
    Column(gettext_lazy("SHA-256"), attrgetter("evidence.sha256")),
    Column(gettext_lazy("identifier"), attrgetter("uuid")),
)
REJECT_TABLE = (
    Column(gettext_lazy("place in the document"), attrgetter("locator")),
    Column(gettext_lazy("why it was not taken"), attrgetter("reason")),
)


def _filtered(rows: QuerySet[Import], form: ImportFilter) -> QuerySet[Import]:
    given = form.cleaned_data
    if given.get("q"):
        rows = rows.filter(evidence__filename__icontains=given["q"])
    if given.get("state"):
        rows = rows.filter(job__state=given["state"])
    if given.get("format"):
        rows = rows.filter(format=given["format"])
    return rows


@guarded(Verb.VIEW_JOBS)
def import_list(request: Request) -> HttpResponseBase:
    """Imports, newest first."""
    form = ImportFilter(request.GET)
    form.is_valid()
    rows = lists.import_list(asker=request.user)
    shown = ordered(request, _filtered(rows, form), ORDERS)
    if wanted(request):
        return exported(request, table_of("imports", _("Imports"), TABLE, shown), form)
    context = {
        "page": page_of(request, shown),
        "total": rows.count(),
        "form": form,
        "active": any(form.cleaned_data.values()),
        "labels": registry.labels(),
        "may_import": may(request.user, Verb.IMPORT_DOCUMENT),
        "columns": [
            {"label": _("Document"), "sort": "file"},
            {"label": _("AI system"), "sort": "system"},
            {"label": _("Received"), "sort": "time"},
            {"label": _("Recorded"), "numeric": True, "sort": "recorded"},
            {"label": _("Already known"), "numeric": True},
            {"label": _("Rejected"), "numeric": True, "sort": "rejected"},
            {"label": _("State")},
        ],
    }
    return render(request, "scanning/import_list.html", context)


@guarded(Verb.IMPORT_DOCUMENT, methods=("GET", "HEAD", "POST"))
def import_new(request: Request) -> HttpResponse:
    """Receive a document; its reading goes on in the background."""
    form = ImportForm(asker=request.user, data=request.POST or None, files=request.FILES or None)
    if request.method == "POST" and form.is_valid():
        given = dict(form.cleaned_data)
        upload = given.pop("file")
        try:
            document = intake.receive(
                **given,
                stream=upload.file,
                filename=upload.name,
                declared_type=upload.content_type or "",
                actor=request.user,
            )
        except (RefusedError, BadInputError) as error:
            form.add_error("file", str(error))
        else:
            return _received(request, document)
    context = {
        "form": form,
        "labels": registry.labels(),
        "trail": [{"label": _("Imports"), "url": reverse("import-list")}, {"label": _("Import a document")}],
    }
    return render(request, "scanning/import_new.html", context)


def _received(request: Request, document: Import) -> HttpResponse:
    if may(request.user, Verb.VIEW_JOBS):
        return see_other("import-detail", document.uuid)
    say(request, _("“%s” was received and is read in the background.") % document.evidence.filename)
    return see_other("import-new")


@guarded(Verb.VIEW_JOBS)
def import_detail(request: Request, uuid: UUID) -> HttpResponseBase:
    """One import."""
    document = found(request, lists.import_list(asker=request.user), uuid)
    if wanted(request):
        rejected = table_of(
            "rejected-records", _("Records that were not taken"), REJECT_TABLE, import_page.import_rejects(document)
        )
        return exported(request, rejected, also=((_("Document"), document.evidence.filename),))
    job = document.job
    context = {
        "document": document,
        "job": job,
        "format_label": registry.labels().get(document.format, document.format),
        "content": import_page.import_page(document, request.user),
        "rejects": page_of(request, import_page.import_rejects(document), per=REJECTS_PER_PAGE),
        "reject_columns": [{"label": _("Place in the document")}, {"label": _("Why it was not taken")}],
        "so_far": None if job.is_over else import_page.import_so_far(document),
        "may_cancel": may(request.user, Verb.CANCEL_JOB) and not job.is_over and not job.cancel_requested,
        "may_retry": may(request.user, Verb.IMPORT_DOCUMENT) and _can_retry(document),
        "may_import": may(request.user, Verb.IMPORT_DOCUMENT),
        "may_map": may(request.user, Verb.MAP_COLUMNS),
        "read_since": import_page.read_since(document, request.user) if document.awaits_mapping else None,
        "trail": [
            {"label": _("Imports"), "url": reverse("import-list")},
            {"label": document.evidence.filename},
        ],
        **progress_of(job),
    }
    return render(request, "scanning/import_detail.html", context)


@guarded(Verb.VIEW_JOBS)
def import_progress(request: Request, uuid: UUID) -> HttpResponse:
    """The fragment that the page polls; at the end it asks htmx to load the page with what came of the import."""
    document = found(request, lists.import_list(asker=request.user), uuid)
    job = document.job
    context = {
        "document": document,
        "job": job,
        "so_far": None if job.is_over else import_page.import_so_far(document),
        **progress_of(job),
    }
    response = render(request, "scanning/_import_progress.html", context)
    response["Cache-Control"] = "no-store"
    if job.is_over:
        response.status_code = STOP_POLLING
        response["HX-Refresh"] = "true"
    return response


def _can_retry(document: Import) -> bool:
    """Whether the same bytes may be read again: the last attempt ended without them being refused."""
    ended = document.job.state in {JobState.FAILED, JobState.CANCELLED} and not document.awaits_mapping
    return ended and document.evidence.state != EvidenceState.REJECTED


@guarded(Verb.IMPORT_DOCUMENT, methods=("POST",))
def import_retry(request: Request, uuid: UUID) -> HttpResponseBase:
    """Read the kept bytes again, as a new import."""
    document = found(request, lists.import_list(asker=request.user), uuid)
    if not _can_retry(document):
        refuse(request, RefusedError(_("Only an import that failed or was cancelled can be read again.")))
        return redirect("import-detail", uuid)
    again = imports.request(
        evidence=document.evidence,
        requested_format=document.requested_format,
        actor=request.user,
        threshold=document.threshold,
        about_sha256=document.about_sha256,
    )
    return see_other("import-detail", again.uuid)


urls = [
    path("imports/", import_list, name="import-list"),
    path("imports/new/", import_new, name="import-new"),
    path("imports/<uuid:uuid>/", import_detail, name="import-detail"),
    path("imports/<uuid:uuid>/progress/", import_progress, name="import-progress"),
    path("imports/<uuid:uuid>/retry/", import_retry, name="import-retry"),
]
