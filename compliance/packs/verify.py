"""Verifies a pack by itself: separate verdicts in words, no network, no table.

Policy: exactly one certification signature that allows no change (P=1), then nothing but validation data and archive time
stamps; every signature over the file from its first byte to the end of its revision; valid, intact and unchanged by pyHanko's
`bottom_line` and difference analysis; made by a certificate that leads to a trusted root, at the moment of a valid time stamp
by whom the manifest says; no lower level than the manifest states; the attached files are those of the manifest, no more and no
fewer, and whole; and where a receipt is given, signed by the seal's signer, the whole file's SHA-256 is the receipt's. Every
exception while reading counts as invalid.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from asn1crypto import crl, pem, x509
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko_certvalidator import CertificateValidator, ValidationContext

from compliance.packs.certificates import read_certificates
from compliance.packs.manifest import IssuedManifest
from compliance.packs.receipt import ReceiptError, SignedReceipt, read_receipt
from compliance.packs.report import (
    EVERY_BYTE,
    LARGEST_BYTES,
    BadPackError,
    Check,
    CheckName,
    CheckState,
    Revoked,
    VerificationReport,
)
from compliance.packs.signers import DEMONSTRATION, states_qualified
from compliance.packs.stamper import anchor_of as stamp_anchor
from compliance.packs.verify_contents import Inside, check_completeness, check_contents
from compliance.packs.verify_seal import Reading, Trust, anchor_of, is_whole, read_seal, unvouched, utc
from compliance.types.canonical import sha256_hex
from compliance.types.seals import RevocationReason, SealLevel


def _verdict(name: CheckName, failure: str | None, success: str) -> Check:
    return Check(name, CheckState.FAILED if failure else CheckState.PASSED, failure or success)


def _check_receipt(content: bytes, signed: SignedReceipt | None, digest: str) -> Check:
    if signed is None:
        words = "No receipt was given: whether this is the file that was issued was not compared."
        return Check(CheckName.RECEIPT, CheckState.NOT_CHECKED, words)
    receipt, failure = signed.receipt, signed.problem
    if len(content) != receipt["size"]:
        failure = f"The file has {len(content)} bytes, the receipt is for {receipt['size']}."
    elif digest != receipt["sha256"]:
        failure = "The file's SHA-256 is not the one in the receipt: at least one byte differs from what was issued."
    words = "The file is byte for byte the one that the receipt was issued for, and the receipt is signed."
    return _verdict(CheckName.RECEIPT, failure, words)


def _check_receipt_signer(check: Check, signed: SignedReceipt | None, signer: str | None, trust: Trust) -> Check:
    """A receipt's word is its signer's: the seal's own, or after a rotation another under a trusted root."""
    if check.state is not CheckState.PASSED or signed is None or signed.certificate_sha256 == signer:
        return check
    context = ValidationContext(trust_roots=list(trust.signers), allow_fetching=False, moment=trust.now)
    try:
        certificate = x509.Certificate.load(signed.certificate)
        validator = CertificateValidator(certificate, validation_context=context)
        asyncio.run(validator.async_validate_usage({"non_repudiation"}))  # type: ignore[no-untyped-call]
    except Exception:  # noqa: BLE001 - whatever is wrong with a stranger's certificate, it is not trusted
        words = "The receipt is signed by somebody who is neither the seal's signer nor trusted."
        return Check(CheckName.RECEIPT, CheckState.FAILED, words)
    return check


def _check_integrity(content: bytes, reading: Reading, against_receipt: Check) -> Check:
    status, failure = reading.status, reading.problem or reading.uncovered
    if failure is None and (status is None or not status.intact):
        failure = "The bytes are not those that were sealed." if status else "There is no single seal to compare with."
    if failure is None and status is not None and not is_whole(status):
        failure = "What the seal covers cannot be told for certain."
    missing = unvouched(content, reading) or 0
    words = f"Signed content intact; {missing} bytes of validation data not vouched for."
    return _verdict(CheckName.INTEGRITY, failure, EVERY_BYTE if against_receipt.state is CheckState.PASSED else words)


def _check_changes(content: bytes, reading: Reading) -> Check:
    name, status, seal = CheckName.CHANGES, reading.status, reading.seal
    if status is None or seal is None or not status.intact or reading.uncovered or reading.problem:
        return Check(name, CheckState.FAILED, "What was changed after sealing cannot be told: the seal does not hold.")
    added = len(content) - int(seal.byte_range[2]) - int(seal.byte_range[3])
    if not added:
        return Check(name, CheckState.PASSED, "Nothing was added after the seal.")
    level, failure = status.modification_level, None
    if not status.docmdp_ok or level is None or level.value > ModificationLevel.LTA_UPDATES.value:
        failure = "The document was changed after it was sealed: something other than validation data was added."
    words = (
        f"After the seal, {added} bytes of validation data and {len(reading.archives)} archive time stamps were added; "
    )
    return _verdict(name, failure, words + "pages and attached files are as they were sealed.")


def _check_signature(reading: Reading) -> Check:
    status, failure = reading.status, reading.problem or reading.policy
    if failure is None and (status is None or not status.valid):
        failure = "The seal's signature does not fit its certificate."
    elif failure is None and status and not status.docmdp_ok:
        failure = "The document was changed after it was certified."
    return _verdict(CheckName.SIGNATURE, failure, "One certification signature, valid, which allows no change.")


def _check_signer(reading: Reading, trust: Trust, revoked: Sequence[Revoked]) -> Check:
    status = reading.status
    if status is None:
        return Check(CheckName.SIGNER, CheckState.FAILED, "The signer is unknown, because the seal cannot be read.")
    failure = None
    anchors = {root.sha256.hex() for root in trust.signers}
    if not (status.trusted and anchor_of(status) in anchors):
        failure = "Signer not trusted: the certificate leads to no root that was named as trusted."
        if str(getattr(status.trust_problem_indic, "name", "")).startswith("REVOKED"):
            failure = "Signer not trusted: its certificate was revoked before the seal was stamped."
    elif reading.policy is None and not reading.problem and not replace(status, timestamp_validity=None).bottom_line:
        # The time stamp has a check of its own, so that an unknown authority does not count against the signer.
        failure = "Signer not accepted: the seal as a whole is not valid."
    told, refusal = _past(reading, revoked, trust.now)
    words = "The signer's certificate leads to a root that was named as trusted." + told
    if _is_demonstration(status.signing_cert):
        words += " It is a demonstration signer, trusted by nobody else."
    return _verdict(CheckName.SIGNER, failure or refusal, words)


def _past(reading: Reading, revoked: Sequence[Revoked], now: datetime) -> tuple[str, str | None]:
    """What became of the certificate after it sealed: words for it, and why it is not accepted, if it is not."""
    status = reading.status
    assert status is not None
    certificate, words = status.signing_cert, ""
    if certificate.not_valid_after < now:
        words = f" It ended on {utc(certificate.not_valid_after)}, and counts as it stood when the seal was stamped."
    known = next((each for each in revoked if each["certificate_sha256"] == certificate.sha256.hex()), None)
    if known is None:
        return words, None
    at = datetime.fromisoformat(known["at"])
    stamp = status.timestamp_validity
    if stamp is None or not stamp.trusted or stamp.timestamp >= at:
        return words, f"The signer's certificate is revoked as of {utc(at)}, and no trusted time stamp is older."
    is_own = stamp_anchor(stamp) == anchor_of(status)
    if is_own and known["reason"] == RevocationReason.KEY_COMPROMISE:
        return (
            words,
            f"The signer's key was given up as of {utc(at)}, and only its own clock says that the seal is older.",
        )
    return f"{words} It was revoked as of {utc(at)}, after the seal was stamped.", None


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


def _check_time(reading: Reading, manifest: IssuedManifest | None) -> Check:
    stamp = reading.status.timestamp_validity if reading.status else None
    if stamp is None or reading.status is None:
        return Check(CheckName.TIME_STAMP, CheckState.FAILED, "The seal carries no time stamp.")
    name, failure = _name(stamp.signing_cert), None
    is_own = stamp_anchor(stamp) == anchor_of(reading.status)
    if not (stamp.valid and stamp.intact):
        failure = "The time stamp does not fit the seal."
    elif not stamp.trusted:
        failure = f"Time-stamp authority not trusted: {name} leads to no root that was named as trusted."
    elif reading.status.trusted and manifest:
        failure = _misnamed(manifest["time_stamp_authority"], name, is_own=is_own)
    failure = failure or _archive_problem(reading) or _level_problem(reading, manifest)
    words = f"The seal existed at {utc(stamp.timestamp)}, "
    if is_own:
        words += f"by the installation's own clock: {name} stands under the signer's root and is no third party."
    else:
        words += f"by the time-stamp authority {name}, whose root was named as trusted."
    if reading.archived:
        words += (
            f" The newest of {len(reading.archived)} archive time stamps is of {utc(reading.archived[-1].timestamp)}."
        )
    return _verdict(CheckName.TIME_STAMP, failure, f"{words} Level {reading.level}.")


def _archive_problem(reading: Reading) -> str | None:
    for number, status in enumerate(reading.archived, 1):
        if not (status.intact and status.valid):
            return f"Archive time stamp {number} does not fit the file."
        if not status.trusted:
            return f"Archive time stamp {number} is not trusted: {_name(status.signing_cert)} leads to no trusted root."
    return None


def _level_problem(reading: Reading, manifest: IssuedManifest | None) -> str | None:
    stated = SealLevel(manifest.get("seal_level", SealLevel.B_T)) if manifest else SealLevel.B_T
    if reading.level is None or reading.level.rank < stated.rank:
        return f"The manifest says {stated}, and the file reaches {reading.level} alone: its end was cut off."
    return None


def _is_demonstration(certificate: x509.Certificate) -> bool:
    return bool(certificate.issuer.native.get("organization_name") == DEMONSTRATION)


def _or_none(seal: EmbeddedPdfSignature | None, fact: Callable[[x509.Certificate], str]) -> str | None:
    return fact(seal.signer_cert) if seal is not None else None


def _read_lists(contents: Sequence[bytes]) -> list[crl.CertificateList]:
    try:
        lists = [crl.CertificateList.load(pem.unarmor(each)[2] if pem.detect(each) else each) for each in contents]
        for each in lists:
            _ = each.issuer.native
    except (ValueError, TypeError) as error:
        raise BadPackError("a revocation list is neither PEM nor DER.") from error
    return lists


def verify_bytes(
    content: bytes,
    *,
    receipt: bytes | None,
    trust_roots: Sequence[bytes],
    time_roots: Sequence[bytes] = (),
    crls: Sequence[bytes] = (),
    revoked: Sequence[Revoked] = (),
    now: datetime | None = None,
) -> VerificationReport:
    """See `verify_pack`; the arguments are the bytes of the files. now: the moment as of which the newest stamp is judged."""
    trust = Trust(
        signers=read_certificates(trust_roots),
        time=read_certificates(time_roots),
        lists=_read_lists(crls),
        now=now or datetime.now(UTC),
    )
    signed = _parsed(receipt)
    digest = sha256_hex(content)
    against_receipt = _check_receipt(content, signed, digest)
    if b"%PDF-" not in content[:1024] and against_receipt.state is not CheckState.FAILED:
        raise BadPackError("the file is not a PDF.")
    reading = read_seal(content, trust)
    signer = _or_none(None if reading.problem else reading.seal, lambda certificate: str(certificate.sha256.hex()))
    against_receipt = _check_receipt_signer(against_receipt, signed, signer, trust)
    contents, inside = check_contents(content, signer, signed.receipt if signed else None)
    manifest = inside.manifest if inside else None
    checks = (
        against_receipt,
        _check_integrity(content, reading, against_receipt),
        _check_changes(content, reading),
        _check_signature(reading),
        _check_signer(reading, trust, revoked),
        _check_time(reading, manifest),
        contents,
        check_completeness(inside),
        Check(
            CheckName.LEDGER,
            CheckState.NOT_CHECKED,
            "No ledger was at hand: ask the installation that issued the pack.",
        ),
    )
    return _report(content, digest, checks, reading, inside)


def _report(
    content: bytes, digest: str, checks: tuple[Check, ...], reading: Reading, inside: Inside | None
) -> VerificationReport:
    manifest = inside.manifest if inside else None
    seal, status = (None, None) if reading.problem else (reading.seal, reading.status)
    stamp = status.timestamp_validity if status else None
    return VerificationReport(
        checks=checks,
        sha256=digest,
        size=len(content),
        pack_id=manifest["pack_id"] if manifest else None,
        version=manifest["version"] if manifest else None,
        organisation=manifest["organisation"] if manifest else None,
        demonstration=manifest["demonstration"] if manifest else None,
        signer=_or_none(seal, lambda certificate: str(certificate.subject.native.get("common_name"))),
        signer_certificate_sha256=_or_none(seal, lambda certificate: str(certificate.sha256.hex())),
        root_certificate_sha256=anchor_of(status) if status else None,
        demonstration_signer=_is_demonstration(seal.signer_cert) if seal else None,
        sealed_at=f"{stamp.timestamp:%Y-%m-%dT%H:%M:%SZ}" if stamp else None,
        time_stamper=_name(stamp.signing_cert) if stamp else None,
        level=reading.level.value if reading.level and seal else None,
        unvouched=unvouched(content, reading) if seal else None,
        qualified=states_qualified(seal.signer_cert.dump()) if seal else None,
        ledger=manifest["ledger"] if manifest else None,
        checkpoint=inside.checkpoint if inside else None,
    )


def _parsed(receipt: bytes | None) -> SignedReceipt | None:
    if receipt is None:
        return None
    try:
        return read_receipt(receipt)
    except ReceiptError as error:
        raise BadPackError(str(error)) from error


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
    crls: Sequence[Path] = (),
    revoked: Sequence[Revoked] = (),
) -> VerificationReport:
    """Verify the pack at `path`, in this process; `issue.verify_isolated` does the same in a child.

    trust_roots: root certificates, PEM or DER. Without any, every signer is "not trusted". time_roots: those of authorities
    trusted for time stamps and nothing else. crls: revocation lists got since. revoked: certificates known to be revoked.
    Raises BadPackError where the file is no PDF, cannot be read, or the receipt is no receipt (exit code 2).
    """
    return verify_bytes(
        _bytes_of(path, "the pack"),
        receipt=_bytes_of(receipt, "the receipt") if receipt else None,
        trust_roots=trust_roots,
        time_roots=time_roots,
        crls=[_bytes_of(each, "the revocation list") for each in crls],
        revoked=revoked,
    )
