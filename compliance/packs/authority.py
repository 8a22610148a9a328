"""The time-stamp authority that stamps packs, asked over HTTP (RFC 3161 §3.4) by the parent, since the child has no network.

The parent writes the request itself, from a digest and a nonce: nothing else that a child wishes to say gets out. It does
not read the answer; `stamper` does, in the child.
"""

from __future__ import annotations

import http.client
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from asn1crypto import tsp
from cryptography import x509

from compliance.isolation import IsolationError
from compliance.packs.exchange import BadAddressError, ExchangeError, exchange, split_address
from compliance.types.shape import Sha256

LARGEST_ANSWER = 64 << 10
_HEADERS = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}


class AuthorityError(IsolationError):
    """No time stamp was got, or the settings for it cannot be used. One sentence."""


class StampQuestion(TypedDict):
    """What the child may ask: a stamp over this digest. The nonce has at most 64 bits."""

    sha256: Sha256
    nonce: int


def request_of(question: StampQuestion) -> bytes:
    """The request, DER (RFC 3161 §2.4.1)."""
    imprint = {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": bytes.fromhex(question["sha256"])}
    request = {"version": 1, "message_imprint": imprint, "nonce": question["nonce"], "cert_req": True}
    return bytes(tsp.TimeStampReq(request).dump())


@dataclass(frozen=True, slots=True)
class Authority:
    """roots: its root certificates as PEM, or "" where they are not known here. seconds: for one whole exchange."""

    url: str
    roots: str = ""
    seconds: float = 15.0

    def __post_init__(self) -> None:
        try:
            split_address(self.url)
        except BadAddressError as error:
            raise AuthorityError(f"TSA_URL {error}") from error

    @property
    def host(self) -> str:
        return split_address(self.url).hostname or ""

    def stamp(self, question: StampQuestion) -> bytes:
        """The answer as it came, at most 64 KiB. Raises AuthorityError."""
        body = request_of(question)
        try:
            answer = exchange(
                self.url, method="POST", body=body, headers=_HEADERS, largest=LARGEST_ANSWER, seconds=self.seconds
            )
        except ExchangeError as error:
            raise self._unanswered(str(error)) from error
        if answer.status != http.client.OK:
            raise self._unanswered(f"answered with HTTP status {answer.status}")
        if answer.media_type.partition(";")[0].strip().lower() != _HEADERS["Accept"]:
            raise self._unanswered("answered with something that is not called a time stamp")
        if len(answer.content) > LARGEST_ANSWER:
            raise self._unanswered(f"answered with more than {LARGEST_ANSWER >> 10} KiB")
        return answer.content

    def _unanswered(self, what: str) -> AuthorityError:
        return AuthorityError(f"The time-stamp authority {self.host} (TSA_URL) {what}, so the pack was not issued.")


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
