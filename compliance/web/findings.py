"""Findings: what is wrong, how we know, who works on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from django.db.models import Prefetch, QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.choices import label
from compliance.models import Finding, RemediationItem
from compliance.rights import Verb, may, visible
from compliance.selectors.audit_finding_page import audit_finding_behind
from compliance.selectors.finding_pages import FindingFilter, finding_page
from compliance.selectors.finding_pages import finding_list as filtered
from compliance.selectors.kept import kept_count
from compliance.selectors.ocsf_findings import finding_records
from compliance.selectors.risk_pages import risk_part
from compliance.selectors.time_limits import limit_of_finding, with_clock
from compliance.services import findings
from compliance.services.errors import RefusedError
from compliance.types.days import month_of
from compliance.types.risk_transitions import DEVIATING
from compliance.types.states import Severity
from compliance.types.verdicts import Conclusion
from compliance.web.base import Request, found, guarded, ordered, page_by_key, say
from compliance.web.exports import Table, exported, ocsf_response, wanted
from compliance.web.finding_forms import ALL_STATES, FindingFilterForm, FindingForm
from compliance.web.risk_forms import PriorityForm, SeverityForm

_WORK = Prefetch("risk__items", queryset=RemediationItem.objects.select_related("owner").order_by("due_on"))
ROWS = Finding.objects.select_related(
    "system", "target", "model_version__model", "risk", "priority_set_by", "severity_set_by", "waiver"
)
ORDERS = {
    "title": ("title",),
    "severity": ("severity_rank",),
    "priority": ("priority_rank",),
    "control": ("target__control_id",),
    "last": ("last_seen_at",),
}


def _rows(rows: QuerySet[Finding]) -> Iterator[tuple[object, ...]]:
    for finding in rows.iterator(chunk_size=500):
        risk, limit = getattr(finding, "risk", None), limit_of_finding(finding)
        yield (
            finding.title,
            finding.asset_name,
            finding.system.name,
            finding.target.control_id,
            finding.get_severity_display(),
            finding.severity_reason,
            label(finding.priority_now),
            finding.priority_reason,
            finding.get_state_display(),
            finding.get_sighting_display(),
            finding.reappearances,
            label(risk.state_now) if risk else "",
            risk.accepted_until if risk and risk.state_now in DEVIATING else None,
            finding.waived_until if finding.is_waived else None,
            finding.first_seen_at,
            finding.last_seen_at,
            finding.condition,
            finding.criteria,
            finding.cause,
            finding.effect,
            "; ".join(f"{item.title} ({item.owner.name}, {item.due_on.isoformat()})" for item in risk.items.all())
            if risk
            else "",
            label(limit.state) if limit else "",
            limit.clock.due_at if limit else None,
            str(finding.uuid),
        )


def _table(rows: QuerySet[Finding]) -> Table:
    heads = (
        _("finding"), _("asset"), _("AI system"), _("control"), _("severity"), _("why a person set it"), _("priority"),
        _("why a person set the priority"),
        _("conclusion"), _("beside the report before"), _("reappearances"), _("risk"), _("accepted, or asked to be, until"),
        _("waived until"), _("first seen (UTC)"), _("last seen (UTC)"), _("condition"), _("criteria"), _("cause"),
        _("effect"), _("remediation"), _("time limit"), _("limit reached (UTC)"), _("identifier"),
    )  # fmt: skip
    return Table(name="findings", title=_("Findings"), heads=heads, rows=_rows(rows))


def _asked(given: Mapping[str, Any]) -> FindingFilter:
    """What a valid form asks for."""
    state = given.get("state") or Conclusion.NOT_SATISFIED.value
    return FindingFilter(
        text=given.get("q", ""),
        state="" if state == ALL_STATES else state,
        severity=given.get("severity", ""),
        priority=given.get("priority", ""),
        sighting=given.get("sighting", ""),
        waived=given.get("waived") or "no",
        model=given["model"].uuid if given.get("model") else None,
        system=given.get("system"),
        age=given.get("age", ""),
        seen_from=given.get("seen_from"),
        seen_to=given.get("seen_to"),
        today=timezone.localdate() if given.get("age") else None,
        limit=given.get("limit", ""),
        fixed_once=bool(given.get("fixed_once")),
        came_back=bool(given.get("came_back")),
        kept_in=month_of(given.get("kept_in", "")),
        broken_in=month_of(given.get("broken_in", "")),
    )


@guarded(Verb.VIEW)
def finding_list(request: Request) -> HttpResponseBase:
    """Findings that stand, the most severe first; `?state=` shows the others."""
    form = FindingFilterForm(asker=request.user, data=request.GET)
    form.is_valid()
    given = form.cleaned_data
    asked = _asked(given)
    rows = visible(ROWS, request.user)
    shown = ordered(request, filtered(rows, asked), ORDERS).prefetch_related(_WORK, with_clock())
    if wanted(request):
        also = () if given.get("state") else ((_("Conclusion"), str(label(Conclusion.NOT_SATISFIED))),)
        return exported(request, _table(shown), form, also=also)
    if request.GET.get("export") == "ocsf":
        return ocsf_response(filename="findings.ocsf.ndjson", records=finding_records(shown))
    context = {
        "page": page_by_key(request, shown, count=kept_count(shown, request.user)),
        "total": kept_count(rows, request.user),
        "form": form,
        "narrowed": form.narrowed(),
        "active": asked != FindingFilter(state=Conclusion.NOT_SATISFIED.value, waived="no"),
        "may_add": may(request.user, Verb.WRITE_ANSWER),
        "columns": [
            {"label": _("Finding"), "sort": "title"},
            {"label": _("Control"), "sort": "control"},
            {"label": _("Priority"), "sort": "priority"},
            {"label": _("Severity"), "sort": "severity"},
            {"label": _("Conclusion")},
            {"label": _("Time limit")},
            {"label": _("Last seen"), "sort": "last"},
            {"label": _("Who works on it")},
        ],
    }
    return render(request, "compliance/finding_list.html", context)


@guarded(Verb.WRITE_ANSWER, methods=("GET", "HEAD", "POST"))
def finding_new(request: Request) -> HttpResponse:
    """A finding that a person makes by examining or asking."""
    initial = {"target": request.GET.get("control", "")}
    form = FindingForm(asker=request.user, data=request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        given = dict(form.cleaned_data)
        severity = Severity(given.pop("severity"))
        try:
            finding = findings.open_by_person(**given, severity=severity, actor=request.user)
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, _("The finding is on record. Open a remediation item for it next."))
            return redirect("finding-detail", finding.uuid)
    trail = [{"label": _("Findings"), "url": reverse("finding-list")}, {"label": _("Record a finding")}]
    return render(request, "compliance/finding_new.html", {"form": form, "trail": trail})


@guarded(Verb.VIEW)
def finding_detail(request: Request, uuid: UUID) -> HttpResponse:
    """One finding as a story: what, how we know, what it means, who does what."""
    finding = found(request, ROWS, uuid)
    context = {
        "finding": finding,
        "content": finding_page(finding, request.user),
        "audit_finding": audit_finding_behind(finding, request.user),
        "limit": limit_of_finding(finding),
        "risk": risk_part(finding, request.user),
        "priority_form": PriorityForm(initial={"priority": finding.priority_by_hand}),
        "severity_form": SeverityForm(initial={"severity": finding.severity_by_hand}),
        "may_prioritise": may(request.user, Verb.SET_PRIORITY),
        "may_work": may(request.user, Verb.WORK_REMEDIATION),
        "may_ask": may(request.user, Verb.REQUEST_ACCEPTANCE),
        "is_open": finding.state == Conclusion.NOT_SATISFIED,
        "may_open": may(request.user, Verb.OPEN_REMEDIATION),
        "may_scan": may(request.user, Verb.START_SCAN),
        "trail": [{"label": _("Findings"), "url": reverse("finding-list")}, {"label": finding.title}],
    }
    return render(request, "compliance/finding_detail.html", context)


urls = [
    path("findings/", finding_list, name="finding-list"),
    path("findings/new/", finding_new, name="finding-new"),
    path("findings/<uuid:uuid>/", finding_detail, name="finding-detail"),
]
