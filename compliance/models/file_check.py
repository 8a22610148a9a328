"""Stored files hashed again: what each was found to be last, and the runs in which they were looked at."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record, digest_field, enum_field
from compliance.types.file_checks import FileState


class RehashRun(Record):
    """One pass over stored files, or over the slice of them whose turn it was."""

    job = models.OneToOneField("compliance.Job", on_delete=models.PROTECT, null=True, related_name="rehash_run")
    is_whole = models.BooleanField(_("all files"), default=False)
    planned = models.PositiveIntegerField(_("files planned"), default=0)
    checked = models.PositiveIntegerField(_("files checked"), default=0)
    bytes_read = models.PositiveBigIntegerField(_("bytes read"), default=0)
    altered = models.PositiveIntegerField(_("altered"), default=0)
    missing = models.PositiveIntegerField(_("missing"), default=0)
    disposed = models.PositiveIntegerField(_("disposed of by then"), default=0)
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-pk")

    def __str__(self) -> str:
        return f"{self.created_at:%Y-%m-%d %H:%M}"


class FileCheck(Record):
    """What one stored file was found to be when it was last hashed again."""

    storage_name = models.CharField(_("kept as"), max_length=300, unique=True)
    sha256 = digest_field(_("SHA-256 on record"), blank=False)
    state = enum_field(_("found"), FileState)
    size = models.BigIntegerField(_("bytes read"), default=0)
    checked_at = models.DateTimeField(_("checked at"))
    run = models.ForeignKey(RehashRun, on_delete=models.PROTECT, related_name="checks")

    class Meta:
        ordering = ("checked_at", "pk")
        indexes: ClassVar = [models.Index(fields=["state"]), models.Index(fields=["sha256"])]

    def __str__(self) -> str:
        return self.storage_name
