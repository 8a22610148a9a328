"""Requests of auditors in an engagement, with their threads and what was handed over."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record, enum_field
from compliance.types.audit_requests import WAITS_FOR_US, RequestState


class AuditRequest(Record):
    """Something that an audit team asks for. The number is counted within the engagement and never given twice."""

    engagement = models.ForeignKey("compliance.Engagement", on_delete=models.PROTECT, related_name="requests")
    number = models.PositiveIntegerField(_("number"))
    title = models.CharField(_("title"), max_length=300)
    text = models.TextField(_("request"), blank=True)
    controls = models.ManyToManyField("compliance.ImplementedControl", related_name="audit_requests", blank=True)
    owner = models.ForeignKey(
        "compliance.User", on_delete=models.PROTECT, null=True, blank=True, related_name="audit_requests"
    )
    due_on = models.DateField(_("due on"), null=True, blank=True)
    state = enum_field(_("state"), RequestState, default=RequestState.OPEN)
    asked_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField(_("changed at"), default=timezone.now)

    class Meta:
        ordering = ("engagement", "number")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["engagement", "number"], name="audit_request_number_once")
        ]
        indexes: ClassVar = [models.Index(fields=["state", "due_on"])]

    def __str__(self) -> str:
        return f"{self.number}. {self.title}"

    @property
    def is_overdue(self) -> bool:
        """Whether the organisation is late, by the reader's day."""
        return bool(self.due_on and self.due_on < timezone.localdate() and self.state in WAITS_FOR_US)


class RequestReply(Record):
    """One entry of a request's thread: words, a move, or both; never changed."""

    request = models.ForeignKey(AuditRequest, on_delete=models.PROTECT, related_name="replies")
    author = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")
    text = models.TextField(_("words"), blank=True)
    before = enum_field(_("from"), RequestState)
    after = enum_field(_("to"), RequestState)

    class Meta:
        ordering = ("created_at", "pk")

    def __str__(self) -> str:
        return f"{self.request_id}: {self.before} → {self.after}"

    @property
    def has_moved(self) -> bool:
        """Whether the request changed its state with it."""
        return self.before != self.after


class RequestEvidence(Record):
    """Evidence handed over for a request: from then on the engagement's team sees it. Never taken back."""

    request = models.ForeignKey(AuditRequest, on_delete=models.PROTECT, related_name="attached")
    evidence = models.ForeignKey("compliance.Evidence", on_delete=models.PROTECT, related_name="audit_requests")
    reply = models.ForeignKey(RequestReply, on_delete=models.PROTECT, null=True, related_name="attached")
    attached_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("created_at", "pk")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["request", "evidence"], name="evidence_once_per_audit_request")
        ]

    def __str__(self) -> str:
        return f"{self.request_id}: {self.evidence}"
