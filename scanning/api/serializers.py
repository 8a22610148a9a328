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
from scanning.detectors.stats import resolution
from scanning.ingest import registry
from scanning.models import Import, ImportReject, ReferenceBank, Scan
from scanning.selectors.bank_pages import BankLine

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
            "uuid", "system", "evidence", "job", "filename", "requested_format", "threshold", "about_sha256", "format",
            "state", "error",
            "read", "relevant", "recorded", "duplicates", "rejected", "scope", "rows_root", "published_at", "created_at",
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
    threshold = serializers.FloatField(min_value=0, max_value=1, required=False, allow_null=True, default=None)
    about_sha256 = serializers.RegexField(r"^([0-9a-f]{64})?$", required=False, allow_blank=True, default="")
    title = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")
    source_system = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    collected_how = serializers.CharField(required=False, allow_blank=True, default="")
    collected_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    effective_from = serializers.DateField(required=False, allow_null=True, default=None)
    effective_to = serializers.DateField(required=False, allow_null=True, default=None)


class ReferenceBankSerializer(serializers.ModelSerializer[ReferenceBank]):
    """Known reference models of one architecture. smallest_p: the smallest p-value that so many references allow."""

    sha256 = serializers.CharField(source="evidence.sha256", read_only=True)
    smallest_p = serializers.SerializerMethodField()

    class Meta:
        model = ReferenceBank
        fields: ClassVar = [
            "uuid", "name", "architecture", "architecture_digest", "size", "smallest_p", "sha256", "created_at",
        ]  # fmt: skip

    def get_smallest_p(self, bank: ReferenceBank) -> float:
        """One divided by one more than there are references."""
        return resolution(bank.size)


class PowerSerializer(serializers.Serializer[JSON]):
    """How often one kind of planted backdoor was found."""

    attack = serializers.CharField()
    planted = serializers.IntegerField()
    found = serializers.IntegerField()
    rate = serializers.DictField(child=serializers.FloatField())


class KnownBankSerializer(serializers.Serializer[BankLine]):
    """A bank with what it is worth, shipped or registered. uuid: null for a shipped one; power: all stages together."""

    uuid = serializers.UUIDField(allow_null=True)
    name = serializers.CharField()
    sha256 = serializers.CharField()
    is_shipped = serializers.BooleanField()
    references = serializers.IntegerField()
    smallest_p = serializers.FloatField()
    architecture_digest = serializers.CharField(source="family.architecture_digest", default="")
    power = PowerSerializer(many=True)


class ReferenceBankRequest(serializers.Serializer[JSON]):
    """A bank to register: the file that `build_bank` leaves. Without a name it takes that of its family."""

    system = SystemReference(verb=Verb.REGISTER_BANK, queryset=SYSTEMS)
    file = serializers.FileField()
    name = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class ScanSerializer(serializers.ModelSerializer[Scan]):
    """One scan without its report."""

    model_version = UuidField()
    held_out = UuidField()
    training_images = UuidField()
    suspects = UuidField()
    base_version = UuidField()
    reference_bank = UuidField()
    job = UuidField()
    state = serializers.CharField(source="job.state", read_only=True)
    error = serializers.CharField(source="job.error", read_only=True)

    class Meta:
        model = Scan
        fields: ClassVar = [
            "uuid", "model_version", "kind", "detectors", "held_out", "training_images", "suspects", "base_version",
            "reference_bank", "seed", "job", "state", "error", "verdict", "report_sha256", "created_at",
        ]  # fmt: skip


class ScanReportSerializer(ScanSerializer):
    """One scan with its report: the file scan and every stage."""

    report = serializers.DictField(child=serializers.JSONField(allow_null=True), read_only=True)

    class Meta(ScanSerializer.Meta):
        fields: ClassVar[list[str]] = [*ScanSerializer.Meta.fields, "report"]


class ScanRequest(serializers.Serializer[JSON]):
    """A scan to start. No detectors named means all of them; no reference bank, the best one for the architecture."""

    model_version = ScopedReference(queryset=m.ModelVersion.objects.all())
    kind = serializers.ChoiceField(choices=KINDS)
    detectors: serializers.ListField = serializers.ListField(
        child=serializers.ChoiceField(choices=sorted(DETECTORS)), required=False, default=list
    )
    held_out = ScopedReference(queryset=m.Evidence.objects.all(), required=False, allow_null=True, default=None)
    training_images = ScopedReference(queryset=m.Evidence.objects.all(), required=False, allow_null=True, default=None)
    suspects = ScopedReference(queryset=m.Evidence.objects.all(), required=False, allow_null=True, default=None)
    base_version = ScopedReference(queryset=m.ModelVersion.objects.all(), required=False, allow_null=True, default=None)
    reference_bank = ScopedReference(
        queryset=ReferenceBank.objects.all(), required=False, allow_null=True, default=None
    )
    seed = serializers.IntegerField(min_value=0, max_value=LARGEST_SEED, required=False, default=0)

    def validate_detectors(self, value: list[Any]) -> list[str]:
        """Each once, in the order given."""
        return list(dict.fromkeys(value))
