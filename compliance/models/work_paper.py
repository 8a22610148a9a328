"""Notes of auditors that only their author can read: ciphertext, and the key that their passphrase opens."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record


class WorkPaperKey(Record):
    """An auditor's data key, wrapped under their passphrase, which is kept nowhere. See compliance.services.note_cipher."""

    user = models.OneToOneField("compliance.User", on_delete=models.PROTECT, related_name="work_paper_key")
    salt = models.BinaryField(_("salt"))
    cost = models.PositiveIntegerField(_("cost"))
    block = models.PositiveIntegerField(_("block size"))
    lanes = models.PositiveIntegerField(_("parallelisation"))
    wrapped = models.BinaryField(_("wrapped key"))
    failures = models.PositiveIntegerField(_("wrong passphrases in a row"), default=0)
    locked_until = models.DateTimeField(_("locked until"), null=True)

    def __str__(self) -> str:
        return str(self.uuid)


class WorkPaperNote(Record):
    """One note: title and text are in `sealed` alone."""

    author = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="work_paper_notes")
    engagement = models.ForeignKey("compliance.Engagement", on_delete=models.PROTECT, related_name="work_paper_notes")
    sealed = models.BinaryField(_("ciphertext"))
    changed_at = models.DateTimeField(_("changed at"), default=timezone.now)

    class Meta:
        ordering = ("-changed_at", "-pk")

    def __str__(self) -> str:
        return str(self.uuid)
