"""AI systems: role and class, and the evidence that is relevant for each framework."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from compliance.choices import choices, label
from compliance.models import AISystem, Framework
from compliance.rights import Verb, may, visible
from compliance.selectors.system_page import framework_lines, requirement_lines
from compliance.services import inventory
from compliance.services.errors import RefusedError
from compliance.types.applicability import LegalRole, RiskClass, Standing
from compliance.web.base import PER_PAGE, Request, found, guarded, page_of, say
from compliance.web.exports import Column, exported, table_of, wanted
from compliance.web.forms import day_input
from compliance.web.handling import LabelForm

SYSTEMS = AISystem.objects.select_related("owner")
SYSTEM_COLUMNS = (
    Column(lazy("AI system"), lambda row: row.name),
    Column(lazy("owner"), lambda row: row.owner),
    Column(lazy("class"), lambda row: row.get_risk_class_display()),
    Column(lazy("on what the class rests"), lambda row: row.standing_reason),
    Column(lazy("controls in force"), lambda row: row.in_force),
    Column(lazy("identifier"), lambda row: row.uuid),
)
COLUMNS = (
    Column(lazy("framework"), lambda line: line.framework.title),
    Column(lazy("edition"), lambda line: str(line.framework.facts.get("edition", ""))),
    Column(lazy("id"), lambda line: line.requirement_id),
    Column(lazy("applies"), lambda line: str(label(line.applies.state))),
    Column(lazy("applies from"), lambda line: line.applies.since),
    Column(lazy("reference controls, approved"), lambda line: "; ".join(p.control.control_id for p in line.pairs)),
    Column(lazy("draft mappings, not counted"), lambda line: line.drafts),
    Column(lazy("own controls"), lambda line: "; ".join(control.control_id for control in line.controls)),
    Column(lazy("pieces of evidence"), lambda line: line.evidence),
    Column(lazy("open findings"), lambda line: line.open_findings),
)


class StandingForm(forms.Form):
    """Role and class of an AI system."""

    roles = forms.MultipleChoiceField(
        label=lazy("Your organisation is"),
        choices=choices(LegalRole),
        widget=forms.CheckboxSelectMultiple(),
        required=False,
    )
    risk_class = forms.ChoiceField(label=lazy("Class of the system"), choices=choices(RiskClass))
    is_systemic = forms.NullBooleanField(label=lazy("General-purpose model with systemic risk"), required=False)
    on_market_since = forms.DateField(
        label=lazy("First on the market"), widget=day_input(), required=False,
        help_text=lazy("For general-purpose models: older ones have until a later day."),
    )  # fmt: skip
    reason = forms.CharField(
        label=lazy("On what this rests"), widget=forms.Textarea(attrs={"rows": 3}), max_length=5_000,
        help_text=lazy("Who determined it, when, and in which document. Assay makes no legal classification."),
    )  # fmt: skip

    @property
    def standing(self) -> Standing:
        """What was filled in, as the service takes it."""
        given = self.cleaned_data
        return Standing(
            roles=frozenset(LegalRole(role) for role in given["roles"]),
            risk_class=RiskClass(given["risk_class"]),
            is_systemic=given["is_systemic"],
            on_market_since=given["on_market_since"],
        )


@guarded(Verb.VIEW)
def system_list(request: Request) -> HttpResponseBase:
    """Every AI system that the asker may see."""
    rows = (
        visible(SYSTEMS, request.user)
        .annotate(in_force=Count("controls", filter=Q(controls__retired_on=None), distinct=True))
        .order_by("name", "pk")
    )
    if wanted(request):
        return exported(request, table_of("ai-systems", _("AI systems"), SYSTEM_COLUMNS, rows))
    context = {
        "page": page_of(request, rows),
        "columns": [
            {"label": _("AI system")},
            {"label": _("Owner")},
            {"label": _("Class")},
            {"label": _("Controls"), "numeric": True},
        ],
    }
    return render(request, "compliance/system_list.html", context)


@guarded(Verb.VIEW)
def system_detail(request: Request, uuid: UUID) -> HttpResponse:
    """One AI system: role, class, and each framework in figures."""
    system = found(request, SYSTEMS, uuid)
    lines = framework_lines(requirement_lines(system, on=timezone.localdate()))
    context = {
        "system": system,
        "roles": [label(role) for role in sorted(system.standing.roles)],
        "lines": lines,
        "may_state": may(request.user, Verb.MANAGE_SYSTEMS),
        "may_label": may(request.user, Verb.LABEL_EVIDENCE),
        "label": LabelForm(initial={"handling": system.handling, "region": system.region}),
        "columns": [
            {"label": _("Framework")},
            {"label": _("Relevant ids"), "numeric": True},
            {"label": _("with an own control"), "numeric": True},
            {"label": _("with evidence"), "numeric": True},
            {"label": _("Drafts alone"), "numeric": True},
            {"label": _("Does not apply"), "numeric": True},
            {"label": _("Applies later"), "numeric": True},
            {"label": _("Not assessed"), "numeric": True},
        ],
        "trail": _trail(system),
    }
    return render(request, "compliance/system_detail.html", context)


def _trail(system: AISystem) -> list[dict[str, str]]:
    return [
        {"label": _("AI systems"), "url": reverse("system-list")},
        {"label": system.name, "url": reverse("system-detail", args=[system.uuid])},
    ]


@guarded(Verb.VIEW)
def system_relevance(request: Request, uuid: UUID) -> HttpResponseBase:
    """The ids of one framework on one system, or of all with `?export=`."""
    system = found(request, SYSTEMS, uuid)
    key = request.GET.get("framework", "")
    framework = get_object_or_404(Framework, key=key) if key else None
    lines = requirement_lines(system, on=timezone.localdate(), framework=framework)
    if wanted(request):
        table = table_of("relevant-evidence", _("Relevant evidence"), COLUMNS, lines)
        return exported(request, table, also=((_("AI system"), system.name),))
    context: dict[str, Any] = {
        "system": system,
        "framework": framework,
        "page": Paginator(lines, PER_PAGE).get_page(request.GET.get("page")),
        "columns": [
            {"label": _("Id")},
            {"label": _("Applies")},
            {"label": _("Reference controls")},
            {"label": _("Own controls")},
            {"label": _("Evidence"), "numeric": True},
            {"label": _("Open findings"), "numeric": True},
        ],
        "trail": [*_trail(system), {"label": framework.title if framework else _("All frameworks")}],
    }
    return render(request, "compliance/system_relevance.html", context)


@guarded(Verb.MANAGE_SYSTEMS, methods=("GET", "HEAD", "POST"))
def system_standing(request: Request, uuid: UUID) -> HttpResponse:
    """State role and class."""
    system = found(request, SYSTEMS, uuid)
    start = {**system.standing.to_json(), "reason": system.standing_reason}
    form = StandingForm(data=request.POST or None, initial=start)
    if request.method == "POST" and form.is_valid():
        try:
            inventory.state_standing(
                system=system, standing=form.standing, reason=form.cleaned_data["reason"], actor=request.user
            )
        except RefusedError as error:
            form.add_error("reason", str(error))
        else:
            say(request, _("Role and class are recorded."))
            return redirect("system-detail", uuid)
    context = {"form": form, "system": system, "trail": [*_trail(system), {"label": _("Role and class")}]}
    return render(request, "compliance/system_standing.html", context)


urls = [
    path("systems/", system_list, name="system-list"),
    path("systems/<uuid:uuid>/", system_detail, name="system-detail"),
    path("systems/<uuid:uuid>/standing/", system_standing, name="system-standing"),
    path("systems/<uuid:uuid>/relevance/", system_relevance, name="system-relevance"),
]
