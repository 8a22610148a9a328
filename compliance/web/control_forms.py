"""Forms of the organisation's own controls."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from compliance.choices import choices
from compliance.models import AISystem, ImplementedControl, ReferenceControl, User
from compliance.rights import Asker, Verb, systems_for, visible
from compliance.types.controls import ControlBasis, ControlNature, ControlTerms, ControlType, FrameworkId
from compliance.web.forms import day_input


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


class ControlForm(forms.Form):
    """What a control says; rules are the service's."""

    control_id = forms.CharField(label=_("Own id"), max_length=32, help_text=_("As your organisation numbers it."))
    title = forms.CharField(label=_("Title"), max_length=300)
    references = forms.ModelMultipleChoiceField(
        label=_("Reference controls"),
        queryset=ReferenceControl.objects.exclude(facts__has_key="retired"),
        to_field_name="control_id",
        help_text=_("Those that this control is adopted or adapted from; hold Ctrl to choose several."),
        widget=forms.SelectMultiple(attrs={"size": 6}),
    )
    basis = forms.ChoiceField(label=_("Adopted or adapted"), choices=choices(ControlBasis))
    statement = forms.CharField(
        label=_("Statement"),
        widget=forms.Textarea(attrs={"rows": 5}),
        max_length=20_000,
        help_text=_("What is really done here, by whom and when. The reference text is only a template."),
    )
    owner = forms.ModelChoiceField(label=_("Owner"), queryset=User.objects.filter(is_active=True).order_by("name"))
    performer = forms.CharField(label=_("Performed by"), max_length=200, help_text=_("A team or role."))
    frequency = forms.CharField(label=_("Frequency"), max_length=64)
    nature = forms.ChoiceField(label=_("Manual, automated or IT-dependent"), choices=choices(ControlNature))
    control_type = forms.ChoiceField(label=_("Preventive, detective or corrective"), choices=choices(ControlType))
    is_key = forms.BooleanField(label=_("Key control"), required=False)
    systems = forms.CharField(
        label=_("Systems in scope"), widget=forms.Textarea(attrs={"rows": 3}), required=False, max_length=20_000,
        help_text=_("One a line, for example SageMaker or the model registry."),
    )  # fmt: skip
    accounts = forms.CharField(
        label=_("Accounts in scope"), widget=forms.Textarea(attrs={"rows": 3}), required=False, max_length=20_000,
        help_text=_("One a line: account, subscription or project, and region."),
    )  # fmt: skip
    scope = forms.CharField(
        label=_("Scope and exclusions"), widget=forms.Textarea(attrs={"rows": 2}), required=False, max_length=20_000
    )
    requirements = forms.CharField(
        label=_("Ids of frameworks"), widget=forms.Textarea(attrs={"rows": 4}), required=False, max_length=20_000,
        help_text=_("One a line: key of the framework, a blank, the id. For example: iso-iec-42001-2023 A.6.2.8"),
    )  # fmt: skip
    effective_from = forms.DateField(label=_("Effective from"), widget=day_input())

    def clean_requirements(self) -> tuple[FrameworkId, ...]:
        """Lines as ids."""
        found = []
        for line in _lines(self.cleaned_data["requirements"]):
            framework, _blank, requirement = line.partition(" ")
            if not requirement.strip():
                told = gettext("“%s” is no id: write the key of the framework, a blank, and the id.")
                raise forms.ValidationError(told % line[:100])
            found.append(FrameworkId(framework=framework, requirement=requirement.strip()))
        return tuple(found)

    @property
    def terms(self) -> ControlTerms:
        """What was filled in, as the service takes it."""
        given = self.cleaned_data
        return ControlTerms(
            control_id=given["control_id"],
            title=given["title"],
            basis=ControlBasis(given["basis"]),
            statement=given["statement"],
            performer=given["performer"],
            frequency=given["frequency"],
            scope=given["scope"],
            systems=_lines(given["systems"]),
            accounts=_lines(given["accounts"]),
            nature=ControlNature(given["nature"]),
            control_type=ControlType(given["control_type"]),
            is_key=given["is_key"],
            effective_from=given["effective_from"],
            references=tuple(one.control_id for one in given["references"]),
            requirements=given["requirements"],
        )


class AdoptForm(ControlForm):
    """A new control on an AI system."""

    system = forms.ModelChoiceField(label=_("AI system"), queryset=AISystem.objects.none())

    field_order: tuple[str, ...] = ("system",)

    def __init__(self, *, asker: Asker, data: Any = None, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial)
        field = self.fields["system"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = systems_for(asker, Verb.MANAGE_CONTROLS)


class ChangeForm(ControlForm):
    """The next version of a control."""

    reason = forms.CharField(
        label=_("Why it changes"), widget=forms.Textarea(attrs={"rows": 2}), max_length=5_000,
        help_text=_("Auditors read this beside the version."),
    )  # fmt: skip
    version = forms.IntegerField(widget=forms.HiddenInput())


class RetireForm(forms.Form):
    """The end of a control."""

    retired_on = forms.DateField(label=_("Retired on"), widget=day_input())
    reason = forms.CharField(label=_("Why, and what takes its place"), max_length=5_000)


class ControlFilterForm(forms.Form):
    """What narrows the list of controls."""

    text = forms.CharField(label=_("Contains"), required=False, max_length=200)
    system = forms.ModelChoiceField(
        label=_("AI system"), queryset=AISystem.objects.none(), required=False, to_field_name="uuid"
    )
    nature = forms.ChoiceField(
        label=_("Performed"), required=False, choices=[("", _("in any way")), *choices(ControlNature)]
    )
    state = forms.ChoiceField(
        label=_("State"), required=False, choices=[("", _("in force")), ("retired", _("retired"))]
    )

    def __init__(self, *, asker: Asker, data: Any = None) -> None:
        super().__init__(data)
        field = self.fields["system"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = visible(AISystem.objects.all(), asker).order_by("name")


def initial_of(control: ImplementedControl) -> dict[str, Any]:
    """The form's fields for the next version, as the control stands."""
    terms = control.terms
    told = terms.to_json()
    return {
        **told,
        "systems": "\n".join(terms.systems),
        "accounts": "\n".join(terms.accounts),
        "requirements": "\n".join(map(str, terms.requirements)),
        "owner": control.owner_id,
        "version": control.version,
    }


def initial_from(reference: ReferenceControl, owner: User) -> dict[str, Any]:
    """The fields that a reference control proposes for an own one."""
    return {
        "control_id": reference.control_id,
        "title": reference.title,
        "references": [reference.control_id],
        "owner": owner,
        "frequency": reference.frequency,
        "nature": reference.nature,
        "control_type": reference.control_type,
        "is_key": reference.is_key,
    }
