"""Reviews that a new release of a framework asks for: which control it touches, and who looked at it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record


class ControlReview(Record):
    """A reference control whose mappings a release touches. Open until a named person has looked at it."""

    control = models.ForeignKey("compliance.ReferenceControl", on_delete=models.PROTECT, related_name="reviews")
    release = models.ForeignKey("compliance.CatalogRelease", on_delete=models.PROTECT, related_name="reviews")
    changes = models.JSONField(_("what changed"), default=list)
    note = models.TextField(_("conclusion"), blank=True)
    closed_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, blank=True)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)

    class Meta:
        ordering = ("control__control_id", "pk")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["control", "release"], name="control_review_once_per_release")
        ]

    def __str__(self) -> str:
        return f"{self.control.control_id} · {self.release}"

    @property
    def is_open(self) -> bool:
        """Nobody has looked at it yet."""
        return self.closed_at is None
