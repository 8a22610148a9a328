"""Two addresses for load balancers and monitors: is the process up, and can it do its work?"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from compliance.services.readiness import OK, readiness
from compliance.web.base import public


@public
@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 as long as the process answers."""
    return JsonResponse({"status": OK})


@public
@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 when database, migrations, triggers, storage and broker are in order, else 503; each part by name."""
    parts = readiness()
    ready = all(answer == OK for answer in parts.values())
    return JsonResponse({"ready": ready, "parts": parts}, status=200 if ready else 503)


urls = [path("healthz", healthz, name="healthz"), path("readyz", readyz, name="readyz")]
