"""What every page needs."""

from __future__ import annotations

from django.http import HttpRequest


def assay(request: HttpRequest) -> dict[str, object]:
    """Placeholder replaced by the pages part."""
    return {}
