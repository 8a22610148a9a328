"""The document for external recipients: no working trigger, no name and no address of a person, and marks that show so.

A recovered trigger is an attack that works. Beside the mark its SHA-256 and size stand in place of the picture; how large
its mask is and what share of images it turns is said by the stage itself. People: see compliance.packs.people. What is
prepared here is all that composing gets: neither pages nor attached files can hold what the document no longer holds.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, cast

from compliance.packs.order import PackOrder, Withheld
from compliance.packs.people import (
    ADDRESS,
    IDENTITY,
    PERSON,
    Marks,
    Removed,
    line_for_external,
    meet_all,
    meet_in_line,
    shaped_for_external,
)
from compliance.packs.registers import lists_of, logs_of
from compliance.types.canonical import canonical_json, sha256_hex
from compliance.types.freeze import EvidenceRecord, Freeze
from compliance.types.freeze_blob import Blob
from compliance.types.freeze_lines import LINED, Lines, opened, stored, written
from compliance.types.freeze_scans import Picture, Scan, Stage
from compliance.types.handling import HandlingLabel
from compliance.types.pack_layouts import ChangeStatement, Later

MARKS_NAME = "withheld.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What recipients outside get. order: as asked for, with what was withheld; marks: everybody behind a mark, for the
    organisation alone."""

    freeze: Freeze
    canonical: bytes
    order: PackOrder
    marks: tuple[Removed, ...]


def prepare(*, document: Path, attachments: Path, order: PackOrder, key: bytes, named_because: str = "") -> Prepared:
    """Rewrite document and registers in place for external recipients, before anything is composed.

    attachments: folder with the registers, each named by its SHA-256; MARKS_NAME is written there too. key: behind the digests
    of names, which could be guessed without it. named_because: why whoever signed for management stays named.
    """
    whole = document.read_bytes()
    freeze = cast(Freeze, opened(json.loads(whole), attachments))
    marks = Marks(kept=_signers(freeze, order) if named_because else frozenset())
    given, pictures = for_external(freeze)
    withheld: Withheld = {"freeze_sha256": sha256_hex(whole), "pictures": pictures}
    if left_out := order.get("left_out"):
        given, withheld["evidence"] = without_labelled(given, left_out)
    meet_all(given, marks)
    for register in logs_of(given):
        for line in _lines(attachments / register.blob["sha256"]):
            meet_in_line(line, marks)
    given = cast(Freeze, shaped_for_external(given, Freeze, marks))
    withheld["registers"] = {
        register.blob["filename"]: _rewritten(register.blob, attachments, marks) for register in logs_of(given)
    }
    withheld["registers"] |= {register.blob["filename"]: register.blob["sha256"] for register in lists_of(given)}
    given = _rows_rewritten(given, attachments)
    order = cast(PackOrder, shaped_for_external({**order}, _Said, marks))
    for name, kind in (("people", PERSON), ("identities", IDENTITY), ("addresses", ADDRESS)):
        withheld[name] = marks.count(kind)  # type: ignore[literal-required]
    if named_because:
        withheld["named_because"] = named_because
    canonical = canonical_json(stored(given))
    document.write_bytes(canonical)
    removed = tuple(marks.removed(key))
    (attachments / MARKS_NAME).write_bytes(_listed(removed))
    return Prepared(freeze=given, canonical=canonical, order={**order, "withheld": withheld}, marks=removed)


def _signers(freeze: Freeze, order: PackOrder) -> frozenset[str]:
    """Who signed for management: the assertion, and the statement of changes where the order has one."""
    names = {freeze["frozen_by"]["name"]}
    return frozenset(names | {order["statement"]["signer"]["name"]} if "statement" in order else names)


class _Said(TypedDict):
    """Parts of an order in which somebody may be named; whatever else is in it stays as it is."""

    later: Later
    statement: ChangeStatement


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as stream:
        for line in stream:
            yield json.loads(line)


def _rewritten(blob: Blob, folder: Path, marks: Marks) -> str:
    """The register with marks, under its new digest, which the document names from now on; answers the old one."""
    before, digest, size = blob["sha256"], hashlib.sha256(), 0
    target = folder / f"{blob['filename']}.external"
    with target.open("wb") as out:
        for line in _lines(folder / before):
            told = canonical_json(line_for_external(line, marks)) + b"\n"
            digest.update(told)
            size += len(told)
            out.write(told)
    (folder / before).unlink()
    blob["sha256"], blob["size"] = digest.hexdigest(), size
    target.rename(folder / blob["sha256"])
    return before


def _rows_rewritten(given: Freeze, folder: Path) -> Freeze:
    """The document with its lists as they read now, each in a new register."""
    before = {register.blob["sha256"] for register in lists_of(given)}
    lists = {name: written(LINED[name], rows, folder) for name, rows in given.items() if isinstance(rows, Lines)}
    for digest in before - {lines.blob["sha256"] for lines in lists.values()}:
        (folder / digest).unlink()
    return cast(Freeze, {**given, **lists})


def _listed(removed: Sequence[Removed]) -> bytes:
    """The marks as CSV: each with the digest of what it stands for, which only the organisation's key opens."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(("mark", "kind", "sha256"))
    writer.writerows((one["mark"], one["kind"], one["sha256"]) for one in removed)
    return buffer.getvalue().encode()


def for_external(freeze: Freeze) -> tuple[Freeze, int]:
    """The document without pictures, and how many were taken out of it. The one handed in is left as it is."""
    withheld = sum(len(stage["pictures"]) for scan in freeze["scans"] for stage in scan["stages"])
    scans = freeze["scans"]
    given = scans.mapped(_scan) if isinstance(scans, Lines) else [_scan(scan) for scan in scans]
    return cast(Freeze, {**freeze, "scans": given}), withheld


def without_labelled(freeze: Freeze, left_out: Mapping[str, HandlingLabel]) -> tuple[Freeze, int]:
    """The document in which evidence that is left out is a digest and its label alone, and how many pieces that are."""
    gone = [record for record in freeze["evidence"] if record["uuid"] in left_out]
    rows = [_left_out(row, left_out[row["uuid"]]) if row["uuid"] in left_out else row for row in freeze["evidence"]]
    names = {name for record in gone for name in (record["title"], record["filename"]) if name}
    return cast(Freeze, _unnamed({**freeze, "evidence": rows}, names)), len(gone)


def _unnamed(value: object, names: set[str], key: str = "") -> object:
    """The value without titles and file names that are left out: as names of things, and where sentences quote them."""
    if isinstance(value, str):
        for name in names:
            value = value.replace(f"“{name}”", "“…”")
        return "…" if key in _NAMING and value in names else value
    if isinstance(value, dict):
        return {inner: _unnamed(what, names, inner) for inner, what in value.items()}
    if isinstance(value, Lines):
        return value.mapped(lambda row: _unnamed(row, names))
    return [_unnamed(inner, names, key) for inner in value] if isinstance(value, list) else value


_NAMING = {"title", "filename", "name"}
_WORDS = ("source", "collected_how", "collected_by", "state_reason", "environment", "query", "executed_by", "zone")


def _left_out(record: EvidenceRecord, label: HandlingLabel) -> EvidenceRecord:
    """Digest, size, state and place in the ledger stay; every word about the piece goes."""
    blank: dict[str, Any] = {word: "" for word in _WORDS if word in record}
    blank |= {
        name: value for name, value in (("row_count", None), ("control_total", ""), ("custody", [])) if name in record
    }
    title = f"Left out by its handling label: {label}"
    return cast(EvidenceRecord, {**record, **blank, "title": title, "filename": record["sha256"][:16]})


def _scan(scan: Scan) -> Scan:
    return {**scan, "stages": [_stage(stage) for stage in scan["stages"]]}


def _stage(stage: Stage) -> Stage:
    return {**stage, "pictures": [_withheld(picture) for picture in stage["pictures"]]}


def _withheld(picture: Picture) -> Picture:
    content = base64.b64decode(picture["png"])
    return {
        "name": picture["name"],
        "alt": picture["alt"],
        "png": "",
        "withheld_sha256": sha256_hex(content),
        "withheld_bytes": len(content),
    }
