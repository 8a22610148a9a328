"""Assessments: the list, a new one, one with its four questions, and the freeze."""

from __future__ import annotations

from operator import attrgetter, methodcaller
from uuid import UUID

from django.db.models import Count, Q
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.models import Assessment, Technique
from compliance.oscal.export import Model
from compliance.rights import Verb, may, visible
from compliance.selectors.assertion import assertion_words
from compliance.selectors.assessment_page import assessment_page
from compliance.selectors.overview import TECHNIQUE
from compliance.services import assessments, freezes, inventory, oscal_exports
from compliance.services.errors import RefusedError
from compliance.types.states import AnswerState
from compliance.web.answers import assessment_tabs
from compliance.web.base import Request, found, guarded, page_of, refuse, say
from compliance.web.exports import Column, exported, table_of, wanted
from compliance.web.forms import AssessmentForm

OSCAL_MODELS = (
    (
        Model.ASSESSMENT_PLAN.value,
        gettext_lazy("Assessment plan"),
        gettext_lazy("Scope, period, questions and what was to be looked at."),
    ),
    (
        Model.ASSESSMENT_RESULTS.value,
        gettext_lazy("Assessment results"),
        gettext_lazy("Answers, observations, findings and risks, with every file of evidence by its digest."),
    ),
    (
        Model.PLAN_OF_ACTION.value,
        gettext_lazy("Plan of action and milestones"),
        gettext_lazy("Remediation items with the risks and findings that they treat."),
    ),
    (
        Model.MAPPING_COLLECTION.value,
        gettext_lazy("Mappings between controls"),
        gettext_lazy("Approved pairs; drafts stand apart and are marked as drafts."),
    ),
    (
        Model.CATALOG.value,
        gettext_lazy("Reference controls"),
        gettext_lazy("The catalogue that the control ids of the other documents lead into."),
    ),
)

TABLE = (
    Column(gettext_lazy("assessment"), attrgetter("title")),
    Column(gettext_lazy("AI system"), attrgetter("system.name")),
    Column(gettext_lazy("technique"), attrgetter("technique.atlas_id")),
    Column(gettext_lazy("scope"), attrgetter("scope")),
    Column(gettext_lazy("period from"), attrgetter("period_start")),
    Column(gettext_lazy("period to"), attrgetter("period_end")),
    Column(gettext_lazy("audit on"), attrgetter("audit_date")),
    Column(gettext_lazy("approved answers"), attrgetter("approved")),
    Column(gettext_lazy("questions"), attrgetter("questions")),
    Column(gettext_lazy("state"), methodcaller("get_state_display")),
    Column(gettext_lazy("opened (UTC)"), attrgetter("created_at")),
    Column(gettext_lazy("opened by"), attrgetter("opened_by")),
    Column(gettext_lazy("identifier"), attrgetter("uuid")),
)


@guarded(Verb.VIEW)
def assessment_list(request: Request) -> HttpResponseBase:
    """Every assessment the asker may see."""
    rows = (
        visible(Assessment.objects.all(), request.user)
        .select_related("system", "technique", "opened_by")
        .annotate(approved=Count("answers", filter=Q(answers__state=AnswerState.APPROVED)), questions=Count("answers"))
        .order_by("-created_at", "-pk")
    )
    if wanted(request):
        return exported(request, table_of("assessments", _("Assessments"), TABLE, rows))
    columns = [
        {"label": _("Assessment")},
        {"label": _("AI system")},
        {"label": _("Period")},
        {"label": _("Audit on")},
        {"label": _("Approved answers"), "numeric": True},
        {"label": _("State")},
    ]
    context = {
        "page": page_of(request, rows),
        "columns": columns,
        "tabs": assessment_tabs("assessments"),
        "may_open": may(request.user, Verb.OPEN_ASSESSMENT),
    }
    return render(request, "compliance/assessment_list.html", context)


@guarded(Verb.OPEN_ASSESSMENT, methods=("GET", "HEAD", "POST"))
def assessment_new(request: Request) -> HttpResponse:
    """Open an assessment, with a new AI system where needed."""
    form = AssessmentForm(asker=request.user, data=request.POST or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            system = given["system"] or inventory.define_system(
                name=given["new_system"], description="", owner=request.user, actor=request.user
            )
            assessment = assessments.open_assessment(
                system=system,
                technique=given.get("technique") or get_object_or_404(Technique, atlas_id=TECHNIQUE),
                title=given["title"],
                scope=given["scope"],
                period_start=given["period_start"],
                period_end=given["period_end"],
                audit_date=given["audit_date"],
                actor=request.user,
            )
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, _("The assessment is open. Answer its questions next."))
            return redirect("assessment-detail", assessment.uuid)
    return render(request, "compliance/assessment_new.html", {"form": form})


@guarded(Verb.VIEW)
def assessment_detail(request: Request, uuid: UUID) -> HttpResponse:
    """One assessment: its questions, what keeps it from being frozen, its packs."""
    rows = Assessment.objects.select_related("system", "technique", "opened_by")
    assessment = found(request, rows, uuid)
    context = {
        "assessment": assessment,
        "page_content": assessment_page(assessment, request.user),
        "may_freeze": may(request.user, Verb.FREEZE_ASSESSMENT) and not assessment.is_frozen,
        "assertion": assertion_words(),
        "blockers": freezes.blockers(assessment) if not assessment.is_frozen else [],
        "may_issue": may(request.user, Verb.ISSUE_PACK) and assessment.is_frozen,
        "may_download": may(request.user, Verb.DOWNLOAD_PACK),
        "trail": [{"label": _("Assessments"), "url": reverse("assessment-list")}, {"label": assessment.title}],
    }
    return render(request, "compliance/assessment_detail.html", context)


@guarded(Verb.DOWNLOAD_PACK)
def assessment_oscal(request: Request, uuid: UUID) -> HttpResponse:
    """The OSCAL documents of an assessment; with ?model= one of them, or why there is none."""
    assessment = found(request, Assessment.objects.select_related("system"), uuid)
    title = _("OSCAL documents")
    trail = [
        {"label": _("Assessments"), "url": reverse("assessment-list")},
        {"label": assessment.title, "url": reverse("assessment-detail", args=[uuid])},
        {"label": title},
    ]
    context = {"assessment": assessment, "title": title, "trail": trail, "models": OSCAL_MODELS}
    wanted = request.GET.get("model")
    if wanted is None:
        return render(request, "compliance/assessment_oscal.html", context)
    if wanted not in set(Model):
        raise Http404
    try:
        content = oscal_exports.oscal_of(
            assessment=assessment, model=Model(wanted), most_bytes=oscal_exports.WHILE_SOMEBODY_WAITS
        )
    except RefusedError as error:
        return render(request, "compliance/assessment_oscal.html", context | {"reason": str(error)}, status=409)
    response = HttpResponse(content, content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="{wanted}.json"'
    return response


@guarded(Verb.FREEZE_ASSESSMENT, methods=("POST",))
def assessment_freeze(request: Request, uuid: UUID) -> HttpResponse:
    """Freeze, or say what is missing."""
    assessment = found(request, Assessment.objects.select_related("system", "technique"), uuid)
    try:
        freezes.freeze(assessment=assessment, actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, _("The assessment is frozen. Issue its evidence pack next."))
    return redirect("assessment-detail", assessment.uuid)


urls = [
    path("assessments/", assessment_list, name="assessment-list"),
    path("assessments/new/", assessment_new, name="assessment-new"),
    path("assessments/<uuid:uuid>/", assessment_detail, name="assessment-detail"),
    path("assessments/<uuid:uuid>/oscal/", assessment_oscal, name="assessment-oscal"),
    path("assessments/<uuid:uuid>/freeze/", assessment_freeze, name="assessment-freeze"),
]
