"""The form of a new token, of one's own or a machine's, and the page that shows the token once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from compliance.models import AISystem, User
from compliance.rights import NEVER_CARRIED, Verb, member_systems, visible
from compliance.services import tokens
from compliance.services.errors import RefusedError
from compliance.types.states import Role
from compliance.web.base import Request
from compliance.web.choosing import ChoosingSome, choosing


class TokenForm(forms.Form):
    """Name, life and limits."""

    name = forms.CharField(label=_("Name"), max_length=100, help_text=_("For example: nightly log upload."))
    days = forms.IntegerField(label=_("Ends after, in days"), min_value=1, max_value=tokens.LONGEST_DAYS, initial=90)
    verbs = forms.MultipleChoiceField(
        label=_("May do"),
        required=False,
        widget=forms.CheckboxSelectMultiple(),
        help_text=_("Tick what the program needs. Nothing ticked: everything its owner may."),
    )
    systems = ChoosingSome(
        "system",
        label=_("AI systems"),
        required=False,
        help_text=_("Nothing ticked: all that its owner sees."),
    )

    def __init__(self, *, owner: User, data: Any = None) -> None:
        super().__init__(data)
        verbs = self.fields["verbs"]
        if isinstance(verbs, forms.MultipleChoiceField):
            offered = sorted(tokens.verbs_of(Role(owner.role)) - NEVER_CARRIED)
            verbs.choices = [(verb.name, verb.value.capitalize()) for verb in offered]
        seen = member_systems(owner) if owner.role == Role.COLLECTOR else visible(AISystem.objects.all(), owner)
        choosing(self, "systems").offer(seen.order_by("name"))

    @property
    def terms(self) -> tokens.TokenTerms:
        """What was asked for, once the form is valid."""
        given = self.cleaned_data
        return tokens.TokenTerms(
            name=given["name"],
            days=given["days"],
            verbs=frozenset(Verb[name] for name in given["verbs"]) or None,
            systems=tuple(given["systems"]) or None,
        )


def made(request: Request, *, owner: User, trail: Sequence[Any]) -> HttpResponse:
    """Shows the form, or makes the token and shows it on this answer alone."""
    form = TokenForm(owner=owner, data=request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            scope, secret = tokens.create(owner=owner, terms=form.terms, actor=request.user)
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            shown = {"secret": secret, "scope": scope, "trail": trail}
            response = render(request, "compliance/token_made.html", shown)
            response["Cache-Control"] = "no-store"
            return response
    return render(request, "compliance/token_new.html", {"form": form, "trail": trail, "owner": owner})
