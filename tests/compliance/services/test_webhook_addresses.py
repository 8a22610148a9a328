"""Where webhooks may go: to public addresses that were checked, and never to what is internal."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from compliance.models import AISystem, User, WebhookDelivery, WebhookEndpoint
from compliance.services import pinned_http, webhook_sending
from compliance.services.errors import RefusedError
from tests.compliance.packs.authority_server import tls_identity
from tests.compliance.services.test_webhooks import (
    Define,
    Receiver,
    define,
    happen,
    later,
    receiver,
    receiving,
    this_machine,
)

__all__ = ["define", "receiver", "this_machine"]  # fixtures of this module


INTERNAL = (
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "fd12::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "64:ff9b::a00:1", "2002:7f00:1::", "2001:db8::1",
)  # fmt: skip


@pytest.mark.parametrize("address", INTERNAL)
def test_internal_addresses_are_no_public_ones(address: str) -> None:
    assert not pinned_http.is_public(ip_address(address))


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::5db8:d70e"])
def test_public_addresses_are(address: str) -> None:
    assert pinned_http.is_public(ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/", "https://localhost/", "https://[::1]/", "https://10.0.0.1/", "https://169.254.169.254/latest",
        "https://2130706433/", "https://0x7f.1/", "https://127.1/", "http://93.184.215.14/", "ftp://example.org/",
        "https://user:secret@93.184.215.14/", "https:///nowhere", "javascript:alert(1)", "https://93.184.215.14:99999/",
        "https://93.184.215.14/#part", "https://exa\nmple.org/",
    ],
)  # fmt: skip
def test_addresses_that_are_internal_or_none_are_refused(define: Define, settings: Settings, url: str) -> None:
    settings.WEBHOOK_NETWORKS = []
    with pytest.raises(RefusedError):
        define(url)
    assert not WebhookEndpoint.objects.exists()


def test_a_name_that_leads_inside_later_is_refused_when_it_is_sent_to(
    receiver: Receiver, define: Define, system: AISystem, officer: User, settings: Settings
) -> None:
    define(receiver.url)
    happen(system, officer)
    settings.WEBHOOK_NETWORKS = []
    assert webhook_sending.deliver() == 0
    assert receiver.got == []
    assert "internal" in WebhookDelivery.objects.get().error


def test_the_connection_goes_to_the_address_that_was_checked(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is resolved a second time may lead elsewhere: it is resolved once."""
    port = int(receiver.url.rpartition(":")[2].partition("/")[0])
    asked: list[str] = []

    def resolve(host: str, *_rest: object, **_more: object) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda host, *a, **k: resolve(host) if host == "hooks.example" else real(host, *a, **k)
    )
    assert pinned_http.post(f"http://hooks.example:{port}/x", body=b"{}", headers={}) == 204
    assert asked == ["hooks.example"]
    assert receiver.got[0][0]["host"] == f"hooks.example:{port}"


def test_one_internal_address_among_public_ones_refuses_the_name(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.WEBHOOK_NETWORKS = []
    found = [(2, 1, 6, "", ("93.184.215.14", 443)), (2, 1, 6, "", ("10.0.0.5", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: found)
    with pytest.raises(RefusedError, match="internal"):
        pinned_http.pinned(pinned_http.target_of("https://hooks.example/"))


def test_a_certificate_of_nobody_known_is_refused(
    define: Define, system: AISystem, officer: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = tls_identity(tmp_path)
    with receiving(tls=certificate) as receiver:
        define(receiver.url)
        happen(system, officer)
        assert webhook_sending.deliver() == 0
        assert "certificate" in WebhookDelivery.objects.get().error
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert webhook_sending.deliver(now=later(minutes=5)) == 1
