"""A time stamper over a key that was read once. Loaded only where something is stamped, for it loads the PDF libraries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from asn1crypto import cms, core, x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from pyhanko.sign.general import as_signing_certificate, simple_cms_attribute
from pyhanko.sign.timestamps import DummyTimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore
from pyhanko_certvalidator.util import get_pyca_cryptography_hash

_attribute: Callable[[str, Any], Any] = simple_cms_attribute  # pyHanko leaves it untyped


class KeyStamper(DummyTimeStamper):
    """pyHanko's stamper reads its key anew for each stamp and checks that its numbers are primes: a fifth of a second each."""

    def __init__(self, *, key: RSAPrivateKey, certificate: x509.Certificate, root: x509.Certificate) -> None:
        store = SimpleCertificateStore()  # type: ignore[no-untyped-call]  # pyHanko leaves it untyped
        store.register(root)
        super().__init__(tsa_cert=certificate, tsa_key=None, certs_to_embed=store)
        self._key = key

    def _sign_tst_info(self, tst_info_data: bytes, md_algorithm: str, dt: datetime) -> tuple[bytes, cms.CMSAttributes]:
        """Signature and signed attributes (RFC 5652 §5.3) over what is stamped."""
        algorithm = get_pyca_cryptography_hash(md_algorithm)
        hashed = hashes.Hash(algorithm)
        hashed.update(tst_info_data)
        attributes = cms.CMSAttributes(
            [
                _attribute("content_type", "tst_info"),
                _attribute("signing_time", cms.Time({"utc_time": core.UTCTime(dt)})),
                _attribute("signing_certificate", as_signing_certificate(self.tsa_cert)),
                _attribute("message_digest", hashed.finalize()),
            ]
        )
        return self._key.sign(attributes.dump(), PKCS1v15(), algorithm), attributes
