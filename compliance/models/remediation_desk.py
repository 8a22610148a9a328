"""What people keep around remediation items: comments, filters, edits of many items at once, monthly summaries."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record, digest_field


class RemediationComment(Record):
    """What somebody said about an item; stays as it was written."""

    item = models.ForeignKey("compliance.RemediationItem", on_delete=models.PROTECT, related_name="comments")
    author = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")
    text = models.TextField(_("comment"))

    class Meta:
        ordering = ("created_at", "pk")
        indexes: ClassVar = [models.Index(fields=["item", "created_at"], name="comment_of_item")]

    def __str__(self) -> str:
        return f"{self.item_id}: {self.created_at:%Y-%m-%d}"


class SavedFilter(Record):
    """A filter of the remediation table under a name of its owner's; a shared one is there for others to use as well."""

    owner = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="saved_filters")
    name = models.CharField(_("name"), max_length=100)
    query = models.CharField(_("filter"), max_length=1000, blank=True)
    is_shared = models.BooleanField(_("shared"), default=False)

    class Meta:
        ordering = ("name", "pk")
        constraints: ClassVar = [models.UniqueConstraint(fields=["owner", "name"], name="filter_name_once_per_person")]

    def __str__(self) -> str:
        return self.name


class BulkEdit(Record):
    """One edit of many items: drafted, looked at, then done by one job.

    changes: what is to be (compliance.types.bulk_edits.Changes as JSON). items: [key, mark] of each item as it was when
    the edit was drafted; what another mark says was changed since, and is left alone. result: what the job did.
    """

    made_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")
    changes = models.JSONField(_("changes"))
    items = models.JSONField(_("items"))
    job = models.OneToOneField("compliance.Job", on_delete=models.PROTECT, null=True, related_name="bulk_edit")
    result = models.JSONField(_("result"), default=dict)

    class Meta:
        ordering = ("-created_at", "-pk")

    def __str__(self) -> str:
        return str(self.uuid)


class RemediationSummary(Record):
    """One month as a PDF, with the figures that it was drawn from; never changed, a later one stands beside it.

    has_costs: it tells what work costs, and exists for those alone who may see that.
    """

    month = models.DateField(_("month"))
    storage_name = models.CharField(_("kept as"), max_length=300)
    sha256 = digest_field(_("SHA-256"), blank=False)
    size = models.BigIntegerField(_("size in bytes"))
    pages = models.PositiveIntegerField(_("pages"))
    document = models.JSONField(_("figures"))
    has_costs = models.BooleanField(_("with costs"), default=False)
    job = models.OneToOneField("compliance.Job", on_delete=models.PROTECT, null=True, related_name="summary")
    made_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ("-month", "-created_at")

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"
