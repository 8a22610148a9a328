"""Forms of the instruments' pages: labels, help and shape; the rules are in the services."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from compliance.choices import choices
from compliance.models import Evidence, ModelVersion
from compliance.rights import Asker, Verb
from compliance.types.states import JobState
from compliance.types.verdicts import FileScanVerdict, StageVerdict
from compliance.web.forms import CollectedForm
from scanning import selectors
from scanning.detectors.registry import DETECTORS
from scanning.ingest import registry
from scanning.models import ReferenceBank, Scan

ANY = ("", _("any"))
LARGEST_SEED = 2**31 - 1


class ImportForm(CollectedForm):
    """A document to import: the bytes, whose they are, and how they were collected."""

    verb = Verb.IMPORT_DOCUMENT
    file = forms.FileField(
        label=_("Log, report or manifest"),
        allow_empty_file=True,
        help_text=_("Kept as it is, under its SHA-256. The format is recognised from the content."),
    )
    requested_format = forms.ChoiceField(
        label=_("Format"), required=False, help_text=_("Choose one only where the recognition gets it wrong.")
    )

    def __init__(self, *, asker: Asker, data: Any = None, files: Any = None) -> None:
        super().__init__(asker=asker, data=data, files=files)
        formats = self.fields["requested_format"]
        if isinstance(formats, forms.ChoiceField):
            formats.choices = [("", _("Recognise it from the content")), *registry.labels().items()]


class ImportFilter(forms.Form):
    """Filters of the import list."""

    q = forms.CharField(label=_("File name"), required=False, max_length=200)
    state = forms.ChoiceField(label=_("State"), required=False, choices=[ANY, *choices(JobState)])
    format = forms.ChoiceField(label=_("Format"), required=False)

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        field = self.fields["format"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [ANY, *registry.labels().items()]


class ScanFilter(forms.Form):
    """Filters of the scan list."""

    q = forms.CharField(label=_("Model or digest"), required=False, max_length=200)
    kind = forms.ChoiceField(
        label=_("Kind"), required=False, choices=[ANY, (Scan.FILE, _("File scan")), (Scan.DETECTION, _("Detection"))]
    )
    verdict = forms.ChoiceField(
        label=_("Verdict"),
        required=False,
        choices=[
            ANY,
            (_("Detection"), choices(StageVerdict)),
            (_("File scan"), [pair for pair in choices(FileScanVerdict) if pair[0] != FileScanVerdict.FAILED]),
        ],
    )
    model = forms.UUIDField(required=False, widget=forms.HiddenInput())


class VersionChoice(forms.ModelChoiceField):  # type: ignore[type-arg]  # generic in the stubs alone
    """Model versions by name, version and system."""

    def label_from_instance(self, version: ModelVersion) -> str:
        """As people tell versions apart."""
        return f"{version} · {version.model.system.name} · {version.digest[:8]}"


class HeldOutChoice(forms.ModelChoiceField):  # type: ignore[type-arg]  # generic in the stubs alone
    """Evidence by title, system and digest."""

    def label_from_instance(self, kept: Evidence) -> str:
        """As people tell documents apart."""
        return f"{kept.title} · {kept.system.name} · {kept.sha256[:8]}"


class ScanForm(forms.Form):
    """A new scan."""

    model_version = VersionChoice(
        label=_("Model version"),
        queryset=ModelVersion.objects.none(),
        to_field_name="uuid",
        help_text=_("Versions whose file is kept here."),
    )
    kind = forms.ChoiceField(
        label=_("What to do"),
        widget=forms.RadioSelect(),
        initial=Scan.DETECTION,
        choices=[
            (Scan.DETECTION, _("Detection: read the file, then run the stages chosen below")),
            (Scan.FILE, _("File scan alone: read the file without running the model")),
        ],
    )
    detectors = forms.MultipleChoiceField(
        label=_("Stages"),
        widget=forms.CheckboxSelectMultiple(),
        required=False,
        help_text=_("None chosen means all of them. Each speaks to the named sub-techniques alone."),
    )
    held_out = HeldOutChoice(
        label=_("Held-out data"),
        queryset=Evidence.objects.none(),
        to_field_name="uuid",
        required=False,
        empty_label=_("none"),
        help_text=_(
            "Labelled images that the model was not trained on, kept as evidence in a NumPy archive (.npz). "
            "Without it a trigger cannot be confirmed, and trigger inversion is not applicable."
        ),
    )
    reference_bank = forms.ModelChoiceField(
        label=_("Reference models"),
        queryset=ReferenceBank.objects.none(),
        to_field_name="uuid",
        required=False,
        empty_label=_("none"),
        help_text=_("Models of the same making that are known; without them no p-value can be given."),
    )
    seed = forms.IntegerField(
        label=_("Seed"),
        initial=0,
        min_value=0,
        max_value=LARGEST_SEED,
        help_text=_("The start of every random draw; the same seed repeats the scan."),
    )

    def __init__(self, *, asker: Asker, data: Any = None, version: UUID | None = None) -> None:
        super().__init__(data, initial={"model_version": version} if version else None)
        rows = {
            "model_version": selectors.scannable_versions(asker=asker),
            "held_out": selectors.held_out_candidates(asker=asker),
            "reference_bank": selectors.reference_bank_list(asker=asker),
        }
        for name, queryset in rows.items():
            field = self.fields[name]
            if isinstance(field, forms.ModelChoiceField):
                field.queryset = queryset
        stages = self.fields["detectors"]
        if isinstance(stages, forms.MultipleChoiceField):
            stages.choices = [
                (name, f"{entry.label} ({', '.join(entry.speaks_to)})") for name, entry in DETECTORS.items()
            ]
