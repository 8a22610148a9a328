"""JSON shapes of the record. References are uuids; nothing here decides anything."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from compliance import models as m
from compliance.choices import choices
from compliance.selectors.answer_basis import basis_changes
from compliance.selectors.handling import may_have
from compliance.types.drafts import JSON
from compliance.types.erased_names import in_words
from compliance.types.states import AnswerValue


class UuidField(serializers.SlugRelatedField[Any]):
    """A read-only reference by uuid."""

    def __init__(self, **options: Any) -> None:
        super().__init__(slug_field="uuid", read_only=True, **options)


class PersonSerializer(serializers.ModelSerializer[m.User]):
    """A person by name and role."""

    class Meta:
        model = m.User
        fields: ClassVar = ["uuid", "name", "role"]


class SystemSerializer(serializers.ModelSerializer[m.AISystem]):
    """An AI system."""

    class Meta:
        model = m.AISystem
        fields: ClassVar = [
            "uuid", "name", "description", "is_demonstration", "legal_roles", "risk_class", "is_systemic", "on_market_since",
            "standing_reason", "created_at",
        ]  # fmt: skip


class ModelVersionSerializer(serializers.ModelSerializer[m.ModelVersion]):
    """A model version known by its digest."""

    name = serializers.CharField(source="model.name", read_only=True)
    system = serializers.UUIDField(source="model.system.uuid", read_only=True)
    parent = UuidField()  # type: ignore[assignment]  # the field is named as the record names it
    evidence = UuidField()

    class Meta:
        model = m.ModelVersion
        fields: ClassVar = [
            "uuid", "system", "name", "label", "digest", "architecture_digest", "size", "format", "origin", "supplier",
            "parent", "evidence", "created_at",
        ]  # fmt: skip


class DatasetVersionSerializer(serializers.ModelSerializer[m.DatasetVersion]):
    """A data-set version known by its manifest root."""

    name = serializers.CharField(source="dataset.name", read_only=True)
    system = serializers.UUIDField(source="dataset.system.uuid", read_only=True)

    class Meta:
        model = m.DatasetVersion
        fields: ClassVar = ["uuid", "system", "name", "label", "manifest_root", "file_count", "size", "created_at"]


class TechniqueSerializer(serializers.ModelSerializer[m.Technique]):
    """An ATLAS technique."""

    class Meta:
        model = m.Technique
        fields: ClassVar = ["uuid", "atlas_id", "name", "atlas_release", "summary", "url"]


class QuestionSerializer(serializers.ModelSerializer[m.AuditQuestion]):
    """An audit question on a technique."""

    technique = serializers.CharField(source="technique.atlas_id", read_only=True)

    class Meta:
        model = m.AuditQuestion
        fields: ClassVar = ["uuid", "technique", "number", "text", "guidance", "facts"]


class ReferenceControlSerializer(serializers.ModelSerializer[m.ReferenceControl]):
    """A reference control."""

    class Meta:
        model = m.ReferenceControl
        fields: ClassVar = [
            "uuid", "control_id", "title", "family", "objective", "tier", "is_key", "control_type", "nature",
            "frequency", "person_days", "facts",
        ]  # fmt: skip


class MappingSerializer(serializers.ModelSerializer[m.MappingPair]):
    """A mapping pair. A draft never counts as coverage."""

    control = serializers.CharField(source="control.control_id", read_only=True)
    framework = serializers.CharField(source="framework.key", read_only=True)
    edition = serializers.SerializerMethodField()
    author = PersonSerializer(read_only=True)
    decided_by = PersonSerializer(read_only=True)

    class Meta:
        model = m.MappingPair
        fields: ClassVar = [
            "uuid", "control", "framework", "edition", "requirement_id", "relation", "strength", "rationale", "checked",
            "state", "facts", "author", "reason", "decided_by", "decided_at",
        ]  # fmt: skip

    def get_edition(self, pair: m.MappingPair) -> str:
        """The edition of the framework."""
        return str(pair.framework.facts.get("edition", ""))


class AssessmentSerializer(serializers.ModelSerializer[m.Assessment]):
    """An assessment."""

    system = UuidField()
    technique = serializers.CharField(source="technique.atlas_id", read_only=True)

    class Meta:
        model = m.Assessment
        fields: ClassVar = [
            "uuid", "system", "technique", "title", "scope", "period_start", "period_end", "audit_date", "state",
            "created_at",
        ]  # fmt: skip


class AnswerSerializer(serializers.ModelSerializer[m.Answer]):
    """An answer with the evidence and findings it names."""

    assessment = UuidField()
    question = serializers.IntegerField(source="question.number", read_only=True)
    author = PersonSerializer(read_only=True)
    approver = PersonSerializer(read_only=True)
    assignee = PersonSerializer(read_only=True)
    delegate = PersonSerializer(read_only=True)
    reviewer = PersonSerializer(read_only=True)
    not_independent = serializers.CharField(source="alone_reason", read_only=True)
    other_evidence = serializers.SerializerMethodField()
    evidence = serializers.SerializerMethodField()
    findings = UuidField(many=True)

    class Meta:
        model = m.Answer
        fields: ClassVar = [
            "uuid", "assessment", "question", "value", "statement", "reason", "claims", "state", "version", "author",
            "submitted_at", "approver", "decided_at", "assignee", "delegate", "reviewer", "due_on", "justified",
            "justification", "not_independent", "other_evidence", "evidence", "findings",
        ]  # fmt: skip

    def get_other_evidence(self, answer: m.Answer) -> list[str]:
        """Where the evidence is not what was approved, one sentence each."""
        return list(basis_changes(answer))

    def get_evidence(self, answer: m.Answer) -> list[str]:
        """Uuids of the evidence attached to the answer."""
        return [str(link.evidence.uuid) for link in answer.evidence_links.all()]


class AnswerWriteSerializer(serializers.Serializer[JSON]):
    """What a person writes into an answer."""

    value = serializers.ChoiceField(choices=choices(AnswerValue), allow_blank=True)
    statement = serializers.CharField(allow_blank=True, max_length=20_000)
    reason = serializers.CharField(allow_blank=True, required=False, default="", max_length=20_000)
    claims = serializers.DictField(required=False, default=dict)
    version = serializers.IntegerField(required=False, allow_null=True, default=None)


class OpenThingSerializer(serializers.Serializer[Any]):
    """One thing that is open, and the page on which it is mended."""

    sentence = serializers.CharField()
    url = serializers.CharField()


class PreAuditSerializer(serializers.Serializer[Any]):
    """One pre-audit check with what is open."""

    check = serializers.CharField()
    title = serializers.CharField()
    open = OpenThingSerializer(many=True)


class CommentSerializer(serializers.Serializer[JSON]):
    """A comment on a decision."""

    comment = serializers.CharField(allow_blank=True, required=False, default="", max_length=5_000)


class ApprovalSerializer(CommentSerializer):
    """An approval; `justification` where the record contradicts the answer."""

    justification = serializers.CharField(allow_blank=True, required=False, default="", max_length=5_000)


class AloneSerializer(serializers.Serializer[JSON]):
    """An approval by a party to the answer, where nobody else can approve."""

    reason = serializers.CharField(max_length=5_000)
    justification = serializers.CharField(allow_blank=True, required=False, default="", max_length=5_000)


class ConflictSerializer(serializers.Serializer[JSON]):
    """409: somebody else wrote meanwhile. Bring `saved` and `sent` together, and send them with `version`."""

    detail = serializers.CharField()
    version = serializers.IntegerField()
    saved = serializers.DictField()
    sent = serializers.DictField()
    differing = serializers.ListField(child=serializers.CharField())
    saved_by = serializers.CharField(allow_blank=True)
    saved_at = serializers.DateTimeField(allow_null=True)


class EvidenceSerializer(serializers.ModelSerializer[m.Evidence]):
    """A piece of evidence, without its bytes."""

    system = UuidField()
    supersedes = UuidField()

    class Meta:
        model = m.Evidence
        fields: ClassVar = [
            "uuid", "system", "title", "filename", "sha256", "size", "media_type", "declared_type",
            "type_differs", "state", "rejection",
            "source_system", "environment", "query", "executed_by", "zone", "row_count", "control_total", "obtained",
            "description_version", "collected_how", "collected_at", "effective_from", "effective_to", "kind",
            "handling", "region", "retention_class", "legal_hold", "supersedes", "created_at",
        ]  # fmt: skip


class HandoverSerializer(serializers.ModelSerializer[m.PackHandover]):
    """That somebody got a pack."""

    pack = UuidField()
    handed_by = PersonSerializer(read_only=True)

    class Meta:
        model = m.PackHandover
        fields: ClassVar = ["uuid", "pack", "way", "recipient", "purpose", "handed_by", "created_at"]


class JobEventSerializer(serializers.ModelSerializer[m.JobEvent]):
    """One event of a fine-tune job. Whoever was erased stands as a pseudonym, and `raw` is empty where it may name them."""

    system = UuidField()
    evidence = UuidField()
    actor = serializers.StringRelatedField[Any]()

    class Meta:
        model = m.JobEvent
        exclude: ClassVar = ["id", "retention_class", "legal_hold", "source_uuid", "names_committed", "purged_leaf"]

    def to_representation(self, instance: m.JobEvent) -> dict[str, Any]:
        """The event without names that were erased."""
        shown = super().to_representation(instance)
        shown |= {"session": in_words(instance.session), "on_behalf_of": in_words(instance.on_behalf_of)}
        hidden = instance.names_somebody_erased or not may_have(self.context["request"].user, instance.evidence)
        return shown | ({"raw": {}} if hidden else {})


class ObservationSerializer(serializers.ModelSerializer[m.Observation]):
    """One thing one producer saw."""

    system = UuidField()
    evidence = UuidField()
    model_version = UuidField()

    class Meta:
        model = m.Observation
        exclude: ClassVar = ["id", "retention_class", "legal_hold"]


class FindingSerializer(serializers.ModelSerializer[m.Finding]):
    """The current conclusion on one asset and control."""

    system = UuidField()
    model_version = UuidField()
    target = serializers.CharField(source="target.control_id", read_only=True)
    observations = UuidField(many=True)
    risk = UuidField(allow_null=True)
    priority = serializers.CharField(source="priority_now", read_only=True)
    priority_by_rule = serializers.CharField(source="priority", read_only=True)

    class Meta:
        model = m.Finding
        fields: ClassVar = [
            "uuid", "system", "asset_name", "model_version", "target", "title", "state", "severity", "severity_by_rule",
            "severity_reason", "techniques", "condition", "criteria", "cause", "effect", "first_seen_at", "last_seen_at",
            "sighting", "reappearances", "priority", "priority_by_rule", "priority_points", "priority_reasons",
            "priority_reason", "waived_until", "risk", "observations",
        ]  # fmt: skip


class ReleaseSerializer(serializers.ModelSerializer[m.PackRelease]):
    """What was decided on a pack for external recipients."""

    decided_by = PersonSerializer(read_only=True)

    class Meta:
        model = m.PackRelease
        fields: ClassVar = ["uuid", "outcome", "is_alone", "reason", "decided_by", "created_at"]


class PackSerializer(serializers.ModelSerializer[m.EvidencePack]):
    """An issued pack with its receipt. release: null where nothing was decided; only packs for external recipients have one."""

    release = ReleaseSerializer(read_only=True, allow_null=True)
    assessment = serializers.UUIDField(source="freeze.assessment.uuid", read_only=True)
    freeze_sha256 = serializers.CharField(source="freeze.sha256", read_only=True)
    supersedes = UuidField()

    class Meta:
        model = m.EvidencePack
        fields: ClassVar = [
            "uuid", "assessment", "freeze_sha256", "number", "audience", "layout", "sha256", "size", "pages", "bag_sha256",
            "bag_size", "bag_files", "receipt", "signer_sha256", "level", "stamped_until", "is_demonstration_signer",
            "supersedes", "release", "created_at",
        ]  # fmt: skip


class JobSerializer(serializers.ModelSerializer[m.Job]):
    """A background job."""

    system = UuidField()

    class Meta:
        model = m.Job
        fields: ClassVar = [
            "uuid", "kind", "title", "system", "subject_type", "subject_uuid", "state", "stage", "done", "total",
            "attempts", "cancel_requested", "result", "error", "created_at", "started_at", "finished_at",
        ]  # fmt: skip
