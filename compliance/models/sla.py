"""Time limits: calendars and limits as versions that never change, and the clock of each finding."""

from __future__ import annotations

from datetime import date, datetime
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record, enum_field
from compliance.types.business_time import Hours, WorkingWeek
from compliance.types.sla import Limit, SlaState, SlaUnit, state_of
from compliance.types.states import Severity


class BusinessCalendar(Record):
    """One wording of a calendar; the newest version of a key is in force. Insert-only.

    hours: [weekday, start, end] each, in minutes since midnight. systems: AI systems that keep these hours, by uuid; all
    others keep those of the calendar that the limits name.
    """

    key = models.SlugField(_("key"), max_length=50)
    version = models.PositiveIntegerField(_("version"))
    title = models.CharField(_("name"), max_length=100)
    zone = models.CharField(_("time zone"), max_length=64)
    hours = models.JSONField(_("working hours"), default=list)
    holidays = models.JSONField(_("holidays"), default=list)
    systems = models.JSONField(_("AI systems"), default=list)
    made_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ("key", "-version")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["key", "version"], name="business_calendar_once_per_version")
        ]

    def __str__(self) -> str:
        return self.title

    def week(self) -> WorkingWeek:
        """As working time is measured by it."""
        hours = tuple(Hours(weekday=day, start=start, end=end) for day, start, end in self.hours)
        return WorkingWeek(
            zone=self.zone, hours=hours, holidays=frozenset(date.fromisoformat(day) for day in self.holidays)
        )


class SlaPolicy(Record):
    """One wording of the time limits; the newest is in force. Insert-only. A severity without a limit has no clock."""

    version = models.PositiveIntegerField(_("version"), unique=True)
    limits = models.JSONField(_("limits"), default=list)
    near_percent = models.PositiveSmallIntegerField(_("near from, in percent"), default=80)
    calendar_key = models.SlugField(_("calendar"), max_length=50)
    reason = models.TextField(_("why"), blank=True)
    made_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ("-version",)

    def __str__(self) -> str:
        return f"{_('Time limits')} {self.version}"

    def limit_of(self, severity: str) -> Limit | None:
        """The limit of a severity; None where it has none."""
        row = next((row for row in self.limits if row["severity"] == severity), None)
        if row is None:
            return None
        return Limit(severity=Severity(severity), amount=row["amount"], unit=SlaUnit(row["unit"]))


class SlaClock(Record):
    """How long a finding may stand, each time that it stands: one clock from when it came (back) until it no longer stands.

    used_seconds: what had counted before `since`; due_at and near_at: when the limit is reached if nothing stops the clock
    again, kept as they were while it is paused.
    """

    finding = models.ForeignKey("compliance.Finding", on_delete=models.PROTECT, related_name="clocks")
    policy = models.ForeignKey(SlaPolicy, on_delete=models.PROTECT, related_name="+")
    calendar = models.ForeignKey(BusinessCalendar, on_delete=models.PROTECT, related_name="+")
    severity = enum_field(_("severity"), Severity)
    unit = enum_field(_("unit"), SlaUnit)
    limit_seconds = models.BigIntegerField(_("limit, in seconds"))
    used_seconds = models.FloatField(_("counted before, in seconds"), default=0.0)
    started_at = models.DateTimeField(_("began"))
    since = models.DateTimeField(_("runs since"))
    near_at = models.DateTimeField(_("near from"))
    due_at = models.DateTimeField(_("due"))
    paused_at = models.DateTimeField(_("paused since"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    near_told_at = models.DateTimeField(_("told that it is near"), null=True, blank=True)
    breach_told_at = models.DateTimeField(_("told that it is breached"), null=True, blank=True)

    class Meta:
        ordering = ("-started_at", "-pk")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["finding"], condition=models.Q(ended_at__isnull=True), name="sla_clock_one_runs_per_finding"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["ended_at", "paused_at", "due_at"], name="sla_clock_due"),
            models.Index(fields=["ended_at", "paused_at", "near_at"], name="sla_clock_near"),
        ]

    def __str__(self) -> str:
        return f"{self.finding_id}: {self.due_at:%Y-%m-%d %H:%M}"

    def state(self, now: datetime) -> SlaState:
        """Where it stands at a moment."""
        return state_of(
            now=now,
            due_at=self.due_at,
            near_at=self.near_at,
            paused_at=self.paused_at,
            ended_at=self.ended_at,
        )


class NightlyRun(Record):
    """One nightly run: its steps in order, each with what it did, how long it took, and the kind of error it ended with."""

    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    steps = models.JSONField(_("steps"), default=list)

    class Meta:
        ordering = ("-created_at", "-pk")

    def __str__(self) -> str:
        return f"{_('Nightly run')} {str(self.uuid)[:8]}"
