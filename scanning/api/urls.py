"""Routes of the instruments' API."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver
from rest_framework.routers import SimpleRouter

from scanning.api import views

router = SimpleRouter(use_regex_path=False)
router.register("imports", views.ImportViewSet)
router.register("scans", views.ScanViewSet)
router.register("reference-banks", views.ReferenceBankViewSet)

urlpatterns: list[URLPattern | URLResolver] = [*router.urls]
