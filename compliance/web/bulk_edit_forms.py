"""What many remediation items are to be changed to at once."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from compliance.choices import label
from compliance.models import Team, User
from compliance.rights import TABLE, Verb
from compliance.types.bulk_edits import Changes
from compliance.types.plans import GIVEN_REASONS
from compliance.types.states import RemediationState
from compliance.web.choosing import QuickSelect
from compliance.web.forms import day_input
from compliance.web.remediation_forms import MOVABLE

_AS_IT_IS = ("", _("as it is"))


class BulkEditForm(forms.Form):
    """The same for every item; what is left empty stays as it is."""

    state = forms.ChoiceField(label=_("State"), required=False, choices=[_AS_IT_IS, *MOVABLE])
    owner = forms.ModelChoiceField(
        label=_("Owner"),
        queryset=User.objects.none(),
        to_field_name="uuid",
        required=False,
        empty_label=_("as it is"),
        widget=QuickSelect(),
    )
    team = forms.ModelChoiceField(
        label=_("Team"),
        queryset=Team.objects.all(),
        to_field_name="uuid",
        required=False,
        empty_label=_("as it is"),
        widget=QuickSelect(),
    )
    due_on = forms.DateField(label=_("Due on"), required=False, widget=day_input())
    reason = forms.ChoiceField(
        label=_("Reason for another due date"),
        required=False,
        choices=[("", "–"), *((reason.value, label(reason)) for reason in GIVEN_REASONS)],
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="bulk_%s")
        field = self.fields["owner"]
        if isinstance(field, forms.ModelChoiceField):
            workers = [role.value for role in TABLE[Verb.WORK_REMEDIATION]]
            field.queryset = User.objects.filter(is_active=True, role__in=workers)

    def changes(self) -> Changes:
        """What was asked for, once the form is valid."""
        given = self.cleaned_data
        return Changes(
            state=RemediationState(given["state"]) if given["state"] else None,
            owner=given["owner"].pk if given["owner"] else None,
            team=given["team"].pk if given["team"] else None,
            due_on=given["due_on"],
            reason=given["reason"] if given["due_on"] else "",
        )
