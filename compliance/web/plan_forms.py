"""Forms on the plan of a remediation item: estimate and dates, baseline, work log, dependencies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from compliance.choices import choices
from compliance.models import AISystem, RemediationItem, User
from compliance.rights import Asker, visible
from compliance.selectors.workers import workers_on
from compliance.services.plans import PlanChange
from compliance.services.remediation import ItemWords
from compliance.services.work_log import Work
from compliance.types.plans import GIVEN_REASONS, EffortUnit, Estimate, PlanReason
from compliance.types.states import RemediationState
from compliance.web.choosing import Choosing, choosing
from compliance.web.forms import day_input
from compliance.web.remediation_forms import person_days, put_people, put_rows, role_field, team_field

_REASONS = [pair for pair in choices(PlanReason) if pair[0] in {reason.value for reason in GIVEN_REASONS}]


def _note(label: Any, *, required: bool = False, rows: int = 2, longest: int = 5_000) -> forms.CharField:
    return forms.CharField(
        label=label, widget=forms.Textarea(attrs={"rows": rows}), required=required, max_length=longest
    )


def _version() -> forms.IntegerField:
    return forms.IntegerField(widget=forms.HiddenInput(), min_value=1)


class PlanForm(forms.Form):
    """Estimate, what remains, the due date, and why they change."""

    estimate_low = person_days(_("Estimate of the whole: at least"))
    estimate_likely = person_days(_("Estimate of the whole: likely"))
    estimate_high = person_days(_("Estimate of the whole: at most"))
    remaining = person_days(_("Remaining effort"), help_text=_("In person-days, like the estimate."))
    due_on = forms.DateField(
        label=_("Due on"), widget=day_input(), help_text=_("A later day counts as a slip; the original one is kept.")
    )
    reason = forms.ChoiceField(label=_("Reason"), choices=[("", _("choose")), *_REASONS])
    note = _note(_("Note"))
    version = _version()

    @classmethod
    def initial_of(cls, item: RemediationItem) -> dict[str, Any]:
        """The plan as it stands."""
        names = ("estimate_low", "estimate_likely", "estimate_high", "remaining", "due_on", "version")
        return {name: getattr(item, name) for name in names}

    @property
    def change(self) -> PlanChange:
        """What was filled in."""
        given = self.cleaned_data
        return PlanChange(
            estimate=Estimate(low=given["estimate_low"], likely=given["estimate_likely"], high=given["estimate_high"]),
            remaining=given["remaining"],
            due_on=given["due_on"],
            reason=PlanReason(given["reason"]),
            note=given["note"],
        )


class ReviseForm(forms.Form):
    """Words, team and role of an item."""

    title = forms.CharField(label=_("Title"), max_length=300)
    description = _note(_("What is to be done"), rows=6, longest=20_000)
    team = team_field()
    work_role = role_field()
    version = _version()

    @classmethod
    def initial_of(cls, item: RemediationItem) -> dict[str, Any]:
        """The item as it stands."""
        return {
            "title": item.title,
            "description": item.description,
            "team": item.team.uuid if item.team else None,
            "work_role": item.work_role,
            "version": item.version,
        }

    @property
    def words(self) -> ItemWords:
        """What was filled in."""
        given = self.cleaned_data
        return ItemWords(
            title=given["title"], description=given["description"], team=given["team"], work_role=given["work_role"]
        )


class BaselineForm(forms.Form):
    """The scope of a baseline; its figures are those of the plan."""

    scope = _note(_("Scope"), required=True, rows=3, longest=20_000)


class DecisionForm(forms.Form):
    """A word with the decision on a baseline."""

    note = _note(_("Note"))


class WorkForm(forms.Form):
    """Work that was done."""

    amount = forms.DecimalField(label=_("How much"), max_digits=6, decimal_places=2)
    unit = forms.ChoiceField(label=_("Unit"), choices=choices(EffortUnit), initial=EffortUnit.HOURS.value)
    day = forms.DateField(label=_("Day"), widget=day_input())
    what = forms.CharField(label=_("What was done"), max_length=1000)
    person = forms.ModelChoiceField(label=_("Person"), queryset=User.objects.none(), to_field_name="uuid")
    remaining = person_days(
        _("Remaining after it, in person-days"),
        required=False,
        help_text=_("Left empty: less by what was logged."),
    )

    def __init__(
        self, *, system: AISystem, asker: User, leads: bool, people: Sequence[User] | None = None, data: Any = None
    ) -> None:
        super().__init__(data, initial={"day": timezone.localdate(), "person": asker.uuid})
        if leads:
            put_people(self, "person", of=system, known=people)
        else:
            put_rows(self, "person", workers_on(system).filter(pk=asker.pk))
            self.fields["person"].widget = forms.HiddenInput()

    @property
    def work(self) -> Work:
        """What was filled in."""
        given = self.cleaned_data
        return Work(**{**given, "unit": EffortUnit(given["unit"])})


class DependencyForm(forms.Form):
    """Another item that has to be done before."""

    needs = Choosing("open-item", label=_("Waits for"))

    def __init__(self, *, item: RemediationItem, asker: Asker, data: Any = None) -> None:
        super().__init__(data)
        rows = visible(RemediationItem.objects.filter(system=item.system), asker).exclude(pk=item.pk)
        offered = rows.exclude(state=RemediationState.CLOSED).exclude(dependents__item=item)
        choosing(self, "needs").offer(offered.order_by("-pk"), system=item.system)


class NewMilestoneForm(forms.Form):
    """One more step."""

    title = forms.CharField(label=_("Step"), max_length=300)
    due_on = forms.DateField(label=_("Due on"), widget=day_input())
