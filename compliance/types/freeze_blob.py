"""A file that a freeze document names and does not hold."""

from __future__ import annotations

from typing import TypedDict

from compliance.types.shape import Sha256


class Blob(TypedDict):
    """A full register kept beside the document and attached to the pack: found by its SHA-256."""

    filename: str
    media_type: str
    sha256: Sha256
    size: int
    rows: int
