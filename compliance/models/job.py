"""Background jobs: the row is the truth, the message only a wake-up."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record, digest_field, enum_field
from compliance.types.states import JobState


class Job(Record):
    """One piece of background work with a lease, progress and a cap on attempts."""

    kind = models.CharField(_("kind"), max_length=32)
    task_name = models.CharField(_("task"), max_length=200)
    queue = models.CharField(_("queue"), max_length=32, default="default")
    subject_type = models.CharField(_("subject"), max_length=64)
    subject_uuid = models.UUIDField(_("subject identifier"))
    subject_url_name = models.CharField(_("page of the subject"), max_length=64, blank=True)
    title = models.CharField(_("title"), max_length=300)
    system = models.ForeignKey(
        "compliance.AISystem", on_delete=models.PROTECT, null=True, blank=True, related_name="jobs"
    )
    requested_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, related_name="+")
    state = enum_field(_("state"), JobState, default=JobState.QUEUED)
    stage = models.CharField(_("stage"), max_length=200, blank=True)
    done = models.BigIntegerField(_("done"), default=0)
    total = models.BigIntegerField(_("of"), null=True, blank=True)
    lease_owner = models.CharField(_("lease owner"), max_length=64, blank=True)
    lease_expires_at = models.DateTimeField(_("lease ends"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    max_attempts = models.PositiveSmallIntegerField(_("attempts allowed"), default=4)
    cancel_requested = models.BooleanField(_("cancel requested"), default=False)
    dispatched_at = models.DateTimeField(_("last dispatched"), null=True, blank=True)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    asked = models.JSONField(_("asked for, beside the subject"), default=dict)
    result = models.JSONField(_("result"), default=dict)
    error = models.TextField(_("why it failed"), blank=True)

    class Meta:
        ordering = ("-created_at",)
        indexes: ClassVar = [
            models.Index(fields=["state", "lease_expires_at"]),
            models.Index(fields=["subject_uuid"]),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}


class JobStep(models.Model):
    """A step that a job finished; written once, so a resumed job knows where to go on."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="steps")
    n = models.PositiveIntegerField(_("step"))
    digest = digest_field(_("what the step made"))
    result = models.JSONField(_("result"), default=dict)
    finished_at = models.DateTimeField(_("finished"), auto_now_add=True)

    class Meta:
        ordering = ("job", "n")
        constraints: ClassVar = [models.UniqueConstraint(fields=["job", "n"], name="job_step_once")]

    def __str__(self) -> str:
        return f"{self.job_id}:{self.n}"
