"""Forms of the pages on one remediation item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from compliance.choices import choices
from compliance.models import AISystem, Team, User
from compliance.selectors.workers import workers_on
from compliance.services.remediation import ItemPlan, MilestoneDraft
from compliance.types.plans import Estimate
from compliance.types.states import RemediationState
from compliance.web.forms import day_input

MOST_MILESTONES = 12
MOVABLE = [pair for pair in choices(RemediationState) if pair[0] != RemediationState.CLOSED.value]


def person_days(label: Any, *, required: bool = True, help_text: Any = "") -> forms.DecimalField:
    """A field for effort."""
    return forms.DecimalField(
        label=label, min_value=0, max_digits=7, decimal_places=2, required=required, help_text=help_text
    )


def put_rows(form: forms.BaseForm, name: str, rows: Any) -> None:
    """What a field of the form offers."""
    field = form.fields[name]
    if isinstance(field, forms.ModelChoiceField):
        field.queryset = rows


def put_people(form: forms.BaseForm, name: str, *, of: AISystem, known: Sequence[User] | None) -> None:
    """The same for those who can work on a system; known: they, where they were read already."""
    put_rows(form, name, workers_on(of))
    field = form.fields[name]
    if known is not None and isinstance(field, forms.ModelChoiceField):
        field.choices = [("", field.empty_label), *((person.uuid, str(person)) for person in known)]


def team_field() -> Any:
    """The team that an item belongs to, if any."""
    return forms.ModelChoiceField(
        label=_("Team"),
        queryset=Team.objects.order_by("name"),
        to_field_name="uuid",
        required=False,
        empty_label=_("none"),
    )


def role_field() -> forms.CharField:
    """In which role the work is done."""
    return forms.CharField(
        label=_("Role that does the work"),
        max_length=100,
        required=False,
        help_text=_("Such as “ML security engineer”."),
    )


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
        empty_label=_("choose"),
        help_text=_("One person who answers for it."),
    )
    team = team_field()
    work_role = role_field()
    effort_planned = person_days(_("Planned effort in person-days"), help_text=_("The likely figure."))
    effort_low = person_days(_("At least, in person-days"), required=False, help_text=_("If all goes well."))
    effort_high = person_days(_("At most, in person-days"), required=False, help_text=_("If much goes wrong."))
    due_on = forms.DateField(label=_("Due on"), widget=day_input(), help_text=_("It is kept as the original due date."))

    def __init__(self, *, system: AISystem, data: Any = None, initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        put_rows(self, "owner", workers_on(system))

    def plan(self, milestones: list[MilestoneDraft]) -> ItemPlan:
        """What was filled in; a bound left out is the likely figure."""
        given = self.cleaned_data
        likely = given["effort_planned"]
        low, high = given["effort_low"], given["effort_high"]
        return ItemPlan(
            title=given["title"],
            description=given["description"],
            owner=given["owner"],
            team=given["team"],
            work_role=given["work_role"],
            due_on=given["due_on"],
            milestones=milestones,
            estimate=Estimate(low=likely if low is None else low, likely=likely, high=likely if high is None else high),
        )


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


class AssignForm(forms.Form):
    """Another owner."""

    owner = forms.ModelChoiceField(label=_("Owner"), queryset=User.objects.none(), to_field_name="uuid")

    def __init__(
        self, *, system: AISystem, people: Sequence[User] | None = None, data: Any = None, initial: Any = None
    ) -> None:
        super().__init__(data, initial=initial)
        put_people(self, "owner", of=system, known=people)
