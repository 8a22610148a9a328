"""Signing in and out: django-allauth's views, each named here. What is not in `urls` is not offered."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from typing import Any

from allauth.account import views as account
from allauth.account.adapter import get_adapter
from allauth.mfa.base import views as factors
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes import views as recovery
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from allauth.socialaccount import views as provider
from allauth.socialaccount.providers.openid_connect import views as openid
from django.conf import settings
from django.contrib.auth.views import LogoutView
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, re_path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from django.views.generic import RedirectView

from compliance.rights import Verb
from compliance.services.errors import RefusedError
from compliance.web.base import Request, guarded, public, refuse

View = Callable[..., HttpResponseBase]


class SignInView(account.LoginView):
    """Address and password, a passkey, or single sign-on."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With the provider's name, where there is one, and where the person wanted to go."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {"provider": settings.OIDC_NAME, "next": self.get_next_url() or ""}


@require_http_methods(["GET", "POST"])
def forgotten(request: HttpRequest) -> HttpResponseBase:
    """A link by mail; where no mail leaves, the sentence that says what to do."""
    if not settings.MAIL_LEAVES:
        return render(request, "account/password_reset_unavailable.html")
    return account.password_reset(request)  # type: ignore[no-any-return]


def own(view: View, *, methods: tuple[str, ...] = ("GET", "HEAD", "POST")) -> View:
    """A page about one's own sign-in."""
    return guarded(Verb.OWN_SIGN_IN, methods=methods)(view)


def asks_again(view: View) -> View:
    """A page that asks for the password or a factor again; whoever has neither signs in elsewhere and is told so.

    What it changes, and the note that a trigger makes of it, are one transaction.
    """

    @wraps(view)
    def page(request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if get_adapter(request).get_reauthentication_methods(request.user):
            with transaction.atomic() if request.method == "POST" else nullcontext():
                return view(request, *args, **kwargs)
        refuse(
            request, RefusedError(_("You sign in elsewhere and have no password here: set up second factors there."))
        )
        return redirect("mfa_index")

    return page


def confirmed(view: View) -> View:
    """A page about one's own sign-in that asks again."""
    return own(asks_again(view))


def passkey_page(view: View) -> View:
    """A page about a passkey of one's own; anybody else's does not exist."""

    asked = asks_again(view)

    @wraps(view)
    def page(request: Request, pk: int) -> HttpResponseBase:
        get_object_or_404(Authenticator, pk=pk, user=request.user, type=Authenticator.Type.WEBAUTHN)
        return asked(request, pk=pk)

    return own(page)


def password_page(view: View) -> View:
    """Changing a password takes having one."""

    @wraps(view)
    def page(request: Request) -> HttpResponseBase:
        if request.user.has_usable_password():
            return view(request)
        refuse(request, RefusedError(_("You sign in elsewhere and have no password here.")))
        return redirect("settings")

    return own(page)


to_factors = RedirectView.as_view(pattern_name="mfa_index")  # where allauth leads after a change
sign_in = public(SignInView.as_view())
_PROVIDER = {"provider_id": "oidc"}  # the one that settings name
SIGN_IN = [
    path("sign-in/", sign_in, name="sign-in"),
    path("sign-in/", sign_in, name="account_login"),  # allauth's name of the same page
    path("sign-out/", public(LogoutView.as_view()), name="sign-out"),
    path("sign-in/ended/", public(account.account_inactive), name="account_inactive"),
    path("sign-in/code/", public(factors.authenticate), name="mfa_authenticate"),
    path("sign-in/passkey/", public(webauthn.login_webauthn), name="mfa_login_webauthn"),
    path("sign-in/oidc/", public(openid.login), _PROVIDER, name="openid_connect_login"),
    path("sign-in/oidc/callback/", public(openid.callback), _PROVIDER, name="openid_connect_callback"),
    path("sign-in/oidc/cancelled/", public(provider.login_cancelled), name="socialaccount_login_cancelled"),
]
FORGOTTEN = [
    path("sign-in/forgotten/", public(forgotten), name="account_reset_password"),
    path("sign-in/forgotten/sent/", public(account.password_reset_done), name="account_reset_password_done"),
    re_path(
        r"^sign-in/forgotten/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        public(account.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
    path(
        "sign-in/forgotten/done/",
        public(account.password_reset_from_key_done),
        name="account_reset_password_from_key_done",
    ),
]
_FACTORS = "settings/second-factor"
OWN = [
    path("settings/password/", password_page(account.password_change), name="account_change_password"),
    path("settings/confirm/", confirmed(account.reauthenticate), name="account_reauthenticate"),
    path("settings/confirm/code/", confirmed(factors.reauthenticate), name="mfa_reauthenticate"),
    path("settings/confirm/passkey/", confirmed(webauthn.reauthenticate_webauthn), name="mfa_reauthenticate_webauthn"),
    path(f"{_FACTORS}/", own(factors.index, methods=("GET", "HEAD")), name="mfa_index"),
    path(f"{_FACTORS}/app/", confirmed(totp.activate_totp), name="mfa_activate_totp"),
    path(f"{_FACTORS}/app/remove/", confirmed(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path(f"{_FACTORS}/codes/", confirmed(recovery.view_recovery_codes), name="mfa_view_recovery_codes"),
    path(f"{_FACTORS}/codes/new/", confirmed(recovery.generate_recovery_codes), name="mfa_generate_recovery_codes"),
    path(f"{_FACTORS}/passkeys/", own(to_factors, methods=("GET", "HEAD")), name="mfa_list_webauthn"),
    path(f"{_FACTORS}/passkeys/new/", confirmed(webauthn.add_webauthn), name="mfa_add_webauthn"),
    path(f"{_FACTORS}/passkeys/<int:pk>/remove/", passkey_page(webauthn.remove_webauthn), name="mfa_remove_webauthn"),
    path(f"{_FACTORS}/passkeys/<int:pk>/name/", passkey_page(webauthn.edit_webauthn), name="mfa_edit_webauthn"),
]
urls = [*SIGN_IN, *FORGOTTEN, *OWN]
