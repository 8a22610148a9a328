"""A pack of one page, made without the renderer: for tests that verify one a thousand times."""

from __future__ import annotations

import io

import pikepdf

from compliance.packs.manifest import FREEZE_NAME, REGISTER_NAME, build_manifest, entries, evidence_register
from compliance.packs.manifest import NAME as MANIFEST_NAME
from compliance.packs.order import PackOrder, attached
from compliance.packs.signers import SignerFiles, signer_facts
from compliance.types.canonical import canonical_json, sha256_hex
from compliance.types.freeze import Freeze


def one_page(freeze: Freeze, order: PackOrder, files: SignerFiles) -> bytes:
    """The PDF before it is sealed."""
    document = canonical_json(freeze)
    files_of = [
        attached(content, name=name, media_type="application/json", description="of the test", relationship="Data")
        for name, content in ((FREEZE_NAME, document), (REGISTER_NAME, evidence_register(freeze)))
    ]
    manifest = build_manifest(
        freeze=freeze,
        freeze_sha256=sha256_hex(document),
        order=order,
        signer=signer_facts(files),
        root_pem=files.root.read_text(),
        files=entries(files_of),
    )
    pdf, buffer = pikepdf.new(), io.BytesIO()
    pdf.add_blank_page()
    for name, content in (*((file.name, file.content) for file in files_of), (MANIFEST_NAME, manifest)):
        pdf.attachments[name] = pikepdf.AttachedFileSpec(
            pdf, content, description="", filename=name, mime_type="", creation_date="", mod_date=""
        )
    pdf.save(buffer, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    return buffer.getvalue()
