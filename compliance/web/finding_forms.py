"""Forms of the pages on findings."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext_lazy as _

from compliance.choices import choices
from compliance.models import AISystem, Finding, ModelVersion, ReferenceControl
from compliance.rights import Asker, Verb, systems_for, visible
from compliance.types.finding_ages import AGES
from compliance.types.risk_life import Sighting
from compliance.types.risk_priority import Priority
from compliance.types.sla import SlaState
from compliance.types.states import Severity
from compliance.types.verdicts import Conclusion
from compliance.web.choosing import Choosing, choosing

ANY = ("", _("any"))
ALL_STATES = "all"
FROM_FIGURES = ("age", "seen_from", "seen_to", "kept_in", "broken_in", "fixed_once", "came_back")


class FindingFilterForm(forms.Form):
    """Filters of the list; without `state` it shows what still stands. `system` comes from links."""

    q = forms.CharField(label=_("Title, asset or control"), required=False, max_length=200)
    state = forms.ChoiceField(
        label=_("Conclusion"),
        required=False,
        choices=[*reversed(choices(Conclusion)), (ALL_STATES, _("all"))],
        initial=Conclusion.NOT_SATISFIED.value,
    )
    severity = forms.ChoiceField(label=_("Severity"), required=False, choices=[ANY, *choices(Severity)])
    limit = forms.ChoiceField(label=_("Time limit"), required=False, choices=[ANY, *choices(SlaState)])
    priority = forms.ChoiceField(label=_("Priority"), required=False, choices=[ANY, *choices(Priority)])
    sighting = forms.ChoiceField(label=_("Beside the report before"), required=False, choices=[ANY, *choices(Sighting)])
    waived = forms.ChoiceField(
        label=_("Waived"),
        required=False,
        choices=[("no", _("left out")), ("yes", _("only these")), (ALL_STATES, _("shown too"))],
        initial="no",
    )
    model = Choosing("model-version", label=_("Model version"), required=False, empty_label=_("any"))
    system = forms.UUIDField(label=_("AI system"), required=False, widget=forms.HiddenInput())
    # From the links of figures: how long ago first seen, and between which days.
    age = forms.ChoiceField(
        label=_("First seen, days ago"),
        required=False,
        choices=[ANY, *((name, name) for name in AGES)],
        widget=forms.HiddenInput(),
    )
    seen_from = forms.DateField(label=_("First seen from"), required=False, widget=forms.HiddenInput())
    fixed_once = forms.BooleanField(label=_("Fixed at least once"), required=False, widget=forms.HiddenInput())
    came_back = forms.BooleanField(label=_("Came back"), required=False, widget=forms.HiddenInput())
    kept_in = forms.CharField(label=_("Time limit kept in"), required=False, max_length=7, widget=forms.HiddenInput())
    broken_in = forms.CharField(
        label=_("Time limit broken in"), required=False, max_length=7, widget=forms.HiddenInput()
    )
    seen_to = forms.DateField(label=_("First seen until"), required=False, widget=forms.HiddenInput())

    def __init__(self, *, asker: Asker, data: Any) -> None:
        given = data.copy()
        given.setdefault("state", Conclusion.NOT_SATISFIED.value)
        # Figures count what is waived too, and so do the rows behind a figure.
        behind_a_figure = any(given.get(name) for name in FROM_FIGURES)
        given.setdefault("waived", ALL_STATES if behind_a_figure else "no")
        super().__init__(given)
        found = ModelVersion.objects.filter(Exists(Finding.objects.filter(model_version=OuterRef("pk"))))
        choosing(self, "model").offer(visible(found.select_related("model__system"), asker).order_by("-pk"))

    def narrowed(self) -> list[tuple[str, str]]:
        """What narrows the list by a day or an age, which the bar does not show: from a figure's link."""
        given = self.cleaned_data
        return [(str(self[name].label), str(given[name])) for name in FROM_FIGURES if given.get(name)]


class FindingForm(forms.Form):
    """A finding that a person makes, where no scan could."""

    system = forms.ModelChoiceField(label=_("AI system"), queryset=AISystem.objects.none())
    target = forms.ModelChoiceField(
        label=_("Control"),
        queryset=ReferenceControl.objects.all(),
        to_field_name="control_id",
        help_text=_("Its objective becomes the criteria: what should be."),
    )
    title = forms.CharField(label=_("Title"), max_length=500, help_text=_("What is wrong, in one sentence."))
    condition = forms.CharField(
        label=_("Condition: what was found"),
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("What you saw, where and when, so that somebody else can see it too."),
    )
    cause = forms.CharField(
        label=_("Cause"),
        widget=forms.Textarea(attrs={"rows": 3}),
        required=False,
        help_text=_("Why it came to be, if known."),
    )
    effect = forms.CharField(
        label=_("Effect"),
        widget=forms.Textarea(attrs={"rows": 3}),
        required=False,
        help_text=_("What could happen because of it, and to whom."),
    )
    severity = forms.ChoiceField(label=_("Severity"), choices=choices(Severity), initial=Severity.MEDIUM.value)

    def __init__(self, *, asker: Asker, data: Any = None, initial: Any = None) -> None:
        super().__init__(data, initial=initial)
        systems = systems_for(asker, Verb.WRITE_ANSWER)
        field = self.fields["system"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = systems
            field.to_field_name = "uuid"
            if len(only := list(systems[:2])) == 1:
                field.initial = only[0].uuid
