"""Addresses of the instruments' pages. Each page module lists its own in `urls`."""

from __future__ import annotations

from django.urls import URLPattern

from scanning.web import datasets, imports, scans

urlpatterns: list[URLPattern] = [*datasets.urls, *imports.urls, *scans.urls]
