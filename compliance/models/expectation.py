"""What the organisation states of its fine-tune jobs, for checks to hold the events against: approvals, windows, silence."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record, RetainedRecord, digest_field


class JobApproval(RetainedRecord):
    """That somebody approved a job, outside the platform's own log: a ticket, a mail, a form. Withdrawn, never changed."""

    system = models.ForeignKey("compliance.AISystem", on_delete=models.PROTECT, related_name="job_approvals")
    job = models.CharField(_("job id or name"), max_length=500)
    approver = models.ForeignKey("compliance.Principal", on_delete=models.PROTECT, related_name="job_approvals")
    approved_at = models.DateTimeField(_("approved at"))
    dataset_digest = digest_field(_("data-set digest named in the approval"))
    base_digest = digest_field(_("base-model digest named in the approval"))
    reference = models.CharField(_("ticket or document"), max_length=300, blank=True)
    evidence = models.ForeignKey(
        "compliance.Evidence", on_delete=models.PROTECT, null=True, blank=True, related_name="job_approvals"
    )
    recorded_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True)
    withdrawn_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ("-approved_at", "-pk")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["system", "job", "approver", "approved_at"],
                condition=models.Q(withdrawn_at__isnull=True),
                name="job_approval_once",
            )
        ]
        indexes: ClassVar = [models.Index(fields=["system", "job"])]

    def __str__(self) -> str:
        return self.job


class ChangeWindow(Record):
    """When jobs may be submitted: days of the week (0 is Monday) and hours in a zone. The latest in force counts."""

    system = models.ForeignKey("compliance.AISystem", on_delete=models.PROTECT, related_name="change_windows")
    days = models.JSONField(_("days of the week"), default=list)
    opens = models.TimeField(_("from"))
    closes = models.TimeField(_("to"))
    time_zone = models.CharField(_("time zone"), max_length=64)
    effective_from = models.DateField(_("in force from"))
    stated_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("-effective_from", "-pk")

    def __str__(self) -> str:
        return f"{self.opens:%H:%M}–{self.closes:%H:%M} {self.time_zone}"


class ExpectedRate(Record):
    """How long a source of a system may be silent before that is a gap in its log. The latest of a source counts."""

    system = models.ForeignKey("compliance.AISystem", on_delete=models.PROTECT, related_name="expected_rates")
    source = models.CharField(_("source"), max_length=64)
    longest_silence_hours = models.PositiveIntegerField(_("longest silence in hours"))
    stated_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("source", "-created_at", "-pk")

    def __str__(self) -> str:
        return f"{self.source}: {self.longest_silence_hours} h"


class DatasetVerification(RetainedRecord):
    """That a data set was compared with its manifest, byte for byte, and what came of it. Never changed."""

    dataset_version = models.ForeignKey(
        "compliance.DatasetVersion", on_delete=models.PROTECT, related_name="verifications"
    )
    verified_at = models.DateTimeField(_("verified at"))
    matches = models.BooleanField(_("as the manifest says"))
    found_root = digest_field(_("root found"))
    added = models.PositiveBigIntegerField(_("files added"), default=0)
    removed = models.PositiveBigIntegerField(_("files removed"), default=0)
    changed = models.PositiveBigIntegerField(_("files changed"), default=0)
    verified_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ("-verified_at", "-pk")
        indexes: ClassVar = [models.Index(fields=["dataset_version", "verified_at"])]

    def __str__(self) -> str:
        return f"{self.dataset_version} {self.verified_at:%Y-%m-%d}"
