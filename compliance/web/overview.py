"""The first page: where do we stand, and what needs me."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path

from compliance.rights import Verb, may
from compliance.selectors.overview import overview as read_overview
from compliance.web.base import Request, guarded


@guarded(Verb.VIEW)
def overview(request: Request) -> HttpResponse:
    """One line per AI system, the most urgent thing first."""
    context = {"overview": read_overview(request.user), "may_open": may(request.user, Verb.OPEN_ASSESSMENT)}
    return render(request, "compliance/overview.html", context)


urls = [path("", overview, name="overview")]
