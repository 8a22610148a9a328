"""Filters of the remediation table and board."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from compliance.choices import choices
from compliance.models import RemediationItem, User
from compliance.rights import Asker, visible
from compliance.selectors.remediation_lists import WORKING
from compliance.types.sla import SlaState
from compliance.types.states import RemediationState

ALL_STATES = "all"


class RemediationFilterForm(forms.Form):
    """Filters of table and board; without `state` the table shows what is not closed. `system` comes from links."""

    q = forms.CharField(label=_("Title or description"), required=False, max_length=200)
    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[(WORKING, _("not closed")), *choices(RemediationState), (ALL_STATES, _("all"))],
    )
    owner = forms.ModelChoiceField(
        label=_("Owner"), queryset=User.objects.none(), to_field_name="uuid", required=False, empty_label=_("anybody")
    )
    limit = forms.ChoiceField(label=_("Time limit"), required=False, choices=[("", _("any")), *choices(SlaState)])
    overdue = forms.BooleanField(label=_("Overdue only"), required=False)
    system = forms.UUIDField(required=False, widget=forms.HiddenInput())
    view = forms.CharField(required=False, widget=forms.HiddenInput())

    def __init__(self, *, asker: Asker, data: Any) -> None:
        given = data.copy()
        given.setdefault("state", WORKING)
        super().__init__(given)
        if given.get("view") == "board":
            del self.fields["state"]
        field = self.fields["owner"]
        if isinstance(field, forms.ModelChoiceField):
            owning = visible(RemediationItem.objects.all(), asker).values("owner")
            field.queryset = User.objects.filter(pk__in=owning)
