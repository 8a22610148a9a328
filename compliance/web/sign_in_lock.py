"""Counting wrong passwords and codes: which account is meant, from which address, and whether it is locked."""

from __future__ import annotations

from collections.abc import Mapping

from axes.handlers.proxy import AxesProxyHandler
from django.conf import settings
from django.contrib.auth.signals import user_login_failed
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _

from compliance.models import User


def attempted_account(request: HttpRequest, credentials: Mapping[str, str] | None = None) -> str:
    """The account that a sign-in names, as the lock counts it: case and blanks make no other account."""
    given = credentials or {}
    named = given.get("username") or given.get("email") or request.POST.get("login") or ""
    return str(named).strip().lower()


def client_address(request: HttpRequest) -> str | None:
    """Whose attempt it is: the address that the outermost trusted proxy saw, or the peer where there is none."""
    proxies: int = settings.TRUSTED_PROXIES
    forwarded = [part.strip() for part in request.headers.get("x-forwarded-for", "").split(",") if part.strip()]
    if proxies and len(forwarded) >= proxies:
        return forwarded[-proxies]
    return request.META.get("REMOTE_ADDR")


def refuse_locked(request: HttpRequest, user: User) -> None:
    """Raises ValidationError while the account is locked for this address; the answer becomes the page that says so."""
    if not AxesProxyHandler.is_allowed(request, {"username": user.email}):
        request.axes_locked_out = True  # type: ignore[attr-defined]  # read by axes' middleware
        request.axes_credentials = {"username": user.email}  # type: ignore[attr-defined]
        raise ValidationError(_("Sign-in is paused for this account."), code="locked")


def count_wrong_code(request: HttpRequest, user: User) -> None:
    """A wrong code weighs as much as a wrong password."""
    user_login_failed.send(sender=__name__, credentials={"username": user.email}, request=request)
