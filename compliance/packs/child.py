"""What runs in the isolated child (`python -m compliance.packs.child`): renders a pack and seals it.

Keys reach it by path alone. Django is set up for templates and texts only: no table, no project settings.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import django
from django.conf import settings
from django.utils.translation import gettext as _

from compliance.isolation.child import Ask, BadInputError, Report, serve_asking
from compliance.packs.compose import compose
from compliance.packs.manifest import AttachmentError
from compliance.packs.order import Extra, PackOrder
from compliance.packs.receipt import build_receipt
from compliance.packs.render import RenderError, render_pdf
from compliance.packs.seal import SealError, seal_pdf
from compliance.packs.signers import SignerError, SignerFiles, signer_facts
from compliance.packs.stamper import AskedTimeStamper, StampError
from compliance.packs.verify import read_certificates
from compliance.types.canonical import canonical_json, sha256_hex
from compliance.types.drafts import Progress
from compliance.types.freeze import Freeze, FreezeError, validate_freeze
from compliance.types.shape import ShapeError, check_shape


def _read_freeze(path: Path) -> tuple[Freeze, bytes]:
    content = path.read_bytes()
    try:
        value = json.loads(content)
        validate_freeze(value)
        canonical = canonical_json(value)
    except (FreezeError, ValueError, RecursionError) as error:
        raise BadInputError(f"the freeze document is not valid: {error}.") from error
    if canonical != content:
        raise BadInputError("the freeze document is not written in canonical form, so its SHA-256 would not hold.")
    return cast(Freeze, value), content


def render_unsigned(
    *,
    freeze: Freeze,
    canonical: bytes,
    order: PackOrder,
    keys: Path,
    attachments: Path,
    extras: Sequence[Extra] = (),
) -> bytes:
    """The pack before it is sealed: the same bytes for the same arguments."""
    composed = compose(
        freeze=freeze, canonical=canonical, order=order, keys=keys, attachments=attachments, extras=extras
    )
    return render_pdf(composed)


def _stamper(order: PackOrder, files: SignerFiles, roots: str, ask: Ask) -> AskedTimeStamper | None:
    host = order["time_stamp_authority"]
    if host is None:
        return None
    (own_root,) = read_certificates([files.root.read_bytes()])
    return AskedTimeStamper(
        ask, host=host, roots=read_certificates([roots.encode()] if roots else []), own_root=own_root
    )


def _issue(request: dict[str, Any], report: Report, ask: Ask) -> dict[str, Any]:
    keys = Path(request["keys"])
    try:
        check_shape(request["order"], PackOrder, "order")
    except ShapeError as error:
        raise BadInputError(f"the pack cannot be made: {error}.") from error
    order = cast(PackOrder, request["order"])
    report(Progress(stage=_("Chapters"), done=0))
    freeze, canonical = _read_freeze(Path(request["freeze"]))
    ledger = freeze["ledger"]
    try:
        composed = compose(
            freeze=freeze,
            canonical=canonical,
            order=order,
            keys=keys,
            attachments=Path(request["attachments"]),
            extras=request["extras"],
        )
        del freeze, canonical  # the layout of pages needs the room
        unsigned = render_pdf(composed, on_page=lambda n: report(Progress(stage=_("Pages"), done=n)))
        report(Progress(stage=_("Seal"), done=0))
        reason = f"Evidence pack {order['pack_id']}, version {order['version']}"
        stamper = _stamper(order, SignerFiles(keys), request["time_roots"], ask)
        sealed = seal_pdf(unsigned, SignerFiles(keys), reason=reason, stamper=stamper)
    except (AttachmentError, RenderError, SealError, SignerError, StampError) as error:
        raise BadInputError(f"the pack cannot be made: {error}.") from error
    receipt = build_receipt(
        sealed=sealed,
        order=order,
        issued_at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        freeze_sha256=composed.freeze_sha256,
        signer=signer_facts(SignerFiles(keys)),
        ledger=ledger,
    )
    Path(request["pack"]).write_bytes(sealed)
    Path(request["receipt"]).write_bytes(receipt)
    report(Progress(stage=_("Seal"), done=1, total=1))
    return {"unsigned_sha256": sha256_hex(unsigned), "receipt": json.loads(receipt)}


def _handle(request: dict[str, Any], report: Report, ask: Ask) -> dict[str, Any]:
    settings.configure(USE_I18N=True, LANGUAGE_CODE="en", INSTALLED_APPS=[], USE_TZ=True)
    django.setup()
    return _issue(request, report, ask)


if __name__ == "__main__":
    serve_asking(_handle)
