"""What the events of fine-tune jobs are bound to, by digest, by provenance, by a saved rule or by a person."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record, RetainedRecord, enum_field
from compliance.types.bindings import BoundBy, Named


class BindingRule(Record):
    """A rule that a person learned from an unmatched name: names that begin with `prefix` are this version.

    Exactly one of model version, data-set version and `not_ours` is set. Days are UTC, both included; None is open.
    """

    system = models.ForeignKey("compliance.AISystem", on_delete=models.PROTECT, related_name="binding_rules")
    named = enum_field(_("what it names"), Named)
    prefix = models.CharField(_("names that begin with"), max_length=1000)
    model_version = models.ForeignKey(
        "compliance.ModelVersion", on_delete=models.PROTECT, null=True, blank=True, related_name="binding_rules"
    )
    dataset_version = models.ForeignKey(
        "compliance.DatasetVersion", on_delete=models.PROTECT, null=True, blank=True, related_name="binding_rules"
    )
    not_ours = models.BooleanField(_("none of ours"), default=False)
    reason = models.TextField(_("reason"), blank=True)
    applies_from = models.DateField(_("for jobs from"), null=True, blank=True)
    applies_to = models.DateField(_("for jobs to"), null=True, blank=True)
    made_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True)
    withdrawn_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ("-created_at", "-pk")
        constraints: ClassVar = [
            models.CheckConstraint(
                name="binding_rule_one_target",
                condition=models.Q(model_version__isnull=False, dataset_version__isnull=True, not_ours=False)
                | models.Q(model_version__isnull=True, dataset_version__isnull=False, not_ours=False)
                | models.Q(model_version__isnull=True, dataset_version__isnull=True, not_ours=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.prefix}…"


class JobBinding(RetainedRecord):
    """What one place of one event is bound to. A later decision supersedes the row and never changes what it says.

    place: name of the event's field, with the index of an input ("inputs/0"); `name` and `name_digest` as the event gives them.
    """

    system = models.ForeignKey("compliance.AISystem", on_delete=models.PROTECT, related_name="job_bindings")
    event = models.ForeignKey("compliance.JobEvent", on_delete=models.PROTECT, related_name="bindings")
    place = models.CharField(_("place in the event"), max_length=32)
    named = enum_field(_("what it names"), Named)
    name = models.CharField(_("as the log names it"), max_length=1000)
    name_digest = models.CharField(_("digest in the log"), max_length=128, blank=True)
    bound_by = enum_field(_("bound by"), BoundBy)
    model_version = models.ForeignKey(
        "compliance.ModelVersion", on_delete=models.PROTECT, null=True, blank=True, related_name="job_bindings"
    )
    dataset_version = models.ForeignKey(
        "compliance.DatasetVersion", on_delete=models.PROTECT, null=True, blank=True, related_name="job_bindings"
    )
    rule = models.ForeignKey(BindingRule, on_delete=models.PROTECT, null=True, blank=True, related_name="bindings")
    person = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    reason = models.TextField(_("reason"), blank=True)
    superseded_at = models.DateTimeField(_("superseded at"), null=True, blank=True)

    class Meta:
        ordering = ("event", "place", "pk")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["event", "place"],
                condition=models.Q(superseded_at__isnull=True),
                name="job_binding_one_in_force",
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["system", "named"],
                condition=models.Q(superseded_at__isnull=True, bound_by=BoundBy.NOTHING),
                name="job_binding_waiting",
            ),
            models.Index(fields=["rule"]),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.model_version or self.dataset_version or self.get_bound_by_display()}"
