"""Retention: the classes with their history, legal holds, disposal runs, and the tombstones that evidence leaves."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record, digest_field, enum_field
from compliance.types.retention import EvidenceKind, ItemState, RetentionStart, RunState
from compliance.types.states import RetentionClass


class RetentionTerms(Record):
    """One wording of a retention class; the newest version of a class is in force. Insert-only."""

    key = enum_field(_("class"), RetentionClass)
    version = models.PositiveIntegerField(_("version"))
    title = models.CharField(_("name"), max_length=100)
    months = models.PositiveIntegerField(_("months"), null=True, blank=True)
    starts = enum_field(_("counted from"), RetentionStart)
    legal_basis = models.TextField(_("legal basis"))
    kinds = models.JSONField(_("kinds of evidence"), default=list)
    made_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ("key", "-version")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["key", "version"], name="retention_terms_once_per_version")
        ]

    def __str__(self) -> str:
        return self.title


class LegalHold(Record):
    """Stops every disposal of what it covers until it is lifted: a piece, an AI system, or all there is."""

    title = models.CharField(_("matter"), max_length=200)
    reason = models.TextField(_("reason"))
    system = models.ForeignKey(
        "compliance.AISystem", on_delete=models.PROTECT, null=True, blank=True, related_name="legal_holds"
    )
    evidence = models.ForeignKey(
        "compliance.Evidence", on_delete=models.PROTECT, null=True, blank=True, related_name="legal_holds"
    )
    placed_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")
    lifted_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, related_name="+")
    lifted_at = models.DateTimeField(_("lifted at"), null=True, blank=True)
    lift_reason = models.TextField(_("why it was lifted"), blank=True)

    class Meta:
        ordering = ("-created_at", "-pk")
        indexes: ClassVar = [models.Index(fields=["lifted_at"])]

    def __str__(self) -> str:
        return self.title


class DisposalRun(Record):
    """What is due, proposed by Assay or a person, decided by another, then purged with a certificate."""

    state = enum_field(_("state"), RunState, default=RunState.PROPOSED)
    proposed_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, related_name="+")
    due_by = models.DateField(_("due by"))
    decided_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    note = models.TextField(_("note of the decision"), blank=True)
    job = models.ForeignKey("compliance.Job", on_delete=models.PROTECT, null=True, related_name="+")
    completed_at = models.DateTimeField(_("completed at"), null=True, blank=True)
    certificate = models.JSONField(_("certificate"), default=dict)
    certificate_sha256 = digest_field(_("certificate SHA-256"))
    paper_job = models.ForeignKey("compliance.Job", on_delete=models.PROTECT, null=True, related_name="+")
    paper_storage = models.CharField(_("PDF kept as"), max_length=300, blank=True)
    paper_sha256 = digest_field(_("SHA-256 of the PDF"))
    paper_size = models.BigIntegerField(_("size of the PDF in bytes"), default=0)

    class Meta:
        ordering = ("-created_at", "-pk")

    def __str__(self) -> str:
        return f"{_('Disposal run')} {str(self.uuid)[:8]}"


class DisposalItem(Record):
    """One piece of evidence in a run, with the terms under which it is due."""

    run = models.ForeignKey(DisposalRun, on_delete=models.PROTECT, related_name="items")
    evidence = models.ForeignKey("compliance.Evidence", on_delete=models.PROTECT, related_name="disposal_items")
    terms = models.ForeignKey(RetentionTerms, on_delete=models.PROTECT, related_name="+")
    due_on = models.DateField(_("due on"))
    state = enum_field(_("state"), ItemState, default=ItemState.PROPOSED)
    bytes_deleted = models.BooleanField(_("bytes deleted"), null=True)
    note = models.TextField(_("note"), blank=True)

    class Meta:
        ordering = ("due_on", "pk")
        constraints: ClassVar = [models.UniqueConstraint(fields=["run", "evidence"], name="disposal_item_once_per_run")]

    def __str__(self) -> str:
        return f"{self.run_id}:{self.evidence_id}"


class Tombstone(Record):
    """What stays of evidence that was disposed of: its digest, and by whose approval and on what basis it went. Insert-only."""

    evidence = models.OneToOneField("compliance.Evidence", on_delete=models.PROTECT, related_name="tombstone")
    run = models.ForeignKey(DisposalRun, on_delete=models.PROTECT, related_name="tombstones")
    terms = models.ForeignKey(RetentionTerms, on_delete=models.PROTECT, related_name="+")
    sha256 = digest_field(_("SHA-256"), blank=False)
    size = models.BigIntegerField(_("size in bytes"))
    kind = enum_field(_("kind"), EvidenceKind)
    media_type = models.CharField(_("media type"), max_length=100)
    records = models.PositiveBigIntegerField(_("raw records purged"), default=0)
    documents = models.PositiveBigIntegerField(_("documents of platforms purged"), default=0)
    observations = models.PositiveBigIntegerField(_("observations whose words were purged"), default=0)
    rejects = models.PositiveBigIntegerField(_("reasons of refused records purged"), default=0)
    approved_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("-created_at", "-pk")

    def __str__(self) -> str:
        return self.sha256
