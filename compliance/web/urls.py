"""Addresses of the record's pages. Each page module lists its own in `urls`."""

from __future__ import annotations

from importlib import import_module

from django.urls import URLPattern

PAGES = (
    "sign_in",
    "first_admin",
    "overview",
    "assessments",
    "comparisons",
    "answers",
    "pre_audit",
    "questions",
    "evidence",
    "files",
    "job_log",
    "checks",
    "expectations",
    "unmatched",
    "completeness",
    "entitlements",
    "access_reviews",
    "models",
    "suppliers",
    "findings",
    "remediation",
    "packs",
    "recipients",
    "handling",
    "retention",
    "disposals",
    "rehash",
    "verify",
    "catalogue",
    "catalogue_reviews",
    "frameworks",
    "mappings",
    "systems",
    "control_matrix",
    "statements",
    "controls",
    "control_tests",
    "samples",
    "populations",
    "audit_findings",
    "testing_schemes",
    "jobs",
    "trail",
    "people",
    "subjects",
    "machines",
    "engagements",
    "engagement_reads",
    "audit_requests",
    "account",
    "choosing",
    "health",
)

urlpatterns: list[URLPattern] = [pattern for page in PAGES for pattern in import_module(f"compliance.web.{page}").urls]
