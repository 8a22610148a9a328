"""Public keys that a person states, and whether one of them made a signature.

ECDSA on P-256, P-384 and P-521 (over the digest that fits the curve, or SHA-256), RSA of 2048 bits and more (PSS and PKCS #1
v1.5 over SHA-256 or SHA-512), Ed25519. A key is known by the SHA-256 of its SubjectPublicKeyInfo (DER).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from compliance.types.errors import BadInputError

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey
_CURVES: dict[str, tuple[str, hashes.HashAlgorithm]] = {
    "secp256r1": ("ECDSA P-256", hashes.SHA256()),
    "secp384r1": ("ECDSA P-384", hashes.SHA384()),
    "secp521r1": ("ECDSA P-521", hashes.SHA512()),
}
_LEAST_RSA = 2048
_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"
_PRIVATE = b"PRIVATE KEY-----"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A public key. algorithm: in words; fingerprint: SHA-256 of its DER form; names: what documents may call it by."""

    key: PublicKey
    algorithm: str
    fingerprint: str
    names: frozenset[str]
    pem: str

    def made(self, signature: bytes, message: bytes) -> bool:
        """Whether this key made the signature over the message."""
        return any(_accepts(check) for check in _checks(self.key, signature, message))


def read_key(content: bytes, *, name: str) -> SigningKey:
    """A key from PEM: a public key, or a certificate that holds one. name: for messages. Raises BadInputError."""
    if _PRIVATE in content:
        raise BadInputError(
            f"{name} holds a private key; give the public key alone, and treat the private one as exposed."
        )
    try:
        if _CERTIFICATE in content:
            key: object = x509.load_pem_x509_certificate(content).public_key()
        else:
            key = serialization.load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm, TypeError) as error:
        raise BadInputError(f"{name} is neither a public key nor a certificate in PEM form.") from error
    return known(key, name=name)


def certified_key(der: bytes, *, name: str) -> SigningKey:
    """The key in a certificate in DER form. Raises BadInputError."""
    try:
        key = x509.load_der_x509_certificate(der).public_key()
    except (ValueError, UnsupportedAlgorithm, TypeError) as error:
        raise BadInputError(f"{name} is no X.509 certificate.") from error
    return known(key, name=name)


def known(key: object, *, name: str) -> SigningKey:
    """A key of a kind that is checked here. Raises BadInputError for any other kind, and for an RSA key that is too short."""
    algorithm = ""
    if isinstance(key, ec.EllipticCurvePublicKey):
        algorithm = _CURVES.get(key.curve.name, ("", None))[0]
    elif isinstance(key, rsa.RSAPublicKey) and key.key_size >= _LEAST_RSA:
        algorithm = f"RSA {key.key_size}"
    elif isinstance(key, ed25519.Ed25519PublicKey):
        algorithm = "Ed25519"
    if not algorithm or not isinstance(key, PublicKey):
        raise BadInputError(
            f"{name} is a key of a kind that is not checked here; taken are ECDSA on P-256, P-384 and P-521, RSA of at least "
            f"{_LEAST_RSA} bits, and Ed25519."
        )
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    digests = [hashlib.sha256(form).digest() for form in (der, pem, pem.strip())]
    names = {digest.hex() for digest in digests} | {base64.b64encode(digest).decode() for digest in digests}
    return SigningKey(
        key=key, algorithm=algorithm, fingerprint=digests[0].hex(), names=frozenset(names), pem=pem.decode("ascii")
    )


def read_keys(contents: Iterable[bytes]) -> tuple[SigningKey, ...]:
    """The keys of a ParseContext, each once."""
    keys = [read_key(content, name=f"Key {number}") for number, content in enumerate(contents, 1)]
    return tuple({key.fingerprint: key for key in keys}.values())


def _checks(key: PublicKey, signature: bytes, message: bytes) -> Iterable[Callable[[], None]]:
    if isinstance(key, ed25519.Ed25519PublicKey):
        yield lambda: key.verify(signature, message)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        for digest in {type(one): one for one in (_CURVES[key.curve.name][1], hashes.SHA256())}.values():
            yield lambda digest=digest: key.verify(signature, message, ec.ECDSA(digest))  # type: ignore[misc]
    else:
        for digest in (hashes.SHA256(), hashes.SHA512()):
            pss = padding.PSS(mgf=padding.MGF1(digest), salt_length=padding.PSS.AUTO)
            for scheme in (pss, padding.PKCS1v15()):
                yield lambda digest=digest, scheme=scheme: key.verify(signature, message, scheme, digest)  # type: ignore[misc]


def _accepts(check: Callable[[], None]) -> bool:
    try:
        check()
    except InvalidSignature:
        return False
    return True
