"""One POST to an address that a person typed, such that it reaches nothing inside: the name is resolved once, every address it
stands for must be public, the connection goes to that very address, TLS checks the name, and redirects are not followed.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

from compliance.services.errors import RefusedError

_NAT64 = ip_network("64:ff9b::/96")
_LONGEST = 500
_READ_BYTES = 4096
Address = IPv4Address | IPv6Address


class UnreachableError(Exception):
    """The request was not answered; the message says why, in a few words, and holds nothing of the address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where an address leads: its parts, checked."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def host_header(self) -> str:
        """As it belongs into a request."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.scheme == "https" else 80
        return name if self.port == usual else f"{name}:{self.port}"


def target_of(url: str) -> Target:
    """The parts of an address. Raises RefusedError in words."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise RefusedError(_("This is no address: write one such as https://example.org/hook.")) from error
    if (
        len(url) > _LONGEST
        or parts.scheme not in ("https", "http")
        or not host
        or not url.isascii()
        or not url.isprintable()
    ):
        raise RefusedError(_("This is no address: write one such as https://example.org/hook."))
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise RefusedError(_("The address must hold no name, password or fragment."))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(scheme=parts.scheme, host=host, port=port or (443 if parts.scheme == "https" else 80), path=path)


def pinned(target: Target) -> Address:
    """The address to connect to, resolved now. Raises RefusedError where any that the name stands for is internal, and
    UnreachableError where it stands for none."""
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnreachableError(_("the name of the host is not known")) from error
    addresses = [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    named = _named_networks()
    if not addresses or not all(is_public(one) or any(one in network for network in named) for one in addresses):
        raise RefusedError(_("The address leads to an internal or reserved network; webhooks go to public ones."))
    if target.scheme == "http" and not all(any(one in network for network in named) for one in addresses):
        raise RefusedError(_("Webhooks are sent by https alone: write an address that begins with https://."))
    return addresses[0]


def is_public(address: Address) -> bool:
    """Whether an address is reachable for everybody: not loopback, link-local, private, shared, reserved or multicast, and
    not one of these inside another."""
    inner = _inside(address)
    if inner is not None:
        return is_public(inner)
    return address.is_global and not address.is_multicast and not address.is_reserved


def _inside(address: Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one stands for."""
    if isinstance(address, IPv4Address):
        return None
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def _named_networks() -> Sequence[IPv4Network | IPv6Network]:
    """Networks inside which whoever runs Assay allows webhooks."""
    return [ip_network(text) for text in settings.WEBHOOK_NETWORKS]


def post(url: str, *, body: bytes, headers: Mapping[str, str]) -> int:
    """The status of the answer. The whole takes no longer than WEBHOOK_SECONDS once the name is resolved. Raises RefusedError
    and UnreachableError."""
    target = target_of(url)
    address = pinned(target)
    return _Exchange(target, address, settings.WEBHOOK_SECONDS).post(body, headers)


class _Exchange:
    """One request with its answer, cut off when its time is over, however slowly the other side writes."""

    def __init__(self, target: Target, address: Address, seconds: float) -> None:
        self._target, self._address, self._seconds = target, address, seconds
        self._socket: socket.socket | None = None
        self._is_over = False

    def post(self, body: bytes, headers: Mapping[str, str]) -> int:
        watch = threading.Timer(self._seconds, self._cut)
        watch.daemon = True
        watch.start()
        try:
            return self._answer(body, headers)
        except ssl.SSLCertVerificationError as error:
            raise UnreachableError(_("its certificate is not right for this name")) from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            is_late = self._is_over or isinstance(error, TimeoutError)
            raise UnreachableError(_("it did not answer in time") if is_late else _("the connection failed")) from error
        finally:
            watch.cancel()
            if self._socket is not None:
                self._socket.close()

    def _answer(self, body: bytes, headers: Mapping[str, str]) -> int:
        self._socket = socket.create_connection((str(self._address), self._target.port), timeout=self._seconds)
        if self._target.scheme == "https":
            context = ssl.create_default_context()
            self._socket = context.wrap_socket(self._socket, server_hostname=self._target.host)
        connection = http.client.HTTPConnection(self._target.host, self._target.port)
        connection.sock = self._socket
        connection.request("POST", self._target.path, body=body, headers={**headers, "Host": self._target.host_header})
        response = connection.getresponse()
        response.read(_READ_BYTES)
        return response.status

    def _cut(self) -> None:
        self._is_over = True
        if self._socket is not None:
            try:
                self._socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                self._socket.close()
