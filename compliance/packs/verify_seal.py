"""The seal as it lies in the file: where signatures are, what bytes they cover, whose they are and when they were made.

Trust goes from the newest time stamp to the oldest: the newest is judged as of now, each one before it as of the moment that
the next one states, and the seal's certificate as of the moment of its own stamp. So a certificate that has ended since, or was
revoked since, counts as it stood when it was used.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from asn1crypto import cms, crl, ocsp, x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import MDPPerm
from pyhanko.sign.validation import read_certification_data, validate_pdf_signature, validate_pdf_timestamp
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.sign.validation.errors import NoDSSFoundError
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko.sign.validation.status import (
    DocumentTimestampStatus,
    PdfSignatureStatus,
    SignatureCoverageLevel,
)
from pyhanko_certvalidator import ValidationContext

from compliance.types.seals import SealLevel

_HEX = frozenset(b"0123456789ABCDEF")
_END = b"%%EOF"


@dataclass(frozen=True, slots=True)
class Trust:
    """time: roots of authorities that stamp for anybody, so they vouch for no signer. lists: revocation lists got since."""

    signers: Sequence[x509.Certificate]
    time: Sequence[x509.Certificate]
    lists: Sequence[crl.CertificateList]
    now: datetime


@dataclass(slots=True)
class Reading:
    """What was learnt, piece by piece; a piece that was not reached stays as it is here. problem: the reader stumbled."""

    seal: EmbeddedPdfSignature | None = None
    archives: list[EmbeddedPdfSignature] = field(default_factory=list)
    policy: str | None = None
    uncovered: str | None = None
    level: SealLevel | None = None
    status: PdfSignatureStatus | None = None
    archived: list[DocumentTimestampStatus] = field(default_factory=list)
    problem: str | None = None


def _end(signature: EmbeddedPdfSignature) -> int:
    return int(signature.byte_range[2]) + int(signature.byte_range[3])


@dataclass(frozen=True, slots=True)
class _Store:
    """Validation data in the file."""

    certificates: tuple[x509.Certificate, ...] = ()
    crls: tuple[crl.CertificateList, ...] = ()
    ocsps: tuple[ocsp.OCSPResponse, ...] = ()


def _store(reader: PdfFileReader) -> _Store:
    try:
        dss = DocumentSecurityStore.read_dss(reader)
    except NoDSSFoundError:
        return _Store()
    lists = tuple(crl.CertificateList.load(each.get_object().data) for each in dss.crls)
    responses = tuple(ocsp.OCSPResponse.load(each.get_object().data) for each in dss.ocsps)
    return _Store(tuple(dss.load_certs()), lists, responses)


def _policy(reader: PdfFileReader, reading: Reading) -> str | None:
    signatures = list(reader.embedded_signatures)
    seals = [each for each in signatures if each.sig_object_type != "/DocTimeStamp"]
    if len(seals) != 1:
        return f"The file holds {len(seals)} signatures; a pack holds one."
    reading.seal = seals[0]
    reading.archives = [each for each in signatures if each is not seals[0]]
    if signatures[0] is not seals[0]:
        return "A time stamp stands before the seal; a pack's stands after it."
    certification = read_certification_data(reader)
    if certification is None or certification.author_sig != seals[0].sig_object:
        return "The signature does not certify the document."
    if certification.permission != MDPPerm.NO_CHANGES:
        return "The certification allows changes; a pack's allows none."
    return None


def _gap(content: bytes, signature: EmbeddedPdfSignature) -> str | None:
    """The place of a signature: one DER value in hexadecimal capitals, as pyHanko writes it, then zeros alone."""
    first, length, second, rest = (int(n) for n in signature.byte_range)
    gap = content[length:second]
    if first != 0 or not (gap.startswith(b"<") and gap.endswith(b">")) or not _HEX.issuperset(gap[1:-1]):
        return "The place of the seal holds something other than the seal."
    value = bytes.fromhex(gap[1:-1].decode("ascii"))
    if any(value[len(cms.ContentInfo.load(value).dump()) :]):
        return "Behind the seal's value stands something other than zeros."
    if not content[: second + rest].rstrip(b"\r\n").endswith(_END):
        return "A signed part of the file does not end where a PDF ends."
    return None


def _uncovered(content: bytes, reading: Reading) -> str | None:
    """Every signature covers the file from its first byte to the end of its own revision."""
    ends = []
    for signature in (reading.seal, *reading.archives):
        if signature is None:
            return "There is no single seal to compare with."
        if problem := _gap(content, signature):
            return problem
        ends.append(_end(signature))
    if ends != sorted(set(ends)) or ends[-1] > len(content):
        return "The signatures of the file do not cover one another."
    if not content.endswith((_END, _END + b"\n", _END + b"\r\n", _END + b"\r")):
        return "The file does not end where a PDF ends: something was added after it."
    if ends[-1] < len(content) and not _is_one_revision(content, ends[-1]):
        return "The seal does not cover the whole file: something was added after it that is no part of a PDF."
    return None


def _is_one_revision(content: bytes, start: int) -> bool:
    """Whether everything from there on is one incremental update, whose cross references lie within it."""
    added = content[start:]
    found = re.search(rb"startxref\s+(\d{1,15})\s+%%EOF\s*\Z", added)
    return found is not None and added.count(_END) == 1 and int(found[1]) >= start


def _level(content: bytes, reading: Reading, store: _Store) -> SealLevel:
    """By what is in the file. Behind the last archive stamp stands its validation data, else the end was cut off."""
    if not (store.crls or store.ocsps):
        return SealLevel.B_T
    if not reading.archives:
        return SealLevel.B_LT
    return SealLevel.B_LTA if _end(reading.archives[-1]) < len(content) else SealLevel.B_LT


def _context(trust: Trust, store: _Store, *, moment: datetime, time: bool, strict: bool) -> ValidationContext:
    return ValidationContext(
        trust_roots=[*trust.signers, *trust.time] if time else list(trust.signers),
        other_certs=store.certificates,
        crls=[*store.crls, *trust.lists],
        ocsps=store.ocsps,
        moment=moment,
        allow_fetching=False,
        retroactive_revinfo=True,
        revocation_mode="require" if strict else "soft-fail",
    )


def _archives(reading: Reading, trust: Trust, store: _Store) -> datetime:
    """Judges archive stamps, newest first; the moment as of which the seal's own stamp is judged."""
    moment = trust.now
    for number, archive in enumerate(reversed(reading.archives)):
        context = _context(trust, store, moment=moment, time=True, strict=number > 0)
        status = validate_pdf_timestamp(archive, context, skip_diff=True)
        reading.archived.insert(0, status)
        if status.intact and status.valid and status.trusted:
            moment = status.timestamp
    return moment


def _status(
    content: bytes, reading: Reading, seal: EmbeddedPdfSignature, trust: Trust, store: _Store
) -> PdfSignatureStatus:
    """Revisions are compared, which takes longest, only where some follow the seal and everything before has passed."""
    stamped_by = _archives(reading, trust, store)
    strict = bool(store.crls or store.ocsps)

    def judged(moment: datetime, *, strictly: bool, compare: bool = False) -> PdfSignatureStatus:
        signer = _context(trust, store, moment=moment, time=False, strict=strictly)
        stamps = _context(trust, store, moment=stamped_by, time=True, strict=strict and bool(reading.archives))
        return _validated(seal, signer, stamps, compare=compare)

    stamp = judged(trust.now, strictly=False).timestamp_validity
    moment = stamp.timestamp if stamp and stamp.valid and stamp.intact and stamp.trusted else trust.now
    status = judged(moment, strictly=strict)
    passed = reading.policy is None and reading.uncovered is None and status.intact and status.valid
    return judged(moment, strictly=strict, compare=True) if passed and _end(seal) < len(content) else status


def _validated(
    seal: EmbeddedPdfSignature, signer: ValidationContext, stamps: ValidationContext, *, compare: bool = False
) -> PdfSignatureStatus:
    return validate_pdf_signature(
        seal,
        skip_diff=not compare,
        signer_validation_context=signer,
        ts_validation_context=stamps,
        key_usage_settings=KeyUsageConstraints(key_usage={"non_repudiation"}),
    )


def read_seal(content: bytes, trust: Trust) -> Reading:
    """Never raises: whatever a forged file makes a reader raise, the file is not valid. Cheapest first."""
    reading = Reading()
    try:
        reader = PdfFileReader(io.BytesIO(content), strict=True)
        reading.policy = _policy(reader, reading)
        reading.uncovered = _uncovered(content, reading)
        if reading.seal is None:
            return reading
        store = _store(reader)
        reading.level = _level(content, reading, store)
        reading.status = _status(content, reading, reading.seal, trust, store)
    except Exception as error:  # noqa: BLE001 - as above
        reading.problem = f"The file or its seal cannot be read ({type(error).__name__})."
    return reading


def is_whole(status: PdfSignatureStatus) -> bool:
    """Whether the seal covers its revision from the first byte on."""
    return status.coverage is not None and status.coverage.value >= SignatureCoverageLevel.ENTIRE_REVISION.value


def unvouched(content: bytes, reading: Reading) -> int | None:
    """How many bytes neither the seal nor a trusted archive stamp covers; None where there is no seal."""
    if reading.seal is None:
        return None
    covering = [reading.seal]
    covering += [
        each
        for each, status in zip(reading.archives, reading.archived, strict=False)
        if status.intact and status.trusted
    ]
    holes: list[tuple[int, int]] | None = None
    for signature in covering:
        _, length, second, rest = (int(n) for n in signature.byte_range)
        missing = [(length, second), (second + rest, len(content))]
        holes = missing if holes is None else _both(holes, missing)
    return sum(end - start for start, end in holes or [])


def _both(some: list[tuple[int, int]], others: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """What lies in both."""
    cut = [(max(a, c), min(b, d)) for a, b in some for c, d in others]
    return [(start, end) for start, end in cut if start < end]


def anchor_of(status: PdfSignatureStatus) -> str | None:
    """SHA-256 of the root that the path to the signer starts from."""
    path = status.validation_path
    certificate = getattr(path.trust_anchor, "certificate", None) if path else None
    return str(certificate.sha256.hex()) if certificate is not None else None


def utc(moment: datetime) -> str:
    """For sentences."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
