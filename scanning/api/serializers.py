"""JSON shapes of imports, scans and reference banks, and what callers send to start one."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from compliance import models as m
from compliance.api.base import ScopedReference, SystemReference
from compliance.api.requests import SYSTEMS
from compliance.api.serializers import UuidField
from compliance.rights import Verb
from compliance.types.drafts import JSON
from scanning.detectors.registry import DETECTORS
from scanning.ingest import registry
from scanning.models import Import, ImportReject, ReferenceBank, Scan

LARGEST_SEED = 2**31 - 1
KINDS = Scan._meta.get_field("kind").choices or ()


class RejectSerializer(serializers.ModelSerializer[ImportReject]):
    """A record that could not be taken, its place, and why."""

    class Meta:
        model = ImportReject
        fields: ClassVar = ["n", "locator", "reason"]


class ImportSerializer(serializers.ModelSerializer[Import]):
    """One import: the document, what was read, and how it ended."""

    system = UuidField()
    evidence = UuidField()
    job = UuidField()
    state = serializers.CharField(source="job.state", read_only=True)
    error = serializers.CharField(source="job.error", read_only=True)
    filename = serializers.CharField(source="evidence.filename", read_only=True)

    class Meta:
        model = Import
        fields: ClassVar = [
            "uuid", "system", "evidence", "job", "filename", "requested_format", "format", "state", "error", "read",
            "relevant", "recorded", "duplicates", "rejected", "scope", "rows_root", "published_at", "created_at",
        ]  # fmt: skip


class ImportReceiptSerializer(serializers.ModelSerializer[Import]):
    """What a caller gets for a document handed in; a collector may read no more than this."""

    job = UuidField()
    sha256 = serializers.CharField(source="evidence.sha256", read_only=True)

    class Meta:
        model = Import
        fields: ClassVar = ["uuid", "job", "sha256", "created_at"]


class ImportRequest(serializers.Serializer[JSON]):
    """A document to import."""

    system = SystemReference(verb=Verb.IMPORT_DOCUMENT, queryset=SYSTEMS)
    file = serializers.FileField(allow_empty_file=True)
    requested_format = serializers.ChoiceField(
        choices=sorted(registry.PARSERS), required=False, allow_blank=True, default=""
    )
    title = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")
    source_system = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    collected_how = serializers.CharField(required=False, allow_blank=True, default="")
    collected_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    effective_from = serializers.DateField(required=False, allow_null=True, default=None)
    effective_to = serializers.DateField(required=False, allow_null=True, default=None)


class ReferenceBankSerializer(serializers.ModelSerializer[ReferenceBank]):
    """Known reference models of one architecture."""

    class Meta:
        model = ReferenceBank
        fields: ClassVar = ["uuid", "name", "architecture", "architecture_digest", "size", "created_at"]


class ScanSerializer(serializers.ModelSerializer[Scan]):
    """One scan without its report."""

    model_version = UuidField()
    held_out = UuidField()
    reference_bank = UuidField()
    job = UuidField()
    state = serializers.CharField(source="job.state", read_only=True)
    error = serializers.CharField(source="job.error", read_only=True)

    class Meta:
        model = Scan
        fields: ClassVar = [
            "uuid", "model_version", "kind", "detectors", "held_out", "reference_bank", "seed", "job", "state", "error",
            "verdict", "report_sha256", "created_at",
        ]  # fmt: skip


class ScanReportSerializer(ScanSerializer):
    """One scan with its report: the file scan and every stage."""

    report = serializers.DictField(child=serializers.JSONField(allow_null=True), read_only=True)

    class Meta(ScanSerializer.Meta):
        fields: ClassVar[list[str]] = [*ScanSerializer.Meta.fields, "report"]


class ScanRequest(serializers.Serializer[JSON]):
    """A scan to start. No detectors named means all of them."""

    model_version = ScopedReference(queryset=m.ModelVersion.objects.all())
    kind = serializers.ChoiceField(choices=KINDS)
    detectors: serializers.ListField = serializers.ListField(
        child=serializers.ChoiceField(choices=sorted(DETECTORS)), required=False, default=list
    )
    held_out = ScopedReference(queryset=m.Evidence.objects.all(), required=False, allow_null=True, default=None)
    reference_bank = ScopedReference(
        queryset=ReferenceBank.objects.all(), required=False, allow_null=True, default=None
    )
    seed = serializers.IntegerField(min_value=0, max_value=LARGEST_SEED, required=False, default=0)

    def validate_detectors(self, value: list[Any]) -> list[str]:
        """Each once, in the order given."""
        return list(dict.fromkeys(value))
