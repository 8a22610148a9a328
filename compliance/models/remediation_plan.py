"""What was planned for remediation and what it took: baselines, updates of the plan, the work log. Nothing here changes."""

from __future__ import annotations

from datetime import date, timedelta
from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record, enum_field
from compliance.types.plans import EffortUnit, Estimate, PlanReason


class Baseline(Record):
    """The plan of an item as it was proposed to be held against; insert-only. It is in force once a decision approves it."""

    item = models.ForeignKey("compliance.RemediationItem", on_delete=models.PROTECT, related_name="baselines")
    number = models.PositiveIntegerField(_("number"))
    scope = models.TextField(_("scope"))
    effort_low = models.DecimalField(_("effort, low, person-days"), max_digits=7, decimal_places=2)
    effort_likely = models.DecimalField(_("effort, likely, person-days"), max_digits=7, decimal_places=2)
    effort_high = models.DecimalField(_("effort, high, person-days"), max_digits=7, decimal_places=2)
    due_on = models.DateField(_("due on"))
    proposed_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("item", "number")
        constraints: ClassVar = [models.UniqueConstraint(fields=["item", "number"], name="baseline_number_once")]

    def __str__(self) -> str:
        return f"{self.item} · {self.number}"

    @property
    def effort(self) -> Estimate:
        """Its three figures."""
        return Estimate(low=self.effort_low, likely=self.effort_likely, high=self.effort_high)


class BaselineDecision(Record):
    """Another person's word on a proposed baseline; insert-only."""

    baseline = models.OneToOneField(Baseline, on_delete=models.PROTECT, related_name="decision")
    is_approved = models.BooleanField(_("approved"))
    note = models.TextField(_("note"), blank=True)
    decided_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("baseline",)

    def __str__(self) -> str:
        return f"{self.baseline}: {self.is_approved}"


class PlanUpdate(Record):
    """Estimate, remaining effort and due date of an item from one moment on, and why; insert-only. Number 0 is the opening.

    slip_days: by how many days the due date went to a later day with this update; below zero where it came earlier.
    """

    item = models.ForeignKey("compliance.RemediationItem", on_delete=models.PROTECT, related_name="plan_updates")
    number = models.PositiveIntegerField(_("number"))
    estimate_low = models.DecimalField(_("estimate, low, person-days"), max_digits=7, decimal_places=2)
    estimate_likely = models.DecimalField(_("estimate, likely, person-days"), max_digits=7, decimal_places=2)
    estimate_high = models.DecimalField(_("estimate, high, person-days"), max_digits=7, decimal_places=2)
    remaining = models.DecimalField(_("effort remaining, person-days"), max_digits=7, decimal_places=2)
    due_on = models.DateField(_("due on"))
    slip_days = models.IntegerField(_("days later"), default=0)
    reason = enum_field(_("reason"), PlanReason)
    note = models.TextField(_("note"), blank=True)
    made_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("item", "number")
        constraints: ClassVar = [models.UniqueConstraint(fields=["item", "number"], name="plan_update_number_once")]
        indexes: ClassVar = [models.Index(fields=["created_at", "slip_days"], name="plan_update_slips")]

    def __str__(self) -> str:
        return f"{self.item} · {self.number}"

    @property
    def due_before(self) -> date:
        """The due date that this update moved."""
        return self.due_on - timedelta(days=self.slip_days)


class WorkEntry(Record):
    """Work that somebody did on a day; insert-only. A mistaken entry is taken back by a counter entry that names it.

    person_days: the amount in days of eight hours, below zero for a counter entry; remaining_after: what remained then.
    """

    item = models.ForeignKey("compliance.RemediationItem", on_delete=models.PROTECT, related_name="work_entries")
    person = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="work_entries")
    day = models.DateField(_("day"))
    amount = models.DecimalField(_("amount"), max_digits=7, decimal_places=2)
    unit = enum_field(_("unit"), EffortUnit)
    person_days = models.DecimalField(_("person-days"), max_digits=9, decimal_places=4)
    work_role = models.CharField(_("in the role of"), max_length=100, blank=True)
    what = models.CharField(_("what was done"), max_length=1000)
    remaining_after = models.DecimalField(_("remaining then, person-days"), max_digits=7, decimal_places=2)
    reverses = models.OneToOneField("self", on_delete=models.PROTECT, null=True, blank=True, related_name="reversed_by")
    made_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("-day", "-pk")
        indexes: ClassVar = [models.Index(fields=["day"], name="work_entry_day")]

    def __str__(self) -> str:
        return f"{self.person} · {self.day} · {self.person_days}"
