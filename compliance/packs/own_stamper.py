"""The installation's own time stamper: it stamps by the machine's clock, in the worker, where no authority is set."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from compliance.packs.authority import StampQuestion, request_of
from compliance.packs.signers import SignerError, SignerFiles

if TYPE_CHECKING:
    from compliance.packs.key_stamper import KeyStamper


@dataclass(slots=True)
class OwnStamper:
    """Answers as an authority would (RFC 3161)."""

    files: SignerFiles
    _made: KeyStamper | None = field(default=None, init=False, repr=False)

    def stamp(self, question: StampQuestion) -> bytes:
        """The response, DER. Raises SignerError."""
        from asn1crypto import tsp  # noqa: PLC0415 - the PDF libraries are loaded only where a pack is sealed

        request = tsp.TimeStampReq.load(request_of(question))
        self._made = self._made or self._stamper()
        return bytes(self._made.request_tsa_response(request).dump())

    def _stamper(self) -> KeyStamper:
        from pyhanko.keys import load_cert_from_pemder  # noqa: PLC0415 - as above

        from compliance.packs.key_stamper import KeyStamper  # noqa: PLC0415 - as above

        try:
            return KeyStamper(
                key=self._key(),
                certificate=load_cert_from_pemder(str(self.files.tsa)),  # type: ignore[no-untyped-call]  # pyHanko leaves it untyped
                root=load_cert_from_pemder(str(self.files.root)),  # type: ignore[no-untyped-call]  # the same
            )
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise SignerError(
                "tsa.pem and tsa.key are not in the folder of keys; name an authority in TSA_URL, or put them there"
            ) from error

    def _key(self) -> RSAPrivateKey:
        """Whether its numbers fit each other takes long to check; a stamp that does not fit its certificate is refused."""
        key = serialization.load_pem_private_key(
            self.files.tsa_key.read_bytes(), password=None, unsafe_skip_rsa_key_validation=True
        )
        if not isinstance(key, RSAPrivateKey):
            raise TypeError("the stamper signs with RSA")
        return key
