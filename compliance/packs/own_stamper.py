"""The installation's own time stamper: it stamps by the machine's clock, in the worker, where no authority is set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from compliance.packs.authority import StampQuestion, request_of
from compliance.packs.signers import SignerError, SignerFiles

if TYPE_CHECKING:
    from pyhanko.sign.timestamps import DummyTimeStamper


@dataclass(frozen=True, slots=True)
class OwnStamper:
    """Answers as an authority would (RFC 3161)."""

    files: SignerFiles

    def stamp(self, question: StampQuestion) -> bytes:
        """The response, DER. Raises SignerError."""
        from asn1crypto import tsp  # noqa: PLC0415 - the PDF libraries are loaded only where a pack is sealed

        request = tsp.TimeStampReq.load(request_of(question))
        return bytes(self._stamper().request_tsa_response(request).dump())

    def _stamper(self) -> DummyTimeStamper:
        from pyhanko.keys import load_cert_from_pemder, load_private_key_from_pemder  # noqa: PLC0415 - as above
        from pyhanko.sign.timestamps import DummyTimeStamper  # noqa: PLC0415 - as above
        from pyhanko_certvalidator.registry import SimpleCertificateStore  # noqa: PLC0415 - as above

        store = SimpleCertificateStore()  # type: ignore[no-untyped-call]  # pyHanko leaves it untyped
        try:
            store.register(load_cert_from_pemder(str(self.files.root)))  # type: ignore[no-untyped-call]  # the same
            return DummyTimeStamper(
                tsa_cert=load_cert_from_pemder(str(self.files.tsa)),  # type: ignore[no-untyped-call]  # the same
                tsa_key=load_private_key_from_pemder(str(self.files.tsa_key), passphrase=None),
                certs_to_embed=store,
            )
        except (OSError, ValueError) as error:
            raise SignerError(
                "tsa.pem and tsa.key are not in the folder of keys; name an authority in TSA_URL, or put them there"
            ) from error
