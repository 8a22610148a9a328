"""Shows every time in the reader's own zone, and says to the database who acts."""

from __future__ import annotations

import re
from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django_structlog.middlewares import RequestMiddleware

from compliance.models import User
from compliance.selectors.kept import one_mark
from compliance.services.actor import acting_as

_SECRET_ADDRESS = re.compile(r"^(/(?:calendar|first-administrator)/)[^?]*")


class LogMiddleware(RequestMiddleware):
    """Logs requests without the secret that an address may hold."""

    @staticmethod
    def format_request(request: HttpRequest) -> str:
        """Method and address; of the calendar's feed only that it was asked for."""
        shown = _SECRET_ADDRESS.sub(r"\1…", request.get_full_path())
        return f"{request.method} {shown}"


class ReaderTimeZoneMiddleware:
    """Activates the time zone of the person who is signed in, UTC for everyone else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """One request in the reader's zone."""
        zone = request.user.time_zone if isinstance(request.user, User) else "UTC"
        with timezone.override(ZoneInfo(zone)):
            return self.get_response(request)


class ActorMiddleware:
    """Lets the triggers that note changes of accounts and rights know whose request it is. Costs a read nothing."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """One request; API tokens are resolved later by the view, so the person is asked for when a change is noted."""
        with acting_as(lambda: request.user):
            return self.get_response(request)


class OneMarkMiddleware:
    """Whatever a page shows is of one moment of the record, which is asked for once."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """One request; those that write read the mark as often as they need it."""
        if request.method not in {"GET", "HEAD"}:
            return self.get_response(request)
        with one_mark():
            return self.get_response(request)


class NulMiddleware:
    """Refuses addresses and plain forms with the character NUL: no text holds it, and PostgreSQL keeps none that does."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """One request. Uploads and JSON are left alone: their readers refuse it field by field."""
        asked = [request.GET]
        if request.content_type == "application/x-www-form-urlencoded":
            asked.append(request.POST)
        if any("\x00" in text for given in asked for _name, texts in given.lists() for text in texts):
            raise SuspiciousOperation("A value holds the character NUL.")
        return self.get_response(request)
