"""Forms of the pages on risks: acceptances, waivers, priority."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from compliance.choices import choices
from compliance.models import AISystem, ImplementedControl, Observation
from compliance.rights import Asker, Verb, systems_for, visible
from compliance.services.risk_acceptances import AcceptanceDraft
from compliance.types.risk_life import AgreementState
from compliance.types.risk_priority import Priority
from compliance.types.states import Severity
from compliance.web.forms import day_input

LIVING = "living"
ALL_STATES = "all"
_USUAL_DAYS, _USUAL_REVIEW = 90, 30


def words_of(data: Any, name: str = "words") -> str:
    """What a person wrote in a confirmation, at most 5,000 characters; the services say whether it may be empty."""
    return str(data.get(name, ""))[:5_000]


class AcceptanceForm(forms.Form):
    """Asking to live with a risk until a day."""

    reason = forms.CharField(
        label=_("Rationale"),
        widget=forms.Textarea(attrs={"rows": 5}),
        max_length=20_000,
        help_text=_("Why it is right to live with it for now, so that an auditor can follow."),
    )
    ends_on = forms.DateField(
        label=_("Last day"),
        widget=day_input(),
        help_text=_("Included; at most a year from today. Then the risk is open again."),
    )
    review_on = forms.DateField(
        label=_("Review on"), widget=day_input(), help_text=_("When somebody looks at it again before that.")
    )
    controls = forms.ModelMultipleChoiceField(
        label=_("Controls that compensate"),
        queryset=ImplementedControl.objects.none(),
        to_field_name="uuid",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Controls of your own that are in operation on this AI system."),
    )
    compensation = forms.CharField(
        label=_("How they compensate, or why none is needed"),
        widget=forms.Textarea(attrs={"rows": 3}),
        required=False,
        max_length=20_000,
    )

    def __init__(self, *, asker: Asker, system: AISystem, data: Any = None) -> None:
        today = timezone.localdate()
        usual = {"ends_on": today + timedelta(days=_USUAL_DAYS), "review_on": today + timedelta(days=_USUAL_REVIEW)}
        super().__init__(data, initial=usual)
        field = self.fields["controls"]
        if isinstance(field, forms.ModelMultipleChoiceField):
            field.queryset = visible(ImplementedControl.objects.filter(system=system, retired_on=None), asker)

    @property
    def draft(self) -> AcceptanceDraft:
        """What is asked for, once the form is valid."""
        given = self.cleaned_data
        return AcceptanceDraft(
            reason=given["reason"],
            ends_on=given["ends_on"],
            review_on=given["review_on"],
            controls=list(given["controls"]),
            compensation=given["compensation"],
        )


class ReviewForm(forms.Form):
    """A review of an acceptance that is in force."""

    words = forms.CharField(
        label=_("What was looked at, and why it still holds"),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=5_000,
    )
    review_on = forms.DateField(label=_("Next review on"), widget=day_input())


class WaiverForm(forms.Form):
    """Asking for a rule of a scanner to be set aside until a day."""

    system = forms.ModelChoiceField(label=_("AI system"), queryset=AISystem.objects.none(), to_field_name="uuid")
    producer = forms.CharField(
        label=_("Scanner"), max_length=100, help_text=_("As its reports name it, for example modelscan.")
    )
    rule = forms.CharField(label=_("Rule"), max_length=200, help_text=_("As the scanner names it, letter by letter."))
    assets = forms.CharField(
        label=_("Only for assets named"),
        max_length=500,
        required=False,
        help_text=_("A pattern such as weights/*.pt. Empty: every asset of the AI system."),
    )
    reason = forms.CharField(
        label=_("Reason"),
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=20_000,
        help_text=_("Why the rule says nothing that matters here, so that an auditor can follow."),
    )
    ends_on = forms.DateField(
        label=_("Last day"), widget=day_input(), help_text=_("Included; at most a year from today.")
    )

    def __init__(self, *, asker: Asker, data: Any = None, initial: Any = None) -> None:
        super().__init__(
            data, initial={"ends_on": timezone.localdate() + timedelta(days=_USUAL_DAYS), **(initial or {})}
        )
        field = self.fields["system"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = systems_for(asker, Verb.REQUEST_ACCEPTANCE)


def waiver_about(rows: QuerySet[Observation], uuid: str) -> dict[str, Any]:
    """First values of the form, from an observation that somebody wants to have set aside."""
    seen = rows.select_related("system").filter(uuid=uuid).first() if uuid else None
    if seen is None:
        return {}
    return {"system": seen.system.uuid, "producer": seen.producer, "rule": seen.rule, "assets": seen.asset_name}


class AgreementFilterForm(forms.Form):
    """Filters of the lists of acceptances and waivers; without `state` they show what is asked for or in force."""

    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[(LIVING, _("asked for or in force")), *choices(AgreementState), (ALL_STATES, _("all"))],
    )
    system = forms.ModelChoiceField(
        label=_("AI system"),
        queryset=AISystem.objects.none(),
        to_field_name="uuid",
        required=False,
        empty_label=_("any"),
    )

    def __init__(self, *, asker: Asker, data: Any) -> None:
        given = data.copy()
        given.setdefault("state", LIVING)
        super().__init__(given)
        field = self.fields["system"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = visible(AISystem.objects.all(), asker)


class SeverityForm(forms.Form):
    """A person's severity; empty gives the finding back to what reports state."""

    severity = forms.ChoiceField(
        label=_("Severity"), required=False, choices=[("", _("as reports state it")), *choices(Severity)]
    )
    words = forms.CharField(label=_("Reason"), widget=forms.Textarea(attrs={"rows": 2}), max_length=5_000)


class PriorityForm(forms.Form):
    """A person's priority; empty gives the finding back to the rule."""

    priority = forms.ChoiceField(
        label=_("Priority"), required=False, choices=[("", _("by the rule")), *choices(Priority)]
    )
    words = forms.CharField(label=_("Reason"), widget=forms.Textarea(attrs={"rows": 2}), max_length=5_000)
