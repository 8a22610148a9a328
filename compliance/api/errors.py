"""Errors of the API in one shape: `{"detail": "one sentence"}`."""

from __future__ import annotations

from typing import Any

from rest_framework.response import Response
from rest_framework.views import exception_handler


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """Placeholder replaced by the API part."""
    return exception_handler(error, context)
