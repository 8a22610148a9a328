"""One's own settings: language of time, and API tokens."""

from __future__ import annotations

from zoneinfo import available_timezones

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext_lazy as _
from knox.models import AuthToken

from compliance.models import TokenScope
from compliance.rights import Verb, visible
from compliance.services import people, tokens
from compliance.web.base import Request, guarded, say
from compliance.web.token_forms import made


class ZoneForm(forms.Form):
    """The reader's time zone."""

    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=[(zone, zone) for zone in sorted(available_timezones()) if "/" in zone or zone == "UTC"],
    )


@guarded(Verb.OWN_TOKENS, methods=("GET", "HEAD", "POST"))
def settings_page(request: Request) -> HttpResponse:
    """Time zone and tokens."""
    zone = ZoneForm(request.POST or None, initial={"time_zone": request.user.time_zone})
    if request.method == "POST" and zone.is_valid():
        people.set_time_zone(user=request.user, time_zone=zone.cleaned_data["time_zone"])
        say(request, str(_("Times are shown in your zone from now on.")))
        return redirect("settings")
    own = AuthToken.objects.filter(user=request.user).select_related("scope").order_by("-created")
    return render(request, "compliance/settings.html", {"zone": zone, "tokens": own})


@guarded(Verb.OWN_TOKENS, methods=("GET", "HEAD", "POST"))
def token_new(request: Request) -> HttpResponse:
    """Make a token of one's own and show it once, on this answer alone."""
    trail = [{"label": _("Settings"), "url": reverse("settings")}, {"label": _("New token")}]
    return made(request, owner=request.user, trail=trail)


@guarded(Verb.OWN_TOKENS, methods=("POST",))
def token_revoke(request: Request) -> HttpResponse:
    """End one of one's own tokens; those made before tokens had names are named by their first signs."""
    rows = visible(TokenScope.objects.filter(token__user=request.user), request.user)
    scope = rows.filter(token__token_key=request.POST.get("token", "")).first()
    if scope is not None:
        tokens.revoke(scope=scope, actor=request.user)
    else:
        AuthToken.objects.filter(user=request.user, token_key=request.POST.get("token", "")).delete()
    say(request, str(_("The token is ended.")))
    return redirect("settings")


urls = [
    path("settings/", settings_page, name="settings"),
    path("settings/tokens/new/", token_new, name="token-new"),
    path("settings/tokens/end/", token_revoke, name="token-revoke"),
]
