"""Forms of the pages on one remediation item."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from compliance.choices import choices
from compliance.models import AISystem, User
from compliance.rights import TABLE, Verb
from compliance.services.remediation import MilestoneDraft
from compliance.types.states import RemediationState, Role
from compliance.web.forms import day_input

MOST_MILESTONES = 5
MOVABLE = [pair for pair in choices(RemediationState) if pair[0] != RemediationState.CLOSED.value]


def owners_for(system: AISystem) -> Any:
    """People who can work on a system: everyone who sees all, and the contributors who are on it."""
    workers = [role.value for role in TABLE[Verb.WORK_REMEDIATION] if role is not Role.CONTRIBUTOR]
    everywhere = User.objects.filter(is_active=True, role__in=workers)
    here = User.objects.filter(is_active=True, role=Role.CONTRIBUTOR)
    on_it = here.filter(memberships__system=system) | here.filter(teams__memberships__system=system)
    return User.objects.filter(pk__in=everywhere.values("pk")) | User.objects.filter(pk__in=on_it.values("pk"))


class RemediationForm(forms.Form):
    """A new remediation item."""

    title = forms.CharField(label=_("Title"), max_length=300, help_text=_("What will be true when it is done."))
    description = forms.CharField(
        label=_("What is to be done"), widget=forms.Textarea(attrs={"rows": 6}), required=False, max_length=20_000
    )
    owner = forms.ModelChoiceField(
        label=_("Owner"),
        queryset=User.objects.none(),
        to_field_name="uuid",
        help_text=_("One person who answers for it."),
    )
    effort_planned = forms.DecimalField(
        label=_("Planned effort in person-days"), min_value=0, max_digits=7, decimal_places=2
    )
    due_on = forms.DateField(label=_("Due on"), widget=day_input())

    def __init__(self, *, system: AISystem, data: Any = None, initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        field = self.fields["owner"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = owners_for(system)


class MilestoneForm(forms.Form):
    """One step; a row left empty is no step."""

    title = forms.CharField(label=_("Step"), max_length=300, required=False)
    due_on = forms.DateField(label=_("Due on"), widget=day_input(), required=False)

    def clean(self) -> dict[str, Any]:
        """Both or none."""
        given = super().clean() or {}
        if self.errors:
            return given
        if given.get("title") and not given.get("due_on"):
            self.add_error("due_on", _("Give the step a date."))
        if given.get("due_on") and not given.get("title"):
            self.add_error("title", _("Say what the step is."))
        return given


MilestoneForms = forms.formset_factory(MilestoneForm, extra=MOST_MILESTONES, max_num=MOST_MILESTONES, validate_max=True)


def drafts_of(formset: forms.BaseFormSet[MilestoneForm]) -> list[MilestoneDraft]:
    """The steps that were filled in."""
    given = [form.cleaned_data for form in formset if form.cleaned_data.get("title")]
    return [MilestoneDraft(title=row["title"], due_on=row["due_on"]) for row in given]


class MoveForm(forms.Form):
    """A new state of open work."""

    state = forms.ChoiceField(label=_("State"), choices=MOVABLE)


class EffortForm(forms.Form):
    """Work that was done."""

    person_days = forms.DecimalField(
        label=_("Person-days"), max_digits=7, decimal_places=2, help_text=_("Added to what is logged already.")
    )


class AssignForm(forms.Form):
    """Another owner."""

    owner = forms.ModelChoiceField(label=_("Owner"), queryset=User.objects.none(), to_field_name="uuid")

    def __init__(self, *, system: AISystem, data: Any = None, initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        field = self.fields["owner"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = owners_for(system)
