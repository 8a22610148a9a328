"""Editing many remediation items: from the table to a preview, from the preview to one job, and what the job did."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _

from compliance.models import BulkEdit, RemediationItem
from compliance.rights import Verb, visible
from compliance.selectors import bulk_edit_page as pages
from compliance.selectors.remediation_lists import remediation_list
from compliance.services import bulk_edits
from compliance.services.errors import RefusedError
from compliance.web.base import PER_PAGE, Request, found, guarded, refuse, say
from compliance.web.bulk_edit_forms import BulkEditForm
from compliance.web.exports import Table, exported, wanted
from compliance.web.jobs import progress_of, subject_url
from compliance.web.remediation_filters import RemediationFilterForm

ROWS = BulkEdit.objects.select_related("job", "made_by")


def _chosen(request: Request) -> QuerySet[RemediationItem]:
    """The rows that were ticked, or all that the filter shows."""
    rows = visible(RemediationItem.objects.all(), request.user)
    if request.POST.get("which") == "all":
        form = RemediationFilterForm(asker=request.user, data=QueryDict(request.POST.get("query", "")))
        return remediation_list(rows, form.asked())
    try:
        ticked = {UUID(text) for text in request.POST.getlist("item")}
    except ValueError as error:
        raise Http404 from error
    return rows.filter(uuid__in=ticked)


@guarded(Verb.OPEN_REMEDIATION, methods=("POST",))
def bulk_edit_new(request: Request) -> HttpResponse:
    """Draft an edit; its preview comes next."""
    form = BulkEditForm(request.POST)
    back = f"{reverse('remediation-list')}?{request.POST.get('query', '')}#bulk-edit"
    try:
        if not form.is_valid():
            raise RefusedError(" ".join(str(words) for errors in form.errors.values() for words in errors))
        edit = bulk_edits.draft(items=_chosen(request), changes=form.changes(), actor=request.user)
    except RefusedError as error:
        refuse(request, error)
        return redirect(back)
    return redirect("bulk-edit", edit.uuid)


def _table(preview: pages.BulkEditPage) -> Table:
    heads = (_("remediation item"), _("AI system"), _("what becomes of it"), _("why"), _("identifier"))
    rows = (
        (line.title, line.system, line.outcome, line.why, str(line.uuid or ""))
        for line in pages.lines(preview.judged, is_done=preview.is_done)
    )
    return Table(name="bulk-edit", title=_("Edit of remediation items"), heads=heads, rows=rows)


@guarded(Verb.OPEN_REMEDIATION)
def bulk_edit(request: Request, uuid: UUID) -> HttpResponseBase:
    """What would change, what not and why; once confirmed, how far the job is and what it did."""
    edit = found(request, ROWS, uuid)
    preview = pages.bulk_edit_page(edit)
    if wanted(request):
        return exported(request, _table(preview))
    shown = request.GET.get("show", "")
    page = Paginator(preview.of(shown), PER_PAGE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "edit": edit,
        "preview": preview,
        "page": page,
        "lines": pages.lines(list(page.object_list), is_done=preview.is_done),
        "tabs": _tabs(request, preview, shown),
        "columns": [{"label": _("Remediation item")}, {"label": _("What becomes of it")}, {"label": _("Why")}],
        "trail": [
            {"label": _("Remediation"), "url": reverse("remediation-list")},
            {"label": _("Edit of several items")},
        ],
    }
    if edit.job and not edit.job.is_over:
        context |= {"job": edit.job, "subject_url": subject_url(edit.job), **progress_of(edit.job)}
    return render(request, "compliance/bulk_edit.html", context)


def _tabs(request: Request, preview: pages.BulkEditPage, shown: str) -> list[dict[str, object]]:
    """All lines, or those of one outcome."""
    kinds = (
        ("", _("All"), len(preview.judged)),
        (pages.CHANGED, pages.outcome_words(pages.CHANGED, is_done=preview.is_done), preview.changed),
        (pages.SAME, pages.outcome_words(pages.SAME, is_done=preview.is_done), preview.same),
        (pages.REFUSED, pages.outcome_words(pages.REFUSED, is_done=preview.is_done), preview.refused),
    )
    return [
        {"label": words, "url": f"{request.path}?show={kind}", "active": kind == shown, "count": count}
        for kind, words, count in kinds
    ]


@guarded(Verb.OPEN_REMEDIATION, methods=("POST",))
def bulk_edit_confirm(request: Request, uuid: UUID) -> HttpResponse:
    """Queue the job."""
    edit = found(request, ROWS, uuid)
    try:
        bulk_edits.confirm(edit=edit, actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, _("The edit is under way; this page shows how far it is."))
    return redirect("bulk-edit", edit.uuid)


urls = [
    path("remediation/bulk-edits/", bulk_edit_new, name="bulk-edit-new"),
    path("remediation/bulk-edits/<uuid:uuid>/", bulk_edit, name="bulk-edit"),
    path("remediation/bulk-edits/<uuid:uuid>/confirm/", bulk_edit_confirm, name="bulk-edit-confirm"),
]
