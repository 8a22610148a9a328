"""Who seals packs here: the signer's files and level as set, the history of its certificates, and what was revoked."""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from compliance.models import SealCertificate, SealRevocation, User
from compliance.packs.authority import Authority, AuthorityError, read_roots
from compliance.packs.issue import Signing
from compliance.packs.report import Revoked
from compliance.packs.signers import SignerFiles, ensure_demo_signer, signer_facts
from compliance.services import ledger
from compliance.services.errors import RefusedError
from compliance.types.seals import RevocationReason


def signer_keys() -> SignerFiles:
    """The keys that seal packs here: a demonstration signer, unless SIGNER_KEYS holds an organisation's own."""
    return ensure_demo_signer(settings.SIGNER_KEYS / "seal")


def trusted_roots() -> list[str]:
    """PEM of the roots this installation trusts: its own signer's and nobody else's."""
    return [signer_keys().root.read_text(encoding="ascii")]


def time_roots() -> list[str]:
    """PEM of the roots trusted for time stamps and nothing else. Raises AuthorityError where TSA_ROOTS cannot be read."""
    roots = read_roots(settings.TSA_ROOTS)
    return [roots] if roots else []


def time_stamp_authority() -> Authority | None:
    """The authority that stamps packs here; None: the signer's own stamper. Raises AuthorityError."""
    if not settings.TSA_URL:
        return None
    return Authority(url=settings.TSA_URL, roots="".join(time_roots()))


def signing() -> Signing:
    """As the settings say. Raises RefusedError."""
    try:
        authority = time_stamp_authority()
    except AuthorityError as error:
        raise RefusedError(str(error)) from error
    return Signing(
        files=signer_keys(),
        passphrase=settings.SIGNER_PASSPHRASE,
        authority=authority,
        accept_unisolated=settings.ACCEPT_UNISOLATED,
    )


def noted(*, kept_in: str) -> SealCertificate:
    """The certificate in use, in the history from its first pack on. Call it in the transaction that records the pack.

    Raises RefusedError where it is revoked.
    """
    files = signer_keys()
    facts = signer_facts(files)
    certificate = SealCertificate.objects.filter(sha256=facts["certificate_sha256"]).first()
    if certificate is not None:
        refuse_revoked(certificate)
        return certificate
    read = x509.load_pem_x509_certificate(files.seal.read_bytes())
    certificate = SealCertificate.objects.create(
        sha256=read.fingerprint(hashes.SHA256()).hex(),
        root_sha256=facts["root_sha256"],
        subject=facts["subject"][:300],
        certificate=read.public_bytes(serialization.Encoding.PEM).decode("ascii"),
        not_before=read.not_valid_before_utc,
        not_after=read.not_valid_after_utc,
        kept_in=kept_in,
        is_demonstration=facts["demonstration"],
        is_qualified=facts.get("qualified", False),
    )
    payload = {"sha256": certificate.sha256, "root_sha256": certificate.root_sha256, "kept_in": kept_in}
    ledger.record(kind="seal_certificate.introduced", subject=certificate, payload=payload, actor=None, system=None)
    return certificate


def refuse_revoked(certificate: SealCertificate) -> None:
    """Raises RefusedError."""
    if SealRevocation.objects.filter(certificate=certificate).exists():
        raise RefusedError(
            _("The certificate in SIGNER_KEYS is revoked: put another one there before packs are issued.")
        )


def refuse_revoked_signer() -> None:
    """Before a pack is rendered. Raises RefusedError."""
    sha256 = signer_facts(signer_keys())["certificate_sha256"]
    if certificate := SealCertificate.objects.filter(sha256=sha256).first():
        refuse_revoked(certificate)


def revoke(*, sha256: str, at: datetime, reason: RevocationReason, actor: User | None) -> SealRevocation:
    """Record that a certificate is not to be relied on from a moment on. Raises RefusedError."""
    with transaction.atomic():
        certificate = SealCertificate.objects.select_for_update().filter(sha256=sha256.lower()).first()
        if certificate is None:
            raise RefusedError(_("No pack was sealed here with a certificate of that SHA-256."))
        if SealRevocation.objects.filter(certificate=certificate).exists():
            raise RefusedError(_("That certificate is revoked already."))
        revocation = SealRevocation.objects.create(certificate=certificate, revoked_at=at, reason=reason, told_by=actor)
        payload = {"sha256": certificate.sha256, "revoked_at": _stated(at), "why": reason.value}
        ledger.record(kind="seal_certificate.revoked", subject=certificate, payload=payload, actor=actor, system=None)
    return revocation


def revoked() -> list[Revoked]:
    """For verification."""
    return [
        Revoked(certificate_sha256=row.certificate.sha256, at=_stated(row.revoked_at), reason=row.reason)
        for row in SealRevocation.objects.select_related("certificate")
    ]


def _stated(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds")
