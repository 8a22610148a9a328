"""The manifest inside a pack: names every attached file by digest, what the data holds, and who sealed it. Canonical JSON."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from typing import Literal, TypedDict, cast

from compliance.packs.order import AttachedFile, Beside, PackOrder, PackOrderAdditions, SignerFacts, Withheld
from compliance.types.canonical import canonical_json, merkle_root
from compliance.types.freeze import Freeze, LedgerHead
from compliance.types.freeze_lines import count_of
from compliance.types.seals import SealLevel
from compliance.types.shape import Sha256, UtcTime, Uuid
from compliance.types.spreadsheets import as_text
from compliance.types.states import Audience

NAME = "manifest.json"
FREEZE_NAME = "freeze.json"
REGISTER_NAME = "evidence-register.csv"
_PRINTED = ("kept_until", "later", "layout", "page_size", "statement")
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class EntryAdditions(TypedDict, total=False):
    """Of registers: how many rows, and of which file they are another form."""

    rows: int
    made_from: Sha256


class ManifestEntry(EntryAdditions):
    """One attached file; `size` in bytes."""

    name: str
    sha256: Sha256
    size: int
    media_type: str
    description: str
    relationship: str


class Manifest(TypedDict):
    """`attachments` in order of name; the manifest itself is not among them."""

    schema: Literal["assay-manifest/1"]
    pack_id: Uuid
    version: int
    supersedes: Uuid | None
    generated_at: UtcTime
    software_version: str
    organisation: str
    demonstration: bool
    assessment: Uuid
    freeze_sha256: Sha256
    attachments: list[ManifestEntry]
    counts: dict[str, int]
    ledger: LedgerHead
    signer: SignerFacts
    root_certificate: str
    time_stamp_authority: str | None


class IssuedManifest(Manifest, total=False):
    """With what manifests learned to say later; `withheld` is absent where nothing was, `beside` where there is no ZIP.

    issue: what the order says beyond the freeze, and the pages print; absent where it says nothing.
    """

    audience: Audience
    withheld: Withheld
    beside: Beside
    issue: PackOrderAdditions
    seal_level: SealLevel


class AttachmentError(ValueError):
    """A file cannot be attached; the message says why."""


def evidence_register(freeze: Freeze) -> bytes:
    """The whole evidence index as CSV (RFC 4180). Texts that a spreadsheet would run as a formula get an apostrophe."""
    columns = (
        "uuid",
        "title",
        "filename",
        "sha256",
        "size",
        "media_type",
        "source",
        "collected_how",
        "collected_by",
        "collected_at",
        "period_start",
        "period_end",
        "state",
        "state_reason",
        "retention",
    )
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(columns)
    for record in freeze["evidence"]:
        cells = ["" if record[column] is None else str(record[column]) for column in columns]  # type: ignore[literal-required]
        writer.writerow([as_text(cell) for cell in cells])
    return buffer.getvalue().encode()


def entries(files: Sequence[AttachedFile]) -> list[ManifestEntry]:
    """One entry per file, by name. Raises AttachmentError on a name that is unsafe or there twice."""
    names = [file.name for file in files]
    for name in names:
        if not _SAFE_NAME.fullmatch(name) or name == NAME:
            raise AttachmentError(
                f"{name!r} is no name for an attached file: letters, digits, dot, dash and underscore only"
            )
        if names.count(name) > 1:
            raise AttachmentError(f"two attached files are called {name}")
    return [_entry(file) for file in sorted(files, key=lambda file: file.name)]


def _entry(file: AttachedFile) -> ManifestEntry:
    entry: ManifestEntry = {
        "name": file.name,
        "sha256": file.sha256,
        "size": file.size,
        "media_type": file.media_type,
        "description": file.description,
        "relationship": file.relationship,
    }
    if file.rows is not None:
        entry["rows"] = file.rows
    if file.made_from:
        entry["made_from"] = file.made_from
    return entry


def counts(freeze: Freeze) -> dict[str, int]:
    """How many records of each kind the freeze document holds, as it is read or as it is written."""
    return {
        "questions": len(freeze["questions"]),
        "answers_approved": sum(bool(q["answer"] and q["answer"]["state"] == "approved") for q in freeze["questions"]),
        "evidence": len(freeze["evidence"]),
        "models": len(freeze["models"]),
        "scans": count_of(freeze["scans"]),
        "file_scans": count_of(freeze["file_scans"]),
        "job_events": freeze["job_log"]["recorded"],
        "findings": count_of(freeze["findings"]),
        "remediation_items": count_of(freeze["remediation"]),
    }


def manifest_root(attachments: Sequence[ManifestEntry]) -> str:
    """Merkle root (RFC 9162 §2.1.1) over the canonical JSON of each entry, in the manifest's order."""
    return merkle_root(canonical_json(entry) for entry in attachments)


def build_manifest(
    *,
    freeze: Freeze,
    freeze_sha256: str,
    order: PackOrder,
    signer: SignerFacts,
    root_pem: str,
    files: list[ManifestEntry],
) -> bytes:
    """Canonical JSON of the manifest."""
    manifest: IssuedManifest = {
        "schema": "assay-manifest/1",
        "pack_id": order["pack_id"],
        "version": order["version"],
        "supersedes": order["supersedes"],
        "generated_at": order["generated_at"],
        "software_version": order["software_version"],
        "organisation": freeze["organisation"],
        "demonstration": freeze["demonstration"],
        "assessment": freeze["assessment"]["uuid"],
        "freeze_sha256": freeze_sha256,
        "attachments": files,
        "counts": counts(freeze),
        "ledger": freeze["ledger"],
        "signer": signer,
        "root_certificate": root_pem,
        "time_stamp_authority": order["time_stamp_authority"],
        "audience": order["audience"],
        "seal_level": order.get("seal_level", SealLevel.B_T),
    }
    if "withheld" in order:
        manifest["withheld"] = order["withheld"]
    if "beside" in order:
        manifest["beside"] = order["beside"]
    if said := {key: order[key] for key in _PRINTED if key in order}:  # type: ignore[literal-required]
        manifest["issue"] = cast(PackOrderAdditions, said)
    return canonical_json(manifest)
