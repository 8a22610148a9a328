"""The document for external recipients: no picture from which a working trigger could be taken, and the mark that shows so.

A recovered trigger is an attack that works. Beside the mark its SHA-256 and size stand in place of the picture; how large
its mask is and what share of images it turns is said by the stage itself.
"""

from __future__ import annotations

import base64
from typing import cast

from compliance.types.canonical import sha256_hex
from compliance.types.freeze import Freeze
from compliance.types.freeze_scans import Picture, Scan, Stage


def for_external(freeze: Freeze) -> tuple[Freeze, int]:
    """The document without pictures, and how many were taken out of it. The one handed in is left as it is."""
    withheld = sum(len(stage["pictures"]) for scan in freeze["scans"] for stage in scan["stages"])
    return cast(Freeze, {**freeze, "scans": [_scan(scan) for scan in freeze["scans"]]}), withheld


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
