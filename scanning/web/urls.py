"""Addresses of the instruments' pages. Each page module lists its own in `urls`."""

from __future__ import annotations

from django.urls import URLPattern

from scanning.web import (
    banks,
    checks,
    completeness,
    coverage,
    datasets,
    imports,
    mappings,
    scans,
    signing_keys,
    statements,
)

urlpatterns: list[URLPattern] = [
    *datasets.urls,
    *imports.urls,
    *mappings.urls,
    *scans.urls,
    *coverage.urls,
    *banks.urls,
    *checks.urls,
    *completeness.urls,
    *signing_keys.urls,
    *statements.urls,
]
