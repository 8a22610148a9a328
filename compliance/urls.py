"""All addresses. Scanning is named by string only."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, include, path

handler400 = "compliance.web.uploads.not_understood"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("compliance.web.urls")),
    path("", include("scanning.web.urls")),
    path("api/v1/", include("compliance.api.urls")),
    path("api/v1/", include("scanning.api.urls")),
]
