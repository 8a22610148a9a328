"""Adopting a reference control as the organisation's own."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from compliance.models import AISystem, ReferenceControl, User
from compliance.rights import Asker, Verb, systems_for
from compliance.services import controls
from compliance.services.errors import RefusedError
from compliance.web.base import Request, guarded, say
from compliance.web.forms import day_input


class AdoptForm(forms.Form):
    """How the organisation runs the control."""

    system = forms.ModelChoiceField(label=_("AI system"), queryset=AISystem.objects.none())
    statement = forms.CharField(
        label=_("Statement"),
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("What is really done here, by whom and when. The reference text is only a template."),
    )
    owner = forms.ModelChoiceField(label=_("Owner"), queryset=User.objects.filter(is_active=True))
    performer = forms.CharField(label=_("Performed by"), max_length=200, help_text=_("A team or role."))
    frequency = forms.CharField(label=_("Frequency"), max_length=64, required=False)
    scope = forms.CharField(label=_("Scope"), widget=forms.Textarea(attrs={"rows": 2}), required=False)
    effective_from = forms.DateField(label=_("Effective from"), widget=day_input())

    def __init__(self, *, asker: Asker, data: Any = None, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial)
        field = self.fields["system"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = systems_for(asker, Verb.MANAGE_CONTROLS)


@guarded(Verb.MANAGE_CONTROLS, methods=("GET", "HEAD", "POST"))
def control_adopt(request: Request, control_id: str) -> HttpResponse:
    """Adopt a reference control on an AI system; adopting again makes the next version."""
    reference = get_object_or_404(ReferenceControl, control_id=control_id)
    start = {"frequency": reference.frequency, "effective_from": timezone.localdate(), "owner": request.user}
    form = AdoptForm(asker=request.user, data=request.POST or None, initial=start)
    if request.method == "POST" and form.is_valid():
        try:
            control = controls.adopt(**form.cleaned_data, reference=reference, actor=request.user)
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, gettext("The control is adopted on %s.") % control.system.name)
            return redirect("catalogue-control", control_id)
    trail = [
        {"label": gettext("Catalogue"), "url": reverse("catalogue")},
        {"label": control_id, "url": reverse("catalogue-control", args=[control_id])},
        {"label": gettext("Adopt")},
    ]
    return render(request, "compliance/control_adopt.html", {"form": form, "reference": reference, "trail": trail})


urls = [path("catalogue/controls/<str:control_id>/adopt/", control_adopt, name="control-adopt")]
