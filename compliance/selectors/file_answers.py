"""A stored file as an answer: an attachment that no browser runs, shows, guesses at or keeps."""

from __future__ import annotations

from typing import IO

from django.conf import settings
from django.http import FileResponse

from compliance.types.file_names import harmless

POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'"


def attachment(stream: IO[bytes], filename: str, *, media_type: str = "application/octet-stream") -> FileResponse:
    """The bytes with every header that keeps them inert. The name is made harmless and written as RFC 6266 asks."""
    response = FileResponse(stream, as_attachment=True, filename=harmless(filename), content_type=media_type)
    response["Content-Security-Policy"] = POLICY
    response["X-Content-Type-Options"] = "nosniff"
    response["Cross-Origin-Resource-Policy"] = "same-site" if settings.FILES_HOST else "same-origin"
    response["Cache-Control"] = "no-store, private"
    response["Referrer-Policy"] = "no-referrer"
    return response
