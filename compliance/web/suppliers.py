"""Third parties: what they provide, what their reports say, and which days and controls those leave to us."""

from __future__ import annotations

from uuid import UUID

from django.core.paginator import Page
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.models import ImplementedControl, ModelVersion, Supplier
from compliance.rights import Verb, may, visible
from compliance.selectors import supplier_page as pages
from compliance.selectors.supplier_page import SupplierLine
from compliance.services import suppliers
from compliance.services.errors import RefusedError
from compliance.web.base import Request, found, guarded, page_of, refuse, say
from compliance.web.exports import Column, Table, exported, table_of, wanted
from compliance.web.supplier_forms import (
    CustomerControlForms,
    EndForm,
    SupplierFilterForm,
    SupplierForm,
    initial_of,
    rows_of,
)

TABLE = (
    Column(gettext_lazy("third party"), lambda line: line.supplier.name),
    Column(gettext_lazy("AI system"), lambda line: line.supplier.system.name),
    Column(gettext_lazy("what they provide"), lambda line: line.review.provides),
    Column(gettext_lazy("report"), lambda line: line.review.get_report_type_display()),
    Column(gettext_lazy("issued by"), lambda line: line.review.issuer),
    Column(gettext_lazy("period from"), lambda line: line.review.period_start),
    Column(gettext_lazy("period to, or as of"), lambda line: line.review.period_end),
    Column(gettext_lazy("assessment"), lambda line: line.gap.assessment.title if line.gap else ""),
    Column(gettext_lazy("days of its period left open"), lambda line: line.gap.days if line.gap else None),
    Column(gettext_lazy("gap in words"), lambda line: line.gap.sentence if line.gap else ""),
    Column(gettext_lazy("what covers the gap"), lambda line: line.review.gap_measures),
    Column(gettext_lazy("opinion"), lambda line: line.review.get_opinion_display()),
    Column(gettext_lazy("exceptions"), lambda line: line.review.exceptions),
    Column(gettext_lazy("what follows"), lambda line: line.review.conclusion),
    Column(gettext_lazy("reviewer"), lambda line: line.review.reviewer),
    Column(gettext_lazy("reviewed on"), lambda line: line.review.reviewed_on),
    Column(gettext_lazy("no longer used since"), lambda line: line.supplier.ended_on),
    Column(gettext_lazy("identifier"), lambda line: line.supplier.uuid),
)
CONTROL_TABLE = (
    Column(gettext_lazy("id in the report"), lambda row: row.reference),
    Column(gettext_lazy("what the report expects"), lambda row: row.statement),
    Column(gettext_lazy("own controls that meet it"), lambda row: "; ".join(map(str, row.controls.all()))),
    Column(gettext_lazy("why none is needed"), lambda row: row.note),
)


@guarded(Verb.VIEW)
def supplier_list(request: Request) -> HttpResponseBase:
    """Every third party with its latest review and the gap to the latest assessment."""
    form = SupplierFilterForm(asker=request.user, data=request.GET)
    form.is_valid()
    given = form.cleaned_data
    rows = visible(pages.ROWS, request.user)
    shown = pages.supplier_list(rows, text=given.get("q", ""), system=given.get("system"))
    if wanted(request):
        return exported(request, _table(pages.lines(shown)), form)
    page: Page[Supplier] = page_of(request, shown)
    context = {
        "page": page,
        "lines": pages.lines(page),
        "total": rows.count(),
        "unrecorded": pages.unrecorded(visible(ModelVersion.objects.all(), request.user), rows),
        "form": form,
        "active": bool(given.get("q") or given.get("system")),
        "may_review": may(request.user, Verb.REVIEW_SUPPLIER),
        "columns": [
            {"label": _("Third party")},
            {"label": _("Report")},
            {"label": _("Gap to the latest assessment")},
            {"label": _("Opinion")},
            {"label": _("Reviewed")},
        ],
    }
    return render(request, "compliance/supplier_list.html", context)


def _table(lines: tuple[SupplierLine, ...]) -> Table:
    return table_of("third-parties", _("Third parties"), TABLE, lines)


@guarded(Verb.VIEW)
def supplier_detail(request: Request, uuid: UUID) -> HttpResponseBase:
    """One third party: its latest review, the gaps, the complementary controls, and earlier reviews."""
    supplier = found(request, pages.ROWS, uuid)
    content = pages.supplier_page(supplier, request.user)
    if wanted(request):
        title = _("Complementary controls asked for by %s") % supplier.name
        return exported(request, table_of("complementary-controls", title, CONTROL_TABLE, content.controls))
    is_used = supplier.ended_on is None
    context = {
        "supplier": supplier,
        "content": content,
        "may_review": is_used and may(request.user, Verb.REVIEW_SUPPLIER),
        "end": EndForm(initial={"ended_on": timezone.localdate()}),
        "columns": [
            {"label": _("Id in the report")},
            {"label": _("What the report expects of us")},
            {"label": _("Own controls that meet it")},
        ],
        "trail": [{"label": _("Third parties"), "url": reverse("supplier-list")}, {"label": supplier.name}],
    }
    return render(request, "compliance/supplier_detail.html", context)


@guarded(Verb.REVIEW_SUPPLIER, methods=("GET", "HEAD", "POST"))
def supplier_new(request: Request) -> HttpResponse:
    """Bring a third party on record by its first review."""
    return _review(request, None)


@guarded(Verb.REVIEW_SUPPLIER, methods=("GET", "HEAD", "POST"))
def supplier_review(request: Request, uuid: UUID) -> HttpResponse:
    """Review a third party anew; the form begins with what the last review said."""
    return _review(request, found(request, pages.ROWS, uuid))


def _review(request: Request, supplier: Supplier | None) -> HttpResponse:
    last = pages.REVIEWS.filter(supplier=supplier).first() if supplier is not None else None
    data = request.POST or None
    form = SupplierForm(asker=request.user, data=data, initial=initial_of(last) if last else None)
    controls = visible(ImplementedControl.objects.filter(retired_on=None), request.user)
    rows = CustomerControlForms(
        data, initial=rows_of(last) if last else None, prefix="control", form_kwargs={"controls": controls}
    )
    if request.method == "POST" and form.is_valid() and rows.is_valid():
        drafts = [row.draft for row in rows if row.draft is not None]
        try:
            kept = suppliers.record_review(**form.given, customer_controls=drafts, actor=request.user)
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, _("The review is on record. The gap to each assessment is computed from it."))
            return redirect("supplier-detail", kept.supplier.uuid)
    trail = [
        {"label": _("Third parties"), "url": reverse("supplier-list")},
        {"label": _("Review %s") % supplier.name if supplier else _("Review a third party")},
    ]
    context = {"form": form, "rows": rows, "supplier": supplier, "trail": trail}
    status = 422 if request.method == "POST" else 200
    return render(request, "compliance/supplier_review.html", context, status=status)


@guarded(Verb.REVIEW_SUPPLIER, methods=("POST",))
def supplier_end(request: Request, uuid: UUID) -> HttpResponse:
    """Say that a third party is used no longer."""
    supplier = found(request, pages.ROWS, uuid)
    form = EndForm(request.POST)
    try:
        if not form.is_valid():
            raise RefusedError(_("Say until when it was used."))
        suppliers.end(supplier=supplier, ended_on=form.cleaned_data["ended_on"], actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, _("The record of this third party is closed. Its reviews stay."))
    return redirect("supplier-detail", uuid)


urls = [
    path("third-parties/", supplier_list, name="supplier-list"),
    path("third-parties/new/", supplier_new, name="supplier-new"),
    path("third-parties/<uuid:uuid>/", supplier_detail, name="supplier-detail"),
    path("third-parties/<uuid:uuid>/review/", supplier_review, name="supplier-review"),
    path("third-parties/<uuid:uuid>/end/", supplier_end, name="supplier-end"),
]
