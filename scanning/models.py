"""Imports and scans: each one-to-one with a job of the record."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record, RetainedRecord, digest_field
from compliance.types.states import JobState

GENERIC = "generic_log"


class ColumnMapping(Record):
    """One version of what a person said the columns of a log mean. Never changed: another meaning is another version."""

    name = models.CharField(_("name"), max_length=100)
    version = models.PositiveIntegerField(_("version"))
    layout = models.CharField(
        _("layout"), max_length=8, choices=[("csv", _("Table (CSV)")), ("jsonl", _("JSON lines"))]
    )
    definition = models.JSONField(_("what the columns mean"))
    sha256 = digest_field(_("SHA-256"), blank=False)
    columns = models.JSONField(_("columns of the log it was made on"), default=list)
    columns_sha256 = digest_field(_("SHA-256 of these columns"), blank=False)
    made_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ("name", "-version")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "version"], name="column_mapping_version_once")
        ]

    def __str__(self) -> str:
        return f"{self.name}, {_('version')} {self.version}"


class Import(RetainedRecord):
    """One document on its way from uploaded bytes to published rows."""

    job = models.OneToOneField("compliance.Job", on_delete=models.PROTECT, related_name="document_import")
    system = models.ForeignKey("compliance.AISystem", on_delete=models.PROTECT, related_name="imports")
    evidence = models.ForeignKey("compliance.Evidence", on_delete=models.PROTECT, related_name="imports")
    requested_format = models.CharField(_("format asked for"), max_length=64, blank=True)
    threshold = models.FloatField(_("threshold that the importer stated"), null=True, blank=True)
    about_sha256 = digest_field(_("SHA-256 of the file that it is about, as the importer stated"))
    mapping = models.ForeignKey(ColumnMapping, on_delete=models.PROTECT, null=True, blank=True, related_name="imports")
    format = models.CharField(_("format recognised"), max_length=64, blank=True)
    read = models.PositiveBigIntegerField(_("records read"), default=0)
    relevant = models.PositiveBigIntegerField(_("records that matter here"), default=0)
    recorded = models.PositiveBigIntegerField(_("recorded"), default=0)
    duplicates = models.PositiveBigIntegerField(_("already known"), default=0)
    rejected = models.PositiveBigIntegerField(_("rejected"), default=0)
    scope = models.JSONField(_("what the document covers"), default=dict)
    rows_root = digest_field(_("Merkle root of the rows"))
    published_at = models.DateTimeField(_("published at"), null=True, blank=True)

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return str(self.evidence)

    @property
    def awaits_mapping(self) -> bool:
        """Whether a log of no known format waits for somebody to say what its columns mean, or to say it anew."""
        return self.format == GENERIC and self.job.state == JobState.FAILED


class StagedRow(models.Model):
    """A parsed row that nobody sees yet. Removed when the import is published, cancelled or failed."""

    document_import = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="staged")
    n = models.PositiveIntegerField(_("row"))
    kind = models.CharField(_("kind"), max_length=16)
    fingerprint = digest_field(_("fingerprint"), blank=False)
    payload = models.JSONField(_("draft"))

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["document_import", "n"], name="staged_row_once")]

    def __str__(self) -> str:
        return f"{self.document_import_id}:{self.n}"


class ImportReject(models.Model):
    """A record that could not be taken, and why."""

    document_import = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="rejects")
    n = models.PositiveIntegerField(_("reject"))
    locator = models.CharField(_("place"), max_length=300)
    reason = models.TextField(_("reason"))

    class Meta:
        ordering = ("n",)
        constraints: ClassVar = [models.UniqueConstraint(fields=["document_import", "n"], name="import_reject_once")]

    def __str__(self) -> str:
        return f"{self.locator}: {self.reason}"


class SigningKey(RetainedRecord):
    """A public key that a person vouches for: by it, and by no other, a signature in a document is right."""

    name = models.CharField(_("whose key it is"), max_length=200)
    note = models.TextField(_("how it was received"), blank=True)
    algorithm = models.CharField(_("kind"), max_length=64)
    fingerprint = digest_field(_("fingerprint"), blank=False)
    pem = models.TextField(_("public key"))
    registered_by = models.ForeignKey(
        "compliance.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True)
    withdrawn_by = models.ForeignKey(
        "compliance.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    withdrawal_reason = models.TextField(_("why it was withdrawn"), blank=True)

    class Meta:
        ordering = ("name", "created_at")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["fingerprint"], condition=models.Q(withdrawn_at__isnull=True), name="signing_key_in_force_once"
            )
        ]

    def __str__(self) -> str:
        return self.name


class ReferenceBank(RetainedRecord):
    """Known reference models of one architecture, with the statistics that new models are ranked against."""

    name = models.CharField(_("name"), max_length=200, unique=True)
    architecture = models.CharField(_("architecture"), max_length=200)
    architecture_digest = digest_field(_("architecture digest"))
    evidence = models.ForeignKey("compliance.Evidence", on_delete=models.PROTECT, related_name="reference_banks")
    size = models.PositiveIntegerField(_("models"))

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Scan(RetainedRecord):
    """Detection stages, or a static file scan, on one model version."""

    FILE = "file"
    DETECTION = "detection"

    job = models.OneToOneField("compliance.Job", on_delete=models.PROTECT, related_name="scan")
    model_version = models.ForeignKey("compliance.ModelVersion", on_delete=models.PROTECT, related_name="scans")
    kind = models.CharField(_("kind"), max_length=16, choices=[(FILE, _("File scan")), (DETECTION, _("Detection"))])
    detectors = models.JSONField(_("detectors asked for"), default=list)
    held_out = models.ForeignKey(
        "compliance.Evidence", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    suspects = models.ForeignKey(
        "compliance.Evidence", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    training_images = models.ForeignKey(
        "compliance.Evidence", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    base_version = models.ForeignKey(
        "compliance.ModelVersion", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    reference_bank = models.ForeignKey(ReferenceBank, on_delete=models.PROTECT, null=True, blank=True)
    seed = models.PositiveIntegerField(_("seed"), default=0)
    verdict = models.CharField(_("verdict"), max_length=32, blank=True)
    report = models.JSONField(_("report"), default=dict)
    report_sha256 = digest_field(_("report SHA-256"))

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.model_version}"
