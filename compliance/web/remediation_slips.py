"""Slips: every due date that was moved to a later day, with both dates, the reason, and whose decision it was."""

from __future__ import annotations

from datetime import date
from operator import attrgetter
from typing import Any

from django import forms
from django.http import HttpResponseBase
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.choices import label
from compliance.models import AISystem
from compliance.rights import Asker, Verb, may, visible
from compliance.selectors.slips import WITH_ITEMS, SlipFilter, slips, week_of
from compliance.types.plans import GIVEN_REASONS
from compliance.web.base import Request, guarded, page_of
from compliance.web.choosing import QuickSelect
from compliance.web.exports import Column, exported, table_of, wanted
from compliance.web.forms import day_input
from compliance.web.remediation_list import tabs_of

TABLE = (
    Column(gettext_lazy("remediation item"), attrgetter("item.title")),
    Column(gettext_lazy("AI system"), attrgetter("item.system.name")),
    Column(gettext_lazy("owner"), attrgetter("item.owner.name")),
    Column(gettext_lazy("due before"), attrgetter("due_before")),
    Column(gettext_lazy("due on"), attrgetter("due_on")),
    Column(gettext_lazy("days later"), attrgetter("slip_days")),
    Column(gettext_lazy("reason code"), attrgetter("reason")),
    Column(gettext_lazy("reason"), lambda row: row.get_reason_display()),
    Column(gettext_lazy("note"), attrgetter("note")),
    Column(gettext_lazy("decided by"), attrgetter("made_by.name")),
    Column(gettext_lazy("decided (UTC)"), attrgetter("created_at")),
    Column(gettext_lazy("identifier of the item"), attrgetter("item.uuid")),
)


class SlipForm(forms.Form):
    """Decided between which days, why, and of which AI system; without an address of its own, this week."""

    since = forms.DateField(label=gettext_lazy("Decided from"), required=False, widget=day_input())
    until = forms.DateField(label=gettext_lazy("Decided until"), required=False, widget=day_input())
    reason = forms.ChoiceField(
        label=gettext_lazy("Reason"),
        required=False,
        choices=[("", gettext_lazy("any")), *((reason.value, label(reason)) for reason in GIVEN_REASONS)],
    )
    system = forms.ModelChoiceField(
        label=gettext_lazy("AI system"),
        queryset=AISystem.objects.none(),
        to_field_name="uuid",
        required=False,
        empty_label=gettext_lazy("all"),
        widget=QuickSelect(),
    )

    def __init__(self, *, asker: Asker, data: Any, today: date) -> None:
        monday, sunday = week_of(today)
        given = data.copy()
        if not {"since", "until"} & set(given):
            given["since"], given["until"] = monday.isoformat(), sunday.isoformat()
        super().__init__(given)
        system = self.fields["system"]
        if isinstance(system, forms.ModelChoiceField):
            system.queryset = visible(AISystem.objects.all(), asker).order_by("name")

    def asked(self) -> SlipFilter:
        """What the list is asked for; what is no value of a field narrows nothing."""
        self.is_valid()
        given = self.cleaned_data
        system = given.get("system")
        return SlipFilter(
            since=given.get("since"),
            until=given.get("until"),
            reason=given.get("reason", ""),
            system=system.uuid if system else None,
        )


@guarded(Verb.VIEW)
def slip_list(request: Request) -> HttpResponseBase:
    """Slips of this week, or of whatever days are asked for."""
    today = timezone.now().date()
    form = SlipForm(asker=request.user, data=request.GET, today=today)
    asked = form.asked()
    monday, sunday = week_of(today)
    shown = slips(visible(WITH_ITEMS, request.user), asked)
    if wanted(request):
        return exported(request, table_of("remediation-slips", _("Slips"), TABLE, shown), form)
    context = {
        "page": page_of(request, shown),
        "form": form,
        "active": asked != SlipFilter(since=monday, until=sunday),
        "is_week": (asked.since, asked.until) == (monday, sunday),
        "may_see_figures": may(request.user, Verb.VIEW_FIGURES),
        "tabs": tabs_of("slips", request.user),
        "columns": [
            {"label": _("Remediation item")},
            {"label": _("Due before")},
            {"label": _("Due on")},
            {"label": _("Days later"), "numeric": True},
            {"label": _("Why")},
            {"label": _("Decided")},
        ],
    }
    return render(request, "compliance/slip_list.html", context)


urls = [path("remediation/slips/", slip_list, name="slip-list")]
