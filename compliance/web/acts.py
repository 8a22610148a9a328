"""Acts by POST that end on another page: done with a word, or refused with a reason."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme

from compliance.services.errors import RefusedError
from compliance.web.base import Request, refuse, say


def act(request: Request, verb: Callable[[], object], *, done: str, back: str) -> HttpResponse:
    """Do it, say so, and go to where the form asks for (`next`), else to `back`."""
    try:
        verb()
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, done)
    wanted = request.POST.get("next", "")
    is_ours = bool(wanted) and url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()})
    return redirect(wanted if is_ours else back)
