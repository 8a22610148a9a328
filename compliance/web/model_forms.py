"""Forms of the pages on models and data."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from compliance.choices import choices
from compliance.models import AISystem, Evidence, ModelVersion
from compliance.rights import Asker, Verb, systems_for, visible
from compliance.selectors.model_pages import CONCLUSIVE
from compliance.types.states import EvidenceState, ModelOrigin
from compliance.types.verdicts import CoverageState
from compliance.web.choosing import Choosing, choosing

ANY = ("", _("any"))


class ModelFilterForm(forms.Form):
    """Filters of the list of model versions; `system` comes from links."""

    q = forms.CharField(label=_("Name, version, supplier or SHA-256"), required=False, max_length=200)
    origin = forms.ChoiceField(label=_("Origin"), required=False, choices=[ANY, *choices(ModelOrigin)])
    tested = forms.ChoiceField(
        label=_("Tested"), required=False, choices=[ANY, ("never", _("never tested")), ("yes", _("at least once"))]
    )
    system = forms.UUIDField(required=False, widget=forms.HiddenInput())
    traced = forms.ChoiceField(
        label=_("Training data"), required=False, choices=[ANY, ("no", _("none recorded"))], widget=forms.HiddenInput()
    )
    cell = forms.ChoiceField(
        label=_("With a cell that is"),
        required=False,
        choices=[ANY, (CONCLUSIVE, _("conclusive")), *choices(CoverageState)],
        widget=forms.HiddenInput(),
    )
    technique = forms.CharField(label=_("Technique"), required=False, max_length=32, widget=forms.HiddenInput())


class DatasetFilterForm(forms.Form):
    """Filters of the list of data-set versions; `system` comes from links."""

    system = forms.UUIDField(required=False, widget=forms.HiddenInput())


class RegisterModelForm(forms.Form):
    """A model version: its file, or a piece of evidence that is the file, and where it came from."""

    system = forms.ModelChoiceField(label=_("AI system"), queryset=AISystem.objects.none())
    name = forms.CharField(label=_("Model"), max_length=200, help_text=_("The name that all its versions share."))
    label = forms.CharField(
        label=_("Version"),
        max_length=100,
        help_text=_("As your registry calls it. Assay itself knows it by its SHA-256."),
    )
    file = forms.FileField(
        label=_("Model file"),
        required=False,
        help_text=_("ONNX, safetensors or another format. It is kept as evidence and never loaded outside isolation."),
    )
    evidence = Choosing("evidence", label=_("or a file already kept as evidence"), required=False)
    origin = forms.ChoiceField(
        label=_("Origin"),
        choices=choices(ModelOrigin),
        initial=ModelOrigin.UNKNOWN.value,
        widget=forms.RadioSelect(),
        help_text=_("Inherited: made by somebody else. Own: trained or tuned here."),
    )
    supplier = forms.CharField(
        label=_("Supplier"), max_length=200, required=False, help_text=_("Who made or published an inherited model.")
    )
    parent = Choosing(
        "model-version",
        label=_("Made from"),
        required=False,
        help_text=_("The version it was tuned, merged or converted from, in the same AI system."),
    )

    def __init__(self, *, asker: Asker, data: Any = None, files: Any = None, initial: Any = None) -> None:
        super().__init__(data, files, initial=initial)
        systems = systems_for(asker, Verb.REGISTER_MODEL)
        kept = visible(Evidence.objects.filter(system__in=systems), asker).exclude(state=EvidenceState.REJECTED)
        versions = visible(ModelVersion.objects.filter(model__system__in=systems), asker).select_related(
            "model__system"
        )
        choosing(self, "evidence").offer(kept.select_related("system"))
        choosing(self, "parent").offer(versions.order_by("-pk"))
        field = self.fields["system"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = systems
        if self["system"].initial is None and len(only := list(systems[:2])) == 1:
            self.fields["system"].initial = only[0]

    def clean(self) -> dict[str, Any]:
        """One of the two ways to give the file."""
        given = super().clean() or {}
        if "file" in self.errors or "evidence" in self.errors:
            return given
        if bool(given.get("file")) == bool(given.get("evidence")):
            self.add_error("file", _("Choose a file to send, or one that is already kept as evidence, not both."))
        return given
