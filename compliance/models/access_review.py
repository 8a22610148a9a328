"""Access reviews: of everybody who could submit, by a reading, whether they keep it; and when removals were confirmed."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record, RetainedRecord, digest_field, enum_field
from compliance.types.access_reviews import Decision
from compliance.types.entitlements import Reach


class AccessReview(RetainedRecord):
    """A review of one reading's principals. Its population never changes; once completed nothing does."""

    system = models.ForeignKey("compliance.AISystem", on_delete=models.PROTECT, related_name="access_reviews")
    reading = models.ForeignKey(
        "compliance.EntitlementReading", on_delete=models.PROTECT, related_name="access_reviews"
    )
    reviewer = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="access_reviews")
    opened_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")
    due_on = models.DateField(_("review due on"))
    removals_due_on = models.DateField(_("removals due on"))
    population = models.PositiveIntegerField(_("principals"))
    population_root = digest_field(_("Merkle root of the population"), blank=False)
    completed_at = models.DateTimeField(_("completed at"), null=True, blank=True)
    decisions_root = digest_field(_("Merkle root of the decisions"))
    statement = models.TextField(_("reviewer's statement"), blank=True)

    class Meta:
        ordering = ("-created_at", "-pk")
        constraints: ClassVar = [
            models.CheckConstraint(
                name="access_review_days_in_order", condition=models.Q(removals_due_on__gte=models.F("due_on"))
            )
        ]

    def __str__(self) -> str:
        return f"{self.system} {self.created_at:%Y-%m-%d}"


class AccessReviewLine(Record):
    """One principal of a review, as the reading showed it, and what was decided. reach: the closest of its ways."""

    review = models.ForeignKey(AccessReview, on_delete=models.PROTECT, related_name="lines")
    principal = models.ForeignKey("compliance.Principal", on_delete=models.PROTECT, related_name="access_reviews")
    reach = enum_field(_("how far away"), Reach)
    ways = models.PositiveIntegerField(_("ways to submit"))
    platforms = models.JSONField(_("platforms and scopes"), default=list)
    actions = models.JSONField(_("permissions"), default=list)
    last_submitted_at = models.DateTimeField(_("last submitted at"), null=True, blank=True)
    decision = enum_field(_("decision"), Decision, blank=True)
    reason = models.TextField(_("reason"), blank=True)
    decided_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)

    class Meta:
        ordering = ("review", "principal__display", "pk")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["review", "principal"], name="access_review_principal_once")
        ]
        indexes: ClassVar = [models.Index(fields=["review", "decision"])]

    def __str__(self) -> str:
        return str(self.principal)
