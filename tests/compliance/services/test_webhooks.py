"""Webhooks against real servers on this machine: signed, in order, at least once, and never to what is internal."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from pytest_django.fixtures import Settings

from compliance.models import AISystem, LedgerEvent, Notice, User, WebhookDelivery, WebhookEndpoint
from compliance.services import ledger, webhook_sending, webhooks
from compliance.services.webhooks import EndpointDraft, Made
from compliance.types.notices import MOST_ATTEMPTS, EventFamily, wait_after


@dataclass
class Receiver:
    """A program that webhooks are sent to: what it got, and what it answers."""

    url: str = ""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    status: int = 204

    @property
    def messages(self) -> list[Any]:
        return [json.loads(body) for _headers, body in self.got]


@contextmanager
def receiving(*, tls: Path | None = None) -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.got.append(({key.lower(): value for key, value in self.headers.items()}, body))
            self.send_response(receiver.status)
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    receiver.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}/hook?x=1"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def silent(*, drip: bool) -> Iterator[str]:
    """A server that takes connections and never answers, or drips one byte at a time for ever."""
    listener = socket.create_server(("127.0.0.1", 0))
    kept: list[socket.socket] = []
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                connection, _address = listener.accept()
            except OSError:
                return
            kept.append(connection)
            while drip and not over.wait(0.05):
                try:
                    connection.sendall(b"H")
                except OSError:
                    break

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        over.set()
        listener.close()
        for connection in kept:
            connection.close()


@pytest.fixture(autouse=True)
def this_machine(settings: Settings) -> None:
    """Whoever runs this installation allows webhooks to this machine."""
    settings.WEBHOOK_NETWORKS = ["127.0.0.0/8"]
    settings.WEBHOOK_SECONDS = 1.0


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


Define = Callable[..., Made]


@pytest.fixture
def define(administrator: User) -> Define:
    def made(url: str, *families: EventFamily) -> Made:
        draft = EndpointDraft(name="Tickets", url=url, families=families or (EventFamily.SLA,))
        return webhooks.define(draft=draft, actor=administrator)

    return made


def happen(system: AISystem, actor: User, kind: str = "sla.near", **facts: object) -> LedgerEvent:
    with transaction.atomic():
        return ledger.record(kind=kind, subject=system, payload=facts, actor=actor, system=system)


def later(minutes: float = 0, hours: float = 0) -> datetime:
    return datetime.now(UTC) + timedelta(minutes=minutes, hours=hours)


# What is sent ---------------------------------------------------------------------------------------------------------


def test_an_event_arrives_signed(receiver: Receiver, define: Define, system: AISystem, officer: User) -> None:
    made = define(receiver.url)
    event = happen(system, officer, state="near", finding="0b6c2f5e-6f2c-4a57-9a51-27a7b9d5f3f1")
    assert webhook_sending.deliver() == 1
    ((headers, body),) = receiver.got
    key = base64.b64decode(made.secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    assert json.loads(body) == {
        "type": "sla.near",
        "timestamp": event.created_at.isoformat(),
        "data": {
            "event": str(event.uuid),
            "subject": {"type": "AISystem", "id": str(system.uuid)},
            "system": str(system.uuid),
            "states": {"state": "near"},
        },
    }


def test_no_person_and_no_text_leaves(receiver: Receiver, define: Define, system: AISystem, officer: User) -> None:
    define(receiver.url, EventFamily.REMEDIATION)
    happen(system, officer, "remediation.assigned", before=str(officer.uuid), after=str(officer.uuid))
    webhook_sending.deliver()
    sent = receiver.got[0][1].decode()
    assert str(officer.uuid) not in sent
    assert officer.name not in sent
    assert receiver.messages[0]["data"]["states"] == {}


def test_only_what_was_asked_for_is_queued(receiver: Receiver, define: Define, system: AISystem, officer: User) -> None:
    define(receiver.url, EventFamily.PACK)
    happen(system, officer)
    assert not WebhookDelivery.objects.exists()


def test_an_event_that_is_undone_is_never_sent(
    receiver: Receiver, define: Define, system: AISystem, officer: User
) -> None:
    define(receiver.url)
    with transaction.atomic():
        happen(system, officer)
        transaction.set_rollback(True)
    assert webhook_sending.deliver() == 0
    assert receiver.got == []


def test_events_arrive_in_their_order_and_once(
    receiver: Receiver, define: Define, system: AISystem, officer: User
) -> None:
    define(receiver.url)
    events = [str(happen(system, officer).uuid) for _n in range(5)]
    assert webhook_sending.deliver() == 5
    assert webhook_sending.deliver() == 0
    assert [message["data"]["event"] for message in receiver.messages] == events


# Failures -------------------------------------------------------------------------------------------------------------


def test_what_fails_is_tried_again_later_under_the_same_id(
    receiver: Receiver, define: Define, system: AISystem, officer: User
) -> None:
    define(receiver.url)
    happen(system, officer)
    receiver.status = 500
    assert webhook_sending.deliver() == 0
    delivery = WebhookDelivery.objects.get()
    assert (delivery.state, delivery.attempts, delivery.status) == ("waiting", 1, 500)
    assert webhook_sending.deliver() == 0
    assert len(receiver.got) == 1  # not before its time
    receiver.status = 200
    assert webhook_sending.deliver(now=later(minutes=5)) == 1
    assert len({headers["webhook-id"] for headers, _body in receiver.got}) == 1


def test_what_waits_behind_a_failure_keeps_its_place(
    receiver: Receiver, define: Define, system: AISystem, officer: User
) -> None:
    define(receiver.url)
    events = [str(happen(system, officer).uuid) for _n in range(3)]
    receiver.status = 503
    webhook_sending.deliver()
    assert len(receiver.got) == 1
    receiver.status = 204
    assert webhook_sending.deliver(now=later(minutes=5)) == 3
    assert [message["data"]["event"] for message in receiver.messages[1:]] == events


def test_it_is_given_up_after_many_tries_and_can_be_sent_again(
    receiver: Receiver, define: Define, system: AISystem, officer: User, administrator: User
) -> None:
    endpoint = define(receiver.url).endpoint
    happen(system, officer)
    receiver.status = 500
    for n in range(MOST_ATTEMPTS):
        webhook_sending.deliver(now=later(hours=24 * n))
    assert WebhookDelivery.objects.get().state == "given_up"
    assert [row.user for row in Notice.objects.filter(kind="webhook_failing")] == [administrator]
    assert webhook_sending.deliver(now=later(hours=24 * 99)) == 0
    receiver.status = 200
    assert webhooks.send_all_again(endpoint=endpoint, actor=administrator) == 1
    assert webhook_sending.deliver(now=later()) == 1


def test_a_redirect_is_not_followed(receiver: Receiver, define: Define, system: AISystem, officer: User) -> None:
    define(receiver.url)
    happen(system, officer)
    receiver.status = 302
    assert webhook_sending.deliver() == 0
    assert WebhookDelivery.objects.get().status == 302


@pytest.mark.parametrize("drip", [False, True], ids=["never answers", "one byte at a time"])
def test_an_endpoint_that_never_answers_holds_up_nobody(
    receiver: Receiver, define: Define, system: AISystem, officer: User, drip: bool
) -> None:
    with silent(drip=drip) as url:
        define(url)
        define(receiver.url)
        for _n in range(3):
            happen(system, officer)
        began = time.monotonic()
        assert webhook_sending.deliver() == 3
        assert time.monotonic() - began < 5
    assert {row.error for row in WebhookDelivery.objects.filter(state="waiting", attempts=1)} == {
        "it did not answer in time"
    }


def test_one_worker_at_a_time_sends_to_an_endpoint(
    receiver: Receiver, define: Define, system: AISystem, officer: User
) -> None:
    endpoint = define(receiver.url).endpoint
    happen(system, officer)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(busy_until=later(minutes=1))
    assert webhook_sending.deliver() == 0
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(busy_until=later(minutes=-1))  # its worker died
    assert webhook_sending.deliver() == 1


def test_waits_grow_and_are_spread() -> None:
    assert [wait_after(n, 1.0) for n in (1, 2, 3)] == [30, 60, 120]
    assert wait_after(1, 0.0) == 15
    assert wait_after(50, 1.0) == 12 * 3600


# Secrets --------------------------------------------------------------------------------------------------------------


def test_the_secret_is_kept_encrypted_and_a_new_one_signs_at_once(
    receiver: Receiver, define: Define, system: AISystem, officer: User, administrator: User
) -> None:
    made = define(receiver.url)
    assert made.secret not in WebhookEndpoint.objects.get().sealed_secret
    renewed = webhooks.renew_secret(endpoint=made.endpoint, actor=administrator)
    happen(system, officer)
    webhook_sending.deliver()
    ((headers, body),) = receiver.got
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    key = webhooks.key_of(renewed.secret)
    assert (
        headers["webhook-signature"]
        == webhook_sending.headers(headers["webhook-id"], at, body, key)["Webhook-Signature"]
    )
    assert renewed.secret != made.secret


def test_a_secret_kept_under_another_key_is_said_and_nothing_is_sent(
    receiver: Receiver, define: Define, system: AISystem, officer: User, settings: Settings
) -> None:
    define(receiver.url)
    happen(system, officer)
    settings.SECRET_KEY = "another-key-" * 6
    assert webhook_sending.deliver() == 0
    assert receiver.got == []
    assert "renew" in WebhookDelivery.objects.get().error
