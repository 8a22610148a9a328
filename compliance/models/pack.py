"""Freezes and the evidence packs issued from them. Neither is ever changed; a pack is superseded."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record, RetainedRecord, digest_field, enum_field
from compliance.types.pack_layouts import Layout
from compliance.types.seals import SealLevel
from compliance.types.states import Audience, HandoverWay, ReleaseOutcome


class Freeze(RetainedRecord):
    """An assessment as it stood, in one canonical JSON document kept in the evidence storage. Insert-only."""

    assessment = models.OneToOneField("compliance.Assessment", on_delete=models.PROTECT, related_name="freeze")
    sha256 = digest_field(_("document SHA-256"), blank=False)
    storage_name = models.CharField(_("kept as"), max_length=300)
    attachments = models.JSONField(_("registers by name"), default=dict)
    frozen_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.assessment} {self.sha256[:16]}"


class EvidencePack(RetainedRecord):
    """A signed PDF and its receipt, and the ZIP beside it where there is one. All files lie in the evidence storage.

    marks: who stands behind the marks of a pack for external recipients; it stays with the organisation.
    """

    freeze = models.ForeignKey(Freeze, on_delete=models.PROTECT, related_name="packs")
    number = models.PositiveIntegerField(_("pack number"))
    audience = enum_field(_("made for"), Audience, default=Audience.INTERNAL)
    layout = enum_field(_("layout"), Layout, default=Layout.FULL)
    storage_name = models.CharField(_("kept as"), max_length=300)
    sha256 = digest_field(_("SHA-256"), blank=False)
    size = models.BigIntegerField(_("size in bytes"))
    pages = models.PositiveIntegerField(_("pages"), default=0)
    bag_storage_name = models.CharField(_("ZIP kept as"), max_length=300, blank=True)
    bag_sha256 = digest_field(_("SHA-256 of the ZIP"))
    bag_size = models.BigIntegerField(_("size of the ZIP in bytes"), default=0)
    bag_files = models.PositiveIntegerField(_("files in the ZIP"), default=0)
    marks_storage_name = models.CharField(_("key to the marks kept as"), max_length=300, blank=True)
    marks_sha256 = digest_field(_("SHA-256 of the key to the marks"))
    receipt = models.JSONField(_("receipt"))
    signatures = models.JSONField(_("signatures of the receipt"), default=list)
    level = enum_field(_("level of the seal"), SealLevel, default=SealLevel.B_T)
    stamped_until = models.DateTimeField(_("stamped until"), null=True)
    signer_sha256 = digest_field(_("signer certificate"))
    is_demonstration_signer = models.BooleanField(_("demonstration signer"), default=True)
    supersedes = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="superseded_by"
    )
    issued_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("-created_at",)
        constraints = [models.UniqueConstraint(fields=["freeze", "number"], name="pack_number_once_per_freeze")]

    def __str__(self) -> str:
        return f"{self.freeze.assessment} #{self.number}"


class PackRelease(Record):
    """What a person decided on a pack for external recipients; without a release nobody outside gets it. Insert-only.

    reason: of a refusal, or why somebody released a pack that they issued themselves.
    """

    pack = models.OneToOneField(EvidencePack, on_delete=models.PROTECT, related_name="release")
    outcome = enum_field(_("outcome"), ReleaseOutcome)
    is_alone = models.BooleanField(_("not independently released"), default=False)
    reason = models.TextField(_("reason"), blank=True)
    decided_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ("-created_at", "-pk")

    def __str__(self) -> str:
        return f"{self.pack}: {self.outcome}"


class PackHandover(Record):
    """That somebody got a pack: by their own download, by a command, or from the hand of a person."""

    pack = models.ForeignKey(EvidencePack, on_delete=models.PROTECT, related_name="handovers")
    way = enum_field(_("way"), HandoverWay)
    recipient = models.CharField(_("recipient"), max_length=300)
    purpose = models.TextField(_("purpose"), blank=True)
    handed_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ("-created_at", "-pk")

    def __str__(self) -> str:
        return self.recipient
