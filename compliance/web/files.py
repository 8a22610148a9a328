"""The path from which stored files are fetched: no cookie goes in, none comes out, and nothing there is ever a page.

`FILES_HOST` moves it to a host of its own, where no session exists at all; without it the same host serves it, and the
middleware takes the cookies away before anything else sees the request.
"""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from compliance.selectors.file_answers import attachment
from compliance.services import file_tickets
from compliance.services.errors import RefusedError
from compliance.services.file_tickets import Stored
from compliance.web.base import Request, public

PREFIX = "/files/"


class FilesMiddleware:
    """Keeps the path of files apart: by host where one is set, and from cookies always."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """One request, on the side to which it belongs."""
        is_file = request.path_info.startswith(PREFIX)
        if settings.FILES_HOST and is_file != (request.get_host() == settings.FILES_HOST):
            return HttpResponse(_("There is nothing at this address."), status=404, content_type="text/plain")
        if not is_file:
            return self.get_response(request)
        request.META.pop("HTTP_COOKIE", None)
        request.META.pop("HTTP_AUTHORIZATION", None)
        response = self.get_response(request)
        response.cookies.clear()
        response.headers.pop("Vary", None)  # nothing of the request but its address counts
        return response


def to_file(request: Request, what: Stored, uuid: UUID) -> HttpResponseRedirect:
    """Send somebody who may have a file to the address from which it is fetched."""
    address = reverse("stored-file", args=[file_tickets.issue(what=what, uuid=uuid, user=request.user)])
    if settings.FILES_HOST:
        address = f"{request.scheme}://{settings.FILES_HOST}{address}"
    response = HttpResponseRedirect(address)
    response["Cache-Control"] = "no-store"
    return response


@public
@require_safe
def stored_file(request: HttpRequest, ticket: str) -> FileResponse:
    """The file of a ticket; whatever is wrong with one, there is nothing here."""
    try:
        found = file_tickets.redeem(ticket=ticket)
    except RefusedError as error:
        raise Http404 from error
    if found is None:
        raise Http404
    return attachment(found.stream, found.filename, media_type=found.media_type)


urls = [path("files/<str:ticket>/", stored_file, name="stored-file")]
