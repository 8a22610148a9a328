"""One question over HTTP and its answer, bounded in size and in time. Redirects are not followed, no proxy is used."""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit


class ExchangeError(OSError):
    """No answer was got. The message goes behind the name of the host: "did not answer within 15 s"."""


class BadAddressError(ValueError):
    """The address cannot be asked; the message goes behind its name."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """content: at most one byte more than was allowed."""

    status: int
    media_type: str
    content: bytes


def split_address(url: str) -> SplitResult:
    """Raises BadAddressError."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise BadAddressError("is not an address that begins with https:// or http:// and names a host.")
    if parts.username is not None:
        raise BadAddressError("holds a user name; authorities that ask for one are not supported.")
    return parts


def _cut(connection: socket.socket) -> None:
    """Ends a read in another thread. The base class's method, since that of a TLS socket would pull its state away."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def exchange(
    url: str, *, method: str, body: bytes | None, headers: Mapping[str, str], largest: int, seconds: float
) -> HttpAnswer:
    """Raises ExchangeError. Each read has the time limit, and a timer ends an answer that comes in drops."""
    end = time.monotonic() + seconds
    try:
        return _ask(split_address(url), method, body, headers, largest, seconds, end)
    except BadAddressError as error:
        raise ExchangeError(str(error)) from error
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, TimeoutError) or time.monotonic() >= end:
            raise ExchangeError(f"did not answer within {seconds:g} s") from error
        told = (getattr(error, name, None) for name in ("verify_message", "strerror"))
        reason = next(filter(None, told), type(error).__name__)
        raise ExchangeError(f"could not be asked ({reason})") from error


def _ask(
    parts: SplitResult,
    method: str,
    body: bytes | None,
    headers: Mapping[str, str],
    largest: int,
    seconds: float,
    end: float,
) -> HttpAnswer:
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=seconds)
    timer = None
    try:
        connection.connect()
        timer = threading.Timer(max(0.0, end - time.monotonic()), _cut, (connection.sock,))
        timer.daemon = True
        timer.start()
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, target, body, {"Connection": "close", "User-Agent": "Assay", **headers})
        response = connection.getresponse()
        content = response.read(largest + 1)
        if time.monotonic() >= end:
            raise TimeoutError
        return HttpAnswer(response.status, response.getheader("Content-Type", ""), content)
    finally:
        if timer:
            timer.cancel()
        connection.close()
