"""Remediation items (OSCAL POA&M items) with milestones and effort."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record, RetainedRecord, enum_field
from compliance.types.states import RemediationState


class RemediationItem(RetainedRecord):
    """Work that takes a risk away; closing it needs new evidence."""

    system = models.ForeignKey("compliance.AISystem", on_delete=models.PROTECT, related_name="remediation_items")
    risks = models.ManyToManyField("compliance.Risk", related_name="items")
    title = models.CharField(_("title"), max_length=300)
    description = models.TextField(_("what is to be done"), blank=True)
    owner = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="remediation_items")
    state = enum_field(_("state"), RemediationState, default=RemediationState.OPEN)
    effort_planned = models.DecimalField(_("effort planned, person-days"), max_digits=7, decimal_places=2)
    effort_spent = models.DecimalField(_("effort spent, person-days"), max_digits=7, decimal_places=2, default=0)
    due_on = models.DateField(_("due on"))
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

    def __str__(self) -> str:
        return self.title

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
