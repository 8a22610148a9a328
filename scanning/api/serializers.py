"""JSON shapes of imports, scans and reference banks, and what callers send to start one."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from compliance import models as m
from compliance.api.base import ScopedReference, SystemReference
from compliance.api.requests import SYSTEMS
from compliance.api.serializers import UuidField
from compliance.rights import Verb
from compliance.services.errors import RefusedError
from compliance.types.drafts import JSON
from compliance.types.errors import BadInputError
from scanning.detectors.registry import DETECTORS
from scanning.detectors.stats import resolution
from scanning.ingest import registry
from scanning.ingest.log_mapping import LogMapping, mapping_from_json
from scanning.models import ColumnMapping, Import, ImportReject, ReferenceBank, Scan
from scanning.selectors.bank_pages import BankLine
from scanning.services import column_mappings

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
    mapping = UuidField()

    class Meta:
        model = Import
        fields: ClassVar = [
            "uuid", "system", "evidence", "job", "filename", "requested_format", "threshold", "about_sha256", "format",
            "state", "error",
            "read", "relevant", "recorded", "duplicates", "rejected", "scope", "rows_root", "published_at", "created_at",
            "mapping",
        ]  # fmt: skip


class ImportReceiptSerializer(serializers.ModelSerializer[Import]):
    """What a caller gets for a document handed in; a collector may read no more than this."""

    job = UuidField()
    sha256 = serializers.CharField(source="evidence.sha256", read_only=True)

    class Meta:
        model = Import
        fields: ClassVar = ["uuid", "job", "sha256", "created_at"]


class MappingName(serializers.CharField):
    """A column mapping by its name: whoever hands in a log may name it, machines that read nothing included."""

    def to_internal_value(self, data: Any) -> ColumnMapping | None:  # type: ignore[override]  # a name becomes its mapping
        """The latest version of the name."""
        name = str(super().to_internal_value(data))
        try:
            return column_mappings.named(name) if name else None
        except RefusedError as error:
            raise serializers.ValidationError(str(error)) from error


class ImportRequest(serializers.Serializer[JSON]):
    """A document to import."""

    system = SystemReference(verb=Verb.IMPORT_DOCUMENT, queryset=SYSTEMS)
    file = serializers.FileField(allow_empty_file=True)
    requested_format = serializers.ChoiceField(
        choices=sorted(registry.PARSERS), required=False, allow_blank=True, default=""
    )
    threshold = serializers.FloatField(min_value=0, max_value=1, required=False, allow_null=True, default=None)
    about_sha256 = serializers.RegexField(r"^([0-9a-f]{64})?$", required=False, allow_blank=True, default="")
    mapping = MappingName(
        required=False,
        allow_blank=True,
        default=None,
        help_text="Name of a column mapping; its latest version is used.",
    )
    title = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")
    source_system = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    collected_how = serializers.CharField(required=False, allow_blank=True, default="")
    collected_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    effective_from = serializers.DateField(required=False, allow_null=True, default=None)
    effective_to = serializers.DateField(required=False, allow_null=True, default=None)


class ColumnMappingSerializer(serializers.ModelSerializer[ColumnMapping]):
    """One version of what the columns of a log mean. columns: those of the log it was made on."""

    made_by = UuidField()

    class Meta:
        model = ColumnMapping
        fields: ClassVar = [
            "uuid", "name", "version", "layout", "definition", "sha256", "columns", "made_by", "created_at",
        ]  # fmt: skip


class ColumnMappingRequest(serializers.Serializer[JSON]):
    """A mapping to keep. definition: see docs/formats/generic_log.md; columns: JSON pointers of all columns of such a log."""

    name = serializers.CharField(max_length=100)
    definition = serializers.JSONField()
    columns: serializers.ListField = serializers.ListField(
        child=serializers.CharField(max_length=301), required=False, default=list, max_length=500
    )

    def validate_definition(self, value: Any) -> LogMapping:
        """The mapping, by its own rules."""
        try:
            return mapping_from_json(value)
        except BadInputError as error:
            raise serializers.ValidationError(str(error)) from error


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
    """A scan to start. No detectors named means all of them; no reference bank, the one that ships for it."""

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
