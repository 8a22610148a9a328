"""Findings: the current conclusion on one asset and control; and the risk it carries."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import RetainedRecord, digest_field, enum_field
from compliance.types.states import RiskState, Severity
from compliance.types.verdicts import Conclusion


class Finding(RetainedRecord):
    """Condition, criteria, cause and effect; concluded from observations, once per asset, control and rule."""

    system = models.ForeignKey("compliance.AISystem", on_delete=models.PROTECT, related_name="findings")
    asset_key = models.CharField(_("asset key"), max_length=200)
    asset_name = models.CharField(_("asset"), max_length=500)
    model_version = models.ForeignKey(
        "compliance.ModelVersion", on_delete=models.PROTECT, null=True, blank=True, related_name="findings"
    )
    target = models.ForeignKey("compliance.ReferenceControl", on_delete=models.PROTECT, related_name="findings")
    rule_fingerprint = digest_field(_("rule fingerprint"), blank=False)
    title = models.CharField(_("title"), max_length=500)
    state = enum_field(_("conclusion"), Conclusion)
    severity = enum_field(_("severity"), Severity)
    techniques = models.JSONField(_("ATLAS techniques"), default=list)
    condition = models.TextField(_("condition: what was found"))
    criteria = models.TextField(_("criteria: what should be"))
    cause = models.TextField(_("cause"), blank=True)
    effect = models.TextField(_("effect"), blank=True)
    first_seen_at = models.DateTimeField(_("first seen"))
    last_seen_at = models.DateTimeField(_("last seen"))
    # 0 for critical: kept by the database, so that lists begin with the gravest by an index.
    severity_rank = models.GeneratedField(
        expression=models.Case(
            *(models.When(severity=severity.value, then=rank) for rank, severity in enumerate(Severity)),
            default=len(Severity),
            output_field=models.SmallIntegerField(),
        ),
        output_field=models.SmallIntegerField(),
        db_persist=True,
    )
    observations = models.ManyToManyField("compliance.Observation", related_name="findings")

    class Meta:
        ordering = ("-last_seen_at", "-id")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["system", "asset_key", "target", "rule_fingerprint"], name="finding_once_per_asset_and_rule"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["state", "severity_rank", "-last_seen_at", "id"], name="finding_gravest_of_state"),
            models.Index(fields=["severity_rank", "-last_seen_at", "id"], name="finding_gravest"),
            models.Index(fields=["system", "state", "target"], name="finding_counted"),
            models.Index(fields=["-last_seen_at", "-id"], name="finding_latest"),
        ]

    def __str__(self) -> str:
        return self.title


class Risk(RetainedRecord):
    """What could happen because of a finding, and what was decided about it."""

    finding = models.OneToOneField(Finding, on_delete=models.PROTECT, related_name="risk")
    title = models.CharField(_("title"), max_length=500)
    statement = models.TextField(_("statement"))
    state = enum_field(_("state"), RiskState, default=RiskState.OPEN)
    severity = enum_field(_("severity"), Severity)
    deadline = models.DateField(_("deadline"), null=True, blank=True)

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return self.title
