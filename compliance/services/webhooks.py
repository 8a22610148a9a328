"""Endpoints of webhooks: defined, changed, given a new secret, ended; and deliveries sent again."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from compliance.models import User, WebhookDelivery, WebhookEndpoint
from compliance.services import ledger, pinned_http, stored_secrets
from compliance.services.errors import RefusedError
from compliance.types.canonical import digest_of
from compliance.types.notices import DeliveryState, EventFamily

PURPOSE = "webhook secrets"
_PREFIX = "whsec_"  # as Standard Webhooks writes secrets
_SECRET_BYTES = 32
_KEPT = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointDraft:
    """What is stated of an endpoint."""

    name: str
    url: str
    families: Collection[EventFamily]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """An endpoint with its secret, which is shown once and never again."""

    endpoint: WebhookEndpoint
    secret: str


@transaction.atomic
def define(*, draft: EndpointDraft, actor: User) -> Made:
    """A new endpoint with a secret of its own. Raises RefusedError."""
    _check(draft)
    secret = new_secret()
    endpoint = WebhookEndpoint.objects.create(
        name=draft.name.strip(),
        url=draft.url.strip(),
        families=sorted(family.value for family in draft.families),
        sealed_secret=stored_secrets.seal(secret, purpose=PURPOSE),
        made_by=actor,
    )
    _record(endpoint, "defined", actor)
    return Made(endpoint=endpoint, secret=secret)


@transaction.atomic
def change(*, endpoint: WebhookEndpoint, draft: EndpointDraft, is_active: bool, actor: User) -> None:
    """Another address, other events, or on and off; what waits is kept while it is off. Raises RefusedError."""
    _check(draft)
    fresh = WebhookEndpoint.objects.select_for_update().get(pk=endpoint.pk)
    fresh.name, fresh.url, fresh.is_active = draft.name.strip(), draft.url.strip(), is_active
    fresh.families = sorted(family.value for family in draft.families)
    fresh.save(update_fields=["name", "url", "families", "is_active"])
    _record(fresh, "changed", actor)


@transaction.atomic
def renew_secret(*, endpoint: WebhookEndpoint, actor: User) -> Made:
    """A new secret; the old one signs nothing from now on."""
    fresh = WebhookEndpoint.objects.select_for_update().get(pk=endpoint.pk)
    secret = new_secret()
    fresh.sealed_secret = stored_secrets.seal(secret, purpose=PURPOSE)
    fresh.save(update_fields=["sealed_secret"])
    _record(fresh, "secret_renewed", actor)
    return Made(endpoint=fresh, secret=secret)


@transaction.atomic
def send_again(*, delivery: WebhookDelivery, actor: User) -> None:
    """Queues a delivery anew, whatever became of it: the same event under the same id. Raises RefusedError."""
    fresh = WebhookDelivery.objects.select_for_update().select_related("endpoint").get(pk=delivery.pk)
    if not fresh.endpoint.is_active:
        raise RefusedError(_("The webhook is off: switch it on first."))
    fresh.state, fresh.attempts, fresh.next_at = DeliveryState.WAITING, 0, timezone.now()
    fresh.save(update_fields=["state", "attempts", "next_at"])
    payload = {"delivery": str(fresh.uuid)}
    ledger.record(kind="webhook.sent_again", subject=fresh.endpoint, payload=payload, actor=actor, system=None)


@transaction.atomic
def send_all_again(*, endpoint: WebhookEndpoint, actor: User) -> int:
    """Queues all that was given up; how many. Raises RefusedError."""
    if not endpoint.is_active:
        raise RefusedError(_("The webhook is off: switch it on first."))
    given_up = endpoint.deliveries.filter(state=DeliveryState.GIVEN_UP)
    count = given_up.update(state=DeliveryState.WAITING, attempts=0, next_at=timezone.now())
    if count:
        ledger.record(
            kind="webhook.sent_again", subject=endpoint, payload={"deliveries": count}, actor=actor, system=None
        )
    return count


def forget_old(*, now: datetime) -> int:
    """Takes away deliveries that arrived long ago; the events themselves stay in the ledger."""
    old = WebhookDelivery.objects.filter(state=DeliveryState.DELIVERED, delivered_at__lt=now - _KEPT)
    count, _by_model = old.delete()
    return count


def new_secret() -> str:
    """A random secret, written as Standard Webhooks writes them."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode("ascii")


def key_of(secret: str) -> bytes:
    """The bytes that sign."""
    return base64.b64decode(secret.removeprefix(_PREFIX))


def _check(draft: EndpointDraft) -> None:
    if not draft.name.strip():
        raise RefusedError(_("Give the webhook a name."))
    if not draft.families:
        raise RefusedError(_("Choose at least one kind of event."))
    target = pinned_http.target_of(draft.url)
    try:
        pinned_http.pinned(target)
    except pinned_http.UnreachableError:
        raise RefusedError(_("The host “%s” is not known: check the address.") % target.host) from None


def _record(endpoint: WebhookEndpoint, act: str, actor: User) -> None:
    payload = {
        "address_sha256": digest_of(endpoint.url),
        "families": endpoint.families,
        "active": endpoint.is_active,
    }
    ledger.record(kind=f"webhook.{act}", subject=endpoint, payload=payload, actor=actor, system=None)
