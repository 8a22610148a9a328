"""Auditors' findings from tests of controls: from a draft over management's response to the follow-up."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record, RetainedRecord, enum_field
from compliance.types.states import Severity
from compliance.types.testing import Agreement, AuditFindingAct, AuditFindingState


class AuditFinding(RetainedRecord):
    """What exceptions of a test amount to, in the auditor's words. Exists for the organisation from its issue on.

    finding: the entry in the record of findings that the issue made, to which remediation belongs; repeats: the finding of an
    earlier engagement on the same control and attribute.
    """

    engagement = models.ForeignKey("compliance.Engagement", on_delete=models.PROTECT, related_name="audit_findings")
    test = models.ForeignKey("compliance.ControlTest", on_delete=models.PROTECT, related_name="audit_findings")
    number = models.PositiveIntegerField(_("number"))
    title = models.CharField(_("title"), max_length=300)
    condition = models.TextField(_("condition: what was found"))
    criteria = models.TextField(_("criteria: what should be"))
    cause = models.TextField(_("cause"), blank=True)
    effect = models.TextField(_("effect"), blank=True)
    rating = models.CharField(_("rating"), max_length=64)
    severity = enum_field(_("severity"), Severity)
    results = models.ManyToManyField("compliance.AttributeResult", related_name="audit_findings", blank=True)
    repeats = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="repeated_by")
    state = enum_field(_("state"), AuditFindingState, default=AuditFindingState.DRAFT)
    finding = models.OneToOneField(
        "compliance.Finding", on_delete=models.PROTECT, null=True, related_name="audit_finding"
    )
    written_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")
    issued_at = models.DateTimeField(_("issued"), null=True)
    agreement = enum_field(_("management"), Agreement, blank=True)
    response = models.TextField(_("management's response"), blank=True)
    action = models.TextField(_("action"), blank=True)
    action_owner = models.ForeignKey(
        "compliance.User", on_delete=models.PROTECT, null=True, blank=True, related_name="actions_for_findings"
    )
    action_due_on = models.DateField(_("action by"), null=True, blank=True)
    item = models.ForeignKey(
        "compliance.RemediationItem", on_delete=models.PROTECT, null=True, blank=True, related_name="audit_findings"
    )
    closed_at = models.DateTimeField(_("closed"), null=True)

    class Meta:
        ordering = ("-created_at", "-pk")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["engagement", "number"], name="audit_finding_number_once")
        ]

    def __str__(self) -> str:
        return f"{self.number}. {self.title}"

    @property
    def is_overdue(self) -> bool:
        """Whether its action is past its day and the finding not closed."""
        over = {AuditFindingState.CLOSED, AuditFindingState.WITHDRAWN}
        return bool(self.action_due_on and self.action_due_on < timezone.localdate() and self.state not in over)


class AuditFindingEntry(Record):
    """One act on an auditor's finding, with what was said; never changed."""

    audit_finding = models.ForeignKey(AuditFinding, on_delete=models.PROTECT, related_name="entries")
    act = enum_field(_("act"), AuditFindingAct)
    before = enum_field(_("from"), AuditFindingState)
    after = enum_field(_("to"), AuditFindingState)
    words = models.TextField(_("what was said"), blank=True)
    evidence = models.ForeignKey("compliance.Evidence", on_delete=models.PROTECT, null=True, related_name="+")
    made_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("audit_finding", "created_at", "pk")

    def __str__(self) -> str:
        return f"{self.before} → {self.after}"
