"""Engagements: what an audit is about, who is on its team, what they may see until when, and how far it has come."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record, enum_field
from compliance.types.engagements import EngagementKind, EngagementState, ReadAct, TeamPart


class Engagement(Record):
    """One audit. Its team sees the records of its systems and period, until access ends, and nothing else.

    period_start, period_end: the days whose records the team sees. as_of: the one day that a point-in-time audit speaks
    of, None where it speaks of the period. accounts, regions: those in scope as a list of text; empty means all.
    """

    title = models.CharField(_("title"), max_length=200)
    kind = enum_field(_("type"), EngagementKind, default=EngagementKind.OTHER)
    criteria = models.TextField(_("criteria"), blank=True)
    edition = models.CharField(_("edition"), max_length=100, blank=True)
    entity = models.CharField(_("entity"), max_length=200, blank=True)
    systems = models.ManyToManyField("compliance.AISystem", related_name="engagements")
    assessments = models.ManyToManyField("compliance.Assessment", related_name="engagements", blank=True)
    accounts = models.JSONField(_("accounts in scope"), default=list, blank=True)
    regions = models.JSONField(_("regions in scope"), default=list, blank=True)
    as_of = models.DateField(_("as of"), null=True, blank=True)
    period_start = models.DateField(_("period from"))
    period_end = models.DateField(_("period to"))
    exclusions = models.TextField(_("exclusions"), blank=True)
    auditors = models.ManyToManyField(
        "compliance.User", through="compliance.EngagementMember", related_name="engagements"
    )
    contact = models.ForeignKey(
        "compliance.User", on_delete=models.PROTECT, null=True, blank=True, related_name="engagements_as_contact"
    )
    fieldwork_on = models.DateField(_("fieldwork from"), null=True, blank=True)
    draft_on = models.DateField(_("draft by"), null=True, blank=True)
    response_on = models.DateField(_("management's response by"), null=True, blank=True)
    final_on = models.DateField(_("final report by"), null=True, blank=True)
    follow_up_on = models.DateField(_("follow-up on"), null=True, blank=True)
    state = enum_field(_("state"), EngagementState, default=EngagementState.PLAN)
    expires_at = models.DateTimeField(_("access ends at"))
    opened_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ("-created_at", "-pk")
        constraints: ClassVar = [
            models.CheckConstraint(
                name="engagement_period_in_order", condition=models.Q(period_end__gte=models.F("period_start"))
            ),
            models.CheckConstraint(
                name="engagement_day_within_period",
                condition=models.Q(as_of__isnull=True)
                | models.Q(as_of__gte=models.F("period_start"), as_of__lte=models.F("period_end")),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_live(self) -> bool:
        """Whether its team has access now."""
        return self.expires_at > timezone.now()

    @property
    def days_left(self) -> int:
        """Whole days of access that remain."""
        return max(0, (self.expires_at - timezone.now()).days)


class EngagementMember(Record):
    """Somebody on the audit team, and their statement of independence in their own words."""

    engagement = models.ForeignKey(Engagement, on_delete=models.PROTECT, related_name="members")
    user = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="engagement_parts")
    part = enum_field(_("part"), TeamPart, default=TeamPart.AUDITOR)
    independence = models.TextField(_("statement of independence"), blank=True)
    independence_at = models.DateTimeField(_("stated at"), null=True, blank=True)

    class Meta:
        ordering = ("pk",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["engagement", "user"], name="on_the_team_once"),
            models.CheckConstraint(
                name="independence_has_words",
                condition=models.Q(independence_at__isnull=True) | ~models.Q(independence=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.engagement}"


class EngagementMove(Record):
    """One move of an audit from state to state; never changed."""

    engagement = models.ForeignKey(Engagement, on_delete=models.PROTECT, related_name="moves")
    before = enum_field(_("from"), EngagementState)
    after = enum_field(_("to"), EngagementState)
    reason = models.TextField(_("reason"), blank=True)
    moved_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("created_at", "pk")

    def __str__(self) -> str:
        return f"{self.before} → {self.after}"


class AuditorRead(models.Model):
    """One page, list or file that an auditor had; never changed. It names records by their identifiers and no person but the
    reader.

    engagement: None where the auditor was on several at that moment and the address does not tell for which they read.
    what: the name of the address; subject: what the address names, its parts joined by "/", "" for a list.
    """

    read_at = models.DateTimeField(_("at"), default=timezone.now)
    reader = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="reads")
    engagement = models.ForeignKey(Engagement, on_delete=models.PROTECT, null=True, related_name="reads")
    act = enum_field(_("act"), ReadAct)
    what = models.CharField(_("what"), max_length=100)
    subject = models.CharField(_("subject"), max_length=200, blank=True)
    by_token = models.BooleanField(_("by token"), default=False)

    class Meta:
        ordering = ("-read_at", "-pk")
        indexes: ClassVar = [
            models.Index(fields=["engagement", "-read_at"]),
            models.Index(fields=["reader", "-read_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.act} {self.what} {self.subject}"
