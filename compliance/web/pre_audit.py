"""The pre-audit checks of an assessment as a page."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext as _

from compliance.models import Assessment
from compliance.rights import Verb
from compliance.selectors.pre_audit import kept_checks
from compliance.web.base import Request, found, guarded


@guarded(Verb.VIEW)
def pre_audit(request: Request, uuid: UUID) -> HttpResponse:
    """What an auditor would ask about, each with the way to mend it."""
    assessment = found(request, Assessment.objects.select_related("system", "technique"), uuid)
    lines = kept_checks(assessment)
    context = {
        "assessment": assessment,
        "lines": lines,
        "open": sum(len(line.open) for line in lines),
        "columns": [
            {"label": _("Check")},
            {"label": _("Open"), "numeric": True},
            {"label": _("What, and where to mend it")},
        ],
        "trail": [
            {"label": _("Assessments"), "url": reverse("assessment-list")},
            {"label": assessment.title, "url": reverse("assessment-detail", args=[uuid])},
            {"label": _("Pre-audit checks")},
        ],
    }
    return render(request, "compliance/pre_audit.html", context)


urls = [path("assessments/<uuid:uuid>/pre-audit/", pre_audit, name="assessment-pre-audit")]
