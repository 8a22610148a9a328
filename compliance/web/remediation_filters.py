"""Filters of the remediation table and board; which of them an address names, and in words what narrows the list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from compliance.choices import choices
from compliance.models import AISystem, RemediationItem, Team, User
from compliance.rights import Asker, visible
from compliance.selectors.remediation_lists import ANY, NONE, WORKING, RemediationFilter
from compliance.types.sla import SlaState
from compliance.types.states import RemediationState
from compliance.web.choosing import QuickSelect

ALL_STATES = "all"


def _hidden_day(label: Any) -> forms.DateField:
    return forms.DateField(label=label, required=False, widget=forms.HiddenInput())


class RemediationFilterForm(forms.Form):
    """Filters of table and board; without `state` the table shows what is not closed. What is hidden comes from links."""

    q = forms.CharField(label=_("Title or description"), required=False, max_length=200)
    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[(WORKING, _("not closed")), *choices(RemediationState), (ALL_STATES, _("all"))],
    )
    owner = forms.ModelChoiceField(
        label=_("Owner"),
        queryset=User.objects.none(),
        to_field_name="uuid",
        required=False,
        empty_label=_("anybody"),
        widget=QuickSelect(),
    )
    limit = forms.ChoiceField(label=_("Time limit"), required=False, choices=[("", _("any")), *choices(SlaState)])
    team = forms.ChoiceField(label=_("Team"), required=False, widget=QuickSelect())
    overdue = forms.BooleanField(label=_("Overdue only"), required=False)
    system = forms.UUIDField(label=_("AI system"), required=False, widget=forms.HiddenInput())
    control = forms.CharField(label=_("Control"), required=False, max_length=64, widget=forms.HiddenInput())
    opened_from = _hidden_day(_("Opened from"))
    opened_to = _hidden_day(_("Opened until"))
    closed_from = _hidden_day(_("Closed from"))
    closed_to = _hidden_day(_("Closed until"))
    closed_late = forms.BooleanField(label=_("Closed after the due date"), required=False, widget=forms.HiddenInput())
    open_on = _hidden_day(_("Open at the end of"))
    current_from = _hidden_day(_("Open, or closed since"))
    due_from = _hidden_day(_("Due from"))
    due_to = _hidden_day(_("Due until"))
    playbook = forms.CharField(
        label=_("Task of the playbook"), required=False, max_length=64, widget=forms.HiddenInput()
    )
    view = forms.CharField(required=False, widget=forms.HiddenInput())

    def __init__(self, *, asker: Asker, data: Any) -> None:
        given = data.copy()
        given.setdefault("state", WORKING)
        super().__init__(given)
        self.asker = asker
        if given.get("view") == "board":
            del self.fields["state"]
        teams = self.fields["team"]
        if isinstance(teams, forms.ChoiceField):
            known = Team.objects.order_by("name").values_list("uuid", "name")
            teams.choices = [("", _("any")), (NONE, _("no team")), *((str(uuid), name) for uuid, name in known)]
        field = self.fields["owner"]
        if isinstance(field, forms.ModelChoiceField):
            owning = visible(RemediationItem.objects.all(), asker).order_by().values("owner")
            field.queryset = User.objects.filter(pk__in=owning)

    @property
    def is_board(self) -> bool:
        """Whether the same items are asked for as a board."""
        return "state" not in self.fields

    @property
    def usual(self) -> RemediationFilter:
        """The filter of an address that names none."""
        return RemediationFilter() if self.is_board else RemediationFilter(state=WORKING)

    def asked(self) -> RemediationFilter:
        """The filter that was asked for; what is no value of a field narrows nothing."""
        self.is_valid()
        given = self.cleaned_data
        state = "" if self.is_board else given.get("state") or WORKING
        return RemediationFilter(
            text=given.get("q", ""),
            state="" if state == ALL_STATES else state,
            owner=given["owner"].uuid if given.get("owner") else None,
            system=given.get("system"),
            control=given.get("control", ""),
            team=given.get("team", ""),
            overdue_on=timezone.localdate() if given.get("overdue") else None,
            opened_from=given.get("opened_from"),
            opened_to=given.get("opened_to"),
            closed_from=given.get("closed_from"),
            closed_to=given.get("closed_to"),
            closed_late=bool(given.get("closed_late")),
            open_on=given.get("open_on"),
            current_from=given.get("current_from"),
            limit=given.get("limit", ""),
            playbook=given.get("playbook", ""),
            due_from=given.get("due_from"),
            due_to=given.get("due_to"),
        )

    def narrowed(self) -> list[tuple[str, str]]:
        """What narrows the list by a field that the bar does not show: from a figure's link."""
        lines = []
        for bound in self.hidden_fields():
            value = self.cleaned_data.get(bound.name)
            if bound.name != "view" and value not in (None, "", False):
                lines.append((str(bound.label), self._words(bound.name, value)))
        return lines

    def _words(self, name: str, value: object) -> str:
        if name == "system":
            system = visible(AISystem.objects.filter(uuid=str(value)), self.asker).first()
            return system.name if system else str(value)
        if name == "playbook":
            return str(_("any")) if value == ANY else str(value)
        return str(_("yes")) if value is True else str(value)


def query_of(data: QueryDict | Mapping[str, str]) -> str:
    """The filter that an address names, as a query of its own: known fields with a value, in the order of the form."""
    names = [name for name in RemediationFilterForm.base_fields if data.get(name)]
    return urlencode([(name, data[name]) for name in names])
