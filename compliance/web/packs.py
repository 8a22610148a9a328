"""Evidence packs: the list, one pack, its download and receipt, and issuing one."""

from __future__ import annotations

from operator import attrgetter, methodcaller
from uuid import UUID

from django import forms
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.models import Assessment, EvidencePack, LedgerEvent
from compliance.packs.receipt import envelope_bytes
from compliance.rights import Verb, may, visible
from compliance.services import handovers, pack_releases, pack_renewals, pack_statements, packs
from compliance.services.errors import RefusedError
from compliance.services.file_tickets import Stored
from compliance.types.handling import Recipient
from compliance.types.pack_layouts import Layout
from compliance.types.states import Audience, ReleaseOutcome
from compliance.web.base import Request, found, guarded, page_of, refuse
from compliance.web.exports import Column, exported, table_of, wanted
from compliance.web.files import to_file
from compliance.web.recipients import HandoverForm

ROWS = EvidencePack.objects.select_related(
    "freeze__assessment__system", "freeze__frozen_by", "issued_by", "supersedes", "release__decided_by"
)


def _state(pack: EvidencePack) -> str:
    """Whether a pack may leave: "" where nothing has to be decided."""
    decision = getattr(pack, "release", None)
    if decision is not None:
        return str(decision.get_outcome_display())
    return _("waits for its release") if pack.audience == Audience.EXTERNAL else ""


TABLE = (
    Column(gettext_lazy("assessment"), attrgetter("freeze.assessment.title")),
    Column(gettext_lazy("pack"), attrgetter("number")),
    Column(gettext_lazy("AI system"), attrgetter("freeze.assessment.system.name")),
    Column(gettext_lazy("made for"), methodcaller("get_audience_display")),
    Column(gettext_lazy("layout"), methodcaller("get_layout_display")),
    Column(gettext_lazy("SHA-256"), attrgetter("sha256")),
    Column(gettext_lazy("size in bytes"), attrgetter("size")),
    Column(gettext_lazy("pages"), attrgetter("pages")),
    Column(gettext_lazy("files in the ZIP"), attrgetter("bag_files")),
    Column(gettext_lazy("SHA-256 of the ZIP"), attrgetter("bag_sha256")),
    Column(gettext_lazy("release"), _state),
    Column(gettext_lazy("issued (UTC)"), attrgetter("created_at")),
    Column(gettext_lazy("issued by"), attrgetter("issued_by")),
    Column(gettext_lazy("demonstration signer"), attrgetter("is_demonstration_signer")),
    Column(gettext_lazy("signer (SHA-256)"), attrgetter("signer_sha256")),
    Column(gettext_lazy("supersedes"), lambda row: row.supersedes.uuid if row.supersedes else None),
    Column(gettext_lazy("identifier"), attrgetter("uuid")),
)


@guarded(Verb.VIEW)
def pack_list(request: Request) -> HttpResponseBase:
    """Issued packs, newest first."""
    rows = visible(ROWS, request.user)
    if wanted(request):
        return exported(request, table_of("packs", _("Packs"), TABLE, rows))
    columns = [
        {"label": _("Pack")},
        {"label": _("AI system")},
        {"label": _("Made for")},
        {"label": _("SHA-256")},
        {"label": _("Pages"), "numeric": True},
        {"label": _("Issued")},
        {"label": _("Signer")},
    ]
    context = {
        "page": page_of(request, rows),
        "columns": columns,
        "may_see_recipients": may(request.user, Verb.VIEW_RECIPIENTS),
    }
    return render(request, "compliance/pack_list.html", context)


@guarded(Verb.VIEW)
def pack_detail(request: Request, uuid: UUID) -> HttpResponse:
    """One pack: what it holds, how to check it."""
    pack = found(request, ROWS, uuid)
    title = _("Evidence pack %d") % pack.number
    waits = pack_releases.waits(pack)
    others = pack_releases.other_deciders(pack) if waits else []
    context = {
        "waits": waits,
        "decision": getattr(pack, "release", None),
        "others": others,
        "may_decide": waits and may(request.user, Verb.RELEASE_PACK) and request.user != pack.issued_by,
        "may_release_alone": waits and may(request.user, Verb.RELEASE_PACK) and not others,
        "may_see_marks": bool(pack.marks_storage_name) and may(request.user, Verb.RELEASE_PACK),
        "pack": pack,
        "title": title,
        "assessment": pack.freeze.assessment,
        "successor": pack.superseded_by.first(),
        "event": LedgerEvent.objects.filter(subject_uuid=pack.uuid, kind="pack.issued")
        .select_related("place__block")
        .first(),
        "file": pack_renewals.current(pack),
        "root_sha256": pack.receipt.get("root_certificate_sha256", ""),
        "may_download": may(request.user, Verb.DOWNLOAD_PACK) and pack_releases.may_read(pack, request.user),
        "may_hand_over": may(request.user, Verb.HAND_OVER_PACK) and pack_releases.is_out(pack),
        "statement": StatementForm(),
        "may_issue": may(request.user, Verb.ISSUE_PACK) and pack.layout != Layout.CHANGES,
        "handover": HandoverForm(),
        "handovers": visible(pack.handovers.select_related("handed_by"), request.user)[:20],
        "may_see_recipients": may(request.user, Verb.VIEW_RECIPIENTS),
        "trail": [{"label": _("Packs"), "url": reverse("pack-list")}, {"label": title}],
    }
    return render(request, "compliance/pack_detail.html", context)


@guarded(Verb.DOWNLOAD_PACK)
def pack_download(request: Request, uuid: UUID) -> HttpResponseBase:
    """To the signed PDF, from a path without cookies; who fetched it is logged."""
    return _fetched(request, found(request, ROWS, uuid), Stored.PACK)


def _fetched(request: Request, pack: EvidencePack, what: Stored) -> HttpResponseBase:
    """To a file of a pack, once it is logged who fetched it; back to the pack where they may not have it yet."""
    try:
        pack_releases.require_readable(pack, request.user)
        if request.method == "GET":
            handovers.downloaded(pack=pack, purpose=request.GET.get("purpose", "")[:5_000], user=request.user)
    except RefusedError as error:
        refuse(request, error)
        return redirect("pack-detail", pack.uuid)
    return to_file(request, what, pack.uuid)


@guarded(Verb.DOWNLOAD_PACK)
def pack_files(request: Request, uuid: UUID) -> HttpResponseBase:
    """To the ZIP beside the PDF, with registers and original files; who fetched it is logged."""
    return _fetched(request, found(request, ROWS.exclude(bag_storage_name=""), uuid), Stored.PACK_FILES)


@guarded(Verb.RELEASE_PACK)
def pack_marks(request: Request, uuid: UUID) -> HttpResponseBase:
    """To the file that says who stands behind the marks of a pack for external recipients."""
    return to_file(request, Stored.PACK_MARKS, found(request, ROWS.exclude(marks_storage_name=""), uuid).uuid)


@guarded(Verb.RELEASE_PACK, methods=("POST",))
def pack_release(request: Request, uuid: UUID) -> HttpResponse:
    """Let a pack for external recipients out, or keep it in."""
    pack, reason = found(request, ROWS, uuid), request.POST.get("reason", "")[:5_000]
    try:
        if request.POST.get("outcome") == ReleaseOutcome.REFUSED:
            pack_releases.refuse(pack=pack, actor=request.user, reason=reason)
        elif request.POST.get("alone") == "yes":
            pack_releases.release_alone(pack=pack, actor=request.user, reason=reason)
        else:
            pack_releases.release(pack=pack, actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    return redirect("pack-detail", uuid)


@guarded(Verb.DOWNLOAD_PACK)
def pack_receipt(request: Request, uuid: UUID) -> HttpResponse:
    """The receipt of the file that is handed out today."""
    pack = found(request, ROWS, uuid)
    if not pack_releases.may_read(pack, request.user):
        return redirect("pack-detail", uuid)
    file = pack_renewals.current(pack)
    response = HttpResponse(envelope_bytes(file.receipt, file.signatures), content_type="application/json")
    name = f"evidence-pack-{pack.number}-{str(pack.uuid)[:8]}.receipt.json"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@guarded(Verb.ISSUE_PACK, methods=("POST",))
def pack_issue(request: Request, uuid: UUID) -> HttpResponse:
    """Issue a pack of a frozen assessment, in the background."""
    assessment = found(request, Assessment.objects.select_related("system"), uuid)
    audience = Audience.EXTERNAL if request.POST.get("audience") == Audience.EXTERNAL else Audience.INTERNAL
    layout = Layout.SUMMARY if request.POST.get("layout") == Layout.SUMMARY else Layout.FULL
    recipient = Recipient(
        name=request.POST.get("recipient", "").strip()[:300],
        purpose=request.POST.get("purpose", "").strip()[:5_000],
        under_nda=request.POST.get("under_nda") == "yes",
        region=request.POST.get("region", "").strip()[:64],
    )
    try:
        job = packs.request_issue(
            assessment=assessment,
            actor=request.user,
            audience=audience,
            recipient=recipient,
            with_originals=request.POST.get("originals_asked") != "yes" or request.POST.get("with_originals") == "yes",
            layout=layout,
            named_because=request.POST.get("named_because", "")[:5_000],
        )
    except RefusedError as error:
        refuse(request, error)
        return redirect("assessment-detail", uuid)
    return redirect("job-detail", job.uuid)


class StatementForm(forms.Form):
    """What somebody states for management about the time since a pack."""

    ends = forms.DateField(
        label=gettext_lazy("Speaks of the days until"), widget=forms.DateInput(attrs={"type": "date"}),
        help_text=gettext_lazy("At most 92 days after the period of the assessment."),
    )  # fmt: skip
    changes = forms.CharField(
        label=gettext_lazy("Changes since"), widget=forms.Textarea(attrs={"rows": 4}), max_length=20_000,
        help_text=gettext_lazy("Models, data, people, controls. Where there is none, say so."),
    )  # fmt: skip
    incidents = forms.CharField(
        label=gettext_lazy("Incidents since"), widget=forms.Textarea(attrs={"rows": 3}), max_length=20_000,
        help_text=gettext_lazy("Where there is none that you know of, say so."),
    )  # fmt: skip


@guarded(Verb.ISSUE_PACK, methods=("POST",))
def pack_statement(request: Request, uuid: UUID) -> HttpResponse:
    """Sign and issue a statement of changes since a pack, in the background."""
    pack = found(request, ROWS, uuid)
    form = StatementForm(request.POST)
    try:
        if not form.is_valid():
            raise RefusedError(_("State the last day, the changes and the incidents; where there is none, say so."))
        words = pack_statements.words_of({**form.cleaned_data, "since": pack.uuid})
        job = packs.request_issue(
            assessment=pack.freeze.assessment, actor=request.user, layout=Layout.CHANGES, words=words
        )
    except RefusedError as error:
        refuse(request, error)
        return redirect("pack-detail", uuid)
    return redirect("job-detail", job.uuid)


urls = [
    path("packs/", pack_list, name="pack-list"),
    path("packs/<uuid:uuid>/", pack_detail, name="pack-detail"),
    path("packs/<uuid:uuid>/download/", pack_download, name="pack-download"),
    path("packs/<uuid:uuid>/files/", pack_files, name="pack-files"),
    path("packs/<uuid:uuid>/marks/", pack_marks, name="pack-marks"),
    path("packs/<uuid:uuid>/release/", pack_release, name="pack-release"),
    path("packs/<uuid:uuid>/receipt/", pack_receipt, name="pack-receipt"),
    path("packs/<uuid:uuid>/statement/", pack_statement, name="pack-statement"),
    path("assessments/<uuid:uuid>/pack/", pack_issue, name="pack-issue"),
]
