"""Forms of the instruments' pages: labels, help and shape; the rules are in the services."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from compliance.choices import choices
from compliance.models import ModelVersion
from compliance.rights import Asker, Verb
from compliance.types.states import JobState
from compliance.types.verdicts import FileScanVerdict, StageVerdict
from compliance.web.choosing import Choosing, QuickSelect, choosing
from compliance.web.forms import CollectedForm
from scanning.detectors.registry import DETECTORS
from scanning.ingest import registry
from scanning.ingest.report_scope import sha256_of
from scanning.models import ReferenceBank, Scan
from scanning.selectors import lists
from scanning.web.stages import stage_choices

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

    threshold = forms.FloatField(
        label=_("Threshold"),
        required=False,
        min_value=0,
        max_value=1,
        help_text=_(
            "Only for results that are a single probability (TrojAI): from here on it counts as evidence. "
            "Without one, and below it, the result is inconclusive."
        ),
    )

    about_sha256 = forms.CharField(
        label=_("SHA-256 of the file that it is about"),
        required=False,
        max_length=64,
        help_text=_(
            "Only for reports that do not name the file (fickling, picklescan). It stands on the page of the model version."
        ),
    )

    def clean_about_sha256(self) -> str:
        """The digest in lower case."""
        given = str(self.cleaned_data["about_sha256"]).strip()
        digest = sha256_of(given)
        if given and digest is None:
            raise forms.ValidationError(_("A SHA-256 is 64 hexadecimal digits."))
        return digest or ""

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


class ScanChoice(forms.ModelChoiceField):  # type: ignore[type-arg]  # generic in the stubs alone
    """Scans by model version, time and verdict."""

    widget = QuickSelect

    def label_from_instance(self, scan: Scan) -> str:
        """As people tell scans apart."""
        when = timezone.localtime(scan.created_at).strftime("%Y-%m-%d %H:%M")
        return f"{scan.model_version} · {when} · {scan.verdict.replace('_', ' ') or scan.get_kind_display()}"


class ScanForm(forms.Form):
    """A new scan."""

    model_version = Choosing(
        "kept-version",
        label=_("Model version"),
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
        help_text=_(
            "None chosen means all of them. Each speaks to the named sub-techniques alone; one that lacks what it needs "
            "ends as not applicable, and says so."
        ),
    )
    held_out = Choosing(
        "images",
        label=_("Held-out images"),
        required=False,
        empty_label=_("none"),
        help_text=_(
            "Labelled images that the model was not trained on, kept as evidence in a NumPy archive (.npz). "
            "Without them a trigger cannot be confirmed, and trigger inversion is not applicable."
        ),
    )
    training_images = Choosing(
        "images",
        label=_("Training images"),
        required=False,
        empty_label=_("none"),
        help_text=_(
            "The labelled images that the model was trained on, in a NumPy archive; poisoned samples are sought."
        ),
    )
    suspects = Choosing(
        "images",
        label=_("Suspicious inputs"),
        required=False,
        empty_label=_("none"),
        help_text=_("Images that may carry a trigger, in a NumPy archive; each is tested by itself."),
    )
    base_version = Choosing(
        "kept-version",
        label=_("Made from"),
        required=False,
        empty_label=_("not compared with a base model"),
        help_text=_("The version that this one is said to be made from; which tensors differ, and how, is then shown."),
    )
    reference_bank = forms.ModelChoiceField(
        label=_("Reference models"),
        queryset=ReferenceBank.objects.none(),
        to_field_name="uuid",
        required=False,
        empty_label=_("those that ship for the architecture, if any"),
        help_text=_(
            "Models of the same making that are known. A score is ranked among them; without them the result is marked "
            "uncalibrated and supports no negative."
        ),
    )
    seed = forms.IntegerField(
        label=_("Seed"),
        initial=0,
        min_value=0,
        max_value=LARGEST_SEED,
        help_text=_("The start of every random draw; the same seed repeats the scan."),
    )

    def __init__(
        self, *, asker: Asker, data: Any = None, version: ModelVersion | None = None, like: Scan | None = None
    ) -> None:
        super().__init__(data, initial={**_known_of(version), **_as_in(like)})
        versions, images = lists.scannable_versions(asker=asker), lists.image_sets(asker=asker)
        for name in ("model_version", "base_version"):
            choosing(self, name).offer(versions.order_by("-pk"))
        for name in ("held_out", "training_images", "suspects"):
            choosing(self, name).offer(images)
        banks = self.fields["reference_bank"]
        if isinstance(banks, forms.ModelChoiceField):
            banks.queryset = lists.reference_bank_list(asker=asker)
        stages = self.fields["detectors"]
        if isinstance(stages, forms.MultipleChoiceField):
            stages.choices = stage_choices()


def _known_of(version: ModelVersion | None) -> dict[str, UUID]:
    """What a link to one version already knows: the version, and the parent on record."""
    if version is None:
        return {}
    parent = version.parent
    return {"model_version": version.uuid, **({"base_version": parent.uuid} if parent and parent.evidence_id else {})}


def _as_in(scan: Scan | None) -> dict[str, Any]:
    """What an earlier scan was given, so that scanning again is the same test: fewer inputs would be a weaker one."""
    if scan is None:
        return {}
    names = ("model_version", "held_out", "training_images", "suspects", "base_version", "reference_bank")
    given = {name: row.uuid for name in names if (row := getattr(scan, name)) is not None}
    every = set(scan.detectors) >= set(DETECTORS)
    return {**given, "kind": scan.kind, "detectors": [] if every else scan.detectors, "seed": scan.seed}


class CompareForm(forms.Form):
    """Two scans to set side by side."""

    a = ScanChoice(label=_("First scan"), queryset=Scan.objects.none(), to_field_name="uuid", empty_label=None)
    b = ScanChoice(label=_("Second scan"), queryset=Scan.objects.none(), to_field_name="uuid", empty_label=None)

    def __init__(self, *, rows: QuerySet[Scan], initial: dict[str, UUID]) -> None:
        super().__init__(initial=initial)
        offered: list[tuple[UUID, str]] = []
        for name in ("a", "b"):
            field = self.fields[name]
            if isinstance(field, ScanChoice):
                field.queryset = rows
                # Read once: a field of its own asks for its rows each time it is looked at.
                offered = offered or [(scan.uuid, field.label_from_instance(scan)) for scan in rows]
                field.choices = offered
