"""The organisation's own controls: the list, adopting one, its page, its next version, its end."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from compliance.models import ImplementedControl, ReferenceControl
from compliance.rights import Verb, may, visible
from compliance.selectors import control_page as pages
from compliance.selectors.control_page import ControlFilter
from compliance.selectors.control_test_page import tests_of
from compliance.services import controls, evidence
from compliance.services.errors import ConflictError, RefusedError
from compliance.web.base import Request, found, guarded, ordered, page_of, refuse, say
from compliance.web.control_forms import AdoptForm, ChangeForm, ControlFilterForm, RetireForm, initial_from, initial_of
from compliance.web.exports import Column, exported, table_of, wanted
from compliance.web.forms import AttachForm

LATEST_TESTS = 10
ORDERS = {"control": ("control_id",), "owner": ("owner__name",), "findings": ("open_findings",)}
COLUMNS = (
    Column(lazy("own id"), lambda row: row.control_id),
    Column(lazy("title"), lambda row: row.title),
    Column(lazy("AI system"), lambda row: row.system.name),
    Column(lazy("statement"), lambda row: row.statement),
    Column(lazy("owner"), lambda row: row.owner.name),
    Column(lazy("performed by"), lambda row: row.performer),
    Column(lazy("frequency"), lambda row: row.frequency),
    Column(lazy("nature"), lambda row: row.get_nature_display()),
    Column(lazy("type"), lambda row: row.get_control_type_display()),
    Column(lazy("key control"), lambda row: row.is_key),
    Column(lazy("systems in scope"), lambda row: "; ".join(row.systems)),
    Column(lazy("accounts in scope"), lambda row: "; ".join(row.accounts)),
    Column(lazy("reference controls"), lambda row: "; ".join(one.control_id for one in row.references.all())),
    Column(lazy("ids of frameworks"), lambda row: "; ".join(map(str, row.requirements.all()))),
    Column(lazy("effective from"), lambda row: row.effective_from),
    Column(lazy("retired on"), lambda row: row.retired_on),
    Column(lazy("version"), lambda row: row.version),
    Column(lazy("open findings"), lambda row: row.open_findings),
    Column(lazy("pieces of evidence"), lambda row: row.evidence_count),
    Column(lazy("identifier"), lambda row: str(row.uuid)),
)


@guarded(Verb.VIEW)
def control_list(request: Request) -> HttpResponseBase:
    """Every control that the asker may see."""
    form = ControlFilterForm(asker=request.user, data=request.GET)
    form.is_valid()
    given = form.cleaned_data
    asked = ControlFilter(
        text=given.get("text") or "",
        system=given["system"].uuid if given.get("system") else None,
        nature=given.get("nature") or "",
        state=given.get("state") or "",
    )
    rows = visible(pages.ROWS, request.user)
    listed = ordered(request, pages.control_list(rows, asked), ORDERS)
    if wanted(request):
        return exported(request, table_of("controls", _("Controls"), COLUMNS, listed), form)
    context = {
        "page": page_of(request, listed),
        "total": rows.count(),
        "form": form,
        "active": asked != ControlFilter(),
        "may_adopt": may(request.user, Verb.MANAGE_CONTROLS),
        "columns": [
            {"label": _("Control"), "sort": "control"},
            {"label": _("Owner"), "sort": "owner"},
            {"label": _("Performed")},
            {"label": _("Reference controls")},
            {"label": _("Open findings"), "sort": "findings", "numeric": True},
            {"label": _("Evidence"), "numeric": True},
        ],
    }
    return render(request, "compliance/control_list.html", context)


@guarded(Verb.MANAGE_CONTROLS, methods=("GET", "HEAD", "POST"))
def control_adopt(request: Request, control_id: str) -> HttpResponse:
    """Adopt a reference control on an AI system."""
    reference = get_object_or_404(ReferenceControl, control_id=control_id)
    start = {**initial_from(reference, request.user), "effective_from": timezone.localdate()}
    form = AdoptForm(asker=request.user, data=request.POST or None, initial=start)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            control = controls.adopt(system=given["system"], terms=form.terms, owner=given["owner"], actor=request.user)
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, _("The control is adopted on %s.") % control.system.name)
            return redirect("control-detail", control.uuid)
    trail = [
        {"label": _("Catalogue"), "url": reverse("catalogue")},
        {"label": control_id, "url": reverse("catalogue-control", args=[control_id])},
        {"label": _("Adopt")},
    ]
    return render(request, "compliance/control_adopt.html", {"form": form, "reference": reference, "trail": trail})


@guarded(Verb.VIEW)
def control_detail(request: Request, uuid: UUID) -> HttpResponse:
    """One control: what it says, its versions, tests, findings and evidence."""
    control = found(request, pages.ROWS, uuid)
    is_in_force = control.retired_on is None
    may_manage = is_in_force and may(request.user, Verb.MANAGE_CONTROLS)
    context = {
        "control": control,
        "content": pages.control_page(control, request.user),
        "auditors_tests": tests_of(control, request.user)[: LATEST_TESTS + 1],
        "latest_tests": LATEST_TESTS,
        "may_test": is_in_force and may(request.user, Verb.TEST_CONTROLS),
        "may_manage": may_manage,
        "may_open": is_in_force and may(request.user, Verb.OPEN_REMEDIATION),
        "retire": RetireForm(initial={"retired_on": timezone.localdate()}) if may_manage else None,
        "attach": AttachForm(asker=request.user, system=control.system)
        if is_in_force and may(request.user, Verb.LINK_EVIDENCE)
        else None,
        "test_columns": [
            {"label": _("What was tested")},
            {"label": _("Conclusion")},
            {"label": _("Last test")},
            {"label": _("Observations"), "numeric": True},
        ],
        "trail": _trail(control),
    }
    return render(request, "compliance/control_detail.html", context)


def _trail(control: ImplementedControl) -> list[dict[str, str]]:
    return [
        {"label": _("Controls"), "url": reverse("control-list")},
        {"label": control.control_id, "url": reverse("control-detail", args=[control.uuid])},
    ]


@guarded(Verb.MANAGE_CONTROLS, methods=("GET", "HEAD", "POST"))
def control_change(request: Request, uuid: UUID) -> HttpResponse:
    """The next version of a control; one that somebody else made meanwhile is shown beside what was sent."""
    control = found(request, pages.ROWS, uuid)
    form, conflict = ChangeForm(data=request.POST or None, initial=initial_of(control)), None
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            controls.change(
                control=control, terms=form.terms, owner=given["owner"], reason=given["reason"],
                expected_version=given["version"], actor=request.user,
            )  # fmt: skip
        except ConflictError as error:
            conflict = error
            sent = request.POST.copy()
            sent["version"] = str(error.version)
            form = ChangeForm(data=sent)
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, _("The control has a new version; the old one is kept."))
            return redirect("control-detail", uuid)
    context = {
        "form": form,
        "control": control,
        "conflict": conflict,
        "differences": pages.differences(conflict.saved, conflict.sent) if conflict else (),
        "trail": [*_trail(control), {"label": _("Change")}],
    }
    status = 409 if conflict else 200
    return render(request, "compliance/control_change.html", context, status=status)


@guarded(Verb.MANAGE_CONTROLS, methods=("POST",))
def control_retire(request: Request, uuid: UUID) -> HttpResponse:
    """The control ends on a day, for a reason."""
    control = found(request, pages.ROWS, uuid)
    form = RetireForm(data=request.POST)
    try:
        if not form.is_valid():
            raise RefusedError(_("Give the day on which the control ends, and the reason."))
        given = form.cleaned_data
        controls.retire(control=control, on=given["retired_on"], reason=given["reason"], actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, _("The control is retired; it stays on record."))
    return redirect("control-detail", uuid)


@guarded(Verb.LINK_EVIDENCE, methods=("POST",))
def control_attach(request: Request, uuid: UUID) -> HttpResponse:
    """Attach evidence already collected."""
    control = found(request, pages.ROWS, uuid)
    form = AttachForm(asker=request.user, system=control.system, data=request.POST)
    try:
        if not form.is_valid():
            raise RefusedError(_("Choose a piece of evidence to attach."))
        given = form.cleaned_data
        evidence.link(evidence=given["evidence"], target=control, actor=request.user, note=given["note"])
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, _("The evidence is attached."))
    return redirect("control-detail", uuid)


urls = [
    path("controls/", control_list, name="control-list"),
    path("controls/<uuid:uuid>/", control_detail, name="control-detail"),
    path("controls/<uuid:uuid>/change/", control_change, name="control-change"),
    path("controls/<uuid:uuid>/retire/", control_retire, name="control-retire"),
    path("controls/<uuid:uuid>/attach/", control_attach, name="control-attach"),
    path("catalogue/controls/<str:control_id>/adopt/", control_adopt, name="control-adopt"),
]
