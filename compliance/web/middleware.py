"""Shows every time in the reader's own zone."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from compliance.models import User


class ReaderTimeZoneMiddleware:
    """Activates the time zone of the person who is signed in, UTC for everyone else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """One request in the reader's zone."""
        zone = request.user.time_zone if isinstance(request.user, User) else "UTC"
        with timezone.override(ZoneInfo(zone)):
            return self.get_response(request)
