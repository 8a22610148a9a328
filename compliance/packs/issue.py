"""The door to packs for services and commands: issue, renew and verify, each in isolated children.

One child renders, another seals. Neither has a network, and no key reaches either: the seal's child asks this process for one
signature, for time stamps and for revocation data (`questions`).
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cryptography import x509
from django.utils.translation import gettext as _

from compliance.isolation import BadInput, IsolationError, run_isolated
from compliance.packs.authority import Authority
from compliance.packs.order import Extra, PackOrder
from compliance.packs.own_stamper import OwnStamper
from compliance.packs.questions import Answers
from compliance.packs.receipt import Receipt, ReceiptSignature, envelope_bytes, sign_receipt
from compliance.packs.report import Revoked, VerificationReport, report_from_json
from compliance.packs.revocation import source_of
from compliance.packs.sealers import Sealer, open_sealer
from compliance.packs.signers import SignerError, SignerFiles, signer_facts
from compliance.types.drafts import Progress
from compliance.types.freeze import LedgerHead
from compliance.types.seals import SealLevel

_RENDER, _SEAL, _VERIFY = (f"compliance.packs.{name}" for name in ("child", "seal_child", "verify_child"))
_MEMORY_BYTES = 3 << 30


class LevelUnreachedError(IsolationError):
    """The level that the order asks for cannot be had now. One sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedPack:
    """A sealed pack on disk. `unsigned_sha256` is the same for the same input; the sealed file never is.

    stamped_until: when the certificate of its newest time stamp ends; kept_in: where its key is (`sealers.Sealer`).
    """

    pack: Path
    receipt_file: Path
    receipt: Receipt
    signature: ReceiptSignature
    unsigned_sha256: str
    stamped_until: str
    kept_in: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signing:
    """Who seals and who stamps. authority None: the installation's own stamper."""

    files: SignerFiles
    passphrase: str = ""
    authority: Authority | None = None
    accept_unisolated: bool = False

    def sealer(self) -> Sealer:
        """Raises BadInput."""
        try:
            return open_sealer(self.files, self.passphrase)
        except SignerError as error:
            raise BadInput(f"the pack cannot be made: {error}.") from error


def issue_pack(
    *,
    freeze_document: Path,
    attachments: Path,
    order: PackOrder,
    keys: Path,
    out: Path,
    receipt_out: Path,
    extras: Sequence[Extra] = (),
    authority: Authority | None = None,
    passphrase: str = "",
    on_progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    accept_unisolated: bool = False,
    wall_seconds: float = 300,
) -> IssuedPack:
    """Render, seal and store the pack and its receipt; both appear whole or not at all.

    freeze_document: file with the canonical JSON; attachments: folder in which the document's registers lie, each named by
    its SHA-256, and the extras; keys: folder of compliance.packs.signers; authority: that which the order names, or None.
    Raises compliance.isolation.IsolationError (BadInput where the document, the key or a time stamp is at fault, AuthorityError
    where the authority gave none, LevelUnreachedError), and ValueError where order and authority differ.
    """
    if order["time_stamp_authority"] != (authority.host if authority else None):
        raise ValueError("the order names another time-stamp authority than the one that is to be asked")
    signing = Signing(
        files=SignerFiles(keys), passphrase=passphrase, authority=authority, accept_unisolated=accept_unisolated
    )
    sealer = signing.sealer()
    out, receipt_out = out.resolve(), receipt_out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    receipt_out.parent.mkdir(parents=True, exist_ok=True)
    request = _request(freeze_document, attachments, extras, order, keys)
    watched = {"on_progress": on_progress, "should_stop": should_stop, "accept_unisolated": accept_unisolated}
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".pack-") as scratch:
        rendered = _rendered(Path(scratch), request, wall_seconds, watched)
        if on_progress:
            on_progress(Progress(stage=_("Seal"), done=0))
        issued = _sealed(Path(scratch), rendered, order, signing, sealer, should_stop)
        os.replace(issued.receipt_file, receipt_out)
        os.replace(issued.pack, out)
    if on_progress:
        on_progress(Progress(stage=_("Seal"), done=1, total=1))
    return replace(issued, pack=out, receipt_file=receipt_out)


def _request(
    freeze_document: Path, attachments: Path, extras: Sequence[Extra], order: PackOrder, keys: Path
) -> dict[str, Any]:
    return {
        "freeze": str(freeze_document.resolve()),
        "attachments": str(attachments.resolve()),
        "extras": [dict(extra) for extra in extras],
        "order": dict(order),
        "keys": str(keys.resolve()),
    }


def _rendered(folder: Path, request: dict[str, Any], wall_seconds: float, watched: dict[str, Any]) -> dict[str, Any]:
    return run_isolated(
        module=_RENDER,
        request={**request, "pdf": str(folder / "unsigned.pdf")},
        wall_seconds=wall_seconds,
        cpu_seconds=int(wall_seconds),
        memory_bytes=_MEMORY_BYTES,
        writable=[folder],
        **watched,
    )


def _sealed(
    folder: Path,
    rendered: dict[str, Any],
    order: PackOrder,
    signing: Signing,
    sealer: Sealer,
    should_stop: Callable[[], bool] | None,
) -> IssuedPack:
    """The rendered pack sealed, and its receipt, in the folder."""
    pack, receipt_file = folder / "pack.pdf", folder / "receipt.json"
    facts = _in_seal_child(
        signing,
        sealer=sealer,
        pdf=folder / "unsigned.pdf",
        sealed=pack,
        act=_sealing(order),
        should_stop=should_stop,
    )
    receipt = _receipt(pack, order=order, facts=facts, files=signing.files, ledger=rendered["ledger"])
    signature = _signed(receipt, sealer, signing.files)
    receipt_file.write_bytes(envelope_bytes(receipt, [signature]))
    return IssuedPack(
        pack=pack,
        receipt_file=receipt_file,
        receipt=receipt,
        signature=signature,
        unsigned_sha256=rendered["unsigned_sha256"],
        stamped_until=facts["stamped_until"],
        kept_in=sealer.kept_in,
    )


def _sealing(order: PackOrder) -> dict[str, str]:
    return {
        "act": "seal",
        "reason": f"Evidence pack {order['pack_id']}, version {order['version']}",
        "level": order.get("seal_level", SealLevel.B_T),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class RenewedPack:
    """Facts of the file that `renew_pack` wrote, and its receipt."""

    receipt: Receipt
    signature: ReceiptSignature
    stamped_until: str


def renew_pack(*, pack: Path, receipt: Receipt, signing: Signing, out: Path) -> RenewedPack:
    """`pack` with one more archive time stamp, written to `out`; `receipt` is the last that was given for it.

    Raises compliance.isolation.IsolationError.
    """
    sealer = signing.sealer()
    facts = _in_seal_child(signing, sealer=None, pdf=pack.resolve(), sealed=out.resolve(), act={"act": "renew"})
    after: Receipt = {
        **receipt,
        "renewal": receipt["renewal"] + 1,
        "sha256": _digest(out),
        "size": out.stat().st_size,
        "issued_at": facts["sealed_at"],
    }
    signer = signer_facts(signing.files)
    after["signer_certificate_sha256"], after["root_certificate_sha256"] = (
        signer["certificate_sha256"],
        signer["root_sha256"],
    )
    return RenewedPack(
        receipt=after, signature=_signed(after, sealer, signing.files), stamped_until=facts["stamped_until"]
    )


def _in_seal_child(
    signing: Signing,
    *,
    sealer: Sealer | None,
    pdf: Path,
    sealed: Path,
    act: dict[str, str],
    should_stop: Callable[[], bool] | None = None,
) -> dict[str, str]:
    files, authority = signing.files, signing.authority
    roots = authority.roots if authority else ""
    needs_data = act["act"] == "renew" or act["level"] != SealLevel.B_T
    try:
        answers = Answers(
            stamper=authority or OwnStamper(files),
            sealer=sealer,
            source=source_of(files, time_roots=roots) if needs_data else None,
        )
    except (OSError, ValueError) as error:
        raise BadInput(
            "the pack cannot be made: a certificate or revocation list in the folder of keys cannot be read."
        ) from error
    result: dict[str, Any] = run_isolated(
        module=_SEAL,
        request={
            **act,
            "pdf": str(pdf),
            "sealed": str(sealed),
            "seal": files.seal.read_text(encoding="ascii"),
            "root": files.root.read_text(encoding="ascii"),
            "chain": files.chain.read_text(encoding="ascii") if files.chain.exists() else "",
            "host": authority.host if authority else None,
            "time_roots": roots,
        },
        wall_seconds=180,
        cpu_seconds=120,
        memory_bytes=_MEMORY_BYTES,
        writable=[sealed.parent],
        should_stop=should_stop,
        on_ask=answers,
        accept_unisolated=signing.accept_unisolated,
    )
    if "unreached" in result:
        raise LevelUnreachedError(f"The pack was not sealed: {result['unreached']}.")
    return {key: str(value) for key, value in result.items()}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _receipt(pack: Path, *, order: PackOrder, facts: dict[str, str], files: SignerFiles, ledger: LedgerHead) -> Receipt:
    level, signer = order.get("seal_level", SealLevel.B_T), signer_facts(files)
    return {
        "schema": "assay-receipt/2",
        "pack_id": order["pack_id"],
        "version": order["version"],
        "renewal": 0,
        "sha256": _digest(pack),
        "size": pack.stat().st_size,
        "level": level,
        "level_wanted": order.get("seal_level_wanted", level),
        "manifest_sha256": facts["manifest_sha256"],
        "manifest_root": facts["manifest_root"],
        "issued_at": facts["sealed_at"],
        "freeze_sha256": facts["freeze_sha256"],
        "signer_certificate_sha256": signer["certificate_sha256"],
        "root_certificate_sha256": signer["root_sha256"],
        "ledger": ledger,
        "demonstration": signer["demonstration"],
    }


def _signed(receipt: Receipt, sealer: Sealer, files: SignerFiles) -> ReceiptSignature:
    certificate = x509.load_pem_x509_certificate(files.seal.read_bytes())
    try:
        return sign_receipt(receipt, sealer=sealer, certificate=certificate)
    except SignerError as error:
        raise BadInput(f"the receipt cannot be signed: {error}.") from error


def verify_isolated(
    *,
    pack: Path,
    receipt: Path | None,
    trust_roots: Sequence[str],
    time_roots: Sequence[str] = (),
    crls: Sequence[Path] = (),
    revoked: Sequence[Revoked] = (),
    accept_unisolated: bool = False,
    wall_seconds: float = 120,
) -> VerificationReport:
    """`verify.verify_pack` in a child, for files from strangers. trust_roots, time_roots: as PEM text.

    Raises compliance.isolation.IsolationError: BadInput (exit code 2); any other means that nothing was decided (3).
    """
    result = run_isolated(
        module=_VERIFY,
        request={
            "pack": str(pack.resolve()),
            "receipt": str(receipt.resolve()) if receipt else None,
            "trust_roots": list(trust_roots),
            "time_roots": list(time_roots),
            "crls": [str(path.resolve()) for path in crls],
            "revoked": list(revoked),
        },
        wall_seconds=wall_seconds,
        cpu_seconds=int(wall_seconds),
        memory_bytes=_MEMORY_BYTES,
        accept_unisolated=accept_unisolated,
    )
    return report_from_json(result)
