"""The organisation's own controls."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import RetainedRecord


class ImplementedControl(RetainedRecord):
    """A control as this organisation runs it on one AI system; tests and conclusions attach here."""

    system = models.ForeignKey("compliance.AISystem", on_delete=models.PROTECT, related_name="controls")
    reference = models.ForeignKey(
        "compliance.ReferenceControl", on_delete=models.PROTECT, related_name="implementations"
    )
    statement = models.TextField(_("statement"))
    owner = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="owned_controls")
    performer = models.CharField(_("performed by"), max_length=200)
    frequency = models.CharField(_("frequency"), max_length=64)
    scope = models.TextField(_("scope"), blank=True)
    nature = models.CharField(_("manual, automated or IT-dependent"), max_length=32)
    control_type = models.CharField(_("preventive or detective"), max_length=32)
    is_key = models.BooleanField(_("key control"), default=False)
    effective_from = models.DateField(_("effective from"))
    version = models.PositiveIntegerField(_("version"), default=1)

    class Meta:
        ordering = ("reference__control_id",)
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["system", "reference", "version"], name="implemented_control_version_once")
        ]

    def __str__(self) -> str:
        return f"{self.reference.control_id} · {self.system}"
