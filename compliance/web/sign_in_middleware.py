"""Ends sessions that nobody used, and asks for a second factor where a role needs one."""

from __future__ import annotations

import time
from collections.abc import Callable

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from compliance.models import User

_SEEN = "assay.seen"
_STRONG = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
# What a person without a second factor may still open: the pages where they add one, and the way out.
_WHILE_ADDING = frozenset(
    {
        "mfa_index", "mfa_activate_totp", "mfa_add_webauthn", "mfa_view_recovery_codes", "account_reauthenticate",
        "account_change_password", "sign-out", "sign-in", "account_login", "account_inactive", "settings", "verify",
        "healthz", "readyz",
    }
)  # fmt: skip


class IdleSessionMiddleware:
    """Signs out whoever was away for longer than SESSION_IDLE_SECONDS; 0 switches it off."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """One request. The moment is written once in a twentieth of the limit, so that reading pages rarely writes."""
        limit: int = settings.SESSION_IDLE_SECONDS
        if limit and isinstance(request.user, User):
            now = int(time.time())
            seen = request.session.get(_SEEN, now)
            if now - seen > limit:
                logout(request)
                messages.info(request, _("You were away for a while and are signed out. Your work is stored."))
            elif _SEEN not in request.session or now - seen > limit // 20:
                request.session[_SEEN] = now
        return self.get_response(request)


class SecondFactorMiddleware:
    """Whoever has a role of SECOND_FACTOR_ROLES and no second factor adds one before anything else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The view of one request is known in `process_view`."""
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: object) -> HttpResponse | None:
        """Lets through, or leads to the page where a factor is added."""
        match = request.resolver_match
        if match is None or match.url_name in _WHILE_ADDING or not lacks_second_factor(request):
            return None
        words = _("Your role needs a second factor: add an authenticator app or a passkey first.")
        if request.path.startswith("/api/"):
            return JsonResponse({"detail": words}, status=403)
        messages.warning(request, words)
        return redirect("mfa_index")


def lacks_second_factor(request: HttpRequest) -> bool:
    """Whether the role of the session's person needs a factor that neither they nor their provider's sign-in has."""
    user = request.user
    if not settings.SECOND_FACTOR_ROLES or not isinstance(user, User) or user.role not in settings.SECOND_FACTOR_ROLES:
        return False
    if any(record["method"] == "socialaccount" for record in get_authentication_records(request, user)):
        return False
    return not Authenticator.objects.filter(user_id=user.pk, type__in=_STRONG).exists()
