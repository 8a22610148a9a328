"""Webhooks: the endpoints, and the outbox of what is to be delivered to each."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from compliance.models.base import Record, enum_field
from compliance.types.notices import DeliveryState


class WebhookEndpoint(Record):
    """Another program that is told of events. The secret is kept encrypted; busy_until: one worker delivers at a time."""

    name = models.CharField(_("name"), max_length=100)
    url = models.CharField(_("address"), max_length=500)
    families = models.JSONField(_("events"), default=list)
    sealed_secret = models.TextField(_("secret, encrypted"))
    is_active = models.BooleanField(_("active"), default=True)
    made_by = models.ForeignKey("compliance.User", on_delete=models.PROTECT, related_name="+")
    busy_until = models.DateTimeField(_("being delivered to until"), null=True, blank=True)
    failures = models.PositiveIntegerField(_("failed tries in a row"), default=0)
    last_success_at = models.DateTimeField(_("last delivery"), null=True, blank=True)

    class Meta:
        ordering = ("name", "pk")

    def __str__(self) -> str:
        return self.name


class WebhookDelivery(Record):
    """One event for one endpoint, written in the transaction of the event, delivered at least once."""

    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.PROTECT, related_name="deliveries")
    event = models.ForeignKey("compliance.LedgerEvent", on_delete=models.PROTECT, related_name="+")
    state = enum_field(_("state"), DeliveryState, default=DeliveryState.WAITING)
    attempts = models.PositiveIntegerField(_("tries"), default=0)
    next_at = models.DateTimeField(_("next try"))
    last_try_at = models.DateTimeField(_("last try"), null=True, blank=True)
    status = models.PositiveSmallIntegerField(_("answer"), null=True, blank=True)
    error = models.CharField(_("what went wrong"), max_length=200, blank=True)
    delivered_at = models.DateTimeField(_("delivered"), null=True, blank=True)

    class Meta:
        ordering = ("-created_at", "-pk")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["endpoint", "event"], name="webhook_delivery_once_per_event")
        ]
        indexes: ClassVar = [
            models.Index(fields=["endpoint", "state", "next_at"], name="webhook_delivery_waiting"),
        ]

    def __str__(self) -> str:
        return f"{self.endpoint_id}: {self.state}"
