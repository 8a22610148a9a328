"""Findings: the current conclusion on one asset and control; and the risk it carries."""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from compliance.models.base import RetainedRecord, digest_field, enum_field
from compliance.types.risk_life import Sighting
from compliance.types.risk_priority import Priority
from compliance.types.risk_transitions import DEVIATING
from compliance.types.states import RiskState, Severity
from compliance.types.verdicts import Conclusion


def _ranked(field: str, values: type[Severity] | type[Priority]) -> list[models.When]:
    return [models.When(**{field: value.value}, then=rank) for rank, value in enumerate(values)]


class Finding(RetainedRecord):
    """Condition, criteria, cause and effect; concluded from observations, once per asset, control and rule.

    severity: as a person set it (severity_by_hand), else severity_by_rule, which follows from reports. priority follows from
    the rule, with its reasons; priority_by_hand outranks it. waived_until: last day on which a waiver of the scanner's rule
    sets the finding aside.
    """

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
    severity_by_rule = enum_field(_("severity by the rule"), Severity)
    severity_by_hand = enum_field(_("severity set by a person"), Severity, blank=True)
    severity_reason = models.TextField(_("why a person set the severity"), blank=True)
    severity_set_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, related_name="+")
    severity_set_at = models.DateTimeField(_("severity set at"), null=True)
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
            *_ranked("severity", Severity),
            default=len(Severity),
            output_field=models.SmallIntegerField(),
        ),
        output_field=models.SmallIntegerField(),
        db_persist=True,
    )
    sighting = enum_field(_("beside the report before"), Sighting, blank=True)
    reappearances = models.PositiveIntegerField(_("reappearances"), default=0)
    priority = enum_field(_("priority by the rule"), Priority, default=Priority.P4)
    priority_points = models.PositiveSmallIntegerField(_("points"), default=0)
    priority_reasons = models.JSONField(_("reasons"), default=list)
    priority_by_hand = enum_field(_("priority set by a person"), Priority, blank=True)
    priority_reason = models.TextField(_("why a person set it"), blank=True)
    priority_set_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, related_name="+")
    priority_set_at = models.DateTimeField(_("priority set at"), null=True)
    priority_rank = models.GeneratedField(
        expression=models.Case(
            *_ranked("priority_by_hand", Priority),
            *_ranked("priority", Priority),
            default=len(Priority),
            output_field=models.SmallIntegerField(),
        ),
        output_field=models.SmallIntegerField(),
        db_persist=True,
    )
    waiver = models.ForeignKey("compliance.Waiver", on_delete=models.PROTECT, null=True, related_name="findings")
    waived_until = models.DateField(_("waived until"), null=True)
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
            models.Index(fields=["state", "priority_rank", "-last_seen_at", "id"], name="finding_urgent_of_state"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def priority_now(self) -> Priority:
        """As a person set it, else by the rule."""
        return Priority(self.priority_by_hand or self.priority)

    @property
    def is_waived(self) -> bool:
        """Whether a waiver sets it aside today."""
        return self.waived_until is not None and self.waived_until >= timezone.localdate()


class Risk(RetainedRecord):
    """What could happen because of a finding, and what was decided about it. Moved by compliance.services.risks alone.

    opened_at: when it was last opened, so that only newer evidence closes it; accepted_until: last day of the acceptance that
    is in force or asked for.
    """

    finding = models.OneToOneField(Finding, on_delete=models.PROTECT, related_name="risk")
    title = models.CharField(_("title"), max_length=500)
    statement = models.TextField(_("statement"))
    state = enum_field(_("state"), RiskState, default=RiskState.OPEN)
    severity = enum_field(_("severity"), Severity)
    deadline = models.DateField(_("deadline"), null=True, blank=True)
    opened_at = models.DateTimeField(_("opened at"), default=timezone.now)
    accepted_until = models.DateField(_("accepted until"), null=True, blank=True)

    class Meta:
        ordering = ("-created_at",)
        indexes: ClassVar = [models.Index(fields=["state", "accepted_until"], name="risk_by_end_of_acceptance")]

    def __str__(self) -> str:
        return self.title

    def has_lapsed(self, on: date) -> bool:
        """Whether its acceptance, or the request for one, is over on this day, though nobody moved the risk yet."""
        return RiskState(self.state) in DEVIATING and (self.accepted_until is None or self.accepted_until < on)

    @property
    def state_now(self) -> RiskState:
        """The state that counts today: an acceptance whose last day is over is none."""
        return RiskState.OPEN if self.has_lapsed(timezone.localdate()) else RiskState(self.state)
