"""Evidence: the list, one piece with its provenance, adding, downloading, checking."""

from __future__ import annotations

from operator import attrgetter, methodcaller
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.choices import label as word
from compliance.models import Evidence
from compliance.rights import Verb, may, visible
from compliance.selectors.answer_basis import successor_of
from compliance.selectors.evidence_page import EvidenceFilter, by_digest, evidence_page
from compliance.selectors.evidence_page import evidence_list as filtered
from compliance.selectors.handling import label_of, region_of
from compliance.services import evidence as service
from compliance.services import evidence_standing, handling
from compliance.services.errors import RefusedError
from compliance.services.file_tickets import Stored
from compliance.types.states import EvidenceState
from compliance.web.base import Request, found, guarded, page_of, refuse, say
from compliance.web.exports import Column, exported, table_of, wanted
from compliance.web.files import to_file
from compliance.web.forms import EvidenceFilterForm, EvidenceForm, ProvenanceForm, SupersedeForm, WithdrawForm
from compliance.web.handling import LabelForm, confirmation
from compliance.web.retention import ClassifyForm, PieceHoldForm

ROWS = Evidence.objects.select_related("system", "received_by", "supersedes")
TABLE = (
    Column(gettext_lazy("evidence"), attrgetter("title")),
    Column(gettext_lazy("AI system"), attrgetter("system.name")),
    Column(gettext_lazy("file"), attrgetter("filename")),
    Column(gettext_lazy("SHA-256"), attrgetter("sha256")),
    Column(gettext_lazy("size in bytes"), attrgetter("size")),
    Column(gettext_lazy("media type"), attrgetter("media_type")),
    Column(gettext_lazy("handling label"), lambda row: word(label_of(row))),
    Column(gettext_lazy("region"), region_of),
    Column(gettext_lazy("state"), methodcaller("get_state_display")),
    Column(gettext_lazy("reason of the rejection"), attrgetter("rejection")),
    Column(gettext_lazy("source system"), attrgetter("source_system")),
    Column(gettext_lazy("how it was collected"), attrgetter("collected_how")),
    Column(gettext_lazy("original held at"), attrgetter("original_held_at")),
    Column(gettext_lazy("collected at (UTC)"), attrgetter("collected_at")),
    Column(gettext_lazy("from (UTC)"), attrgetter("effective_from")),
    Column(gettext_lazy("to (UTC)"), attrgetter("effective_to")),
    Column(gettext_lazy("received at (UTC)"), attrgetter("created_at")),
    Column(gettext_lazy("received by"), attrgetter("received_by")),
    Column(gettext_lazy("supersedes"), lambda row: row.supersedes.uuid if row.supersedes else None),
    Column(gettext_lazy("identifier"), attrgetter("uuid")),
)


def _asked(form: EvidenceFilterForm) -> EvidenceFilter:
    given = form.cleaned_data
    return EvidenceFilter(
        text=given.get("q", ""),
        state=given.get("state", ""),
        system=given.get("system"),
        events_from=given.get("events_from"),
        events_to=given.get("events_to"),
    )


@guarded(Verb.VIEW)
def evidence_list(request: Request) -> HttpResponseBase:
    """What was collected, newest first."""
    form = EvidenceFilterForm(request.GET)
    form.is_valid()
    rows = visible(ROWS, request.user)
    asked = _asked(form)
    shown = filtered(rows, asked)
    if wanted(request):
        return exported(request, table_of("evidence", _("Evidence"), TABLE, shown), form)
    context = {
        "page": page_of(request, shown),
        "total": rows.count(),
        "form": form,
        "active": asked != EvidenceFilter(),
        "may_add": may(request.user, Verb.ADD_EVIDENCE),
        "columns": [
            {"label": _("Evidence")},
            {"label": _("AI system")},
            {"label": _("SHA-256")},
            {"label": _("Size"), "numeric": True},
            {"label": _("Received")},
            {"label": _("State")},
        ],
    }
    return render(request, "compliance/evidence_list.html", context)


@guarded(Verb.VIEW)
def evidence_detail(request: Request, uuid: UUID) -> HttpResponse:
    """One piece: what it is, where from, where used, and whether it is unaltered."""
    evidence = found(request, ROWS, uuid)
    context = {
        "evidence": evidence,
        "content": evidence_page(evidence, request.user),
        "may_download": may(request.user, Verb.DOWNLOAD_EVIDENCE),
        "may_judge": may(request.user, Verb.JUDGE_EVIDENCE),
        "successor": successor_of(evidence),
        "may_classify": may(request.user, Verb.CLASSIFY_EVIDENCE),
        "may_hold": may(request.user, Verb.PLACE_HOLD),
        "may_see_run": may(request.user, Verb.VIEW_RETENTION),
        "classify": ClassifyForm(auto_id="classify_%s", initial={"key": evidence.retention_class}),
        "hold": PieceHoldForm(auto_id="hold_%s"),
        "may_label": may(request.user, Verb.LABEL_EVIDENCE),
        "label": LabelForm(auto_id="label_%s", initial={"handling": evidence.handling, "region": evidence.region}),
        "withdraw": WithdrawForm(),
        "supersede": SupersedeForm(),
        "trail": [{"label": _("Evidence"), "url": reverse("evidence-list")}, {"label": evidence.title}],
    }
    return render(request, "compliance/evidence_detail.html", context)


def _next(request: Request, otherwise: str) -> str:
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()}, require_https=False)
    return wanted if is_ours else otherwise


@guarded(Verb.ADD_EVIDENCE, methods=("GET", "HEAD", "POST"))
def evidence_upload(request: Request) -> HttpResponse:
    """Add a document. Logs and scan reports that Assay reads go through an import instead."""
    form = EvidenceForm(asker=request.user, data=request.POST or None, files=request.FILES or None)
    if request.method == "POST" and form.is_valid():
        given = dict(form.cleaned_data)
        upload = given.pop("file")
        try:
            evidence = service.receive(
                **given,
                stream=upload.file,
                filename=upload.name,
                declared_type=upload.content_type or "",
                kind=service.kind_of(request.GET.get("kind", "")),
                received_by=request.user,
            )
            service.accept(evidence=evidence, actor=request.user)
        except RefusedError as error:
            form.add_error("file", str(error))
        else:
            say(request, _("The evidence is kept."))
            return redirect(_next(request, reverse("evidence-detail", args=[evidence.uuid])))
    context = {"form": form, "next": _next(request, "")}
    return render(request, "compliance/evidence_upload.html", context)


@guarded(Verb.DOWNLOAD_EVIDENCE, methods=("GET", "HEAD", "POST"))
def evidence_download(request: Request, uuid: UUID) -> HttpResponse:
    """To the bytes as received, always as an attachment, from a path without cookies; a label may ask first, or refuse."""
    evidence = found(request, ROWS, uuid)
    if evidence.state == EvidenceState.DISPOSED:
        refuse(
            request, RefusedError(_("The bytes are no longer kept: they were %s") % service.disposed_words(evidence))
        )
        return redirect("evidence-detail", uuid)
    try:
        handling.require(evidence=evidence, user=request.user, confirmed=request.POST.get("confirmed") == "yes")
    except handling.UnconfirmedError:
        return confirmation(request, evidence)
    except RefusedError as error:
        refuse(request, error)
        return redirect("evidence-detail", uuid)
    return to_file(request, Stored.EVIDENCE, uuid)


@guarded(Verb.VIEW, methods=("POST",))
def evidence_check(request: Request, uuid: UUID) -> HttpResponse:
    """Hash the stored bytes again and say what came out."""
    evidence = found(request, ROWS, uuid)
    try:
        unaltered = service.is_unaltered(evidence=evidence)
    except RefusedError as error:
        refuse(request, error)
        return redirect("evidence-detail", uuid)
    if unaltered:
        say(request, _("Hashed again just now: the stored bytes still have the SHA-256 they were received with."))
    else:
        refuse(request, RefusedError(_("The stored bytes no longer match their SHA-256, or are missing.")))
    return redirect("evidence-detail", uuid)


@guarded(Verb.JUDGE_EVIDENCE, methods=("GET", "HEAD", "POST"))
def evidence_describe(request: Request, uuid: UUID) -> HttpResponse:
    """Say where a piece comes from: source, query, executor, time, counts, and how it was obtained."""
    evidence = found(request, ROWS, uuid)
    form = ProvenanceForm(request.POST) if request.method == "POST" else ProvenanceForm.of(evidence)
    if request.method == "POST" and form.is_valid():
        try:
            evidence_standing.describe(evidence=evidence, provenance=form.provenance, actor=request.user)
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, _("Where the evidence comes from is on record."))
            return redirect("evidence-detail", uuid)
    trail = [
        {"label": _("Evidence"), "url": reverse("evidence-list")},
        {"label": evidence.title, "url": reverse("evidence-detail", args=[uuid])},
        {"label": _("Where it comes from")},
    ]
    context = {"evidence": evidence, "form": form, "trail": trail}
    return render(request, "compliance/evidence_describe.html", context, status=422 if form.errors else 200)


@guarded(Verb.JUDGE_EVIDENCE, methods=("POST",))
def evidence_withdraw(request: Request, uuid: UUID) -> HttpResponse:
    """Reject a piece with a reason, accepted or not."""
    evidence = found(request, ROWS, uuid)
    try:
        reason = request.POST.get("reason", "")[:5000]
        evidence_standing.withdraw(evidence=evidence, reason=reason, actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, _("The evidence is rejected. Answers approved on it need a new approval."))
    return redirect("evidence-detail", uuid)


@guarded(Verb.JUDGE_EVIDENCE, methods=("POST",))
def evidence_supersede(request: Request, uuid: UUID) -> HttpResponse:
    """Name the newer piece, by the beginning of its SHA-256."""
    evidence = found(request, ROWS, uuid)
    form = SupersedeForm(request.POST)
    try:
        if not form.is_valid():
            raise RefusedError(_("Give at least the first 16 digits of the SHA-256 of the newer piece."))
        newer = by_digest(
            visible(Evidence.objects.filter(system=evidence.system), request.user), form.cleaned_data["by"]
        )
        if newer is None:
            raise RefusedError(_("No single piece of this AI system has that SHA-256. Add the newer piece first."))
        evidence_standing.supersede(evidence=evidence, by=newer, actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, _("The newer piece is on record. Answers approved on this one need a new approval."))
    return redirect("evidence-detail", uuid)


urls = [
    path("evidence/", evidence_list, name="evidence-list"),
    path("evidence/new/", evidence_upload, name="evidence-upload"),
    path("evidence/<uuid:uuid>/", evidence_detail, name="evidence-detail"),
    path("evidence/<uuid:uuid>/download/", evidence_download, name="evidence-download"),
    path("evidence/<uuid:uuid>/describe/", evidence_describe, name="evidence-describe"),
    path("evidence/<uuid:uuid>/reject/", evidence_withdraw, name="evidence-reject"),
    path("evidence/<uuid:uuid>/supersede/", evidence_supersede, name="evidence-supersede"),
    path("evidence/<uuid:uuid>/check/", evidence_check, name="evidence-check"),
]
