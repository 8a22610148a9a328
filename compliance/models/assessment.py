"""Assessments, and the answers to the auditors' questions with their history."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record, RetainedRecord, enum_field
from compliance.types.states import AnswerState, AnswerValue, AssessmentState


class Assessment(RetainedRecord):
    """One AI system against one technique over a period. Never changes once frozen."""

    system = models.ForeignKey("compliance.AISystem", on_delete=models.PROTECT, related_name="assessments")
    technique = models.ForeignKey("compliance.Technique", on_delete=models.PROTECT, related_name="assessments")
    title = models.CharField(_("title"), max_length=200)
    scope = models.TextField(_("scope and exclusions"), blank=True)
    period_start = models.DateField(_("period from"))
    period_end = models.DateField(_("period to"))
    audit_date = models.DateField(_("audit on"), null=True, blank=True)
    state = enum_field(_("state"), AssessmentState, default=AssessmentState.OPEN)
    opened_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="opened_assessments")
    releases = models.ManyToManyField("compliance.CatalogRelease", related_name="assessments")

    class Meta:
        ordering = ("-created_at",)
        constraints: ClassVar = [
            models.CheckConstraint(
                name="assessment_period_in_order", condition=models.Q(period_end__gte=models.F("period_start"))
            )
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_frozen(self) -> bool:
        """Whether the assessment can no longer change."""
        return self.state == AssessmentState.FROZEN


class Answer(RetainedRecord):
    """The organisation's answer to one question in one assessment.

    approved_on: per piece of evidence [uuid, sha256, state, uuid of what superseded it or "", version of its description]; see
    answer_basis.
    """

    assessment = models.ForeignKey(Assessment, on_delete=models.PROTECT, related_name="answers")
    question = models.ForeignKey("compliance.AuditQuestion", on_delete=models.PROTECT, related_name="answers")
    value = enum_field(_("answer"), AnswerValue, blank=True)
    statement = models.TextField(_("statement"), blank=True)
    reason = models.TextField(_("reason"), blank=True)
    claims = models.JSONField(_("structured claims"), default=dict, blank=True)
    state = enum_field(_("state"), AnswerState, default=AnswerState.OPEN)
    version = models.PositiveIntegerField(_("version"), default=0)
    author = models.ForeignKey(
        "compliance.User", on_delete=models.PROTECT, null=True, blank=True, related_name="written_answers"
    )
    submitted_at = models.DateTimeField(_("submitted at"), null=True, blank=True)
    approver = models.ForeignKey(
        "compliance.User", on_delete=models.PROTECT, null=True, blank=True, related_name="approved_answers"
    )
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    assignee = models.ForeignKey(
        "compliance.User", on_delete=models.PROTECT, null=True, blank=True, related_name="assigned_answers"
    )
    delegate = models.ForeignKey(
        "compliance.User", on_delete=models.PROTECT, null=True, blank=True, related_name="delegated_answers"
    )
    reviewer = models.ForeignKey(
        "compliance.User", on_delete=models.PROTECT, null=True, blank=True, related_name="reviewed_answers"
    )
    due_on = models.DateField(_("due on"), null=True, blank=True)
    # What the approval rests on; all empty until there is one.
    approved_on = models.JSONField(_("evidence as it was approved"), default=list, blank=True)
    justified = models.JSONField(_("contradictions approved over"), default=list, blank=True)
    justification = models.TextField(_("why approved over contradictions"), blank=True)
    alone_reason = models.TextField(_("why nobody else approved it"), blank=True)
    findings = models.ManyToManyField("compliance.Finding", related_name="answers", blank=True)

    class Meta:
        ordering = ("question__number",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["assessment", "question"], name="one_answer_per_question")
        ]

    def __str__(self) -> str:
        return f"{self.question.number}. {self.question.text}"

    @property
    def is_overdue(self) -> bool:
        """Whether it is past its day and not approved."""
        return bool(self.due_on and self.due_on < timezone.localdate() and self.state != AnswerState.APPROVED)


class AnswerRevision(Record):
    """What an answer said after each act; never changed."""

    answer = models.ForeignKey(Answer, on_delete=models.PROTECT, related_name="revisions")
    version = models.PositiveIntegerField(_("version"))
    act = models.CharField(_("act"), max_length=32)
    actor = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")
    snapshot = models.JSONField(_("as it stood"))
    comment = models.TextField(_("comment"), blank=True)

    class Meta:
        ordering = ("answer", "version", "pk")

    def __str__(self) -> str:
        return f"{self.answer_id} v{self.version} {self.act}"
