"""Runs of the checks on the events of fine-tune jobs."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import RetainedRecord, digest_field


class CheckRun(RetainedRecord):
    """All checks over the events of one system and period. A run that found what the run before found records nothing anew.

    results: one entry a rule, as compliance.services.check_runs writes them; facts: what the checks stood on.
    """

    system = models.ForeignKey("compliance.AISystem", on_delete=models.PROTECT, related_name="check_runs")
    job = models.OneToOneField("compliance.Job", on_delete=models.PROTECT, related_name="check_run")
    period_start = models.DateField(_("period from"), null=True, blank=True)
    period_end = models.DateField(_("period to"), null=True, blank=True)
    results = models.JSONField(_("results"), default=list)
    facts = models.JSONField(_("what the checks stood on"), default=dict)
    outcome_sha256 = digest_field(_("SHA-256 of the outcome"))
    repeats = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="repeated_by")
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        ordering = ("-finished_at", "-pk")
        indexes: ClassVar = [models.Index(fields=["system", "-finished_at"])]

    def __str__(self) -> str:
        return f"{self.system} {self.period_start} – {self.period_end}"
