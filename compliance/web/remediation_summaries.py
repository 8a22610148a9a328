"""Monthly summaries of remediation: the list, one with its figures, and its files."""

from __future__ import annotations

from operator import attrgetter
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.models import Job, RemediationSummary
from compliance.rights import Asker, NotAllowedError, Verb, may, visible
from compliance.selectors.file_answers import attachment
from compliance.selectors.remediation_dashboard import rows_of
from compliance.services import evidence, remediation_summaries
from compliance.services.errors import LostError, RefusedError
from compliance.types.figures import from_document
from compliance.web.base import Request, found, guarded, page_of, refuse, say
from compliance.web.exports import Column, Table, exported, table_of, wanted
from compliance.web.jobs import progress_of

ROWS = RemediationSummary.objects.select_related("made_by").defer("document")
TABLE = (
    Column(gettext_lazy("month"), lambda row: f"{row.month:%Y-%m}"),
    Column(gettext_lazy("made (UTC)"), attrgetter("created_at")),
    Column(gettext_lazy("made by"), attrgetter("made_by")),
    Column(gettext_lazy("with costs"), lambda row: _("yes") if row.has_costs else _("no")),
    Column(gettext_lazy("pages"), attrgetter("pages")),
    Column(gettext_lazy("size in bytes"), attrgetter("size")),
    Column(gettext_lazy("SHA-256"), attrgetter("sha256")),
    Column(gettext_lazy("identifier"), attrgetter("uuid")),
)


class SummaryForm(forms.Form):
    """Which month."""

    month = forms.CharField(
        label=gettext_lazy("Month"),
        max_length=7,
        widget=forms.TextInput(attrs={"type": "month", "placeholder": "2026-10"}),
        help_text=gettext_lazy("One that is over, such as 2026-10."),
    )
    with_costs = forms.BooleanField(
        label=gettext_lazy("With costs"),
        required=False,
        help_text=gettext_lazy("It then exists for those alone who may see what work costs."),
    )

    def __init__(self, *, asker: Asker) -> None:
        super().__init__()
        if not may(asker, Verb.VIEW_COSTS):
            del self.fields["with_costs"]


@guarded(Verb.VIEW_FIGURES)
def summary_list(request: Request) -> HttpResponseBase:
    """Summaries, the latest month first, and those on their way."""
    rows = visible(ROWS, request.user)
    if wanted(request):
        return exported(request, table_of("remediation-summaries", _("Remediation summaries"), TABLE, rows))
    context: dict[str, Any] = {
        "page": page_of(request, rows),
        "form": SummaryForm(asker=request.user) if may(request.user, Verb.OPEN_REMEDIATION) else None,
        "columns": [
            {"label": _("Month")}, {"label": _("Costs")}, {"label": _("Made")}, {"label": _("Made by")},
            {"label": _("Pages"), "numeric": True}, {"label": _("SHA-256")}, {"label": _("File")},
        ],
        "trail": [
            {"label": _("Remediation"), "url": reverse("remediation-list")},
            {"label": _("Dashboard"), "url": reverse("remediation-dashboard")},
            {"label": _("Monthly summaries")},
        ],
    }  # fmt: skip
    waiting = visible(
        Job.objects.filter(kind=remediation_summaries.KIND, state__in=("queued", "running")), request.user
    )
    if job := waiting.first():
        context |= {"job": job, **progress_of(job)}
    return render(request, "compliance/summary_list.html", context)


@guarded(Verb.OPEN_REMEDIATION, methods=("POST",))
def summary_new(request: Request) -> HttpResponse:
    """Queue the summary of a month."""
    try:
        month = remediation_summaries.month_of(request.POST.get("month", ""))
        costs = bool(request.POST.get("with_costs"))
        remediation_summaries.request(month=month, with_costs=costs, actor=request.user)
    except NotAllowedError as error:
        raise PermissionDenied(str(error)) from error
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, _("The summary is on its way; it appears here when it is made."))
    return redirect("summary-list")


@guarded(Verb.VIEW_FIGURES)
def summary_detail(request: Request, uuid: UUID) -> HttpResponseBase:
    """One summary: the figures as they were when it was made, and its files."""
    kept = found(request, RemediationSummary.objects.select_related("made_by"), uuid)
    document = kept.document
    of_month, as_made = ([from_document(one) for one in document[part]] for part in ("of_month", "as_made"))
    if wanted(request):
        heads = (_("figure"), _("line"), _("column"), _("value"), _("unit"))
        rows = rows_of([*of_month, *as_made])
        title = _("Remediation summary of %s") % document["month"]
        return exported(request, Table(name=f"remediation-{document['month']}", title=title, heads=heads, rows=rows))
    context = {
        "kept": kept,
        "document": document,
        "of_month": of_month,
        "as_made": as_made,
        "trail": [
            {"label": _("Remediation"), "url": reverse("remediation-list")},
            {"label": _("Monthly summaries"), "url": reverse("summary-list")},
            {"label": document["month_words"]},
        ],
    }
    return render(request, "compliance/summary_detail.html", context)


@guarded(Verb.VIEW_FIGURES)
def summary_download(request: Request, uuid: UUID) -> HttpResponseBase:
    """The PDF."""
    kept = found(request, ROWS, uuid)
    try:
        stream = evidence.open_stored(name=kept.storage_name)
    except LostError as error:
        raise Http404 from error
    return attachment(stream, remediation_summaries.filename_of(kept), media_type="application/pdf")


urls = [
    path("remediation/summaries/", summary_list, name="summary-list"),
    path("remediation/summaries/new/", summary_new, name="summary-new"),
    path("remediation/summaries/<uuid:uuid>/", summary_detail, name="summary-detail"),
    path("remediation/summaries/<uuid:uuid>/pdf/", summary_download, name="summary-download"),
]
