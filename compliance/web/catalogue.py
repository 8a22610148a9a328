"""The catalogue: the technique, and the reference controls with their mappings."""

from __future__ import annotations

from operator import attrgetter, methodcaller

from django.db.models import Count, Prefetch, Q
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.models import (
    AuditQuestion,
    CatalogRelease,
    ControlReview,
    Framework,
    ImplementedControl,
    MappingPair,
    Mitigation,
    ReferenceControl,
    Technique,
)
from compliance.rights import Verb, may, visible
from compliance.selectors.overview import TECHNIQUE
from compliance.types.states import MappingState
from compliance.web.base import Request, guarded
from compliance.web.exports import Column, exported, table_of, wanted

TABLE = (
    Column(gettext_lazy("control"), attrgetter("control_id")),
    Column(gettext_lazy("title"), attrgetter("title")),
    Column(gettext_lazy("family"), attrgetter("family")),
    Column(gettext_lazy("objective"), attrgetter("objective")),
    Column(gettext_lazy("tier"), attrgetter("tier")),
    Column(gettext_lazy("key"), attrgetter("is_key")),
    Column(gettext_lazy("type"), attrgetter("control_type")),
    Column(gettext_lazy("nature"), attrgetter("nature")),
    Column(gettext_lazy("frequency"), attrgetter("frequency")),
    Column(gettext_lazy("person-days"), attrgetter("person_days")),
    Column(gettext_lazy("approved mappings"), attrgetter("approved")),
    Column(gettext_lazy("drafts, not counted"), attrgetter("drafts")),
)
MAPPING_TABLE = (
    Column(gettext_lazy("control"), attrgetter("control.control_id")),
    Column(gettext_lazy("framework"), attrgetter("framework.title")),
    Column(gettext_lazy("requirement"), attrgetter("requirement_id")),
    Column(gettext_lazy("relation"), attrgetter("relation")),
    Column(gettext_lazy("strength"), attrgetter("strength")),
    Column(gettext_lazy("rationale"), attrgetter("rationale")),
    Column(gettext_lazy("state"), methodcaller("get_state_display")),
    Column(gettext_lazy("decided by"), attrgetter("decided_by")),
    Column(gettext_lazy("decided (UTC)"), attrgetter("decided_at")),
    Column(gettext_lazy("identifier"), attrgetter("uuid")),
)


@guarded(Verb.VIEW)
def catalogue(request: Request) -> HttpResponseBase:
    """The technique and what Assay says about it, then controls, questions, frameworks and releases."""
    techniques = Technique.objects.prefetch_related("subtechniques__sections", "sections", "case_studies")
    technique = techniques.filter(atlas_id=TECHNIQUE).first()
    approved, draft = Q(pairs__state=MappingState.APPROVED), Q(pairs__state=MappingState.DRAFT)
    controls = ReferenceControl.objects.annotate(
        approved=Count("pairs", filter=approved), drafts=Count("pairs", filter=draft)
    )
    if wanted(request):
        return exported(request, table_of("reference-controls", _("Reference controls"), TABLE, controls))
    context = {
        "technique": technique,
        "mitigations": Mitigation.objects.filter(is_direct=True) if technique else [],
        "questions": AuditQuestion.objects.select_related("technique").prefetch_related("controls"),
        "controls": controls,
        "frameworks": Framework.objects.annotate(
            approved=Count("pairs", filter=approved), drafts=Count("pairs", filter=draft)
        ),
        "releases": CatalogRelease.objects.filter(is_current=True).defer("content"),
        "open_reviews": ControlReview.objects.filter(closed_at=None).count(),
    }
    return render(request, "compliance/catalogue.html", context)


@guarded(Verb.VIEW)
def catalogue_control(request: Request, control_id: str) -> HttpResponseBase:
    """One reference control and every mapping pair with its rationale."""
    pairs = MappingPair.objects.select_related("framework", "decided_by", "author").order_by(
        "framework__title", "requirement_id"
    )
    rows = ReferenceControl.objects.prefetch_related(
        Prefetch("pairs", queryset=pairs), "questions__technique", "techniques"
    )
    control = get_object_or_404(rows, control_id=control_id)
    if wanted(request):
        return exported(
            request, table_of(f"mappings-{control.control_id}", _("Mappings"), MAPPING_TABLE, control.pairs.all())
        )
    context = {
        "control": control,
        "may_decide": may(request.user, Verb.DECIDE_MAPPINGS),
        "may_write": may(request.user, Verb.WRITE_MAPPINGS),
        "may_adopt": may(request.user, Verb.MANAGE_CONTROLS),
        "adopted": visible(ImplementedControl.objects.filter(references=control), request.user).select_related(
            "system", "owner"
        ),
        "columns": [
            {"label": _("Framework and requirement")},
            {"label": _("Relation, strength")},
            {"label": _("Rationale")},
            {"label": _("State")},
            {"label": _("Act"), "hidden": True},
        ],
        "trail": [{"label": _("Catalogue"), "url": reverse("catalogue")}, {"label": control.control_id}],
    }
    return render(request, "compliance/catalogue_control.html", context)


urls = [
    path("catalogue/", catalogue, name="catalogue"),
    path("catalogue/controls/<str:control_id>/", catalogue_control, name="catalogue-control"),
]
