"""The document for external recipients: no picture from which a working trigger could be taken, and the mark that shows so.

A recovered trigger is an attack that works. Beside the mark its SHA-256 and size stand in place of the picture; how large
its mask is and what share of images it turns is said by the stage itself.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, cast

from compliance.packs.manifest import Withheld
from compliance.packs.order import PackOrder
from compliance.types.canonical import canonical_json, sha256_hex
from compliance.types.freeze import EvidenceRecord, Freeze
from compliance.types.freeze_scans import Picture, Scan, Stage
from compliance.types.handling import HandlingLabel
from compliance.types.states import Audience


def for_audience(freeze: Freeze, canonical: bytes, order: PackOrder) -> tuple[Freeze, bytes, Withheld | None]:
    """The document that the recipients of the order get, its canonical form, and what was left out of it."""
    if order["audience"] != Audience.EXTERNAL:
        return freeze, canonical, None
    given, pictures = for_external(freeze)
    withheld: Withheld = {"freeze_sha256": sha256_hex(canonical), "pictures": pictures}
    if left_out := order.get("left_out"):
        given, withheld["evidence"] = without_labelled(given, left_out)
    return given, canonical_json(given), withheld


def for_external(freeze: Freeze) -> tuple[Freeze, int]:
    """The document without pictures, and how many were taken out of it. The one handed in is left as it is."""
    withheld = sum(len(stage["pictures"]) for scan in freeze["scans"] for stage in scan["stages"])
    return cast(Freeze, {**freeze, "scans": [_scan(scan) for scan in freeze["scans"]]}), withheld


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
