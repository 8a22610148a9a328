"""The history of seals: certificates that sealed packs here, revocations, archive stamps added later."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record, digest_field, enum_field
from compliance.models.pack import EvidencePack
from compliance.types.seals import RevocationReason


class SealCertificate(Record):
    """A certificate that packs were sealed with; written at its first pack."""

    sha256 = models.CharField(_("certificate (SHA-256)"), max_length=64, unique=True)
    root_sha256 = digest_field(_("root (SHA-256)"), blank=False)
    subject = models.CharField(_("subject"), max_length=300)
    certificate = models.TextField(_("certificate (PEM)"))
    not_before = models.DateTimeField(_("valid from"))
    not_after = models.DateTimeField(_("valid until"))
    kept_in = models.CharField(_("key kept in"), max_length=16)
    is_demonstration = models.BooleanField(_("demonstration signer"), default=True)
    is_qualified = models.BooleanField(_("qualified under eIDAS, by its own statement"), default=False)

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.subject} {self.sha256[:16]}"


class SealRevocation(Record):
    """That a certificate is not to be relied on from a moment on. What was stamped before stays as it was."""

    certificate = models.OneToOneField(SealCertificate, on_delete=models.PROTECT, related_name="revocation")
    revoked_at = models.DateTimeField(_("revoked as of"))
    reason = enum_field(_("reason"), RevocationReason)
    told_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.certificate} {self.revoked_at:%Y-%m-%d}"


class PackRenewal(Record):
    """A pack with one more archive time stamp: a new file, with the pack's old bytes at its beginning."""

    pack = models.ForeignKey(EvidencePack, on_delete=models.PROTECT, related_name="renewals")
    number = models.PositiveIntegerField(_("renewal number"))
    storage_name = models.CharField(_("kept as"), max_length=300)
    sha256 = digest_field(_("SHA-256"), blank=False)
    size = models.BigIntegerField(_("size in bytes"))
    receipt = models.JSONField(_("receipt"))
    signatures = models.JSONField(_("signatures of the receipt"), default=list)
    stamped_until = models.DateTimeField(_("stamped until"), null=True)

    class Meta:
        ordering = ("-number",)
        constraints = [models.UniqueConstraint(fields=["pack", "number"], name="renewal_number_once_per_pack")]

    def __str__(self) -> str:
        return f"{self.pack} +{self.number}"
