"""How complete a system's job log is, as measured over a period; and what auditors found when they compared keys."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record, RetainedRecord, digest_field, enum_field
from compliance.types.completeness import Part, RowState


class CompletenessReading(RetainedRecord):
    """The three figures over one period. What changes them makes a new reading; a reading never changes.

    figures: part -> counts, as the evaluators in scanning.completeness document them; limits: part -> sentences; stood_on: how
    many documents, log files and jobs of each kind were looked at; rows_root: over the rows, in order.
    """

    system = models.ForeignKey("compliance.AISystem", on_delete=models.PROTECT, related_name="completeness_readings")
    period_start = models.DateField(_("period from"))
    period_end = models.DateField(_("period to"))
    as_of = models.DateTimeField(_("as of"))
    rule_version = models.CharField(_("Assay"), max_length=64)
    figures = models.JSONField(_("figures"), default=dict)
    limits = models.JSONField(_("limits"), default=dict)
    stood_on = models.JSONField(_("what it stands on"), default=dict)
    rows_root = digest_field(_("Merkle root of the rows"))
    outcome_sha256 = digest_field(_("SHA-256 of the outcome"), blank=False)

    class Meta:
        ordering = ("-created_at", "-pk")
        indexes: ClassVar = [
            models.Index(fields=["system", "-created_at"]),
            models.Index(fields=["system", "period_start", "period_end", "-created_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.system} {self.period_start} – {self.period_end}"


class CompletenessRow(RetainedRecord):
    """One line of a figure: an account, a stretch of a digest chain, a job. Fields as in compliance.types.completeness."""

    reading = models.ForeignKey(CompletenessReading, on_delete=models.PROTECT, related_name="rows")
    n = models.PositiveIntegerField(_("line"))
    part = enum_field(_("figure"), Part)
    state = enum_field(_("state"), RowState)
    platform = models.CharField(_("platform"), max_length=64)
    place = models.CharField(_("account, region, workspace"), max_length=300, blank=True)
    name = models.CharField(_("what"), max_length=500, blank=True)
    sentence = models.TextField(_("in words"))
    starts_at = models.DateTimeField(_("from"), null=True, blank=True)
    ends_at = models.DateTimeField(_("to"), null=True, blank=True)
    facts = models.JSONField(_("facts"), default=dict)

    class Meta:
        ordering = ("reading", "n")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["reading", "n"], name="completeness_row_once_per_reading")
        ]
        indexes: ClassVar = [models.Index(fields=["reading", "part", "state", "n"])]

    def __str__(self) -> str:
        return f"{self.state} {self.place} {self.name}"


class KeyComparison(Record):
    """That somebody compared a key, by which digest files were verified, with what they fetched themselves. The latest of a key
    counts; none is ever changed. way: how they fetched theirs; seen: the fingerprint that they saw."""

    system = models.ForeignKey("compliance.AISystem", on_delete=models.PROTECT, related_name="key_comparisons")
    key_sha256 = digest_field(_("SHA-256 of the key"), blank=False)
    region = models.CharField(_("region"), max_length=64, blank=True)
    seen = models.CharField(_("fingerprint that was seen"), max_length=64)
    matches = models.BooleanField(_("is the same"))
    way = models.TextField(_("how it was fetched"))
    compared_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("-created_at", "-pk")
        indexes: ClassVar = [models.Index(fields=["system", "key_sha256", "-created_at"])]

    def __str__(self) -> str:
        return self.key_sha256[:16]
