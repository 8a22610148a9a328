"""Third parties of an AI system, and every review of what they handed over."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record, RetainedRecord, enum_field
from compliance.types.suppliers import Opinion, ReportType


class Supplier(RetainedRecord):
    """A third party that an AI system depends on. What is known of it stands in its reviews; the latest counts."""

    system = models.ForeignKey("compliance.AISystem", on_delete=models.PROTECT, related_name="suppliers")
    name = models.CharField(_("name"), max_length=200)
    ended_on = models.DateField(_("no longer used since"), null=True, blank=True)
    ended_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ("name", "pk")
        constraints: ClassVar = [models.UniqueConstraint(fields=["system", "name"], name="supplier_once_per_system")]

    def __str__(self) -> str:
        return self.name


class SupplierReview(RetainedRecord):
    """What a named person found when reading the report of a third party; a later review never changes it.

    period_start None and period_end set: the report speaks of that day alone; both None: of no period.
    """

    supplier = models.ForeignKey(Supplier, on_delete=models.PROTECT, related_name="reviews")
    provides = models.TextField(_("what they provide"))
    model_versions = models.ManyToManyField("compliance.ModelVersion", related_name="supplier_reviews", blank=True)
    report_type = enum_field(_("report"), ReportType)
    issuer = models.CharField(_("issued by"), max_length=200, blank=True)
    period_start = models.DateField(_("period from"), null=True, blank=True)
    period_end = models.DateField(_("period to, or as of"), null=True, blank=True)
    opinion = enum_field(_("opinion"), Opinion)
    exceptions = models.TextField(_("exceptions"), blank=True)
    gap_measures = models.TextField(_("what covers the gap"), blank=True)
    conclusion = models.TextField(_("what follows"))
    evidence = models.ForeignKey(
        "compliance.Evidence", on_delete=models.PROTECT, null=True, blank=True, related_name="supplier_reviews"
    )
    reviewer = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")
    reviewed_on = models.DateField(_("reviewed on"))

    class Meta:
        ordering = ("-reviewed_on", "-pk")
        constraints: ClassVar = [
            models.CheckConstraint(
                name="supplier_report_period_in_order",
                condition=models.Q(period_start__isnull=True) | models.Q(period_end__gte=models.F("period_start")),
            )
        ]

    def __str__(self) -> str:
        return f"{self.supplier}, {self.reviewed_on:%Y-%m-%d}"


class CustomerControl(Record):
    """A complementary customer control: what a report expects of those who use the service, and what meets it here."""

    review = models.ForeignKey(SupplierReview, on_delete=models.PROTECT, related_name="customer_controls")
    number = models.PositiveIntegerField(_("number"))
    reference = models.CharField(_("id in the report"), max_length=100, blank=True)
    statement = models.TextField(_("what the report expects"))
    controls = models.ManyToManyField("compliance.ImplementedControl", related_name="customer_controls", blank=True)
    note = models.TextField(_("why no control is needed"), blank=True)

    class Meta:
        ordering = ("number",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["review", "number"], name="customer_control_number_once")
        ]

    def __str__(self) -> str:
        return f"{self.reference or self.number}: {self.statement}"
