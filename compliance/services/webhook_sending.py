"""Sending what waits in the outbox: at least once, in the order of the events, each endpoint by itself.

Endpoints are sent to side by side, each by one worker at a time: one that never answers holds up nobody else, and after its
first failure the rest of its deliveries waits with it. No transaction is open while a request is under way.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

import compliance
from compliance.models import User, WebhookDelivery, WebhookEndpoint
from compliance.services import notices, pinned_http, stored_secrets
from compliance.services.errors import RefusedError
from compliance.services.outbox import payload_of
from compliance.services.webhooks import PURPOSE, key_of
from compliance.types.notices import MOST_ATTEMPTS, DeliveryState, NoticeKind, wait_after
from compliance.types.states import Role

_AT_ONCE = 8
_BATCH = 25
_FAILING_AFTER = 5
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one request. status None: no answer, and error says why."""

    status: int | None
    error: str = ""

    @property
    def is_delivered(self) -> bool:
        """Whether the other side took it; a redirect is no such answer."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    """What one endpoint is to be sent, in order."""

    endpoint: WebhookEndpoint
    deliveries: tuple[WebhookDelivery, ...]
    bodies: tuple[bytes, ...] = field(repr=False)
    key: bytes = field(repr=False)


def deliver(*, now: datetime | None = None) -> int:
    """Sends what is due; how many deliveries arrived. Safe to run at any time, also beside itself."""
    moment = now or timezone.now()
    due = WebhookDelivery.objects.filter(endpoint=OuterRef("pk"), state=DeliveryState.WAITING, next_at__lte=moment)
    waiting = WebhookEndpoint.objects.filter(Exists(due), is_active=True).order_by("busy_until", "pk")
    batches = [batch for endpoint in waiting for batch in [_take(endpoint, moment)] if batch is not None]
    arrived = 0
    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        running = {pool.submit(_send, batch): batch for batch in batches}
        for done in as_completed(running):
            arrived += _note(running[done], done.result(), moment)
    return arrived


def _take(endpoint: WebhookEndpoint, now: datetime) -> _Batch | None:
    """An endpoint's next deliveries, for this run alone; None where another has it."""
    free = Q(busy_until=None) | Q(busy_until__lte=timezone.now())
    longest = timedelta(seconds=settings.WEBHOOK_SECONDS * (_BATCH + 2))
    taken = WebhookEndpoint.objects.filter(free, pk=endpoint.pk).update(busy_until=timezone.now() + longest)
    if not taken:
        return None
    rows = endpoint.deliveries.filter(state=DeliveryState.WAITING, next_at__lte=now)
    deliveries = tuple(rows.select_related("event").order_by("event_id")[:_BATCH])
    try:
        key = key_of(stored_secrets.unseal(endpoint.sealed_secret, purpose=PURPOSE))
    except RefusedError as error:
        batch = _Batch(endpoint=endpoint, deliveries=deliveries, bodies=(), key=b"")
        _note(batch, [Outcome(status=None, error=str(error))], now)
        return None
    bodies = tuple(_body(delivery) for delivery in deliveries)
    return _Batch(endpoint=endpoint, deliveries=deliveries, bodies=bodies, key=key)


def _body(delivery: WebhookDelivery) -> bytes:
    return json.dumps(payload_of(delivery), ensure_ascii=True, separators=(",", ":"), sort_keys=True).encode("ascii")


def _send(batch: _Batch) -> list[Outcome]:
    """In a thread of its own, which touches no table: in order, until one fails."""
    outcomes = []
    for delivery, body in zip(batch.deliveries, batch.bodies, strict=True):
        outcomes.append(_post(batch.endpoint.url, str(delivery.uuid), body, batch.key))
        if not outcomes[-1].is_delivered:
            break
    return outcomes


def _post(url: str, message_id: str, body: bytes, key: bytes) -> Outcome:
    try:
        status = pinned_http.post(url, body=body, headers=headers(message_id, datetime.now(UTC), body, key))
    except (pinned_http.UnreachableError, RefusedError) as error:
        return Outcome(status=None, error=str(error))
    return Outcome(status=status)


def headers(message_id: str, at: datetime, body: bytes, key: bytes) -> dict[str, str]:
    """Headers of a request, signed as Standard Webhooks says: HMAC-SHA-256 over id, time and body, joined by dots."""
    timestamp = str(int(at.timestamp()))
    signed = b".".join((message_id.encode("ascii"), timestamp.encode("ascii"), body))
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode("ascii")
    return {
        "Content-Type": "application/json",
        "User-Agent": f"Assay/{compliance.__version__}",
        "Webhook-Id": message_id,
        "Webhook-Timestamp": timestamp,
        "Webhook-Signature": f"v1,{signature}",
    }


@transaction.atomic
def _note(batch: _Batch, outcomes: Sequence[Outcome], now: datetime) -> int:
    """Writes down what became of a batch, and lets go of the endpoint."""
    endpoint = WebhookEndpoint.objects.select_for_update().get(pk=batch.endpoint.pk)
    arrived = 0
    for delivery, outcome in zip(batch.deliveries, outcomes, strict=False):
        delivery.attempts, delivery.last_try_at = delivery.attempts + 1, now
        delivery.status, delivery.error = outcome.status, outcome.error[:200]
        if outcome.is_delivered:
            arrived += 1
            delivery.state, delivery.delivered_at = DeliveryState.DELIVERED, now
            endpoint.failures, endpoint.last_success_at = 0, now
        else:
            _put_off(endpoint, delivery, batch, now)
        delivery.save()
    endpoint.busy_until = None
    endpoint.save(update_fields=["busy_until", "failures", "last_success_at"])
    return arrived


def _put_off(endpoint: WebhookEndpoint, delivery: WebhookDelivery, batch: _Batch, now: datetime) -> None:
    """A failed delivery is tried again later, and all that waits behind it not before."""
    endpoint.failures += 1
    wait = timedelta(seconds=wait_after(endpoint.failures, random.random()))
    delivery.next_at = now + wait
    if delivery.attempts >= MOST_ATTEMPTS:
        delivery.state = DeliveryState.GIVEN_UP
    waiting = endpoint.deliveries.filter(state=DeliveryState.WAITING, next_at__lt=delivery.next_at)
    waiting.exclude(pk=delivery.pk).update(next_at=delivery.next_at)
    _log.warning("webhook_failed", endpoint=str(endpoint.uuid), tries=delivery.attempts, status=delivery.status)
    if endpoint.failures == _FAILING_AFTER:
        people = User.objects.filter(role=Role.ADMINISTRATOR, is_active=True)
        since = endpoint.last_success_at.isoformat() if endpoint.last_success_at else "never"
        notices.tell(kind=NoticeKind.WEBHOOK_FAILING, subject=endpoint, people=people, once=since)
