"""A time-stamp authority of the tests' own: a real chain of certificates, and a real HTTP server that speaks RFC 3161."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path

from asn1crypto import keys, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pyhanko.sign.timestamps import DummyTimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

Answer = tuple[int, str, bytes]
REPLY = "application/timestamp-reply"


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _issue(name: str, key: RSAPrivateKey, issuer: str, issuer_key: RSAPrivateKey, *, ca: bool) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=ca), critical=True)
    )
    if not ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True)
    return builder.sign(issuer_key, hashes.SHA256())


def _asn1(certificate: x509.Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))


@dataclass(frozen=True)
class Chain:
    """Root, intermediate and stamping certificate, as public authorities have them."""

    root_pem: str
    stamper: DummyTimeStamper

    def answer(self, request: bytes) -> Answer:
        """What an authority in good order says."""
        response = self.stamper.request_tsa_response(tsp.TimeStampReq.load(request, strict=True))
        return 200, REPLY, response.dump()


def make_chain(name: str) -> Chain:
    root_key, middle_key, key = (generate_private_key(65537, 2048) for _ in range(3))
    root = _issue(f"{name} root", root_key, f"{name} root", root_key, ca=True)
    middle = _issue(f"{name} intermediate", middle_key, f"{name} root", root_key, ca=True)
    stamping = _issue(name, key, f"{name} intermediate", middle_key, ca=False)
    store = SimpleCertificateStore()
    store.register(_asn1(middle))
    der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    stamper = DummyTimeStamper(_asn1(stamping), keys.PrivateKeyInfo.load(der), certs_to_embed=store)
    return Chain(root.public_bytes(serialization.Encoding.PEM).decode(), stamper)


def _handler(
    answer: Callable[[bytes], Answer], asked: list[bytes], drip_seconds: float
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append(body)
            if self.headers["Content-Type"] != "application/timestamp-query":
                return self.send_error(415)
            status, media_type, content = answer(body)
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(content)))
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()
            if not drip_seconds:
                self.wfile.write(content)
                return None
            for byte in content:
                time.sleep(drip_seconds)
                try:
                    self.wfile.write(bytes([byte]))
                except OSError:
                    return None
            return None

        def log_message(self, format: str, *args: object) -> None:
            """The tests' output stays theirs."""

    return Handler


def tls_identity(folder: Path) -> Path:
    """A PEM file with key and self-signed certificate of a server at 127.0.0.1."""
    key, name, now = generate_private_key(65537, 2048), _name("127.0.0.1"), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / "server.pem"
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


@contextmanager
def serving(
    answer: Callable[[bytes], Answer], *, drip_seconds: float = 0, tls: Path | None = None
) -> Iterator[tuple[str, list[bytes]]]:
    """The server's address, and the requests it got so far. drip_seconds: pause before each byte of an answer."""
    asked: list[bytes] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(answer, asked, drip_seconds))
    server.daemon_threads = True
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}/tsr", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
