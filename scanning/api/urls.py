"""Routes of the instruments' API."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver
from rest_framework.routers import SimpleRouter

from scanning.api import views

router = SimpleRouter(use_regex_path=False)  # names begin with api-: pages have the plain ones
router.register("imports", views.ImportViewSet, basename="api-imports")
router.register("column-mappings", views.ColumnMappingViewSet, basename="api-column-mappings")
router.register("scans", views.ScanViewSet, basename="api-scans")
router.register("reference-banks", views.ReferenceBankViewSet, basename="api-reference-banks")

urlpatterns: list[URLPattern | URLResolver] = [*router.urls]
