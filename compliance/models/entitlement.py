"""Who could submit fine-tune jobs: the dated documents that say so, and what was read off them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import RetainedRecord, digest_field, enum_field
from compliance.models.document import KeptDocument
from compliance.types.entitlements import Reach


class EntitlementSnapshot(KeptDocument):
    """One document that says what principals may do, as an import read it. Several are kept; none is ever changed."""

    system = models.ForeignKey("compliance.AISystem", on_delete=models.PROTECT, related_name="entitlement_snapshots")
    evidence = models.ForeignKey("compliance.Evidence", on_delete=models.PROTECT, related_name="entitlement_snapshots")

    class Meta:
        ordering = ("-taken_at", "-pk")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["system", "fingerprint"],
                condition=models.Q(purged_leaf=""),
                name="entitlement_snapshot_once_per_system",
            )
        ]
        indexes: ClassVar = [models.Index(fields=["system", "platform", "kind", "scope", "-taken_at"])]


class EntitlementReading(RetainedRecord):
    """Who can submit, as read off the latest documents of a system. A new document makes a new reading."""

    system = models.ForeignKey("compliance.AISystem", on_delete=models.PROTECT, related_name="entitlement_readings")
    source_uuid = models.UUIDField(_("import"))
    documents = models.ManyToManyField(EntitlementSnapshot, related_name="readings")
    as_of = models.DateTimeField(_("as of"))
    rule_version = models.CharField(_("Assay"), max_length=64)
    principals = models.PositiveIntegerField(_("principals looked at"))
    not_assessed = models.JSONField(_("not assessed"), default=list)
    limits = models.JSONField(_("limits"), default=list)
    rows_root = digest_field(_("Merkle root of the rows"))

    class Meta:
        ordering = ("-created_at", "-pk")
        indexes: ClassVar = [models.Index(fields=["system", "-created_at"])]

    def __str__(self) -> str:
        return f"{self.system} {self.as_of:%Y-%m-%d}"


class Entitlement(RetainedRecord):
    """One way by which one principal can submit. `path`, `resources`, … as in compliance.types.entitlements.Entitled."""

    reading = models.ForeignKey(EntitlementReading, on_delete=models.PROTECT, related_name="entitlements")
    principal = models.ForeignKey("compliance.Principal", on_delete=models.PROTECT, related_name="entitlements")
    platform = models.CharField(_("platform"), max_length=32)
    scope = models.CharField(_("account, subscription, project or cluster"), max_length=300, blank=True)
    reach = enum_field(_("how far away"), Reach)
    actions = models.JSONField(_("permissions"), default=list)
    path = models.JSONField(_("path"), default=list)
    resources = models.JSONField(_("resources"), default=list)
    conditions = models.JSONField(_("conditions"), default=list)
    runs_as = models.JSONField(_("identities a job may run as"), default=list)
    missing = models.JSONField(_("still missing"), default=list)

    class Meta:
        ordering = ("reading", "principal", "pk")
        indexes: ClassVar = [models.Index(fields=["reading", "reach", "principal"])]

    def __str__(self) -> str:
        return f"{self.principal}: {', '.join(self.actions)}"
