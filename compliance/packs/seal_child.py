"""What runs in the isolated child that seals (`python -m compliance.packs.seal_child`): adds a seal or a stamp.

It holds no key. Signature, time stamps and revocation data come from the parent, which judges each question (`questions`).
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pikepdf
from asn1crypto import x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation.generic_cms import extract_tst_data_iter

from compliance.isolation.child import Ask, BadInputError, Report, serve_asking
from compliance.packs.certificates import read_certificates
from compliance.packs.manifest import NAME as MANIFEST_NAME
from compliance.packs.manifest import manifest_root
from compliance.packs.revocation import RevocationData
from compliance.packs.seal import AskedSigner, LevelError, SealError, Validation, renew_archive, seal_pdf
from compliance.packs.stamper import AskedTimeStamper, StampError
from compliance.types.canonical import sha256_hex
from compliance.types.seals import SealLevel


def _revocation(ask: Ask, der: bytes) -> RevocationData:
    told = ask({"revocation_of": base64.b64encode(der).decode("ascii")})
    return {"crls": list(told["crls"]), "ocsps": list(told["ocsps"])}


def _stamped_until(content: bytes) -> str:
    """When the certificate of the newest stamp ends: until then the stamp needs no other over it."""
    reader = PdfFileReader(io.BytesIO(content), strict=True)
    archive = reader.embedded_timestamp_signatures
    seal = reader.embedded_regular_signatures[0]
    signed = archive[-1].signed_data if archive else next(extract_tst_data_iter(seal.signer_info, signed=False))
    return f"{_stamping(signed).not_valid_after.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _stamping(signed: Any) -> x509.Certificate:
    serial = signed["signer_infos"][0]["sid"].chosen["serial_number"].native
    certificates = [each.chosen for each in signed["certificates"] if each.name == "certificate"]
    return next(each for each in certificates if each.serial_number == serial)


def _facts(content: bytes) -> dict[str, str]:
    """Of the manifest inside, for the receipt."""
    with pikepdf.open(io.BytesIO(content)) as pdf:
        manifest = pdf.attachments[MANIFEST_NAME].get_file().read_bytes()
    value = json.loads(manifest)
    return {
        "manifest_sha256": sha256_hex(manifest),
        "manifest_root": manifest_root(value["attachments"]),
        "freeze_sha256": value["freeze_sha256"],
        "stamped_until": _stamped_until(content),
    }


def _made(request: dict[str, Any], ask: Ask) -> bytes:
    own: list[x509.Certificate] = read_certificates([request["root"].encode()])
    times: Sequence[x509.Certificate] = read_certificates(
        [request["time_roots"].encode()] if request["time_roots"] else []
    )
    chain = read_certificates([request["chain"].encode()] if request["chain"] else [])
    stamper = AskedTimeStamper(ask, host=request["host"], roots=list(times), own_root=own[0])
    validation = Validation(roots=[*own, *times], revocation=lambda der: _revocation(ask, der), other=chain)
    content = Path(request["pdf"]).read_bytes()
    if request["act"] == "renew":
        return renew_archive(content, stamper=stamper, validation=validation)
    (certificate,) = read_certificates([request["seal"].encode()])
    return seal_pdf(
        content,
        signer=AskedSigner(ask, certificate, [*chain, *own]),
        stamper=stamper,
        reason=request["reason"],
        level=SealLevel(request["level"]),
        validation=validation,
    )


def _handle(request: dict[str, Any], _report: Report, ask: Ask) -> dict[str, Any]:
    try:
        sealed = _made(request, ask)
    except LevelError as error:
        return {"unreached": str(error)}
    except (SealError, StampError) as error:
        raise BadInputError(f"the pack cannot be made: {error}.") from error
    Path(request["sealed"]).write_bytes(sealed)
    return {**_facts(sealed), "sealed_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}


if __name__ == "__main__":
    serve_asking(_handle)
