"""Verifies a pack by itself: separate verdicts in words, no network, no table.

Policy: exactly one certification signature, over every byte of the file, that allows no change (P=1), valid and intact by
pyHanko's `bottom_line`, made by a certificate that leads to a trusted root, with a valid time stamp by whom the manifest
says; the attached files are those of the manifest, no more and no fewer; and where a receipt is given, the whole file's
SHA-256 is the receipt's. Every exception while reading a signature counts as invalid.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pikepdf
from asn1crypto import pem, x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.fields import MDPPerm
from pyhanko.sign.validation import read_certification_data, validate_pdf_signature
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko.sign.validation.status import PdfSignatureStatus
from pyhanko_certvalidator import ValidationContext

from compliance.packs.manifest import FREEZE_NAME, IssuedManifest, Manifest
from compliance.packs.manifest import NAME as MANIFEST_NAME
from compliance.packs.receipt import Receipt, ReceiptError, read_receipt
from compliance.packs.report import BadPackError, Check, CheckName, CheckState, VerificationReport
from compliance.packs.signers import DEMONSTRATION
from compliance.packs.stamper import anchor_of
from compliance.types.canonical import canonical_json, sha256_hex
from compliance.types.shape import check_shape

LARGEST_BYTES = 200 << 20


def _verdict(name: CheckName, failure: str | None, success: str) -> Check:
    return Check(name, CheckState.FAILED if failure else CheckState.PASSED, failure or success)


def _check_receipt(content: bytes, receipt: Receipt | None) -> Check:
    if receipt is None:
        words = "No receipt was given: whether this is the file that was issued was not compared."
        return Check(CheckName.RECEIPT, CheckState.NOT_CHECKED, words)
    failure = None
    if len(content) != receipt["size"]:
        failure = f"The file has {len(content)} bytes, the receipt is for {receipt['size']}."
    elif sha256_hex(content) != receipt["sha256"]:
        failure = "The file's SHA-256 is not the one in the receipt: at least one byte differs from what was issued."
    return _verdict(CheckName.RECEIPT, failure, "The file is byte for byte the one that the receipt was issued for.")


def _ders(content: bytes) -> list[bytes]:
    return [der for _name, _headers, der in pem.unarmor(content, multiple=True)] if pem.detect(content) else [content]


def read_certificates(contents: Sequence[bytes]) -> list[x509.Certificate]:
    """Certificates out of PEM texts, each of one or several, or DER. Raises BadPackError."""
    try:
        return [x509.Certificate.load(der) for content in contents for der in _ders(content)]
    except (ValueError, TypeError) as error:
        raise BadPackError("a certificate to trust is neither PEM nor DER.") from error


def _covers_all(content: bytes, signature: EmbeddedPdfSignature) -> str | None:
    first, length, second, rest = (int(n) for n in signature.byte_range)
    if first != 0 or second + rest != len(content):
        return "The seal does not cover the whole file: something was added after it."
    gap = content[length:second]
    if not (gap.startswith(b"<") and gap.endswith(b">") and set(gap[1:-1]) <= set(b"0123456789abcdefABCDEF")):
        return "The place of the seal holds something other than the seal."
    if not content.rstrip(b"\r\n").endswith(b"%%EOF"):
        return "The file does not end where a PDF ends."
    return None


def _only_seal(reader: PdfFileReader) -> tuple[EmbeddedPdfSignature | None, str | None]:
    signatures = list(reader.embedded_signatures)
    if len(signatures) != 1:
        return None, f"The file holds {len(signatures)} signatures; a pack holds one."
    certification = read_certification_data(reader)
    if certification is None or certification.author_sig != signatures[0].sig_object:
        return signatures[0], "The signature does not certify the document."
    if certification.permission != MDPPerm.NO_CHANGES:
        return signatures[0], "The certification allows changes; a pack's allows none."
    return signatures[0], None


@dataclass(frozen=True, slots=True)
class _Trust:
    """`time` alone: an authority for time stamps may sign for anybody else too, so its root vouches for no signer."""

    signers: list[x509.Certificate]
    time: list[x509.Certificate]


def _context(roots: list[x509.Certificate]) -> ValidationContext:
    return ValidationContext(trust_roots=roots, allow_fetching=False, revocation_mode="soft-fail")


def _status(signature: EmbeddedPdfSignature, trust: _Trust, *, compare_revisions: bool) -> PdfSignatureStatus:
    return validate_pdf_signature(
        signature,
        skip_diff=not compare_revisions,
        signer_validation_context=_context(trust.signers),
        ts_validation_context=_context([*trust.signers, *trust.time]),
        key_usage_settings=KeyUsageConstraints(key_usage={"non_repudiation"}),
    )


def _anchor(status: PdfSignatureStatus) -> str | None:
    """SHA-256 of the root that the path to the signer starts from."""
    path = status.validation_path
    certificate = getattr(path.trust_anchor, "certificate", None) if path else None
    return str(certificate.sha256.hex()) if certificate is not None else None


@dataclass
class _Reading:
    """What was learnt from the signature, piece by piece; a piece that was not reached stays None."""

    seal: EmbeddedPdfSignature | None = None
    policy: str | None = None
    uncovered: str | None = None
    status: PdfSignatureStatus | None = None
    problem: str | None = None


def _read(content: bytes, trust: _Trust) -> _Reading:
    reading = _Reading()
    try:
        reader = PdfFileReader(io.BytesIO(content), strict=True)
        reading.seal, reading.policy = _only_seal(reader)
        if reading.seal is not None:
            reading.uncovered = _covers_all(content, reading.seal)
            # A file with something added has failed already; comparing its revisions takes quadratic time for nothing.
            reading.status = _status(reading.seal, trust, compare_revisions=reading.uncovered is None)
    except Exception as error:  # noqa: BLE001 - whatever a forged file makes a reader raise, the file is not valid
        reading.problem = f"The file or its seal cannot be read ({type(error).__name__})."
    return reading


def _check_integrity(reading: _Reading) -> Check:
    status, failure = reading.status, reading.problem or reading.uncovered
    if failure is None and (status is None or not status.intact):
        failure = "The bytes are not those that were sealed." if status else "There is no single seal to compare with."
    return _verdict(CheckName.INTEGRITY, failure, "Every byte of the file is as it was sealed.")


def _check_signature(reading: _Reading) -> Check:
    status, failure = reading.status, reading.problem or reading.policy
    if failure is None and (status is None or not status.valid):
        failure = "The seal's signature does not fit its certificate."
    elif (
        failure is None and status and (not status.docmdp_ok or status.modification_level is not ModificationLevel.NONE)
    ):
        failure = "The document was changed after it was certified."
    return _verdict(CheckName.SIGNATURE, failure, "One certification signature, valid, which allows no change.")


def _check_signer(reading: _Reading, trusted: set[str]) -> Check:
    status = reading.status
    if status is None:
        return Check(CheckName.SIGNER, CheckState.FAILED, "The signer is unknown, because the seal cannot be read.")
    failure = None
    if not (status.trusted and _anchor(status) in trusted):
        failure = "Signer not trusted: the certificate leads to no root that was named as trusted."
    elif reading.policy is None and not reading.problem and not replace(status, timestamp_validity=None).bottom_line:
        # The time stamp has a check of its own, so that an unknown authority does not count against the signer.
        failure = "Signer not accepted: the seal as a whole is not valid."
    success = "The signer's certificate leads to a root that was named as trusted."
    if _is_demonstration(status.signing_cert):
        success += " It is a demonstration signer, trusted by nobody else."
    return _verdict(CheckName.SIGNER, failure, success)


def _name(certificate: x509.Certificate) -> str:
    """For sentences; the certificate may be a stranger's, so signs that do not print are dropped."""
    name = certificate.subject.native.get("common_name") or certificate.subject.human_friendly
    return "".join(sign for sign in str(name) if sign.isprintable())[:100]


def _misnamed(authority: str | None, name: str, *, is_own: bool) -> str | None:
    if authority is None and not is_own:
        return f"The manifest says that the installation stamps itself, and the time stamp is by {name}."
    if authority is not None and is_own:
        return f"The manifest names {authority[:100]} as time-stamp authority, and the time stamp is the signer's own."
    return None


def _check_time(reading: _Reading, manifest: Manifest | None) -> Check:
    stamp = reading.status.timestamp_validity if reading.status else None
    if stamp is None:
        return Check(CheckName.TIME_STAMP, CheckState.FAILED, "The seal carries no time stamp.")
    name, failure = _name(stamp.signing_cert), None
    is_own = reading.status is not None and anchor_of(stamp) == _anchor(reading.status)
    if not (stamp.valid and stamp.intact):
        failure = "The time stamp does not fit the seal."
    elif not stamp.trusted:
        failure = f"Time-stamp authority not trusted: {name} leads to no root that was named as trusted."
    elif reading.status and reading.status.trusted and manifest:
        failure = _misnamed(manifest["time_stamp_authority"], name, is_own=is_own)
    words = f"The seal existed at {stamp.timestamp:%Y-%m-%d %H:%M:%S} UTC, "
    if is_own:
        words += f"by the installation's own clock: {name} stands under the signer's root and is no third party."
    else:
        words += f"by the time-stamp authority {name}, whose root was named as trusted."
    return _verdict(CheckName.TIME_STAMP, failure, words)


def _is_demonstration(certificate: x509.Certificate) -> bool:
    return bool(certificate.issuer.native.get("organization_name") == DEMONSTRATION)


def _attached(content: bytes) -> dict[str, bytes]:
    with pikepdf.open(io.BytesIO(content)) as pdf:
        return {name: spec.get_file().read_bytes() for name, spec in pdf.attachments.items()}


def _compare(files: dict[str, bytes], manifest: Manifest, signer: str | None, receipt: Receipt | None) -> str | None:
    listed = {entry["name"]: entry["sha256"] for entry in manifest["attachments"]}
    if listed.keys() != files.keys() - {MANIFEST_NAME}:
        odd = ", ".join(sorted(listed.keys() ^ (files.keys() - {MANIFEST_NAME})))
        return f"The attached files are not those of the manifest: {odd}."
    for name, digest in listed.items():
        if sha256_hex(files[name]) != digest:
            return f"{name} is not the file that the manifest names."
    if listed.get(FREEZE_NAME) != manifest["freeze_sha256"]:
        return "The data hash is not that of freeze.json."
    if signer is not None and manifest["signer"]["certificate_sha256"] != signer:
        return "The manifest names another signer than the seal."
    if receipt and (receipt["pack_id"], receipt["freeze_sha256"]) != (manifest["pack_id"], manifest["freeze_sha256"]):
        return "The receipt is for another pack."
    return None


def _check_contents(content: bytes, signer: str | None, receipt: Receipt | None) -> tuple[Check, Manifest | None]:
    name, manifest = CheckName.CONTENTS, None
    try:
        files = _attached(content)
        if MANIFEST_NAME not in files:
            return Check(name, CheckState.FAILED, "The file holds no manifest: it is no pack."), None
        value = json.loads(files[MANIFEST_NAME])
        check_shape(value, IssuedManifest, "manifest")
        manifest = cast(Manifest, value)
        failure = _compare(files, manifest, signer, receipt)
        if canonical_json(value) != files[MANIFEST_NAME]:
            failure = "The manifest is not written in canonical form."
    except Exception as error:  # noqa: BLE001 - whatever a forged file makes a reader raise, the file is not valid
        return Check(name, CheckState.FAILED, f"The attached files cannot be read ({type(error).__name__})."), None
    words = f"All {len(files) - 1} attached files are those that the manifest names."
    return _verdict(name, failure, words), manifest


def _or_none(seal: EmbeddedPdfSignature | None, fact: Callable[[x509.Certificate], str]) -> str | None:
    return fact(seal.signer_cert) if seal is not None else None


def verify_bytes(
    content: bytes, *, receipt: bytes | None, trust_roots: Sequence[bytes], time_roots: Sequence[bytes] = ()
) -> VerificationReport:
    """See `verify_pack`; `content` and `receipt` are the bytes of the files."""
    trust = _Trust(read_certificates(trust_roots), read_certificates(time_roots))
    parsed = None
    if receipt is not None:
        try:
            parsed = read_receipt(receipt)
        except ReceiptError as error:
            raise BadPackError(str(error)) from error
    against_receipt = _check_receipt(content, parsed)
    if b"%PDF-" not in content[:1024] and against_receipt.state is not CheckState.FAILED:
        raise BadPackError("the file is not a PDF.")
    reading = _read(content, trust)
    seal, status = (None, None) if reading.problem else (reading.seal, reading.status)
    signer = _or_none(seal, lambda certificate: str(certificate.sha256.hex()))
    contents, manifest = _check_contents(content, signer, parsed)
    checks = (
        against_receipt,
        _check_integrity(reading),
        _check_signature(reading),
        _check_signer(reading, {root.sha256.hex() for root in trust.signers}),
        _check_time(reading, manifest),
        contents,
    )
    stamp = status.timestamp_validity if status else None
    return VerificationReport(
        checks=checks,
        sha256=sha256_hex(content),
        size=len(content),
        pack_id=manifest["pack_id"] if manifest else None,
        version=manifest["version"] if manifest else None,
        organisation=manifest["organisation"] if manifest else None,
        demonstration=manifest["demonstration"] if manifest else None,
        signer=_or_none(seal, lambda certificate: str(certificate.subject.native.get("common_name"))),
        signer_certificate_sha256=signer,
        root_certificate_sha256=_anchor(status) if status else None,
        demonstration_signer=_is_demonstration(seal.signer_cert) if seal else None,
        sealed_at=f"{stamp.timestamp:%Y-%m-%dT%H:%M:%SZ}" if stamp else None,
        time_stamper=_name(stamp.signing_cert) if stamp else None,
    )


def _bytes_of(path: Path, what: str) -> bytes:
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise BadPackError(f"{path.name}: {what} is larger than {LARGEST_BYTES >> 20} MiB.")
        return path.read_bytes()
    except OSError as error:
        raise BadPackError(f"{path.name}: {what} cannot be read ({error.strerror}).") from error


def verify_pack(
    path: Path,
    *,
    receipt: Path | None = None,
    trust_roots: Sequence[bytes] = (),
    time_roots: Sequence[bytes] = (),
) -> VerificationReport:
    """Verify the pack at `path`, in this process; `issue.verify_isolated` does the same in a child.

    trust_roots: root certificates, PEM or DER. Without any, every signer is "not trusted". time_roots: those of authorities
    trusted for time stamps and nothing else. Raises BadPackError where the
    file is no PDF, cannot be read, or the receipt is no receipt (exit code 2).
    """
    content = _bytes_of(path, "the pack")
    return verify_bytes(
        content,
        receipt=_bytes_of(receipt, "the receipt") if receipt else None,
        trust_roots=trust_roots,
        time_roots=time_roots,
    )
