"""How often one asker may call the API, and send it files: more answers 429 with the seconds to wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.throttling import SimpleRateThrottle, UserRateThrottle

if TYPE_CHECKING:  # rest_framework.views itself loads this module
    from rest_framework.request import Request
    from rest_framework.views import APIView

_WITH_FILE = "multipart/form-data"


class AskerRate(UserRateThrottle):
    """Any call, by the person or machine behind it; by address where nobody is known."""

    scope = "asker"


class UploadRate(UserRateThrottle):
    """Calls that carry a file."""

    scope = "upload"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        """None, which counts nothing, for calls without one."""
        media = (request.content_type or "").partition(";")[0]
        return super().get_cache_key(request, view) if media == _WITH_FILE else None


class VerifyRate(SimpleRateThrottle):
    """Packs that one address hands in, together with those that it drops on the page: each costs a process some seconds."""

    scope = "verify"

    def get_cache_key(self, request: Request, view: APIView) -> str:
        """By the client's address, whoever it is."""
        return self.cache_format % {"scope": self.scope, "ident": self.get_ident(request)}
