"""Forms of the record's pages: labels, help and shape; the rules are in the services."""

from __future__ import annotations

from dataclasses import fields
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.utils.translation import gettext_lazy as _

from compliance.choices import choices
from compliance.models import AISystem, Evidence, Finding, Technique
from compliance.rights import Asker, Verb, systems_for, visible
from compliance.types.provenance import Obtained, Provenance
from compliance.types.states import AnswerValue, EvidenceState
from compliance.types.verdicts import Conclusion
from compliance.web.choosing import Choosing, choosing


def day_input() -> forms.DateInput:
    """A date field with the browser's own picker."""
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class AssessmentForm(forms.Form):
    """A new assessment; the AI system may be new as well."""

    system = forms.ModelChoiceField(
        label=_("AI system"), queryset=AISystem.objects.none(), required=False, help_text=_("What the audit looks at.")
    )
    new_system = forms.CharField(
        label=_("or a new AI system"), max_length=200, required=False, help_text=_("Only when it is not in the list.")
    )
    technique = forms.ModelChoiceField(
        label=_("Technique"), queryset=Technique.objects.none(), to_field_name="atlas_id", empty_label=None
    )
    title = forms.CharField(label=_("Title"), max_length=200, help_text=_("For example: “Model manipulation, 2026”."))
    period_start = forms.DateField(label=_("Period from"), widget=day_input())
    period_end = forms.DateField(label=_("Period to"), widget=day_input(), help_text=_("The last day is included."))
    audit_date = forms.DateField(label=_("Audit on"), widget=day_input(), required=False)
    scope = forms.CharField(
        label=_("Scope and exclusions"),
        widget=forms.Textarea(attrs={"rows": 5}),
        required=False,
        help_text=_("Accounts, regions and models in scope; what is left out, and why."),
    )

    def __init__(self, *, asker: Asker, data: Any = None) -> None:
        super().__init__(data)
        systems = self.fields["system"]
        if isinstance(systems, forms.ModelChoiceField):
            systems.queryset = systems_for(asker, Verb.OPEN_ASSESSMENT)
        self._offer_techniques()

    def _offer_techniques(self) -> None:
        """Those that have questions; where only one has, nothing is asked."""
        asked = Technique.objects.filter(questions__isnull=False).distinct().order_by("atlas_id")
        field = self.fields["technique"]
        if len(asked) < 2:
            del self.fields["technique"]
        elif isinstance(field, forms.ModelChoiceField):
            field.queryset = asked

    def clean(self) -> dict[str, Any]:
        """One of the two ways to name the system."""
        given = super().clean() or {}
        if bool(given.get("system")) == bool(given.get("new_system")):
            self.add_error("system", _("Choose an AI system or name a new one, not both."))
        return given


def claim_field(claim: dict[str, Any]) -> forms.Field:
    """The field of one structured claim, by its kind: choice, yes_no, number, date, list (one a line) or text."""
    label, help_text = str(claim["label"]), str(claim.get("help", ""))
    if claim.get("kind") == "choice":
        options = [("", "—"), *((str(option), str(option)) for option in claim.get("choices", []))]
        return forms.ChoiceField(label=label, help_text=help_text, required=False, choices=options)
    if claim.get("kind") == "number":
        return forms.IntegerField(label=label, help_text=help_text, required=False, min_value=0)
    if claim.get("kind") == "yes_no":
        yes_no = [("", "—"), ("yes", _("Yes")), ("no", _("No"))]
        return forms.ChoiceField(label=label, help_text=help_text, required=False, choices=yes_no)
    if claim.get("kind") == "date":
        return forms.DateField(label=label, help_text=help_text, required=False, widget=day_input())
    rows = 4 if claim.get("kind") == "list" else 1
    widget = forms.Textarea(attrs={"rows": rows}) if rows > 1 else forms.TextInput()
    return forms.CharField(label=label, help_text=help_text, required=False, max_length=5_000, widget=widget)


class AnswerForm(forms.Form):
    """An answer with its structured claims; the claims asked for come from the question."""

    value = forms.ChoiceField(
        label=_("Answer"), choices=choices(AnswerValue), widget=forms.RadioSelect(), required=True
    )
    statement = forms.CharField(
        label=_("Statement"),
        widget=forms.Textarea(attrs={"rows": 6}),
        required=False,
        max_length=20_000,
        help_text=_("How the answer holds, in sentences that an auditor can check."),
    )
    reason = forms.CharField(
        label=_("Reason"),
        widget=forms.Textarea(attrs={"rows": 3}),
        required=False,
        max_length=20_000,
        help_text=_("Needed for “partly”, “no” and “not applicable”."),
    )
    version = forms.IntegerField(widget=forms.HiddenInput())

    CLAIM_PREFIX = "claim_"

    def __init__(self, *, asked: list[dict[str, Any]], data: Any = None, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial)
        for claim in asked:
            self.fields[f"{self.CLAIM_PREFIX}{claim['key']}"] = claim_field(claim)

    @property
    def claims(self) -> dict[str, str]:
        """The claims as the service takes them: text, empty where nothing was claimed."""
        start = len(self.CLAIM_PREFIX)
        given = {key[start:]: value for key, value in self.cleaned_data.items() if key.startswith(self.CLAIM_PREFIX)}
        return {key: "" if value is None else str(value) for key, value in given.items()}


class AttachForm(forms.Form):
    """Evidence already collected, to attach."""

    evidence = Choosing("evidence", label=_("Evidence"))
    note = forms.CharField(label=_("What it shows"), required=False, max_length=1000)

    def __init__(self, *, asker: Asker, system: AISystem, data: Any = None) -> None:
        super().__init__(data)
        rows = visible(Evidence.objects.filter(system=system), asker).exclude(state=EvidenceState.REJECTED)
        choosing(self, "evidence").offer(rows.select_related("system"), system=system)


class NameFindingForm(forms.Form):
    """An open finding that explains a partly or no."""

    finding = Choosing("open-finding", label=_("Finding"))

    def __init__(self, *, asker: Asker, system: AISystem, data: Any = None) -> None:
        super().__init__(data)
        rows = visible(Finding.objects.filter(system=system, state=Conclusion.NOT_SATISFIED), asker)
        choosing(self, "finding").offer(rows.order_by("-pk"), system=system)


def techniques() -> Any:
    """Techniques an assessment can be about: parents only."""
    return Technique.objects.filter(parent__isnull=True)


class CollectedForm(forms.Form):
    """A document that somebody collected: whose it is, how it was had, and which days it covers.

    `verb`: what the asker must be allowed to do on the system.
    """

    verb = Verb.ADD_EVIDENCE
    system = forms.ModelChoiceField(label=_("AI system"), queryset=AISystem.objects.none())
    source_system = forms.CharField(
        label=_("Source system"),
        max_length=200,
        required=False,
        help_text=_("For example: AWS account 1111-2222-3333."),
    )
    collected_how = forms.CharField(
        label=_("How it was collected"),
        widget=forms.Textarea(attrs={"rows": 2}),
        required=False,
        help_text=_("The query, command or export, so that somebody else can repeat it."),
    )
    effective_from = forms.DateField(label=_("Covers from"), widget=day_input(), required=False)
    effective_to = forms.DateField(label=_("Covers to"), widget=day_input(), required=False)

    def __init__(self, *, asker: Asker, data: Any = None, files: Any = None) -> None:
        super().__init__(data, files)
        field = self.fields["system"]
        if isinstance(field, forms.ModelChoiceField):
            field.queryset = systems_for(asker, self.verb)
            if len(field.queryset) == 1:
                field.initial = field.queryset[0]

    def clean(self) -> dict[str, Any]:
        """The days are in order."""
        given = super().clean() or {}
        start, end = given.get("effective_from"), given.get("effective_to")
        if start and end and end < start:
            self.add_error("effective_to", _("The last day lies before the first."))
        return given


class EvidenceForm(CollectedForm):
    """New evidence: the document, and how it was collected."""

    file = forms.FileField(
        label=_("Document"),
        allow_empty_file=True,
        help_text=_(
            "Kept as it is, under its SHA-256. It is never opened as code and only ever offered as a download."
        ),
    )
    title = forms.CharField(
        label=_("Title"), max_length=300, required=False, help_text=_("The file name, if left empty.")
    )


class EvidenceFilterForm(forms.Form):
    """Filters of the evidence list; `system` and the days of job events come from links."""

    q = forms.CharField(label=_("Title, file name or SHA-256"), required=False)
    state = forms.ChoiceField(label=_("State"), required=False, choices=[("", _("any")), *choices(EvidenceState)])
    system = forms.UUIDField(required=False, widget=forms.HiddenInput())
    events_from = forms.DateField(label=_("Job events from"), required=False, widget=forms.HiddenInput())
    events_to = forms.DateField(label=_("Job events to"), required=False, widget=forms.HiddenInput())


class ProvenanceForm(forms.Form):
    """Where a piece comes from, so that somebody else can repeat it."""

    source_system = forms.CharField(
        label=_("Source system"), max_length=200, required=False, help_text=_("For example: AWS CloudTrail.")
    )
    environment = forms.CharField(
        label=_("Environment"), max_length=200, required=False, help_text=_("Production, account 1111-2222-3333.")
    )
    query = forms.CharField(
        label=_("Exact query, command or parameters"),
        widget=forms.Textarea(attrs={"rows": 4}),
        max_length=20_000,
        required=False,
        help_text=_("As it was run, letter by letter."),
    )
    executed_by = forms.CharField(label=_("Executed by"), max_length=200, required=False)
    extracted_at = forms.DateTimeField(
        label=_("Extracted at"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=_("In the time zone below."),
    )
    zone = forms.CharField(
        label=_("Time zone"), max_length=64, required=False, help_text=_("For example: Europe/Berlin or UTC.")
    )
    row_count = forms.IntegerField(label=_("Row count"), required=False, min_value=0)
    control_total = forms.CharField(
        label=_("Control total"),
        max_length=200,
        required=False,
        help_text=_("A sum or count that the source gives too."),
    )
    obtained = forms.ChoiceField(
        label=_("How it was obtained"), required=False, choices=[("", _("not stated")), *choices(Obtained)]
    )
    collected_how = forms.CharField(
        label=_("How it was collected"), widget=forms.Textarea(attrs={"rows": 2}), required=False, max_length=20_000
    )
    effective_from = forms.DateField(label=_("Covers from"), widget=day_input(), required=False)
    effective_to = forms.DateField(label=_("Covers to"), widget=day_input(), required=False)

    @classmethod
    def of(cls, evidence: Evidence) -> ProvenanceForm:
        """The form as the piece is described now, its time in the zone that was stated, else in UTC."""
        told = {one.name: getattr(evidence.provenance, one.name) for one in fields(Provenance)}
        if evidence.collected_at:
            told["zone"] = evidence.zone or "UTC"
            told["extracted_at"] = evidence.collected_at.astimezone(ZoneInfo(told["zone"])).replace(tzinfo=None)
        return cls(initial=told)

    def clean(self) -> dict[str, Any]:
        """A time needs its zone; what a clock shows is read in it."""
        given = super().clean() or {}
        at, zone = given.get("extracted_at"), given.get("zone", "")
        if zone and zone not in available_timezones():
            self.add_error("zone", _("“%s” is no time zone: give a name such as Europe/Berlin or UTC.") % zone)
        elif at and not zone:
            self.add_error("zone", _("Say in which time zone the time is."))
        elif at:
            given["extracted_at"] = at.replace(tzinfo=ZoneInfo(zone))
        return given

    @property
    def provenance(self) -> Provenance:
        """What was stated, once the form is valid."""
        return Provenance(**self.cleaned_data)


class WithdrawForm(forms.Form):
    """Why a piece of evidence is rejected."""

    reason = forms.CharField(label=_("Reason"), widget=forms.Textarea(attrs={"rows": 3}), max_length=5_000)


class SupersedeForm(forms.Form):
    """Which newer piece takes its place."""

    by = forms.RegexField(
        regex=r"^\s*([0-9a-fA-F]\s*){16,64}$",
        label=_("SHA-256 of the newer piece"),
        help_text=_("Its first 16 digits are enough; they stand on its page and in the list."),
    )
