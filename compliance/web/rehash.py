"""Stored files hashed again: the standing, the runs, and starting one over everything."""

from __future__ import annotations

from operator import attrgetter, methodcaller
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from compliance.models import FileCheck, RehashRun
from compliance.rights import Verb, may, visible
from compliance.selectors.file_checks import bad_checks, file_figures
from compliance.services import rehash
from compliance.web.base import Request, found, guarded, page_of, say
from compliance.web.exports import Column, exported, table_of, wanted
from compliance.web.retention import retention_tabs

RUNS = RehashRun.objects.select_related("job__requested_by")
RUN_TABLE = (
    Column(_("began (UTC)"), attrgetter("created_at")),
    Column(_("finished (UTC)"), attrgetter("finished_at")),
    Column(_("all files"), attrgetter("is_whole")),
    Column(_("planned"), attrgetter("planned")),
    Column(_("checked"), attrgetter("checked")),
    Column(_("bytes read"), attrgetter("bytes_read")),
    Column(_("altered"), attrgetter("altered")),
    Column(_("missing"), attrgetter("missing")),
    Column(_("disposed of by then"), attrgetter("disposed")),
    Column(_("identifier"), attrgetter("uuid")),
)
CHECK_TABLE = (
    Column(_("SHA-256 on record"), attrgetter("sha256")),
    Column(_("found"), methodcaller("get_state_display")),
    Column(_("bytes read"), attrgetter("size")),
    Column(_("checked (UTC)"), attrgetter("checked_at")),
)


@guarded(Verb.VIEW_RETENTION)
def rehash_list(request: Request) -> HttpResponseBase:
    """The standing of all files, and every run."""
    rows = visible(RUNS, request.user)
    if wanted(request):
        return exported(request, table_of("file-checks", gettext("Stored files"), RUN_TABLE, rows))
    context = {
        "figures": file_figures(),
        "bad": bad_checks()[:50],
        "page": page_of(request, rows),
        "total": rows.count(),
        "days": settings.REHASH_DAYS,
        "may_run": may(request.user, Verb.REHASH_FILES),
        "tabs": retention_tabs("rehash-list"),
        "columns": [
            {"label": _("Run")},
            {"label": _("Checked"), "numeric": True},
            {"label": _("Altered"), "numeric": True},
            {"label": _("Missing"), "numeric": True},
            {"label": _("Bytes read"), "numeric": True},
            {"label": _("Finished")},
        ],
    }
    return render(request, "compliance/rehash_list.html", context)


@guarded(Verb.VIEW_RETENTION)
def rehash_run(request: Request, uuid: UUID) -> HttpResponseBase:
    """The files that were last checked by one run."""
    run = found(request, RUNS, uuid)
    rows = visible(FileCheck.objects.filter(run=run).order_by("state", "checked_at", "pk"), request.user)
    if wanted(request):
        return exported(request, table_of("file-check", str(run), CHECK_TABLE, rows))
    context = {
        "run": run,
        "page": page_of(request, rows),
        "total": rows.count(),
        "trail": [{"label": _("Stored files"), "url": reverse("rehash-list")}, {"label": str(run)}],
        "columns": [
            {"label": _("SHA-256 on record")},
            {"label": _("Found")},
            {"label": _("Bytes read"), "numeric": True},
            {"label": _("Checked")},
        ],
    }
    return render(request, "compliance/rehash_run.html", context)


@guarded(Verb.REHASH_FILES, methods=("POST",))
def rehash_begin(request: Request) -> HttpResponse:
    """Hash everything again, in the background."""
    run = rehash.begin(actor=request.user, whole=True)
    say(request, gettext("The files are being hashed again. The page of the job shows how far it is."))
    return redirect("job-detail", run.job.uuid) if run.job else redirect("rehash-list")


urls = [
    path("retention/files/", rehash_list, name="rehash-list"),
    path("retention/files/begin/", rehash_begin, name="rehash-begin"),
    path("retention/files/<uuid:uuid>/", rehash_run, name="rehash-run"),
]
