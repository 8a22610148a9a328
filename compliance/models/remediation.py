"""Remediation items (OSCAL POA&M items) with milestones and effort."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record, RetainedRecord, enum_field
from compliance.types.plans import Estimate, ItemSource
from compliance.types.states import RemediationState


def _days(label: Any) -> models.DecimalField[Decimal, Decimal]:
    return models.DecimalField(label, max_digits=7, decimal_places=2)


class RemediationItem(RetainedRecord):
    """Work that takes a risk away; closing it needs new evidence.

    Planned is what was meant first: the estimate at opening, then the approved baseline's likely effort. The estimate and
    what remains are as told last; each earlier word is in `plan_updates`. `original_due_on` never changes (a trigger sees
    to it); `slips` counts how often the due date went to a later day.
    """

    system = models.ForeignKey("compliance.AISystem", on_delete=models.PROTECT, related_name="remediation_items")
    risks = models.ManyToManyField("compliance.Risk", related_name="items")
    title = models.CharField(_("title"), max_length=300)
    description = models.TextField(_("what is to be done"), blank=True)
    owner = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="remediation_items")
    state = enum_field(_("state"), RemediationState, default=RemediationState.OPEN)
    effort_planned = models.DecimalField(_("effort planned, person-days"), max_digits=7, decimal_places=2)
    effort_spent = models.DecimalField(_("effort spent, person-days"), max_digits=7, decimal_places=2, default=0)
    estimate_low = _days(_("estimate, low, person-days"))
    estimate_likely = _days(_("estimate, likely, person-days"))
    estimate_high = _days(_("estimate, high, person-days"))
    remaining = _days(_("effort remaining, person-days"))
    due_on = models.DateField(_("due on"))
    original_due_on = models.DateField(_("originally due on"))
    slips = models.PositiveIntegerField(_("slips"), default=0)
    team = models.ForeignKey(
        "compliance.Team", on_delete=models.PROTECT, null=True, blank=True, related_name="remediation_items"
    )
    work_role = models.CharField(_("role that does the work"), max_length=100, blank=True)
    baseline = models.OneToOneField(
        "compliance.Baseline", on_delete=models.PROTECT, null=True, blank=True, related_name="baseline_of"
    )
    source = enum_field(_("opened from"), ItemSource, default=ItemSource.FINDING)
    control = models.ForeignKey(
        "compliance.ImplementedControl",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="remediation_items",
    )
    statement_line = models.ForeignKey(
        "compliance.StatementLine", on_delete=models.PROTECT, null=True, blank=True, related_name="remediation_items"
    )
    control_test = models.ForeignKey(
        "compliance.ControlTest", on_delete=models.PROTECT, null=True, blank=True, related_name="remediation_items"
    )
    playbook_task = models.SlugField(_("task of the playbook"), max_length=64, blank=True)
    version = models.PositiveIntegerField(_("version"), default=1)
    needs = models.ManyToManyField(
        "self", through="compliance.ItemDependency", symmetrical=False, related_name="needed_by", blank=True
    )
    opened_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    closing_observation = models.ForeignKey(
        "compliance.Observation", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    # The same work in another tool: shown as a link, never asked.
    ticket_key = models.CharField(_("ticket"), max_length=100, blank=True)
    ticket_url = models.CharField(_("address of the ticket"), max_length=500, blank=True)

    class Meta:
        ordering = ("due_on", "pk")
        indexes: ClassVar = [
            models.Index(fields=["state", "due_on", "id"], name="item_due_of_state"),
            models.Index(fields=["owner", "state"], name="item_of_owner"),
            models.Index(fields=["playbook_task", "state"], name="item_of_playbook"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def estimate(self) -> Estimate:
        """The current estimate of the whole effort."""
        return Estimate(low=self.estimate_low, likely=self.estimate_likely, high=self.estimate_high)

    @property
    def estimate_at_completion(self) -> Decimal:
        """What it will have taken, as told now: spent and remaining."""
        return self.effort_spent + self.remaining

    @property
    def effort_variance(self) -> Decimal:
        """Estimate at completion less what was planned; above zero: more than planned."""
        return self.estimate_at_completion - self.effort_planned

    @property
    def slip_days(self) -> int:
        """Days between the original due date and today's; below zero: earlier."""
        return (self.due_on - self.original_due_on).days

    @property
    def milestones_done(self) -> int:
        """Milestones reached, of those that were read with the item."""
        return sum(step.done_at is not None for step in self.milestones.all())


class Milestone(Record):
    """A step of a remediation item with its own date."""

    item = models.ForeignKey(RemediationItem, on_delete=models.PROTECT, related_name="milestones")
    title = models.CharField(_("title"), max_length=300)
    due_on = models.DateField(_("due on"))
    done_at = models.DateTimeField(_("done at"), null=True, blank=True)
    done_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ("item", "due_on", "pk")

    def __str__(self) -> str:
        return self.title


class ItemDependency(Record):
    """An item that has to be done before another can be; both of one AI system, and never in a circle."""

    item = models.ForeignKey(RemediationItem, on_delete=models.PROTECT, related_name="dependencies")
    needs = models.ForeignKey(RemediationItem, on_delete=models.PROTECT, related_name="dependents")
    made_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("item", "pk")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["item", "needs"], name="item_dependency_once"),
            models.CheckConstraint(name="item_depends_on_another", condition=~models.Q(item=models.F("needs"))),
        ]

    def __str__(self) -> str:
        return f"{self.item} → {self.needs}"
