"""The receipt: a small file handed out beside the pack, by another way, that pins the pack's every byte."""

from __future__ import annotations

import json
from typing import Literal, TypedDict, cast

from compliance.packs.order import PackOrder, SignerFacts
from compliance.types.canonical import canonical_json, sha256_hex
from compliance.types.freeze import LedgerHead
from compliance.types.shape import Sha256, ShapeError, UtcTime, Uuid, check_shape

FILENAME = "pack.receipt.json"
LARGEST_BYTES = 100_000


class ReceiptError(ValueError):
    """The file is no receipt; the message says where."""


class Receipt(TypedDict):
    """`sha256` and `size` are of the whole sealed PDF."""

    schema: Literal["assay-receipt/1"]
    pack_id: Uuid
    version: int
    sha256: Sha256
    size: int
    issued_at: UtcTime
    freeze_sha256: Sha256
    signer_certificate_sha256: Sha256
    root_certificate_sha256: Sha256
    ledger: LedgerHead
    demonstration: bool


def build_receipt(
    *, sealed: bytes, order: PackOrder, issued_at: str, freeze_sha256: str, signer: SignerFacts, ledger: LedgerHead
) -> bytes:
    """Canonical JSON of the receipt for a sealed pack."""
    receipt: Receipt = {
        "schema": "assay-receipt/1",
        "pack_id": order["pack_id"],
        "version": order["version"],
        "sha256": sha256_hex(sealed),
        "size": len(sealed),
        "issued_at": issued_at,
        "freeze_sha256": freeze_sha256,
        "signer_certificate_sha256": signer["certificate_sha256"],
        "root_certificate_sha256": signer["root_sha256"],
        "ledger": ledger,
        "demonstration": signer["demonstration"],
    }
    return canonical_json(receipt)


def read_receipt(content: bytes) -> Receipt:
    """Raises ReceiptError with one sentence."""
    if len(content) > LARGEST_BYTES:
        raise ReceiptError(f"the receipt has {len(content)} bytes; a receipt has a few hundred.")
    try:
        value = json.loads(content)
        check_shape(value, Receipt, "receipt")
    except ShapeError as error:
        raise ReceiptError(f"the receipt is not of the form assay-receipt/1: {error}.") from error
    except (ValueError, RecursionError) as error:
        raise ReceiptError("the receipt is not a JSON file.") from error
    return cast(Receipt, value)
