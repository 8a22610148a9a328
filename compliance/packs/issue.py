"""The door to packs for services and commands: issue one and verify one, each in an isolated child."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from compliance.isolation import run_isolated
from compliance.packs.authority import Authority, answers_of
from compliance.packs.order import Extra, PackOrder
from compliance.packs.receipt import Receipt
from compliance.packs.report import VerificationReport, report_from_json
from compliance.types.drafts import Progress

_ISSUE, _VERIFY = "compliance.packs.child", "compliance.packs.verify_child"
_MEMORY_BYTES = 3 << 30


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedPack:
    """A sealed pack on disk. `unsigned_sha256` is the same for the same input; the sealed file never is."""

    pack: Path
    receipt_file: Path
    receipt: Receipt
    unsigned_sha256: str


def _request(
    freeze_document: Path,
    attachments: Path,
    extras: Sequence[Extra],
    order: PackOrder,
    keys: Path,
    authority: Authority | None,
) -> dict[str, Any]:
    if order["time_stamp_authority"] != (authority.host if authority else None):
        raise ValueError("the order names another time-stamp authority than the one that is to be asked")
    return {
        "freeze": str(freeze_document.resolve()),
        "attachments": str(attachments.resolve()),
        "extras": [dict(extra) for extra in extras],
        "order": dict(order),
        "keys": str(keys.resolve()),
        "time_roots": authority.roots if authority else "",
    }


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
    on_progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    accept_unisolated: bool = False,
    wall_seconds: float = 300,
) -> IssuedPack:
    """Render, seal and store the pack and its receipt; both appear whole or not at all.

    freeze_document: file with the canonical JSON; attachments: folder in which the document's registers lie, each named by
    its SHA-256, and the extras; keys: folder of compliance.packs.signers; authority: that which the order names, or None.
    Raises compliance.isolation.IsolationError (BadInput where the document or a time stamp is at fault, AuthorityError where
    the authority gave none), and ValueError where order and authority differ.
    """
    request = _request(freeze_document, attachments, extras, order, keys, authority)
    out, receipt_out = out.resolve(), receipt_out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    receipt_out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".pack-") as scratch:
        pack, receipt = Path(scratch) / "pack.pdf", Path(scratch) / "receipt.json"
        result = run_isolated(
            module=_ISSUE,
            request={**request, "pack": str(pack), "receipt": str(receipt)},
            wall_seconds=wall_seconds,
            cpu_seconds=int(wall_seconds),
            memory_bytes=_MEMORY_BYTES,
            writable=[Path(scratch)],
            on_progress=on_progress,
            should_stop=should_stop,
            on_ask=answers_of(authority) if authority else None,
            accept_unisolated=accept_unisolated,
        )
        os.replace(receipt, receipt_out)
        os.replace(pack, out)
    return IssuedPack(
        pack=out,
        receipt_file=receipt_out,
        receipt=cast(Receipt, result["receipt"]),
        unsigned_sha256=result["unsigned_sha256"],
    )


def verify_isolated(
    *,
    pack: Path,
    receipt: Path | None,
    trust_roots: Sequence[str],
    time_roots: Sequence[str] = (),
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
        },
        wall_seconds=wall_seconds,
        cpu_seconds=int(wall_seconds),
        memory_bytes=_MEMORY_BYTES,
        accept_unisolated=accept_unisolated,
    )
    return report_from_json(result)
