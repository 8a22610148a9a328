"""The time-stamp authority that stamps packs, asked over HTTP (RFC 3161 §3.4) by the parent, since the child has no network.

The parent writes the request itself, from a digest and a nonce: nothing else that a child wishes to say gets out. It does
not read the answer; `stamper` does, in the child.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict
from urllib.parse import SplitResult, urlsplit

from asn1crypto import tsp
from cryptography import x509

from compliance.isolation import ChildFailed, IsolationError
from compliance.types.shape import Sha256, ShapeError, check_shape

LARGEST_ANSWER = 64 << 10
_MOST_STAMPS = 4  # the seal needs two: one to learn the size, one that stays
_HEADERS = {
    "Content-Type": "application/timestamp-query",
    "Accept": "application/timestamp-reply",
    "Connection": "close",
    "User-Agent": "Assay",
}


class AuthorityError(IsolationError):
    """No time stamp was got, or the settings for it cannot be used. One sentence."""


class StampQuestion(TypedDict):
    """What the child may ask: a stamp over this digest. The nonce has at most 64 bits."""

    sha256: Sha256
    nonce: int


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise AuthorityError("TSA_URL is not an address that begins with https:// or http:// and names a host.")
    if parts.username is not None:
        raise AuthorityError("TSA_URL holds a user name; authorities that ask for one are not supported.")
    return parts


def _request(question: StampQuestion) -> bytes:
    imprint = {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": bytes.fromhex(question["sha256"])}
    request = {"version": 1, "message_imprint": imprint, "nonce": question["nonce"], "cert_req": True}
    return bytes(tsp.TimeStampReq(request).dump())


def _cut(connection: socket.socket) -> None:
    """Ends a read in another thread. The base class's method, since that of a TLS socket would pull its state away."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


@dataclass(frozen=True, slots=True)
class Authority:
    """roots: its root certificates as PEM, or "" where they are not known here. seconds: for one whole exchange."""

    url: str
    roots: str = ""
    seconds: float = 15.0

    def __post_init__(self) -> None:
        _split(self.url)

    @property
    def host(self) -> str:
        return _split(self.url).hostname or ""

    def stamp(self, question: StampQuestion) -> bytes:
        """The answer as it came, at most 64 KiB. Raises AuthorityError."""
        try:
            status, media_type, content = self._post(_request(question))
        except TimeoutError as error:
            raise self._unanswered(f"did not answer within {self.seconds:g} s") from error
        except (OSError, http.client.HTTPException) as error:
            told = (getattr(error, name, None) for name in ("verify_message", "strerror"))
            reason = next(filter(None, told), type(error).__name__)
            raise self._unanswered(f"could not be asked ({reason})") from error
        if status != http.client.OK:
            raise self._unanswered(f"answered with HTTP status {status}")
        if media_type.partition(";")[0].strip().lower() != _HEADERS["Accept"]:
            raise self._unanswered("answered with something that is not called a time stamp")
        if len(content) > LARGEST_ANSWER:
            raise self._unanswered(f"answered with more than {LARGEST_ANSWER >> 10} KiB")
        return content

    def _unanswered(self, what: str) -> AuthorityError:
        return AuthorityError(f"The time-stamp authority {self.host} (TSA_URL) {what}, so the pack was not issued.")

    def _post(self, body: bytes) -> tuple[int, str, bytes]:
        """Redirects are not followed. Each read has the time limit, and a timer ends an answer that comes in drops."""
        parts, end = _split(self.url), time.monotonic() + self.seconds
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=self.seconds)
        timer = None
        try:
            connection.connect()
            timer = threading.Timer(max(0.0, end - time.monotonic()), _cut, (connection.sock,))
            timer.daemon = True
            timer.start()
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", target, body, _HEADERS)
            response = connection.getresponse()
            content = response.read(LARGEST_ANSWER + 1)
            if time.monotonic() >= end:
                raise TimeoutError
            return response.status, response.getheader("Content-Type", ""), content
        except (OSError, http.client.HTTPException):
            if time.monotonic() >= end:
                raise TimeoutError from None
            raise
        finally:
            if timer:
                timer.cancel()
            connection.close()


def read_roots(path: str) -> str:
    """The PEM text of a file of root certificates; "" stays "". Raises AuthorityError."""
    if not path:
        return ""
    try:
        content = Path(path).read_bytes()
        x509.load_pem_x509_certificates(content)
    except (OSError, ValueError) as error:
        raise AuthorityError(f"TSA_ROOTS names {path}, which is no readable file of PEM certificates.") from error
    return content.decode("utf-8", "replace")


def answers_of(authority: Authority) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """For `run_isolated(on_ask=...)`: stamps for one pack. A child that asks for anything else is ended."""
    asked = 0

    def answer(question: dict[str, Any]) -> dict[str, Any]:
        nonlocal asked
        asked += 1
        try:
            check_shape(question, StampQuestion, "question")
        except ShapeError as error:
            raise ChildFailed(f"the pack's child asked for something other than a time stamp: {error}.") from error
        if asked > _MOST_STAMPS or not 0 <= question["nonce"] < 1 << 64:
            raise ChildFailed("the pack's child asked for more time stamps than a pack needs.")
        content = authority.stamp(StampQuestion(sha256=question["sha256"], nonce=question["nonce"]))
        return {"response": base64.b64encode(content).decode("ascii")}

    return answer
