"""What is inside a pack, against what its manifest says: the attached files, and whether they are whole."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import pikepdf

from compliance.packs.manifest import FREEZE_NAME, REGISTER_NAME, IssuedManifest, counts
from compliance.packs.manifest import NAME as MANIFEST_NAME
from compliance.packs.receipt import Receipt
from compliance.packs.report import Check, CheckName, CheckState
from compliance.packs.seal import active_content
from compliance.types.canonical import canonical_json, sha256_hex
from compliance.types.freeze import Freeze
from compliance.types.ledger_proofs import PROOFS_NAME, Proofs, wrong_with_places, wrong_with_proofs
from compliance.types.ledger_signatures import Signed, is_signed_by
from compliance.types.shape import check_shape

_REGISTER_KEYS = {"filename", "media_type", "sha256", "size", "rows"}


@dataclass(frozen=True, slots=True)
class Inside:
    """A manifest of the right shape, and the files beside it."""

    manifest: IssuedManifest
    files: dict[str, bytes]

    def proofs(self) -> Proofs | None:
        """From the ledger, where the pack carries any. Raises ShapeError and ValueError."""
        if PROOFS_NAME not in self.files:
            return None
        value = json.loads(self.files[PROOFS_NAME])
        check_shape(value, Proofs, PROOFS_NAME)
        return cast(Proofs, value)

    @property
    def checkpoint(self) -> str | None:
        """SHA-256 of the checkpoint that lies with the proofs; None where none does, or it cannot be read."""
        try:
            proofs = self.proofs()
        except ValueError:
            return None
        return proofs["checkpoint"]["sha256"] if proofs else None


def _read(content: bytes) -> tuple[dict[str, bytes], list[str]]:
    with pikepdf.open(io.BytesIO(content)) as pdf:
        files = {name: spec.get_file().read_bytes() for name, spec in pdf.attachments.items()}
        return files, active_content(pdf, sealed=True)


def _difference(inside: Inside, signer: str | None, receipt: Receipt | None) -> str | None:
    files, manifest = inside.files, inside.manifest
    listed = {entry["name"]: entry for entry in manifest["attachments"]}
    if listed.keys() != files.keys() or len(listed) != len(manifest["attachments"]):
        odd = ", ".join(sorted(listed.keys() ^ files.keys())) or "one is listed twice"
        return f"The attached files are not those of the manifest: {odd}."
    for name, entry in listed.items():
        if (len(files[name]), sha256_hex(files[name])) != (entry["size"], entry["sha256"]):
            return f"{name} is not the file that the manifest names."
    if listed[FREEZE_NAME]["sha256"] != manifest["freeze_sha256"]:
        return "The data hash is not that of freeze.json."
    if signer is not None and manifest["signer"]["certificate_sha256"] != signer:
        return "The manifest names another signer than the seal."
    of_receipt = (receipt["pack_id"], receipt["freeze_sha256"], receipt["manifest_sha256"]) if receipt else None
    here = (manifest["pack_id"], manifest["freeze_sha256"], sha256_hex(canonical_json(manifest)))
    return "The receipt is for another pack." if of_receipt not in (None, here) else None


def _proved(inside: Inside) -> tuple[str | None, str]:
    """What is wrong with the proofs from the ledger; and words for them where nothing is."""
    proofs = inside.proofs()
    if proofs is None:
        return None, "It carries no proofs from the ledger."
    freeze, manifest = cast(Freeze, json.loads(inside.files[FREEZE_NAME])), inside.manifest
    checkpoint = proofs["checkpoint"]
    wrong = wrong_with_proofs(proofs) or wrong_with_places(
        proofs,
        head=manifest["ledger"],
        places=[each["ledger"] for each in freeze["evidence"] if each["ledger"]],
        frozen_sha256=manifest.get("withheld", manifest)["freeze_sha256"],
    )
    if wrong is None and not is_signed_by(
        checkpoint["key"], checkpoint["signature"], Signed.CHECKPOINT, checkpoint["sha256"]
    ):
        wrong = "the signature of the ledger's checkpoint does not fit"
    if wrong:
        return f"The proofs from the ledger do not hold: {wrong}.", ""
    words = f"{len(proofs['events'])} events of the ledger are proved to be under its checkpoint"
    if proofs["left_out"]:
        words += f", and {proofs['left_out']} more are not proved here"
    return None, f"{words}; {'a time stamp lies with it' if checkpoint['stamps'] else 'it is not time-stamped'}."


def check_contents(content: bytes, signer: str | None, receipt: Receipt | None) -> tuple[Check, Inside | None]:
    """Never raises: whatever a forged file makes a reader raise, the file is not valid."""
    name, inside = CheckName.CONTENTS, None
    try:
        files, active = _read(content)
        raw = files.pop(MANIFEST_NAME, None)
        if raw is None:
            return Check(name, CheckState.FAILED, "The file holds no manifest: it is no pack."), None
        value = json.loads(raw)
        check_shape(value, IssuedManifest, "manifest")
        inside = Inside(cast(IssuedManifest, value), files)
        failure = _difference(inside, signer, receipt)
        if canonical_json(value) != raw:
            failure = "The manifest is not written in canonical form."
        wrong, proved = _proved(inside)
        failure = failure or wrong
        if active:
            failure = f"The file holds what no pack holds: {', '.join(active)}."
    except Exception as error:  # noqa: BLE001 - as above
        return Check(name, CheckState.FAILED, f"The attached files cannot be read ({type(error).__name__})."), None
    words = f"All {len(files)} attached files are those that the manifest names. {proved}"
    return Check(name, CheckState.FAILED if failure else CheckState.PASSED, failure or words), inside


def _registers(value: Any) -> Iterator[dict[str, Any]]:
    """Every register that the freeze document names, wherever it names it."""
    if isinstance(value, dict):
        if value.keys() >= _REGISTER_KEYS:
            yield value
            return
        value = list(value.values())
    if isinstance(value, list):
        for member in value:
            yield from _registers(member)


def _rows(content: bytes, media_type: str) -> int:
    if media_type == "text/csv":
        return sum(1 for _row in csv.reader(io.StringIO(content.decode("utf-8"), newline=""))) - 1
    return content.count(b"\n")


def _incomplete(inside: Inside) -> tuple[str | None, int, int]:
    freeze = cast(Freeze, json.loads(inside.files[FREEZE_NAME]))
    if counts(freeze) != inside.manifest["counts"]:
        return "The numbers of records in the manifest are not those of freeze.json.", 0, 0
    whole = [(REGISTER_NAME, "text/csv", len(freeze["evidence"]))]
    registers = list(_registers(freeze))
    whole += [(each["filename"], each["media_type"], each["rows"]) for each in registers]
    named = {each["filename"]: each["sha256"] for each in registers}
    checked = rows = 0
    for name, media_type, stated in whole:
        if name not in inside.files:
            continue
        if name in named and sha256_hex(inside.files[name]) != named[name]:
            return f"{name} is not the register that freeze.json names.", 0, 0
        there = _rows(inside.files[name], media_type)
        if there != stated:
            return f"{name} has {there} rows, and {stated} were recorded.", 0, 0
        checked, rows = checked + 1, rows + there
    return None, checked, rows


def check_completeness(inside: Inside | None) -> Check:
    """Counts, and that no attached register was cut short. Never raises."""
    name = CheckName.COMPLETENESS
    if inside is None:
        return Check(name, CheckState.FAILED, "Whether anything is missing cannot be told without a manifest.")
    try:
        failure, registers, rows = _incomplete(inside)
    except Exception as error:  # noqa: BLE001 - as above
        return Check(name, CheckState.FAILED, f"The records cannot be counted ({type(error).__name__}).")
    words = f"{sum(inside.manifest['counts'].values())} records are counted as the manifest says; "
    words += f"{registers} attached registers have all of their {rows} rows."
    return Check(name, CheckState.FAILED if failure else CheckState.PASSED, failure or words)
