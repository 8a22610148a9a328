"""The ledger: insert-only tables that show whether the record was altered (docs/trust-model.md)."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record, digest_field


class LedgerEvent(Record):
    """Something happened. Holds ids and digests only; written in the business transaction."""

    kind = models.CharField(_("kind"), max_length=64)
    subject_type = models.CharField(_("subject"), max_length=64)
    subject_uuid = models.UUIDField(_("subject identifier"))
    payload_sha256 = digest_field(_("payload SHA-256"), blank=False)

    class Meta:
        indexes = [models.Index(fields=["subject_uuid"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_uuid}"


class LedgerBlock(Record):
    """A sealed range of positions: Merkle root over its events, chained to the block before."""

    # Stated by the sealer, not by the insert: the block's hash covers it.
    created_at = models.DateTimeField(_("sealed at"), default=timezone.now, editable=False)
    number = models.PositiveBigIntegerField(_("block"), unique=True)
    first_position = models.PositiveBigIntegerField(_("first position"), unique=True)
    event_count = models.PositiveIntegerField(_("events"))
    merkle_root = digest_field(_("Merkle root"), blank=False)
    previous_sha256 = digest_field(_("previous block"))
    block_sha256 = digest_field(_("block SHA-256"), blank=False, unique=True)
    key_id = models.CharField(_("checkpoint key"), max_length=64, blank=True)
    signature = models.TextField(_("checkpoint signature"), blank=True)

    class Meta:
        ordering = ("number",)

    def __str__(self) -> str:
        return f"{self.number}"


class LedgerPosition(models.Model):
    """Where the sealer put an event. Never derived from row ids: rows commit out of order."""

    position = models.PositiveBigIntegerField(_("position"), primary_key=True)
    event = models.OneToOneField(LedgerEvent, on_delete=models.PROTECT, related_name="place")
    block = models.ForeignKey(LedgerBlock, on_delete=models.PROTECT, related_name="places")
    # Tells which row was changed, where the block's root alone tells that one was.
    leaf_sha256 = digest_field(_("hash in the tree"))

    def __str__(self) -> str:
        return f"{self.position}"


class LedgerCheckpoint(Record):
    """Size and root of the tree over all blocks so far, signed. Packs carry one, and people keep them elsewhere."""

    # Stated by whoever signs, not by the insert: the checkpoint's hash covers it.
    created_at = models.DateTimeField(_("made at"), default=timezone.now, editable=False)
    blocks = models.PositiveBigIntegerField(_("blocks"))
    events = models.PositiveBigIntegerField(_("events"))
    root = digest_field(_("root"), blank=False)
    head = digest_field(_("newest block"), blank=False)
    sha256 = digest_field(_("SHA-256"), blank=False, unique=True)
    key_id = models.CharField(_("key"), max_length=64)
    signature = models.CharField(_("signature"), max_length=128)

    class Meta:
        ordering = ("-blocks", "-pk")
        indexes = [models.Index(fields=["blocks"])]

    def __str__(self) -> str:
        return f"{self.blocks} {self.sha256[:16]}"


class CheckpointStamp(Record):
    """A time stamp over a checkpoint: by an authority, or with none by the installation's own clock."""

    checkpoint = models.ForeignKey(LedgerCheckpoint, on_delete=models.PROTECT, related_name="stamps")
    authority = models.CharField(_("time-stamp authority"), max_length=300, blank=True)
    stamped_at = models.DateTimeField(_("stamped at"))
    token = models.TextField(_("token"))

    class Meta:
        ordering = ("stamped_at", "pk")

    def __str__(self) -> str:
        return f"{self.checkpoint} {self.authority}"
