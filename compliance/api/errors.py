"""Errors of the API in one shape: `{"detail": "one sentence"}`, or a list of sentences per field."""

from __future__ import annotations

from typing import Any

from rest_framework import status
from rest_framework.response import Response
from rest_framework.views import exception_handler

from compliance.rights import NotAllowedError
from compliance.services.errors import RefusedError


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """Refusals are 409, missing rights 403; the rest is what DRF makes of it."""
    if isinstance(error, RefusedError):
        return Response({"detail": str(error)}, status=status.HTTP_409_CONFLICT)
    if isinstance(error, NotAllowedError):
        return Response({"detail": str(error)}, status=status.HTTP_403_FORBIDDEN)
    return exception_handler(error, context)
