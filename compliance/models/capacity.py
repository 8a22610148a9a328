"""How much people and teams can do, when they are away, and what a day of a role costs."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record

_ONE = models.Q(user__isnull=False, team__isnull=True) | models.Q(user__isnull=True, team__isnull=False)


class Capacity(Record):
    """Days a week of a person, or of each member of a team who has none of their own, and the share for remediation.

    In force from a day until a later one of the same person or team begins.
    """

    user = models.ForeignKey(
        "compliance.User", on_delete=models.PROTECT, null=True, blank=True, related_name="capacities"
    )
    team = models.ForeignKey(
        "compliance.Team", on_delete=models.PROTECT, null=True, blank=True, related_name="capacities"
    )
    days_a_week = models.DecimalField(_("days a week"), max_digits=3, decimal_places=2)
    allocation = models.PositiveSmallIntegerField(_("share for remediation, percent"))
    work_role = models.CharField(_("role"), max_length=100, blank=True)
    effective_from = models.DateField(_("from"))
    stated_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("effective_from", "pk")
        constraints: ClassVar = [models.CheckConstraint(name="capacity_person_or_team", condition=_ONE)]

    def __str__(self) -> str:
        return f"{self.user or self.team} · {self.days_a_week}"


class Leave(Record):
    """Days on which a person or a whole team is away; why is nobody's business here."""

    user = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, blank=True, related_name="leaves")
    team = models.ForeignKey("compliance.Team", on_delete=models.PROTECT, null=True, blank=True, related_name="leaves")
    first_day = models.DateField(_("first day"))
    last_day = models.DateField(_("last day"))
    stated_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("first_day", "pk")
        constraints: ClassVar = [
            models.CheckConstraint(name="leave_person_or_team", condition=_ONE),
            models.CheckConstraint(
                name="leave_ends_after_it_begins", condition=models.Q(last_day__gte=models.F("first_day"))
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user or self.team} · {self.first_day} – {self.last_day}"


class CostRate(Record):
    """What a day of a role costs from a day on; insert-only. Of two for one day the one recorded later counts."""

    work_role = models.CharField(_("role"), max_length=100)
    currency = models.CharField(_("currency"), max_length=3)
    amount_a_day = models.DecimalField(_("amount a day"), max_digits=12, decimal_places=2)
    effective_from = models.DateField(_("from"))
    stated_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("work_role", "-effective_from", "-pk")

    def __str__(self) -> str:
        return f"{self.work_role} · {self.amount_a_day} {self.currency}"
