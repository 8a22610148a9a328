"""What a stored file is found to be when it is hashed again."""

from __future__ import annotations

from enum import StrEnum


class FileState(StrEnum):
    """By its bytes now, beside the digest that the record has of them."""

    UNALTERED = "unaltered"
    ALTERED = "altered"
    MISSING = "missing"
