"""Who did what: payloads behind ledger events, and what row triggers caught."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.ledger import LedgerEvent


class TrailEntry(models.Model):
    """The payload whose digest a ledger event holds. Ids only: names are looked up when shown."""

    event = models.OneToOneField(LedgerEvent, on_delete=models.PROTECT, related_name="entry")
    actor = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, related_name="+")
    system = models.ForeignKey("compliance.AISystem", on_delete=models.PROTECT, null=True, related_name="+")
    payload = models.JSONField(_("payload"))

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return self.event.kind


class RowChange(models.Model):
    """A change of a table that libraries write, caught by a trigger (accounts, tokens)."""

    table_name = models.CharField(_("table"), max_length=64)
    row_key = models.CharField(_("row"), max_length=128)
    operation = models.CharField(_("operation"), max_length=8)
    actor = models.CharField(_("actor"), max_length=64, blank=True)
    changed_at = models.DateTimeField(_("at"))

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"{self.operation} {self.table_name} {self.row_key}"
