"""Forms on capacity, leave and cost rates."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from compliance.models import Team, User
from compliance.services.capacity import Holder
from compliance.types.states import Role
from compliance.web.choosing import QuickSelect
from compliance.web.forms import day_input


class HolderForm(forms.Form):
    """Either a person or a team."""

    person = forms.ModelChoiceField(
        label=_("Person"), queryset=User.objects.none(), to_field_name="uuid", required=False, widget=QuickSelect(),
        empty_label=_("nobody: a team"),
    )  # fmt: skip
    team = forms.ModelChoiceField(
        label=_("Team"), queryset=Team.objects.order_by("name"), to_field_name="uuid", required=False,
        empty_label=_("none: a person"), help_text=_("Holds for members who have nothing of their own."),
    )  # fmt: skip

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id=f"{type(self).__name__.lower()}_%s")
        field = self.fields["person"]
        if isinstance(field, forms.ModelChoiceField):
            people = User.objects.filter(is_active=True, owner=None).exclude(role__in=[Role.AUDITOR, Role.COLLECTOR])
            field.queryset = people.order_by("name")

    @property
    def holder(self) -> Holder:
        """Whoever was chosen."""
        return Holder(user=self.cleaned_data["person"], team=self.cleaned_data["team"])


class CapacityForm(HolderForm):
    """Days a week and the share for remediation, from a day on."""

    days_a_week = forms.DecimalField(label=_("Days a week"), min_value=0, max_value=7, max_digits=3, decimal_places=2)
    allocation = forms.IntegerField(label=_("Share for remediation, percent"), min_value=0, max_value=100)
    work_role = forms.CharField(
        label=_("Role"), max_length=100, required=False, help_text=_("As cost rates name it, such as “ML engineer”.")
    )
    effective_from = forms.DateField(label=_("From"), widget=day_input())

    @property
    def terms(self) -> dict[str, Any]:
        """What was filled in."""
        names = ("days_a_week", "allocation", "work_role", "effective_from")
        return {name: self.cleaned_data[name] for name in names}


class LeaveForm(HolderForm):
    """Days away. Why is not asked."""

    first_day = forms.DateField(label=_("First day away"), widget=day_input())
    last_day = forms.DateField(label=_("Last day away"), widget=day_input())

    @property
    def days(self) -> dict[str, date]:
        """What was filled in."""
        return {name: self.cleaned_data[name] for name in ("first_day", "last_day")}


class RateForm(forms.Form):
    """What a day of a role costs, from a day on."""

    work_role = forms.CharField(label=_("Role"), max_length=100)
    currency = forms.CharField(
        label=_("Currency"), min_length=3, max_length=3, help_text=_("Three letters, such as EUR.")
    )
    amount_a_day = forms.DecimalField(label=_("Amount a day"), min_value=0, max_digits=12, decimal_places=2)
    effective_from = forms.DateField(label=_("From"), widget=day_input())
