"""Documents that platforms write about themselves, as imports read them."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import RetainedRecord, digest_field


class KeptDocument(RetainedRecord):
    """One document, or one self-contained part of a file. Several are kept; none is ever changed."""

    source_uuid = models.UUIDField(_("import"))
    fingerprint = digest_field(_("fingerprint"), blank=False)
    kind = models.CharField(_("kind of document"), max_length=64)
    platform = models.CharField(_("platform"), max_length=32)
    scope = models.CharField(_("account, subscription, project or cluster"), max_length=300, blank=True)
    taken_at = models.DateTimeField(_("taken at"))
    dated_by = models.CharField(_("what dates it"), max_length=16, choices=[
        ("document", _("the document itself")), ("importer", _("whoever imported it")), ("receipt", _("its receipt")),
    ])  # fmt: skip
    locator = models.CharField(_("place in the file"), max_length=300, blank=True)
    content = models.JSONField(_("content"), default=dict)
    raw_sha256 = digest_field(_("raw record SHA-256"), blank=False)
    # Filled when the content was purged: what the document counts as under the root of its import since.
    purged_leaf = digest_field(_("SHA-256 that stands for the purged content"))

    objects: ClassVar[models.Manager[Any]] = models.Manager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.kind} {self.scope}".strip()

    @property
    def is_purged(self) -> bool:
        """Whether what it said went in a disposal."""
        return bool(self.purged_leaf)


class PlatformDocument(KeptDocument):
    """A document that says which logs there are, that they are unaltered, or which jobs there were."""

    system = models.ForeignKey("compliance.AISystem", on_delete=models.PROTECT, related_name="platform_documents")
    evidence = models.ForeignKey("compliance.Evidence", on_delete=models.PROTECT, related_name="platform_documents")

    class Meta:
        ordering = ("-taken_at", "-pk")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["system", "fingerprint"],
                condition=models.Q(purged_leaf=""),
                name="platform_document_once_per_system",
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["system", "kind", "-taken_at"]),
            models.Index(fields=["source_uuid"]),
        ]
