"""Statements of applicability: lines as they are being decided, and the versions that were approved."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record, digest_field, enum_field
from compliance.types.statements import Implementation, Inclusion


class StatementLine(Record):
    """What is decided on one control id of a framework: for an AI system, or for the organisation where system is empty."""

    framework = models.ForeignKey("compliance.Framework", on_delete=models.PROTECT, related_name="statement_lines")
    system = models.ForeignKey(
        "compliance.AISystem", on_delete=models.PROTECT, null=True, blank=True, related_name="statement_lines"
    )
    requirement_id = models.CharField(_("control id"), max_length=100)
    inclusion = enum_field(_("included or excluded"), Inclusion, default=Inclusion.UNDECIDED)
    reason = models.TextField(_("reason"), blank=True)
    implementation = enum_field(_("state of implementation"), Implementation, default=Implementation.NOT_STATED)
    version = models.PositiveIntegerField(_("version"), default=0)
    written_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")
    written_at = models.DateTimeField(_("written at"))

    class Meta:
        ordering = ("framework", "requirement_id")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["framework", "system", "requirement_id"], name="statement_line_once_per_system"
            ),
            models.UniqueConstraint(
                fields=["framework", "requirement_id"],
                name="statement_line_once_for_the_organisation",
                condition=models.Q(system=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.framework.key} {self.requirement_id}"


class StatementVersion(Record):
    """A statement of applicability as it was approved; never changed."""

    framework = models.ForeignKey("compliance.Framework", on_delete=models.PROTECT, related_name="statements")
    system = models.ForeignKey(
        "compliance.AISystem", on_delete=models.PROTECT, null=True, blank=True, related_name="statements"
    )
    version = models.PositiveIntegerField(_("version"))
    lines = models.JSONField(_("as approved"))
    sha256 = digest_field(_("SHA-256"), blank=False)
    note = models.TextField(_("note"), blank=True)
    approved_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("framework", "system", "-version")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["framework", "system", "version"], name="statement_version_once_per_system")
        ]

    def __str__(self) -> str:
        return f"{self.framework.key} v{self.version}"
