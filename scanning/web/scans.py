"""Scans: the list, a new one, and one with what each stage says, how strong it is and what it cannot say."""

from __future__ import annotations

from operator import attrgetter, methodcaller
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.choices import label
from compliance.models import ModelVersion
from compliance.rights import Verb, may
from compliance.services.errors import RefusedError
from compliance.types.verdicts import FileScanVerdict, StageVerdict
from compliance.web.base import Request, found, guarded, ordered, page_of, uuid_of
from compliance.web.exports import Column, exported, table_of, wanted
from compliance.web.jobs import STOP_POLLING, progress_of
from scanning.models import Scan
from scanning.selectors import comparison, lists, scan_page
from scanning.services import scans
from scanning.web.answers import see_other
from scanning.web.forms import CompareForm, ScanFilter, ScanForm

ORDERS = {
    "model": ("model_version__model__name", "model_version__label"),
    "system": ("model_version__model__system__name",),
    "time": ("created_at",),
    "verdict": ("verdict",),
}
INPUTS = ("held_out", "training_images", "suspects", "base_version__model", "reference_bank__evidence")
MOST_OFFERED = 200


def _verdict(scan: Scan) -> str:
    """The verdict in words; "" while there is none."""
    kind = FileScanVerdict if scan.kind == Scan.FILE else StageVerdict
    return str(label(kind(scan.verdict))) if scan.verdict else ""


def _file_verdict(scan: Scan) -> str:
    """What the look at the file concluded, in words; "" while nothing is."""
    said = scan.file_verdict  # type: ignore[attr-defined]  # of the list
    return str(label(FileScanVerdict(said))) if said else ""


TABLE = (
    Column(gettext_lazy("model"), attrgetter("model_version.model.name")),
    Column(gettext_lazy("version"), attrgetter("model_version.label")),
    Column(gettext_lazy("AI system"), attrgetter("model_version.model.system.name")),
    Column(gettext_lazy("model (SHA-256)"), attrgetter("model_version.digest")),
    Column(gettext_lazy("kind"), methodcaller("get_kind_display")),
    Column(gettext_lazy("asked for (UTC)"), attrgetter("created_at")),
    Column(gettext_lazy("asked for by"), attrgetter("job.requested_by")),
    Column(gettext_lazy("job"), lambda row: row.job.get_state_display()),
    Column(gettext_lazy("ended (UTC)"), attrgetter("job.finished_at")),
    Column(gettext_lazy("verdict"), _verdict),
    Column(gettext_lazy("verdict on the file"), _file_verdict),
    Column(gettext_lazy("report (SHA-256)"), attrgetter("report_sha256")),
    Column(gettext_lazy("identifier"), attrgetter("uuid")),
)


def _filtered(rows: QuerySet[Scan], form: ScanFilter) -> QuerySet[Scan]:
    given = form.cleaned_data
    if text := given.get("q"):
        digest = text.replace(" ", "").lower()
        named = Q(model_version__model__name__icontains=text) | Q(model_version__label__icontains=text)
        rows = rows.filter(named | Q(model_version__digest__startswith=digest))
    if given.get("kind"):
        rows = rows.filter(kind=given["kind"])
    if given.get("verdict"):
        rows = rows.filter(verdict=given["verdict"])
    if given.get("model"):
        rows = rows.filter(model_version__uuid=given["model"])
    return rows


@guarded(Verb.VIEW)
def scan_list(request: Request) -> HttpResponseBase:
    """Scans, newest first."""
    form = ScanFilter(request.GET)
    form.is_valid()
    rows = lists.scan_list(asker=request.user)
    shown = ordered(request, _filtered(rows, form), ORDERS)
    if wanted(request):
        return exported(request, table_of("scans", _("Scans"), TABLE, shown), form)
    context = {
        "page": page_of(request, shown),
        "total": rows.count(),
        "form": form,
        "active": any(form.cleaned_data.values()),
        "may_scan": may(request.user, Verb.START_SCAN),
        "columns": [
            {"label": _("Model version"), "sort": "model"},
            {"label": _("AI system"), "sort": "system"},
            {"label": _("Kind")},
            {"label": _("Asked for"), "sort": "time"},
            {"label": _("Job")},
            {"label": _("Verdict"), "sort": "verdict"},
        ],
    }
    return render(request, "scanning/scan_list.html", context)


def _version_asked(request: Request) -> ModelVersion | None:
    """The model version that a link names; a word that is no identifier names none."""
    try:
        uuid = UUID(request.GET.get("model", ""))
    except ValueError:
        return None
    return get_object_or_404(lists.scannable_versions(asker=request.user).select_related("parent"), uuid=uuid)


def _named(request: Request, key: str, rows: QuerySet[Scan]) -> Scan | None:
    """The scan that a link names, as `?a=`; 404 where there is none for the asker."""
    text = request.GET.get(key)
    return found(request, rows, uuid_of(text)) if text else None


@guarded(Verb.START_SCAN, methods=("GET", "HEAD", "POST"))
def scan_new(request: Request) -> HttpResponse:
    """Start a scan; it goes on in the background."""
    like = _named(request, "like", lists.scan_list(asker=request.user).select_related(*INPUTS))
    form = ScanForm(asker=request.user, data=request.POST or None, version=_version_asked(request), like=like)
    if request.method == "POST" and form.is_valid():
        try:
            scan = scans.request_scan(**form.cleaned_data, actor=request.user)
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            return see_other("scan-detail", scan.uuid)
    context = {
        "form": form,
        "has_versions": lists.scannable_versions(asker=request.user).exists(),
        "trail": [{"label": _("Scans"), "url": reverse("scan-list")}, {"label": _("Start a scan")}],
    }
    return render(request, "scanning/scan_new.html", context)


def _scan_of(request: Request, uuid: UUID) -> Scan:
    rows = lists.scan_list(asker=request.user).defer(None)
    return found(request, rows.select_related(*INPUTS), uuid)


def _progress(scan: Scan) -> dict[str, object]:
    steps = scan_page.scan_steps(scan, file_label=_("File scan"))
    return {"scan": scan, "job": scan.job, "steps": steps, **progress_of(scan.job)}


@guarded(Verb.VIEW)
def scan_detail(request: Request, uuid: UUID) -> HttpResponse:
    """One scan."""
    scan = _scan_of(request, uuid)
    context = {
        "content": scan_page.scan_page(scan, request.user),
        "verdict_kind": "file" if scan.kind == Scan.FILE else "stage",
        "may_cancel": may(request.user, Verb.CANCEL_JOB) and not scan.job.is_over,
        "may_scan": may(request.user, Verb.START_SCAN) and scan.job.is_over,
        "issue_columns": [{"label": _("Severity")}, {"label": _("What")}, {"label": _("Where and why")}],
        "stage_columns": [
            {"label": _("Stage")},
            {"label": _("Verdict")},
            {"label": _("p-value"), "numeric": True},
            {"label": _("Tier")},
            {"label": _("Planted backdoors found")},
        ],
        "tensor_columns": [
            {"label": _("Tensor")},
            {"label": _("Shape")},
            {"label": _("Type")},
            {"label": _("SHA-256")},
        ],
        "member_columns": [{"label": _("Part")}, {"label": _("Why it was not read")}],
        "trail": [{"label": _("Scans"), "url": reverse("scan-list")}, {"label": str(scan.model_version)}],
        **_progress(scan),
    }
    return render(request, "scanning/scan_detail.html", context)


@guarded(Verb.VIEW)
def scan_progress(request: Request, uuid: UUID) -> HttpResponse:
    """The fragment that the page polls; at the end it asks htmx to load the page with the result."""
    scan = _scan_of(request, uuid)
    response = render(request, "scanning/_scan_progress.html", _progress(scan))
    response["Cache-Control"] = "no-store"
    if scan.job.is_over:
        response.status_code = STOP_POLLING
        response["HX-Refresh"] = "true"
    return response


@guarded(Verb.VIEW)
def scan_compare(request: Request) -> HttpResponse:
    """Two scans side by side: `?a=` and `?b=`; with one or none of them, the choice."""
    rows = lists.scan_list(asker=request.user)
    whole = rows.defer(None).select_related(*INPUTS)
    a, b = _named(request, "a", whole), _named(request, "b", whole)
    finished = rows.exclude(verdict="")
    near = finished.filter(model_version__model=a.model_version.model_id) if a else finished
    form = CompareForm(
        rows=finished.filter(pk__in=near.values_list("pk", flat=True)[:MOST_OFFERED]),
        initial={key: scan.uuid for key, scan in (("a", a), ("b", b)) if scan},
    )
    trail = [{"label": _("Scans"), "url": reverse("scan-list")}]
    if a:
        trail.append({"label": str(a.model_version), "url": reverse("scan-detail", args=[a.uuid])})
    context = {
        "a": a,
        "b": b,
        "form": form,
        "has_scans": near.count() > 1 or (b is not None),
        "content": comparison.compare(a, b) if a and b else None,
        "trail": [*trail, {"label": _("Compare")}],
    }
    return render(request, "scanning/scan_compare.html", context)


urls = [
    path("scans/", scan_list, name="scan-list"),
    path("scans/new/", scan_new, name="scan-new"),
    path("scans/compare/", scan_compare, name="scan-compare"),
    path("scans/<uuid:uuid>/", scan_detail, name="scan-detail"),
    path("scans/<uuid:uuid>/progress/", scan_progress, name="scan-progress"),
]
