"""What runs in the isolated child (`python -m compliance.packs.child`): renders a pack and seals it.

Keys reach it by path alone. Django is set up for templates and texts only: no table, no project settings.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import django
from django.conf import settings

from compliance.isolation.child import Ask, BadInputError, Report, serve_asking
from compliance.packs.context import build_context
from compliance.packs.external import for_audience
from compliance.packs.manifest import (
    FREEZE_NAME,
    NAME,
    REGISTER_NAME,
    AttachmentError,
    build_manifest,
    entries,
    evidence_register,
)
from compliance.packs.order import AttachedFile, Extra, PackOrder
from compliance.packs.receipt import build_receipt
from compliance.packs.registers import CSV, Register, registers_of, write_csv
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


def _register(register: Register, folder: Path) -> list[AttachedFile]:
    """A register as it was frozen, and as CSV."""
    blob = register.blob
    path = folder / blob["sha256"]
    if not path.is_file():
        raise BadInputError(f"{blob['filename']}: the register with SHA-256 {blob['sha256']} was not handed over.")
    content = path.read_bytes()
    if sha256_hex(content) != blob["sha256"] or len(content) != blob["size"]:
        raise BadInputError(f"{blob['filename']}: the register is not the one that the freeze document names.")
    frozen = AttachedFile(
        name=blob["filename"],
        content=content,
        media_type=blob["media_type"],
        description=register.description,
        relationship="Data",
        rows=blob["rows"],
    )
    with tempfile.NamedTemporaryFile() as spool:
        rows = write_csv(path, Path(spool.name))
        table = Path(spool.name).read_bytes()
    if rows != blob["rows"]:
        raise BadInputError(f"{blob['filename']}: {rows} rows, and the freeze document says {blob['rows']}.")
    return [
        frozen,
        AttachedFile(
            name=register.csv_name,
            content=table,
            media_type=CSV,
            description=f"{register.description}, as a table",
            relationship="Data",
            rows=rows,
            made_from=blob["sha256"],
        ),
    ]


def _extra(extra: Extra, folder: Path) -> AttachedFile:
    return AttachedFile(
        name=extra["name"],
        content=(folder / extra["file"]).read_bytes(),
        media_type=extra["media_type"],
        description=extra["description"],
        relationship=extra["relationship"],
    )


def _files(freeze: Freeze, canonical: bytes, order: PackOrder, folder: Path) -> list[AttachedFile]:
    files = [
        AttachedFile(
            name=FREEZE_NAME,
            content=canonical,
            media_type="application/json",
            description="Freeze document: all that is printed in this pack",
            relationship="Source",
        ),
        AttachedFile(
            name=REGISTER_NAME,
            content=evidence_register(freeze),
            media_type="text/csv",
            description=f"Evidence register, whole: {len(freeze['evidence'])} records",
            relationship="Data",
            rows=len(freeze["evidence"]),
        ),
    ]
    for register in registers_of(freeze):
        if register.is_embedded:
            files += _register(register, folder)
        elif register.blob["filename"] not in order.get("beside", {}).get("registers", {}):
            raise BadInputError(f"{register.blob['filename']}: too large for the PDF, and in no ZIP beside it.")
    return files


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
    signer_files = SignerFiles(keys)
    signer = signer_facts(signer_files)
    freeze, canonical, withheld = for_audience(freeze, canonical, order)
    files = [*_files(freeze, canonical, order, attachments), *(_extra(extra, attachments) for extra in extras)]
    listed = entries(files)
    digest = sha256_hex(canonical)
    manifest = build_manifest(
        freeze=freeze,
        freeze_sha256=digest,
        order=order,
        signer=signer,
        root_pem=signer_files.root.read_text(encoding="ascii"),
        files=listed,
        withheld=withheld,
    )
    files.append(
        AttachedFile(
            name=NAME,
            content=manifest,
            media_type="application/json",
            description="Manifest: names and digests of all attached files",
            relationship="Supplement",
        )
    )
    context = build_context(
        freeze=freeze, freeze_sha256=digest, order=order, signer=signer, attachments=[dict(entry) for entry in listed]
    )
    return render_pdf(context, files)


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
    report(Progress(stage="reading", done=0, total=3))
    freeze, canonical = _read_freeze(Path(request["freeze"]))
    report(Progress(stage="rendering", done=1, total=3))
    try:
        unsigned = render_unsigned(
            freeze=freeze,
            canonical=canonical,
            order=order,
            keys=keys,
            attachments=Path(request["attachments"]),
            extras=request["extras"],
        )
        report(Progress(stage="sealing", done=2, total=3))
        reason = f"Evidence pack {order['pack_id']}, version {order['version']}"
        stamper = _stamper(order, SignerFiles(keys), request["time_roots"], ask)
        sealed = seal_pdf(unsigned, SignerFiles(keys), reason=reason, stamper=stamper)
    except (AttachmentError, RenderError, SealError, SignerError, StampError) as error:
        raise BadInputError(f"the pack cannot be made: {error}.") from error
    _, given, _ = for_audience(freeze, canonical, order)
    receipt = build_receipt(
        sealed=sealed,
        order=order,
        issued_at=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        freeze_sha256=sha256_hex(given),
        signer=signer_facts(SignerFiles(keys)),
        ledger=freeze["ledger"],
    )
    Path(request["pack"]).write_bytes(sealed)
    Path(request["receipt"]).write_bytes(receipt)
    report(Progress(stage="sealing", done=3, total=3))
    return {"unsigned_sha256": sha256_hex(unsigned), "receipt": json.loads(receipt)}


def _handle(request: dict[str, Any], report: Report, ask: Ask) -> dict[str, Any]:
    settings.configure(USE_I18N=True, LANGUAGE_CODE="en", INSTALLED_APPS=[], USE_TZ=True)
    django.setup()
    return _issue(request, report, ask)


if __name__ == "__main__":
    serve_asking(_handle)
