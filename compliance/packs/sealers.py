"""What seals packs: a private key behind one method, wherever it is kept.

The certificates lie as PEM in the signer's folder (`signers.SignerFiles`): root.pem, seal.pem, and chain.pem where others stand
between the two. Beside them lies one of:

    seal.key       the private key, PEM
    seal.p12       a PKCS#12 file, opened with the passphrase
    pkcs11.json    {"module": "/usr/lib/….so", "token": "label", "key": "label"}: the key of a token, whose
                   PIN is the passphrase

Keys are used by the worker alone. The isolated child never has one: it asks for a signature (`questions`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import pkcs12

from compliance.packs.signers import SignerError, SignerFiles

_HASHES: dict[str, type[hashes.HashAlgorithm]] = {"sha256": hashes.SHA256, "sha384": hashes.SHA384}
_LEAST_RSA_BITS = 2048


class Sealer(Protocol):
    """kept_in: `file`, `pkcs12` or `pkcs11`, for the history."""

    @property
    def kept_in(self) -> str: ...

    def sign(self, data: bytes, digest: str) -> bytes:
        """PKCS#1 v1.5 or ECDSA (DER) over `data`. Raises SignerError."""


@dataclass(frozen=True, slots=True)
class _InMemory:
    key: RSAPrivateKey | ec.EllipticCurvePrivateKey
    kept_in: str

    def sign(self, data: bytes, digest: str) -> bytes:
        algorithm = _HASHES[digest]()
        if isinstance(self.key, RSAPrivateKey):
            return self.key.sign(data, padding.PKCS1v15(), algorithm)
        return self.key.sign(data, ec.ECDSA(algorithm))


@dataclass(frozen=True, slots=True)
class _InToken:
    module: str
    token: str
    key: str
    pin: str
    kept_in: str = "pkcs11"

    def sign(self, data: bytes, digest: str) -> bytes:
        import pkcs11  # noqa: PLC0415 - loads a library of the token's maker, only where one is used
        from pkcs11.util.ec import encode_ecdsa_signature  # noqa: PLC0415 - the same

        try:
            token = pkcs11.lib(self.module).get_token(token_label=self.token)
            with token.open(user_pin=self.pin) as session:
                key: Any = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, label=self.key)
                if key.key_type is pkcs11.KeyType.EC:
                    hashed = hashes.Hash(_HASHES[digest]())
                    hashed.update(data)
                    raw = key.sign(hashed.finalize(), mechanism=pkcs11.Mechanism.ECDSA)
                    return bytes(encode_ecdsa_signature(raw))
                return bytes(key.sign(data, mechanism=pkcs11.Mechanism[f"{digest.upper()}_RSA_PKCS"]))
        except (pkcs11.PKCS11Error, RuntimeError, OSError) as error:
            raise SignerError(f"the token {self.token} did not sign ({type(error).__name__})") from error


def _in_file(files: SignerFiles) -> _InMemory:
    """Whether its numbers fit each other, which takes a fifth of a second, is told by the signature of `_compare`."""
    try:
        key = serialization.load_pem_private_key(
            files.seal_key.read_bytes(), password=None, unsafe_skip_rsa_key_validation=True
        )
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SignerError("seal.key holds no readable private key without passphrase") from error
    return _InMemory(_usable(key, "seal.key"), "file")


def _in_pkcs12(files: SignerFiles, passphrase: str) -> _InMemory:
    try:
        key, _certificate, _others = pkcs12.load_key_and_certificates(files.pkcs12.read_bytes(), passphrase.encode())
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise SignerError("seal.p12 cannot be opened with SIGNER_PASSPHRASE") from error
    return _InMemory(_usable(key, "seal.p12"), "pkcs12")


def _usable(key: object, name: str) -> RSAPrivateKey | ec.EllipticCurvePrivateKey:
    if not isinstance(key, RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise SignerError(f"{name} holds a key that is neither RSA nor on P-256")
    return key


def _in_token(files: SignerFiles, pin: str) -> _InToken:
    try:
        named: dict[str, Any] = json.loads(files.pkcs11.read_bytes())
        return _InToken(module=str(named["module"]), token=str(named["token"]), key=str(named["key"]), pin=pin)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SignerError("pkcs11.json must name module, token and key") from error


def open_sealer(files: SignerFiles, passphrase: str) -> Sealer:
    """The key of the folder. Raises SignerError where there is none or several, or where it is not the certificate's."""
    present = [path.name for path in (files.seal_key, files.pkcs12, files.pkcs11) if path.exists()]
    if len(present) != 1:
        found = " and ".join(present) or "neither seal.key nor seal.p12 nor pkcs11.json"
        raise SignerError(f"{files.folder.name}: one key seals packs, and the folder holds {found}")
    if present == ["pkcs11.json"]:
        sealer: Sealer = _in_token(files, passphrase)
    else:
        sealer = _in_file(files) if present == ["seal.key"] else _in_pkcs12(files, passphrase)
    _compare(files, sealer)
    return sealer


def _compare(files: SignerFiles, sealer: Sealer) -> None:
    """One signature, so that no pack is sealed with a key that is not the certificate's."""
    try:
        public = x509.load_pem_x509_certificate(files.seal.read_bytes()).public_key()
    except (OSError, ValueError) as error:
        raise SignerError("seal.pem: no readable PEM certificate is in the folder of keys") from error
    probe = b"assay: does this key belong to that certificate?"
    signature = sealer.sign(probe, "sha256")
    try:
        if isinstance(public, RSAPublicKey) and public.key_size >= _LEAST_RSA_BITS:
            public.verify(signature, probe, padding.PKCS1v15(), hashes.SHA256())
        elif isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256R1):
            public.verify(signature, probe, ec.ECDSA(hashes.SHA256()))
        else:
            raise SignerError(
                "the seal's certificate is for a key that is neither RSA of 2048 bits or more nor on P-256"
            )
    except SignerError:
        raise
    except Exception as error:
        raise SignerError("the private key is not that of seal.pem") from error
