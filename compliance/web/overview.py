"""The first page: where do we stand, and what needs me."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path

from compliance.rights import Verb, may
from compliance.selectors.auditor_overview import auditor_overview
from compliance.selectors.overview import overview as read_overview
from compliance.types.states import Role
from compliance.web.base import Request, guarded


@guarded(Verb.VIEW)
def overview(request: Request) -> HttpResponse:
    """One line per AI system, the most urgent thing first."""
    is_auditor = request.user.role == Role.AUDITOR
    context = {
        "overview": read_overview(request.user),
        "may_open": may(request.user, Verb.OPEN_ASSESSMENT),
        "rooms": auditor_overview(request.user) if is_auditor else None,
    }
    return render(request, "compliance/overview.html", context)


urls = [path("", overview, name="overview")]
