"""Signing keys: whose signatures count, registered and withdrawn by people."""

from __future__ import annotations

from operator import attrgetter
from uuid import UUID

from django import forms
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from compliance.rights import Verb, may, visible
from compliance.services.errors import RefusedError
from compliance.web.base import Request, found, guarded, page_of, refuse, say
from compliance.web.exports import Column, exported, table_of, wanted
from scanning.models import SigningKey
from scanning.services import signing_keys
from scanning.web.answers import see_other

ROWS = SigningKey.objects.select_related("registered_by", "withdrawn_by")
TABLE = (
    Column(_("whose key it is"), attrgetter("name")),
    Column(_("kind"), attrgetter("algorithm")),
    Column(_("fingerprint (SHA-256)"), attrgetter("fingerprint")),
    Column(_("how it was received"), attrgetter("note")),
    Column(_("registered (UTC)"), attrgetter("created_at")),
    Column(_("registered by"), attrgetter("registered_by")),
    Column(_("withdrawn (UTC)"), attrgetter("withdrawn_at")),
    Column(_("withdrawn by"), attrgetter("withdrawn_by")),
    Column(_("reason"), attrgetter("withdrawal_reason")),
    Column(_("identifier"), attrgetter("uuid")),
)


class KeyForm(forms.Form):
    """A public key, and how it came here."""

    name = forms.CharField(
        label=_("Whose key it is"), max_length=200, help_text=_("The person, team or pipeline that signs with it.")
    )
    file = forms.FileField(
        label=_("Public key or certificate"),
        help_text=_("In PEM form. Never hand in a private key; one that was is to be treated as exposed."),
    )
    note = forms.CharField(
        label=_("How it was received"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
        help_text=_("By which way, from whom, and how its fingerprint was compared. Auditors will ask."),
    )


@guarded(Verb.VIEW)
def signing_key_list(request: Request) -> HttpResponseBase:
    """Every key that was registered, those in force first."""
    rows = visible(ROWS, request.user).order_by("withdrawn_at", "name", "pk")
    if wanted(request):
        return exported(request, table_of("signing-keys", gettext("Signing keys"), TABLE, rows))
    may_register = may(request.user, Verb.REGISTER_KEY)
    columns = [
        {"label": gettext("Whose key it is")},
        {"label": gettext("Kind")},
        {"label": gettext("Fingerprint (SHA-256)")},
        {"label": gettext("Registered")},
        {"label": gettext("State")},
    ]
    context = {
        "page": page_of(request, rows),
        "total": rows.count(),
        "columns": columns,
        "may_register": may_register,
        "trail": [*_above(request), {"label": gettext("Signing keys")}],
    }
    return render(request, "scanning/signing_key_list.html", context)


def _above(request: Request) -> list[dict[str, str]]:
    """The way back to the imports, for those who may see them; auditors see keys alone."""
    return [{"label": gettext("Imports"), "url": reverse("import-list")}] if may(request.user, Verb.VIEW_JOBS) else []


@guarded(Verb.REGISTER_KEY, methods=("GET", "HEAD", "POST"))
def signing_key_new(request: Request) -> HttpResponse:
    """Register a key."""
    form = KeyForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        content = given["file"].read(signing_keys.MAX_KEY_BYTES)
        try:
            signing_keys.register(content=content, name=given["name"], note=given["note"], actor=request.user)
        except RefusedError as error:
            form.add_error("file", str(error))
        else:
            say(
                request,
                gettext("The key is registered. Signatures in documents imported from now on are verified by it."),
            )
            return see_other("signing-key-list")
    context = {
        "form": form,
        "trail": [
            *_above(request),
            {"label": gettext("Signing keys"), "url": reverse("signing-key-list")},
            {"label": gettext("Register")},
        ],
    }
    return render(request, "scanning/signing_key_new.html", context)


@guarded(Verb.REGISTER_KEY, methods=("POST",))
def signing_key_withdraw(request: Request, uuid: UUID) -> HttpResponseBase:
    """Withdraw a key."""
    key = found(request, ROWS, uuid)
    try:
        signing_keys.withdraw(key=key, reason=request.POST.get("reason", ""), actor=request.user)
    except RefusedError as error:
        refuse(request, error)
    else:
        say(request, gettext("The key is withdrawn. What was concluded by it stays on record."))
    return see_other("signing-key-list")


urls = [
    path("imports/signing-keys/", signing_key_list, name="signing-key-list"),
    path("imports/signing-keys/new/", signing_key_new, name="signing-key-new"),
    path("imports/signing-keys/<uuid:uuid>/withdraw/", signing_key_withdraw, name="signing-key-withdraw"),
]
