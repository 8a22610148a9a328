"""Evidence: bytes kept by their digest, with where they came from and where they are used."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record, RetainedRecord, digest_field, enum_field
from compliance.types.handling import HandlingLabel
from compliance.types.provenance import Obtained, Provenance
from compliance.types.retention import EvidenceKind
from compliance.types.states import EvidenceState


class Evidence(RetainedRecord):
    """One document as it was received. The bytes lie in the evidence storage under `storage_name`."""

    system = models.ForeignKey("compliance.AISystem", on_delete=models.PROTECT, related_name="evidence")
    title = models.CharField(_("title"), max_length=300)
    filename = models.CharField(_("original file name"), max_length=300)
    storage_name = models.CharField(_("kept as"), max_length=300)
    sha256 = digest_field(_("SHA-256"), blank=False)
    size = models.BigIntegerField(_("size in bytes"))
    media_type = models.CharField(_("media type"), max_length=100, default="application/octet-stream")
    handling = enum_field(_("handling label"), HandlingLabel, default=HandlingLabel.NONE)
    region = models.CharField(_("region"), max_length=64, blank=True)
    # The sender's word, and whether the first bytes contradict it or the name's ending; see compliance.types.file_types.
    declared_type = models.CharField(_("media type as declared"), max_length=100, blank=True)
    type_differs = models.BooleanField(_("first bytes differ from what was declared"), default=False)
    kind = enum_field(_("kind"), EvidenceKind, default=EvidenceKind.DOCUMENT)
    state = enum_field(_("state"), EvidenceState, default=EvidenceState.RECEIVED)
    rejection = models.TextField(_("why it was rejected"), blank=True)
    source_system = models.CharField(_("source system"), max_length=200, blank=True)
    collected_how = models.TextField(_("how it was collected"), blank=True)
    # Filled where only the records that matter are kept, and the organisation keeps the files they were taken from.
    original_held_at = models.CharField(_("original held at"), max_length=500, blank=True)
    collected_at = models.DateTimeField(_("collected at"), null=True, blank=True)
    # What an auditor needs to take the content as complete and accurate: see compliance.types.provenance.
    environment = models.CharField(_("environment"), max_length=200, blank=True)
    query = models.TextField(_("exact query or parameters"), blank=True)
    executed_by = models.CharField(_("executed by"), max_length=200, blank=True)
    zone = models.CharField(_("time zone of the extraction"), max_length=64, blank=True)
    row_count = models.PositiveBigIntegerField(_("row count"), null=True, blank=True)
    control_total = models.CharField(_("control total"), max_length=200, blank=True)
    obtained = enum_field(_("obtained"), Obtained, blank=True)
    description_version = models.PositiveIntegerField(_("version of the description"), default=0)
    effective_from = models.DateField(_("covers from"), null=True, blank=True)
    effective_to = models.DateField(_("covers to"), null=True, blank=True)
    received_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, related_name="+")
    supersedes = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="superseded_by"
    )

    class Meta:
        ordering = ("-created_at",)
        verbose_name_plural = "evidence"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["system", "sha256"], name="evidence_bytes_once_per_system")
        ]
        indexes: ClassVar = [models.Index(fields=["sha256"])]

    def __str__(self) -> str:
        return self.title

    @property
    def provenance(self) -> Provenance:
        """Where it comes from, as it is described now."""
        return Provenance(
            source_system=self.source_system,
            environment=self.environment,
            query=self.query,
            executed_by=self.executed_by,
            extracted_at=self.collected_at,
            zone=self.zone,
            row_count=self.row_count,
            control_total=self.control_total,
            obtained=self.obtained,
            collected_how=self.collected_how,
            effective_from=self.effective_from,
            effective_to=self.effective_to,
        )


class EvidenceLink(Record):
    """Where a piece of evidence is used: exactly one of the places below."""

    evidence = models.ForeignKey(Evidence, on_delete=models.PROTECT, related_name="links")
    answer = models.ForeignKey(
        "compliance.Answer", on_delete=models.PROTECT, null=True, blank=True, related_name="evidence_links"
    )
    finding = models.ForeignKey(
        "compliance.Finding", on_delete=models.PROTECT, null=True, blank=True, related_name="evidence_links"
    )
    remediation = models.ForeignKey(
        "compliance.RemediationItem", on_delete=models.PROTECT, null=True, blank=True, related_name="evidence_links"
    )
    control = models.ForeignKey(
        "compliance.ImplementedControl", on_delete=models.PROTECT, null=True, blank=True, related_name="evidence_links"
    )
    note = models.TextField(_("what it shows"), blank=True)
    linked_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("created_at",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["evidence", "answer"], name="evidence_once_per_answer"),
            models.UniqueConstraint(fields=["evidence", "finding"], name="evidence_once_per_finding"),
            models.UniqueConstraint(fields=["evidence", "remediation"], name="evidence_once_per_remediation"),
            models.UniqueConstraint(fields=["evidence", "control"], name="evidence_once_per_control"),
        ]

    def __str__(self) -> str:
        return str(self.evidence)
