"""Seals a pack: one invisible certification signature, PAdES B-T, that allows no change at all (DocMDP P=1).

Only PDFs rendered here are sealed, never an uploaded one: what was hidden before sealing cannot be found after it. A file
with anything that could act or hide (forms, scripts, layers, annotations other than links) is refused.
"""

from __future__ import annotations

import io
from pathlib import Path

import pikepdf
from asn1crypto import x509
from pyhanko.keys import load_cert_from_pemder, load_private_key_from_pemder
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko.sign.timestamps import DummyTimeStamper, TimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

from compliance.packs.signers import SignerFiles

FIELD = "EvidenceSeal"
_ACTIVE = ("/AcroForm", "/OCProperties", "/OpenAction", "/AA", "/Perms", "/Collection")


class SealError(ValueError):
    """The file must not be sealed; the message says why."""


def refuse_active_content(content: bytes) -> None:
    """Raise SealError where the PDF holds more than pages, links and attachments."""
    with pikepdf.open(io.BytesIO(content)) as pdf:
        found = [name for name in _ACTIVE if name in pdf.Root]
        if "/Names" in pdf.Root and "/JavaScript" in pdf.Root.Names:
            found.append("/JavaScript")
        for number, page in enumerate(pdf.pages, 1):
            found += [f"{key} on page {number}" for key in ("/AA",) if key in page]
            kinds = {str(annotation.Subtype) for annotation in page.get("/Annots", [])}
            found += [f"{kind} on page {number}" for kind in sorted(kinds - {"/Link"})]
    if found:
        raise SealError(f"the file holds {', '.join(found)}, so it is not sealed")


def _signer(files: SignerFiles) -> SimpleSigner:
    signer: SimpleSigner | None = SimpleSigner.load(  # type: ignore[no-untyped-call]  # pyHanko leaves it untyped
        str(files.seal_key), str(files.seal), ca_chain_files=(str(files.root),)
    )
    if signer is None:
        raise SealError("the seal's key and certificate could not be read")
    return signer


def _certificate(path: Path) -> x509.Certificate:
    return load_cert_from_pemder(str(path))  # type: ignore[no-untyped-call]  # pyHanko leaves it untyped


def _time_stamper(files: SignerFiles) -> DummyTimeStamper:
    store = SimpleCertificateStore()  # type: ignore[no-untyped-call]  # pyHanko leaves it untyped
    store.register(_certificate(files.root))
    return DummyTimeStamper(
        tsa_cert=_certificate(files.tsa),
        tsa_key=load_private_key_from_pemder(str(files.tsa_key), passphrase=None),
        certs_to_embed=store,
    )


def seal_pdf(content: bytes, files: SignerFiles, *, reason: str, stamper: TimeStamper | None = None) -> bytes:
    """The sealed PDF, stamped by `stamper` or else by the signer's own. Raises SealError, and what the stamper raises."""
    refuse_active_content(content)
    metadata = PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        certify=True,
        docmdp_permissions=MDPPerm.NO_CHANGES,
        reason=reason,
    )
    signer = PdfSigner(
        metadata,
        signer=_signer(files),
        timestamper=stamper or _time_stamper(files),
        new_field_spec=SigFieldSpec(FIELD, on_page=0, box=None),
    )
    sealed = io.BytesIO()
    signer.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(content), strict=True), output=sealed)
    return sealed.getvalue()
