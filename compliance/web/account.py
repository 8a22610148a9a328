"""One's own settings: language of time, and API tokens."""

from __future__ import annotations

from zoneinfo import available_timezones

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext_lazy as _
from knox.models import AuthToken

from compliance.rights import Verb
from compliance.services import people, tokens
from compliance.services.errors import RefusedError
from compliance.web.base import Request, guarded, refuse, say


class ZoneForm(forms.Form):
    """The reader's time zone."""

    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=[(zone, zone) for zone in sorted(available_timezones()) if "/" in zone or zone == "UTC"],
    )


class TokenForm(forms.Form):
    """A new token's life."""

    days = forms.IntegerField(label=_("Ends after, in days"), min_value=1, max_value=366, initial=90)


@guarded(Verb.OWN_TOKENS, methods=("GET", "HEAD", "POST"))
def settings_page(request: Request) -> HttpResponse:
    """Time zone and tokens."""
    zone = ZoneForm(request.POST or None, initial={"time_zone": request.user.time_zone})
    if request.method == "POST" and zone.is_valid():
        people.set_time_zone(user=request.user, time_zone=zone.cleaned_data["time_zone"])
        say(request, str(_("Times are shown in your zone from now on.")))
        return redirect("settings")
    return _page(request, zone=zone)


def _page(request: Request, *, zone: ZoneForm, secret: str = "") -> HttpResponse:
    context = {
        "zone": zone,
        "token_form": TokenForm(),
        "tokens": AuthToken.objects.filter(user=request.user).order_by("-created"),
        "secret": secret,
    }
    response = render(request, "compliance/settings.html", context)
    if secret:
        response["Cache-Control"] = "no-store"
    return response


@guarded(Verb.OWN_TOKENS, methods=("POST",))
def token_new(request: Request) -> HttpResponse:
    """Make a token and show it once, on this answer alone."""
    form = TokenForm(request.POST)
    zone = ZoneForm(initial={"time_zone": request.user.time_zone})
    if not form.is_valid():
        refuse(request, RefusedError(str(_("A token lives between 1 and 366 days."))))
        return redirect("settings")
    try:
        secret = tokens.create(owner=request.user, days=form.cleaned_data["days"])
    except RefusedError as error:
        refuse(request, error)
        return redirect("settings")
    return _page(request, zone=zone, secret=secret)


@guarded(Verb.OWN_TOKENS, methods=("POST",))
def token_revoke(request: Request) -> HttpResponse:
    """End one of one's own tokens."""
    tokens.revoke(owner=request.user, token_key=request.POST.get("token", ""))
    say(request, str(_("The token is ended.")))
    return redirect("settings")


urls = [
    path("settings/", settings_page, name="settings"),
    path("settings/tokens/new/", token_new, name="token-new"),
    path("settings/tokens/end/", token_revoke, name="token-revoke"),
]
