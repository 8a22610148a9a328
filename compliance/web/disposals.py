"""Disposal runs: proposing what is due, deciding, following one, and its certificate."""

from __future__ import annotations

from operator import attrgetter, methodcaller
from uuid import UUID

from django.db.models import Count, Q
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from compliance.models import DisposalItem, DisposalRun, LedgerEvent
from compliance.rights import Verb, may, visible
from compliance.selectors.file_answers import attachment
from compliance.services import disposal_papers, disposals, evidence
from compliance.services.errors import LostError, RefusedError
from compliance.types.canonical import canonical_json
from compliance.types.retention import ItemState, RunState
from compliance.web.base import Request, found, guarded, page_of, refuse, say, uuid_of
from compliance.web.exports import Column, exported, table_of, wanted
from compliance.web.retention import retention_tabs

ROWS = (
    DisposalRun.objects.select_related("proposed_by", "decided_by", "job", "paper_job")
    .annotate(pieces=Count("items"), gone=Count("items", filter=Q(items__state=ItemState.DISPOSED)))
    .order_by("-created_at", "-pk")
)
ITEMS = DisposalItem.objects.select_related("evidence__system", "terms", "run")
RUN_TABLE = (
    Column(_("run"), attrgetter("uuid")),
    Column(_("state"), methodcaller("get_state_display")),
    Column(_("due by"), attrgetter("due_by")),
    Column(_("pieces"), attrgetter("pieces")),
    Column(_("disposed of"), attrgetter("gone")),
    Column(_("proposed (UTC)"), attrgetter("created_at")),
    Column(_("proposed by"), lambda row: row.proposed_by or "Assay"),
    Column(_("decided (UTC)"), attrgetter("decided_at")),
    Column(_("decided by"), attrgetter("decided_by")),
    Column(_("note"), attrgetter("note")),
    Column(_("completed (UTC)"), attrgetter("completed_at")),
    Column(_("certificate (SHA-256)"), attrgetter("certificate_sha256")),
)
ITEM_TABLE = (
    Column(_("evidence"), attrgetter("evidence.title")),
    Column(_("AI system"), attrgetter("evidence.system.name")),
    Column(_("SHA-256"), attrgetter("evidence.sha256")),
    Column(_("size in bytes"), attrgetter("evidence.size")),
    Column(_("kind"), lambda row: row.evidence.get_kind_display()),
    Column(_("class"), attrgetter("terms.title")),
    Column(_("version of the class"), attrgetter("terms.version")),
    Column(_("due on"), attrgetter("due_on")),
    Column(_("state"), methodcaller("get_state_display")),
    Column(_("bytes deleted"), attrgetter("bytes_deleted")),
    Column(_("note"), attrgetter("note")),
    Column(_("identifier of the evidence"), attrgetter("evidence.uuid")),
)


@guarded(Verb.VIEW_RETENTION)
def disposal_list(request: Request) -> HttpResponseBase:
    """Runs, newest first."""
    rows = visible(ROWS, request.user)
    if wanted(request):
        return exported(request, table_of("disposals", gettext("Disposals"), RUN_TABLE, rows))
    context = {
        "page": page_of(request, rows),
        "total": rows.count(),
        "may_propose": may(request.user, Verb.PROPOSE_DISPOSAL),
        "tabs": retention_tabs("disposal-list"),
        "columns": [
            {"label": _("Run")},
            {"label": _("State")},
            {"label": _("Pieces"), "numeric": True},
            {"label": _("Proposed by")},
            {"label": _("Decided by")},
        ],
    }
    return render(request, "compliance/disposal_list.html", context)


@guarded(Verb.PROPOSE_DISPOSAL, methods=("POST",))
def disposal_propose(request: Request) -> HttpResponse:
    """Propose what is due today."""
    run = disposals.propose(actor=request.user)
    if run is None:
        say(request, gettext("Nothing is due that is not in a run already, held, or in use by an open assessment."))
        return redirect("disposal-list")
    say(request, gettext("The run waits for a decision by somebody else."))
    return redirect("disposal-detail", run.uuid)


@guarded(Verb.VIEW_RETENTION)
def disposal_detail(request: Request, uuid: UUID) -> HttpResponseBase:
    """One run with its pieces."""
    run = found(request, ROWS, uuid)
    items = visible(ITEMS.filter(run=run), request.user)
    if wanted(request):
        return exported(request, table_of("disposal", str(run), ITEM_TABLE, items))
    open_for = run.state == RunState.PROPOSED and may(request.user, Verb.DECIDE_DISPOSAL)
    context = {
        "run": run,
        "page": page_of(request, items),
        "total": items.count(),
        "may_decide": open_for and run.proposed_by_id != request.user.pk,
        "is_own": open_for and run.proposed_by_id == request.user.pk,
        "may_go_on": run.state == RunState.APPROVED
        and may(request.user, Verb.DECIDE_DISPOSAL)
        and (run.job is None or run.job.is_over),
        "may_draw": run.state == RunState.COMPLETED
        and not run.paper_storage
        and may(request.user, Verb.DECIDE_DISPOSAL)
        and (run.paper_job is None or run.paper_job.is_over),
        "event": LedgerEvent.objects.filter(subject_uuid=run.uuid, kind="disposal.completed")
        .select_related("place__block")
        .first(),
        "trail": [{"label": _("Disposals"), "url": reverse("disposal-list")}, {"label": str(run)}],
        "columns": [
            {"label": _("Evidence")},
            {"label": _("Size"), "numeric": True},
            {"label": _("Class and legal basis")},
            {"label": _("Due on")},
            {"label": _("State")},
        ],
    }
    return render(request, "compliance/disposal_detail.html", context)


@guarded(Verb.DECIDE_DISPOSAL, methods=("POST",))
def disposal_approve(request: Request, uuid: UUID) -> HttpResponse:
    """Dispose of all but what is taken out."""
    run = found(request, DisposalRun.objects.all(), uuid)
    keep = [uuid_of(text) for text in request.POST.getlist("keep")]
    try:
        disposals.approve(run=run, keep=keep, note=request.POST.get("note", "")[:5_000], actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, gettext("Approved. The certificate follows when all of it is gone."))
    return redirect("disposal-detail", uuid)


@guarded(Verb.DECIDE_DISPOSAL, methods=("POST",))
def disposal_refuse(request: Request, uuid: UUID) -> HttpResponse:
    """Dispose of nothing."""
    run = found(request, DisposalRun.objects.all(), uuid)
    try:
        disposals.refuse(run=run, note=request.POST.get("note", "")[:5_000], actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, gettext("Refused. Nothing was disposed of."))
    return redirect("disposal-detail", uuid)


@guarded(Verb.DECIDE_DISPOSAL, methods=("POST",))
def disposal_go_on(request: Request, uuid: UUID) -> HttpResponse:
    """Take up an approved run whose job ended too early."""
    run = found(request, DisposalRun.objects.all(), uuid)
    try:
        disposals.go_on(run=run, actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, gettext("It goes on where it stood."))
    return redirect("disposal-detail", uuid)


@guarded(Verb.VIEW_RETENTION)
def disposal_certificate(request: Request, uuid: UUID) -> HttpResponse:
    """The certificate, byte for byte as its SHA-256 in the ledger says."""
    run = found(request, DisposalRun.objects.all(), uuid)
    if run.state != RunState.COMPLETED:
        raise Http404
    response = HttpResponse(canonical_json(run.certificate), content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="disposal-certificate-{str(run.uuid)[:8]}.json"'
    return response


@guarded(Verb.VIEW_RETENTION)
def disposal_paper(request: Request, uuid: UUID) -> HttpResponseBase:
    """The certificate as a PDF."""
    run = found(request, DisposalRun.objects.all(), uuid)
    if not run.paper_storage:
        raise Http404
    try:
        stream = evidence.open_stored(name=run.paper_storage)
    except LostError as error:
        raise Http404 from error
    return attachment(stream, f"disposal-certificate-{str(run.uuid)[:8]}.pdf", media_type="application/pdf")


@guarded(Verb.DECIDE_DISPOSAL, methods=("POST",))
def disposal_draw(request: Request, uuid: UUID) -> HttpResponse:
    """Draw the certificate as a PDF, where it is not there yet."""
    run = found(request, DisposalRun.objects.all(), uuid)
    try:
        disposal_papers.request(run=run, actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, gettext("The PDF is being drawn; it appears here when it is there."))
    return redirect("disposal-detail", uuid)


urls = [
    path("retention/disposals/", disposal_list, name="disposal-list"),
    path("retention/disposals/propose/", disposal_propose, name="disposal-propose"),
    path("retention/disposals/<uuid:uuid>/", disposal_detail, name="disposal-detail"),
    path("retention/disposals/<uuid:uuid>/approve/", disposal_approve, name="disposal-approve"),
    path("retention/disposals/<uuid:uuid>/refuse/", disposal_refuse, name="disposal-refuse"),
    path("retention/disposals/<uuid:uuid>/go-on/", disposal_go_on, name="disposal-go-on"),
    path("retention/disposals/<uuid:uuid>/certificate/", disposal_certificate, name="disposal-certificate"),
    path("retention/disposals/<uuid:uuid>/certificate/pdf/", disposal_paper, name="disposal-paper"),
    path("retention/disposals/<uuid:uuid>/certificate/draw/", disposal_draw, name="disposal-draw"),
]
