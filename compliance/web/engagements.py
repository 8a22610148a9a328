"""Inviting auditors: which assessments they may see, for which period of records, until when."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from compliance.models import Assessment, User
from compliance.rights import Verb
from compliance.services import people
from compliance.services.errors import RefusedError
from compliance.types.states import Role
from compliance.web.base import Request, guarded, say
from compliance.web.forms import day_input


class EngagementForm(forms.Form):
    """An audit's bounds."""

    title = forms.CharField(label=_("Title"), max_length=200, help_text=_("For example: “External audit 2026”."))
    auditors = forms.ModelMultipleChoiceField(
        label=_("Auditors"),
        queryset=User.objects.filter(is_active=True, role=Role.AUDITOR),
        widget=forms.CheckboxSelectMultiple(),
    )
    assessments = forms.ModelMultipleChoiceField(
        label=_("Assessments"), queryset=Assessment.objects.all(), widget=forms.CheckboxSelectMultiple()
    )
    period_start = forms.DateField(label=_("Records from"), widget=day_input())
    period_end = forms.DateField(label=_("Records to"), widget=day_input())
    expires_on = forms.DateField(
        label=_("Access ends after"), widget=day_input(), help_text=_("The last day of access, in UTC.")
    )
    criteria = forms.CharField(
        label=_("Criteria and edition"), widget=forms.Textarea(attrs={"rows": 2}), required=False
    )


@guarded(Verb.MANAGE_PEOPLE, methods=("GET", "HEAD", "POST"))
def engagement_new(request: Request) -> HttpResponse:
    """Open an engagement."""
    form = EngagementForm(request.POST or None, initial={"expires_on": timezone.localdate() + timedelta(days=90)})
    if request.method == "POST" and form.is_valid():
        given = dict(form.cleaned_data)
        last = given.pop("expires_on") + timedelta(days=1)
        try:
            people.open_engagement(
                **{**given, "auditors": list(given["auditors"]), "assessments": list(given["assessments"])},
                expires_at=datetime.combine(last, time.min, UTC),
                actor=request.user,
            )
        except RefusedError as error:
            form.add_error(None, str(error))
        else:
            say(request, gettext("The auditors see the chosen assessments from now on, and nothing else."))
            return redirect("people")
    trail = [{"label": gettext("People"), "url": reverse("people")}, {"label": gettext("Invite auditors")}]
    return render(request, "compliance/engagement_new.html", {"form": form, "trail": trail})


urls = [path("people/engagements/new/", engagement_new, name="engagement-new")]
