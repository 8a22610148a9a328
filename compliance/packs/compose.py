"""From a freeze document to what is printed and attached: pages as HTML, files with their digests, and the manifest.

What it answers holds nothing of the document but its bytes, so that the memory is free again before pages are laid out.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from compliance.isolation.child import BadInputError
from compliance.packs.context import build_context
from compliance.packs.manifest import FREEZE_NAME, NAME, REGISTER_NAME, build_manifest, entries, evidence_register
from compliance.packs.order import AttachedFile, Composed, Extra, PackOrder, attached
from compliance.packs.registers import CSV, Register, registers_of, whole, write_csv
from compliance.packs.render import htmls_of, most_pages_of
from compliance.packs.signers import SignerFiles, signer_facts
from compliance.types.canonical import sha256_hex
from compliance.types.drafts import Told
from compliance.types.freeze import Freeze
from compliance.types.states import Audience

VERIFIER = Path(__file__).parent / "offline" / "assay_verify.py"


def _register(register: Register, folder: Path) -> list[AttachedFile]:
    """A register as it was frozen, and as CSV where it is a table."""
    blob = register.blob
    path = folder / blob["sha256"]
    if not path.is_file():
        raise BadInputError(f"{blob['filename']}: the register with SHA-256 {blob['sha256']} was not handed over.")
    content = path.read_bytes()
    if sha256_hex(content) != blob["sha256"] or len(content) != blob["size"]:
        raise BadInputError(f"{blob['filename']}: the register is not the one that the freeze document names.")
    frozen = attached(
        content,
        name=blob["filename"],
        media_type=blob["media_type"],
        description=register.description,
        relationship="Data",
        rows=blob["rows"],
    )
    if not register.has_table:
        return [frozen]
    with tempfile.NamedTemporaryFile() as spool:
        rows = write_csv(path, Path(spool.name))
        table = Path(spool.name).read_bytes()
    if rows != blob["rows"]:
        raise BadInputError(f"{blob['filename']}: {rows} rows, and the freeze document says {blob['rows']}.")
    return [
        frozen,
        attached(
            table,
            name=register.csv_name,
            media_type=CSV,
            description=f"{register.description}, as a table",
            relationship="Data",
            rows=rows,
            made_from=blob["sha256"],
        ),
    ]


def _extra(extra: Extra, folder: Path) -> AttachedFile:
    return attached(
        (folder / extra["file"]).read_bytes(),
        name=extra["name"],
        media_type=extra["media_type"],
        description=extra["description"],
        relationship=extra["relationship"],
    )


def _verifier() -> AttachedFile:
    return attached(
        VERIFIER.read_bytes(),
        name=VERIFIER.name,
        media_type="text/x-python",
        description="Verifier in one file; better taken from Assay's repository than from the file that it judges",
        relationship="Supplement",
    )


def _files(freeze: Freeze, canonical: bytes, order: PackOrder, folder: Path) -> list[AttachedFile]:
    files = [
        attached(
            canonical,
            name=FREEZE_NAME,
            media_type="application/json",
            description="Freeze document: all that is printed in this pack",
            relationship="Source",
        ),
        attached(
            evidence_register(freeze),
            name=REGISTER_NAME,
            media_type="text/csv",
            description=whole("Evidence register", len(freeze["evidence"]), "record"),
            relationship="Data",
            rows=len(freeze["evidence"]),
        ),
        _verifier(),
    ]
    for register in registers_of(freeze):
        if register.is_embedded:
            files += _register(register, folder)
        elif register.blob["filename"] not in order.get("beside", {}).get("registers", {}):
            raise BadInputError(f"{register.blob['filename']}: too large for the PDF, and in no ZIP beside it.")
    return files


def compose(
    *,
    freeze: Freeze,
    canonical: bytes,
    order: PackOrder,
    keys: Path,
    attachments: Path,
    extras: Sequence[Extra] = (),
    on_progress: Told | None = None,
) -> Composed:
    """The pack of an order before it is drawn; on_progress is told of each chapter.

    Raises AttachmentError, SignerError, and BadInputError for a wrong register.
    """
    signer_files = SignerFiles(keys)
    signer = signer_facts(signer_files)
    if order["audience"] == Audience.EXTERNAL and "withheld" not in order:
        raise BadInputError("the document was not prepared for external recipients.")
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
    )
    files.append(
        attached(
            manifest,
            name=NAME,
            media_type="application/json",
            description="Manifest: names and digests of all attached files",
            relationship="Supplement",
        )
    )
    context = build_context(
        freeze=freeze, freeze_sha256=digest, order=order, signer=signer, attachments=[dict(entry) for entry in listed]
    )
    return Composed(
        htmls=htmls_of(context, on_progress),
        most_pages=most_pages_of(context),
        pictures=context.pictures,
        files=files,
        identifier=order["pack_id"].replace("-", "").encode(),
        at=datetime.fromisoformat(order["generated_at"]),
        freeze_sha256=digest,
    )
