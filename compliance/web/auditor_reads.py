"""Logs what auditors read, at the one door through which every page, endpoint, export and download leaves."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse

from compliance.auditor_scope import looked_up_once
from compliance.models import User
from compliance.rights import Verb
from compliance.services import reads
from compliance.types.engagements import ReadAct
from compliance.types.states import Role

_READ = frozenset({"GET", "HEAD"})
_REDIRECTS = frozenset({302, 303, 307})
_NOT_OF_THE_RECORD = frozenset({None, Verb.OWN_TOKENS, Verb.KEEP_NOTES})


class AuditorReadMiddleware:
    """Writes one row for each answer that hands something of the record to an auditor. Costs nobody else anything.

    An answer that is no success hands nothing over. What auditors write is in the ledger.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """One request; a token's holder is known once the view has answered."""
        with looked_up_once() if request.method in _READ else nullcontext():
            response = self.get_response(request)
            self._log(request, response)
        return response

    def _log(self, request: HttpRequest, response: HttpResponseBase) -> None:
        user, match = getattr(request, "user", None), request.resolver_match
        if not (isinstance(user, User) and user.role == Role.AUDITOR) or match is None:
            return
        handed_over = _is_ticket(response) or (request.method in _READ and response.status_code < 300)
        if handed_over and _is_guarded(match.func):
            reads.record(
                reader=user,
                act=_act(request, response, bool(match.kwargs)),
                what=match.url_name or "",
                named=match.kwargs,
                by_token=bool(request.headers.get("Authorization")),
            )


def _is_ticket(response: HttpResponseBase) -> bool:
    """Whether the answer leads to the bytes of a file: they leave from a path without cookies, which knows nobody."""
    files = reverse("stored-file", args=["-"]).removesuffix("-/")
    return response.status_code in _REDIRECTS and response.headers.get("Location", "").startswith(files)


def _is_guarded(view: object) -> bool:
    """Whether the view shows anything of the record: public pages name no verb, and some show what is the reader's own."""
    return hasattr(view, "cls") or getattr(view, "verb", None) not in _NOT_OF_THE_RECORD


def _act(request: HttpRequest, response: HttpResponseBase, is_about_one: bool) -> ReadAct:
    if _is_ticket(response):
        return ReadAct.DOWNLOADED
    if response.headers.get("Content-Disposition", "").startswith("attachment"):
        return ReadAct.EXPORTED if "export" in request.GET else ReadAct.DOWNLOADED
    return ReadAct.LOOKED if is_about_one else ReadAct.LISTED
