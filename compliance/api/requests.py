"""What callers send: payloads whose references resolve only within the caller's scope."""

from __future__ import annotations

from django.utils.translation import gettext as _
from rest_framework import serializers

from compliance import models as m
from compliance.api.base import ScopedReference, SystemReference
from compliance.choices import choices
from compliance.rights import Verb
from compliance.types.applicability import LegalRole, RiskClass
from compliance.types.drafts import JSON
from compliance.types.handling import HandlingLabel
from compliance.types.pack_layouts import Layout
from compliance.types.provenance import Obtained
from compliance.types.risk_priority import Priority
from compliance.types.states import Audience, ModelOrigin, ReleaseOutcome, RetentionClass, Severity

SYSTEMS = m.AISystem.objects.all()


class SystemRequest(serializers.Serializer[JSON]):
    """A new AI system."""

    name = serializers.CharField(max_length=200)
    description = serializers.CharField(allow_blank=True, required=False, default="")


class StandingRequest(serializers.Serializer[JSON]):
    """Role and class of an AI system, as the organisation determined them; what is left out is not stated."""

    roles = serializers.MultipleChoiceField(choices=choices(LegalRole), required=False, default=set)
    risk_class = serializers.ChoiceField(
        choices=choices(RiskClass), required=False, default=RiskClass.NOT_ASSESSED.value
    )
    is_systemic = serializers.BooleanField(required=False, allow_null=True, default=None)
    on_market_since = serializers.DateField(required=False, allow_null=True, default=None)
    reason = serializers.CharField(max_length=5_000)


class AssessmentRequest(serializers.Serializer[JSON]):
    """A new assessment."""

    system = SystemReference(verb=Verb.OPEN_ASSESSMENT, queryset=SYSTEMS)
    technique = serializers.SlugRelatedField(slug_field="atlas_id", queryset=m.Technique.objects.all())
    title = serializers.CharField(max_length=200)
    scope = serializers.CharField(allow_blank=True, required=False, default="")
    period_start = serializers.DateField()
    period_end = serializers.DateField()
    audit_date = serializers.DateField(required=False, allow_null=True, default=None)


class PackRequest(serializers.Serializer[JSON]):
    """For whom a pack is made."""

    audience = serializers.ChoiceField(choices=choices(Audience), required=False, default=Audience.INTERNAL.value)
    recipient = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")
    purpose = serializers.CharField(max_length=5_000, required=False, allow_blank=True, default="")
    under_nda = serializers.BooleanField(required=False, default=False)
    region = serializers.CharField(max_length=64, required=False, allow_blank=True, default="")
    with_originals = serializers.BooleanField(required=False, default=True)
    named_because = serializers.CharField(
        max_length=5_000, required=False, allow_blank=True, default="",
        help_text="Of external packs: why whoever signed for management stays named; empty: a mark stands there too.",
    )  # fmt: skip
    layout = serializers.ChoiceField(choices=choices(Layout), required=False, default=Layout.FULL.value)
    since = serializers.UUIDField(required=False, help_text="Of a statement of changes: the pack that it follows.")
    ends = serializers.DateField(required=False, help_text="Of a statement of changes: the last day that it speaks of.")
    changes = serializers.CharField(max_length=20_000, required=False, allow_blank=True, default="")
    incidents = serializers.CharField(max_length=20_000, required=False, allow_blank=True, default="")

    def validate(self, attrs: JSON) -> JSON:
        """A statement of changes names its pack and its last day."""
        if attrs["layout"] == Layout.CHANGES and not {"since", "ends"} <= attrs.keys():
            raise serializers.ValidationError(_("A statement of changes names `since` and `ends`."))
        return attrs


class EvidenceRequest(serializers.Serializer[JSON]):
    """An upload: the bytes and where they came from."""

    system = SystemReference(verb=Verb.ADD_EVIDENCE, queryset=SYSTEMS)
    file = serializers.FileField(allow_empty_file=True)
    title = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")
    source_system = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    collected_how = serializers.CharField(required=False, allow_blank=True, default="")
    collected_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    effective_from = serializers.DateField(required=False, allow_null=True, default=None)
    effective_to = serializers.DateField(required=False, allow_null=True, default=None)


class ProvenanceRequest(serializers.Serializer[JSON]):
    """Where a piece comes from; what is left out is not stated."""

    source_system = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    environment = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    query = serializers.CharField(max_length=20_000, required=False, allow_blank=True, default="")
    executed_by = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    extracted_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    zone = serializers.CharField(max_length=64, required=False, allow_blank=True, default="")
    row_count = serializers.IntegerField(min_value=0, required=False, allow_null=True, default=None)
    control_total = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    obtained = serializers.ChoiceField(choices=choices(Obtained), required=False, allow_blank=True, default="")
    collected_how = serializers.CharField(max_length=20_000, required=False, allow_blank=True, default="")
    effective_from = serializers.DateField(required=False, allow_null=True, default=None)
    effective_to = serializers.DateField(required=False, allow_null=True, default=None)


class EvidenceReference(serializers.Serializer[JSON]):
    """Evidence to attach."""

    evidence = ScopedReference(queryset=m.Evidence.objects.all())
    note = serializers.CharField(required=False, allow_blank=True, default="")


class SupersedeRequest(serializers.Serializer[JSON]):
    """The newer piece of evidence."""

    by = ScopedReference(queryset=m.Evidence.objects.all())


class RejectRequest(serializers.Serializer[JSON]):
    """Why a piece of evidence is rejected."""

    reason = serializers.CharField(max_length=5_000)


def _person() -> serializers.SlugRelatedField[m.User]:
    rows = m.User.objects.filter(is_active=True)
    return serializers.SlugRelatedField(slug_field="uuid", queryset=rows, required=False, allow_null=True, default=None)


class AssignmentRequest(serializers.Serializer[JSON]):
    """Who answers, who stands in, who reviews, and by when; what is left out is nobody and no day."""

    assignee = _person()
    delegate = _person()
    reviewer = _person()
    due_on = serializers.DateField(required=False, allow_null=True, default=None)


class DelegateRequest(serializers.Serializer[JSON]):
    """To whom the assignee hands the writing; null takes it back."""

    to = _person()


class FindingReference(serializers.Serializer[JSON]):
    """A finding to name."""

    finding = ScopedReference(queryset=m.Finding.objects.all())


class ModelVersionRequest(serializers.Serializer[JSON]):
    """A model file, already kept as evidence, to register."""

    system = SystemReference(verb=Verb.REGISTER_MODEL, queryset=SYSTEMS)
    name = serializers.CharField(max_length=200)
    label = serializers.CharField(max_length=100)  # type: ignore[assignment]  # named as the record names it
    evidence = ScopedReference(queryset=m.Evidence.objects.all())
    origin = serializers.ChoiceField(choices=choices(ModelOrigin))
    supplier = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    parent = ScopedReference(  # type: ignore[assignment]  # named as the record names it
        queryset=m.ModelVersion.objects.all(), required=False, allow_null=True, default=None
    )


class SeverityRequest(serializers.Serializer[JSON]):
    """A severity set by a person; empty: as reports state it."""

    severity = serializers.ChoiceField(choices=choices(Severity), allow_blank=True)
    words = serializers.CharField(max_length=5_000)


class PriorityRequest(serializers.Serializer[JSON]):
    """A priority set by a person; empty: by the rule."""

    priority = serializers.ChoiceField(choices=choices(Priority), allow_blank=True)
    words = serializers.CharField(max_length=5_000)


class LabelRequest(serializers.Serializer[JSON]):
    """A handling label and a region, with a reason."""

    handling = serializers.ChoiceField(choices=choices(HandlingLabel))
    region = serializers.CharField(max_length=64, required=False, allow_blank=True, default="")
    reason = serializers.CharField(max_length=5_000)


class ReleaseRequest(serializers.Serializer[JSON]):
    """What becomes of a pack for external recipients. reason: of a refusal, or why nobody else can release it."""

    outcome = serializers.ChoiceField(choices=choices(ReleaseOutcome))
    alone = serializers.BooleanField(required=False, default=False)
    reason = serializers.CharField(max_length=5_000, required=False, allow_blank=True, default="")


class HandoverRequest(serializers.Serializer[JSON]):
    """Who was given a pack, and what for."""

    recipient = serializers.CharField(max_length=300)
    purpose = serializers.CharField(max_length=5_000)


class ClassifyRequest(serializers.Serializer[JSON]):
    """Another retention class for one piece."""

    retention_class = serializers.ChoiceField(choices=choices(RetentionClass))
    reason = serializers.CharField(max_length=5_000)


class TicketRequest(serializers.Serializer[JSON]):
    """The same work in another tool."""

    key = serializers.CharField(max_length=100, allow_blank=True)
    url = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")
