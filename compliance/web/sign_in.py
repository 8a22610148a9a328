"""Signing in and out."""

from __future__ import annotations

from collections.abc import Mapping

from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest
from django.urls import path

from compliance.web.base import public


def attempted_account(request: HttpRequest, credentials: Mapping[str, str] | None = None) -> str:
    """The account that a sign-in names, as the lock counts it: case and blanks make no other account."""
    given = credentials if credentials and "username" in credentials else request.POST
    return str(given.get("username") or "").strip().lower()


urls = [
    path("sign-in/", public(LoginView.as_view(redirect_authenticated_user=True)), name="sign-in"),
    path("sign-out/", public(LogoutView.as_view()), name="sign-out"),
]
