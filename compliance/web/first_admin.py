"""The one-time page on which the first administrator introduces themselves; `serve` prints its address."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from compliance.services import first_administrator
from compliance.services.errors import RefusedError
from compliance.web.base import public


class FirstAdministratorForm(forms.Form):
    """Name, address and a password that is typed twice."""

    name = forms.CharField(label=_("Name"), max_length=200)
    email = forms.EmailField(label=_("E-mail address"), widget=forms.EmailInput(attrs={"autocomplete": "username"}))
    password = forms.CharField(
        label=_("Password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )
    again = forms.CharField(
        label=_("Password, once more"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def clean_again(self) -> str:
        """The second password must equal the first."""
        again: str = self.cleaned_data["again"]
        if again != self.cleaned_data.get("password"):
            raise forms.ValidationError(_("The two passwords differ; type the same one twice."))
        return again


@public
@sensitive_post_parameters("password", "again")
@require_http_methods(["GET", "POST"])
def first_admin(request: HttpRequest, token: str) -> HttpResponse:
    """Show the form, or make the administrator and send them to sign in. A used or old link answers 404."""
    if not first_administrator.is_valid(token=token):
        raise Http404
    form = FirstAdministratorForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            first_administrator.accept(
                token=token,
                email=form.cleaned_data["email"],
                name=form.cleaned_data["name"],
                password=form.cleaned_data["password"],
            )
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("You are the administrator of this installation. Sign in to begin."))
            return redirect("sign-in")
    return render(request, "registration/first_admin.html", {"form": form})


urls = [path("first-administrator/<str:token>/", first_admin, name="first-admin")]
