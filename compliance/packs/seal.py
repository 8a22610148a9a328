"""Seals a pack: one invisible certification signature, PAdES B-T, B-LT or B-LTA, that allows no change at all (DocMDP P=1).

Only PDFs rendered here are sealed, never an uploaded one: what was hidden before sealing cannot be found after it. A file
with anything that could act or hide (forms, scripts, layers, annotations other than links) is refused.
"""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pikepdf
from asn1crypto import x509
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.general import SigningError
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, PdfTimeStamper
from pyhanko.sign.signers.pdf_cms import Signer
from pyhanko.sign.timestamps import TimeStamper
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.errors import PathBuildingError, PathValidationError
from pyhanko_certvalidator.registry import SimpleCertificateStore

from compliance.isolation.child import Ask
from compliance.packs.revocation import RevocationData
from compliance.types.seals import SealLevel

FIELD, ARCHIVE = "EvidenceSeal", "ArchiveTimestamp"
_ACTIVE = ("/AcroForm", "/OCProperties", "/OpenAction", "/AA", "/Perms", "/Collection")


class SealError(ValueError):
    """The file must not be sealed; the message says why."""


class LevelError(ValueError):
    """The level cannot be reached, since something that it needs could not be had; the message says what."""


@dataclass(frozen=True, slots=True)
class Validation:
    """What levels above B-T need. revocation: asks for the data about a certificate (DER). other: certificates between."""

    roots: Sequence[x509.Certificate]
    revocation: Callable[[bytes], RevocationData]
    other: Sequence[x509.Certificate] = field(default=())


class AskedSigner(Signer):
    """Has the one signature made by the parent, which holds the key."""

    def __init__(self, ask: Ask, certificate: x509.Certificate, chain: Sequence[x509.Certificate]) -> None:
        store = SimpleCertificateStore()  # type: ignore[no-untyped-call]  # pyHanko leaves it untyped
        for each in chain:
            store.register(each)
        super().__init__(signing_cert=certificate, cert_registry=store)
        self._ask = ask

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
        """A dry run wants a value of the length alone."""
        assert self.signing_cert is not None
        public = self.signing_cert.public_key
        if dry_run:
            return bytes(public.byte_size if public.algorithm == "rsa" else 2 * public.byte_size + 16)
        question = {"sign": base64.b64encode(data).decode("ascii"), "digest": digest_algorithm}
        return base64.b64decode(self._ask(question)["signature"])


def _of_seal(annotation: pikepdf.Object) -> bool:
    return bool(annotation.get("/FT") == "/Sig" and annotation.get("/Subtype") == "/Widget")


def active_content(pdf: pikepdf.Pdf, *, sealed: bool) -> list[str]:
    """What the file holds beyond pages, links and attachments; sealed: the seal's own form and fields are no part of it."""
    found = [name for name in _ACTIVE if name in pdf.Root]
    if sealed:
        fields = pdf.Root.get("/AcroForm", pikepdf.Dictionary()).get("/Fields", pikepdf.Array())
        if all(_of_seal(each) for each in fields):
            found = [name for name in found if name not in ("/AcroForm", "/Perms")]
    if "/Names" in pdf.Root and "/JavaScript" in pdf.Root.Names:
        found.append("/JavaScript")
    for number, page in enumerate(pdf.pages, 1):
        found += [f"{key} on page {number}" for key in ("/AA",) if key in page]
        kinds = {str(each.Subtype) for each in page.get("/Annots", []) if not (sealed and _of_seal(each))}
        found += [f"{kind} on page {number}" for kind in sorted(kinds - {"/Link"})]
        found += [f"an action on page {number}" for each in page.get("/Annots", []) if not _is_harmless(each)]
    return found


def _is_harmless(annotation: pikepdf.Object) -> bool:
    """No action, or one that leads to another place of the document or to an address."""
    action = annotation.get("/A")
    return "/AA" not in annotation and (action is None or str(action.get("/S")) in ("/GoTo", "/URI"))


def refuse_active_content(content: bytes) -> None:
    """Raise SealError where the PDF holds more than pages, links and attachments."""
    with pikepdf.open(io.BytesIO(content)) as pdf:
        found = active_content(pdf, sealed=False)
    if found:
        raise SealError(f"the file holds {', '.join(found)}, so it is not sealed")


def _is_own_issuer(certificate: x509.Certificate) -> bool:
    return bool(certificate.subject == certificate.issuer)


def _context(validation: Validation, stamper: TimeStamper, signer: x509.Certificate | None) -> ValidationContext:
    """With revocation data of the signer's certificates and of those that the stamper uses."""
    asyncio.run(stamper.async_dummy_response("sha256"))
    stamping = list(stamper.cert_registry) + list(stamper._certs.values())  # noqa: SLF001 - pyHanko names no other way
    others = {each.sha256: each for each in (*validation.other, *stamping, *([signer] if signer else []))}
    crls, ocsps = set(), set()
    for each in others.values():
        if _is_own_issuer(each):
            continue
        told = validation.revocation(each.dump())
        crls |= {base64.b64decode(content) for content in told["crls"]}
        ocsps |= {base64.b64decode(content) for content in told["ocsps"]}
    return ValidationContext(
        trust_roots=list(validation.roots),
        other_certs=list(others.values()),
        crls=sorted(crls),
        ocsps=sorted(ocsps),
        allow_fetching=False,
        revocation_mode="require",
    )


def seal_pdf(
    content: bytes,
    *,
    signer: Signer,
    stamper: TimeStamper,
    reason: str,
    level: SealLevel = SealLevel.B_T,
    validation: Validation | None = None,
) -> bytes:
    """The sealed PDF. Raises SealError, LevelError where validation data is missing, and what signer and stamper raise."""
    refuse_active_content(content)
    context = None
    if level is not SealLevel.B_T:
        if validation is None:
            raise LevelError(f"the level {level} needs revocation data, and nothing is there to ask for it")
        context = _context(validation, stamper, signer.signing_cert)
    metadata = PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        certify=True,
        docmdp_permissions=MDPPerm.NO_CHANGES,
        reason=reason,
        embed_validation_info=context is not None,
        use_pades_lta=level is SealLevel.B_LTA,
        validation_context=context,
        timestamp_field_name=f"{ARCHIVE}1",
    )
    sealing = PdfSigner(
        metadata, signer=signer, timestamper=stamper, new_field_spec=SigFieldSpec(FIELD, on_page=0, box=None)
    )
    sealed = io.BytesIO()
    try:
        sealing.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(content), strict=True), output=sealed)
    except (SigningError, PathValidationError, PathBuildingError) as error:
        if context is None:
            raise SealError(f"it cannot be sealed: {error}") from error
        raise LevelError(f"the level {level} cannot be reached: {_plain(error)}") from error
    return sealed.getvalue()


def _plain(error: Exception) -> str:
    """The reason in pyHanko's words, on one line."""
    return " ".join(str(error.__cause__ or error).split())[:300]


def renew_archive(content: bytes, *, stamper: TimeStamper, validation: Validation) -> bytes:
    """The same bytes, and behind them one more archive time stamp. Raises LevelError."""
    reader = PdfFileReader(io.BytesIO(content), strict=True)
    earlier = len(reader.embedded_timestamp_signatures)
    context = _context(validation, stamper, None)
    renewed = io.BytesIO()
    try:
        PdfTimeStamper(stamper, field_name=f"{ARCHIVE}{earlier + 1}").update_archival_timestamp_chain(
            reader, context, in_place=False, output=renewed
        )
    except (SigningError, PathValidationError, PathBuildingError) as error:
        raise LevelError(f"the archive time stamp cannot be renewed: {_plain(error)}") from error
    return renewed.getvalue()
