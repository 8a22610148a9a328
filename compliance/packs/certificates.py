"""Certificates out of files that people hand over."""

from __future__ import annotations

from collections.abc import Sequence

from asn1crypto import pem, x509

from compliance.packs.report import BadPackError


def _ders(content: bytes) -> list[bytes]:
    return [der for _name, _headers, der in pem.unarmor(content, multiple=True)] if pem.detect(content) else [content]


def read_certificates(contents: Sequence[bytes]) -> list[x509.Certificate]:
    """Certificates out of PEM texts, each of one or several, or DER. Raises BadPackError."""
    try:
        return [x509.Certificate.load(der) for content in contents for der in _ders(content)]
    except (ValueError, TypeError) as error:
        raise BadPackError("a certificate to trust is neither PEM nor DER.") from error
