"""The outbox of webhooks: written in the transaction of each event that an endpoint asked for, so that none is lost.

What leaves is an event's kind, time and subject by id, and the states in it: no names, no text, no people. `docs/webhooks.md`
says how it is signed and delivered.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from compliance.models import LedgerEvent, TrailEntry, WebhookDelivery, WebhookEndpoint
from compliance.services import bulk_rows
from compliance.types.drafts import JSON
from compliance.types.notices import DeliveryState

_STATE = re.compile(r"[a-z][a-z_-]{0,39}")
_STATES = ("before", "after", "state", "severity", "verdict")


def put(kind: str, events: Sequence[LedgerEvent]) -> None:
    """Queues events of one kind for every endpoint that asked for their family."""
    family = kind.partition(".")[0]
    endpoints = WebhookEndpoint.objects.filter(is_active=True).values_list("pk", "families")
    wanting = [pk for pk, families in endpoints if family in families]
    now = timezone.now()
    bulk_rows.create(
        WebhookDelivery,
        names=("endpoint_id", "event_id", "state", "next_at"),
        values=[(pk, event.pk, DeliveryState.WAITING.value, now) for pk in wanting for event in events],
    )


def payload_of(delivery: WebhookDelivery) -> JSON:
    """What is sent of an event; the same each time that it is sent."""
    event = delivery.event
    entry = TrailEntry.objects.select_related("system").get(event=event)
    return {
        "type": event.kind,
        "timestamp": event.created_at.isoformat(),
        "data": {
            "event": str(event.uuid),
            "subject": {"type": event.subject_type.partition(".")[2], "id": str(event.subject_uuid)},
            "system": str(entry.system.uuid) if entry.system else None,
            "states": _states(entry.payload),
        },
    }


def _states(facts: Any) -> JSON:
    """The states that an event tells of: words of Assay's own, never an id of a person or anything typed."""
    return {name: facts[name] for name in _STATES if isinstance(facts.get(name), str) and _STATE.fullmatch(facts[name])}
