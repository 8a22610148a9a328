"""Errors of the API in one shape: `{"detail": "one sentence"}`, or a list of sentences per field."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import RequestDataTooBig
from rest_framework import status
from rest_framework.response import Response
from rest_framework.views import exception_handler

from compliance.rights import NotAllowedError
from compliance.services.errors import ConflictError, RefusedError


def _both(error: ConflictError) -> dict[str, Any]:
    """Both versions: what to bring together, and the version to send with it."""
    return {
        "detail": str(error),
        "version": error.version,
        "saved": error.saved,
        "sent": error.sent,
        "differing": error.differing,
        "saved_by": error.by,
        "saved_at": error.at.isoformat() if error.at else None,
    }


def handle(error: Exception, context: dict[str, Any]) -> Response | None:
    """Refusals are 409, missing rights 403, too much data 413, no room for it 507; the rest is what DRF makes of it."""
    if isinstance(error, ConflictError):
        return Response(_both(error), status=status.HTTP_409_CONFLICT)
    if isinstance(error, RefusedError):
        return Response({"detail": str(error)}, status=status.HTTP_409_CONFLICT)
    if isinstance(error, NotAllowedError):
        return Response({"detail": str(error)}, status=status.HTTP_403_FORBIDDEN)
    if isinstance(error, RequestDataTooBig):
        code: int = getattr(error, "status", status.HTTP_413_REQUEST_ENTITY_TOO_LARGE)
        return Response({"detail": str(error)}, status=code)
    return exception_handler(error, context)
