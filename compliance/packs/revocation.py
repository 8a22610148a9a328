"""Revocation data of the certificates in a seal: fetched by the worker, since the child has no network.

Only addresses that stand in certificates of the signer's folder, of TSA_ROOTS, or of a stamp that the authority gave in this
very run are asked, and only by http or https: a child that was taken over cannot choose where the worker goes.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypedDict

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID

from compliance.packs.exchange import ExchangeError, exchange
from compliance.packs.signers import SignerFiles

_LARGEST_LIST = 8 << 20
_MOST_CERTIFICATES = 12
_OCSP = {"Content-Type": "application/ocsp-request", "Accept": "application/ocsp-response"}


class RevocationData(TypedDict):
    """DER, base64."""

    crls: list[str]
    ocsps: list[str]


def _crl_urls(certificate: x509.Certificate) -> list[str]:
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    names = [name for point in points for name in point.full_name or []]
    return [str(name.value) for name in names if isinstance(name, x509.UniformResourceIdentifier)]


def _ocsp_urls(certificate: x509.Certificate) -> list[str]:
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [
        str(way.access_location.value)
        for way in access
        if way.access_method == AuthorityInformationAccessOID.OCSP
        and isinstance(way.access_location, x509.UniformResourceIdentifier)
    ]


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


@dataclass(slots=True)
class RevocationSource:
    """known: certificates whose own addresses may be asked. lists: CRLs that lie in the folder already (`*.crl`)."""

    known: dict[bytes, x509.Certificate] = field(default_factory=dict)
    lists: list[bytes] = field(default_factory=list)
    seconds: float = 15.0

    def learn(self, ders: Iterable[bytes]) -> None:
        """Allow for these certificates. What cannot be read is left out: nothing is asked for it."""
        for der in ders:
            try:
                self.known[der] = x509.load_der_x509_certificate(der)
            except ValueError:
                continue

    def about(self, der: bytes) -> RevocationData:
        """Lists from the folder, and what the certificate's own addresses answer; empty where nothing could be had."""
        certificate = self.known.get(der)
        found: RevocationData = {"crls": [_text(content) for content in self.lists], "ocsps": []}
        if certificate is None or len(self.known) > _MOST_CERTIFICATES:
            return found
        if content := self._first(_crl_urls(certificate), method="GET", body=None):
            found["crls"].append(_text(content))
        elif (issuer := self._issuer(certificate)) and (
            content := self._first(_ocsp_urls(certificate), method="POST", body=_ocsp_request(certificate, issuer))
        ):
            found["ocsps"].append(_text(content))
        return found

    def _issuer(self, certificate: x509.Certificate) -> x509.Certificate | None:
        return next((other for other in self.known.values() if other.subject == certificate.issuer), None)

    def _first(self, urls: list[str], *, method: str, body: bytes | None) -> bytes | None:
        for url in urls[:3]:
            headers = _OCSP if body else {}
            try:
                answer = exchange(
                    url, method=method, body=body, headers=headers, largest=_LARGEST_LIST, seconds=self.seconds
                )
            except ExchangeError:
                continue
            if answer.status == 200:
                return answer.content
        return None


def _ocsp_request(certificate: x509.Certificate, issuer: x509.Certificate) -> bytes:
    hashed = hashes.SHA1()  # noqa: S303 - RFC 5019 asks for it # nosec B303
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashed)
    return builder.build().public_bytes(serialization.Encoding.DER)


def source_of(files: SignerFiles, *, time_roots: str) -> RevocationSource:
    """For the signer of the folder and the authority with these roots."""
    source = RevocationSource()
    pems = [path.read_bytes() for path in (files.root, files.chain, files.seal, files.tsa) if path.exists()]
    if time_roots:
        pems.append(time_roots.encode())
    for pem in pems:
        certificates = x509.load_pem_x509_certificates(pem)
        source.learn(each.public_bytes(serialization.Encoding.DER) for each in certificates)
    for path in sorted(files.folder.glob("*.crl")):
        content = path.read_bytes()
        load = x509.load_pem_x509_crl if content.startswith(b"-----") else x509.load_der_x509_crl
        source.lists.append(load(content).public_bytes(serialization.Encoding.DER))
    return source
