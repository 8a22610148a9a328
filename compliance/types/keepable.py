"""What a stranger's file says, as every database, canonical JSON and page can keep it."""

from __future__ import annotations

import re
from typing import Any

from compliance.types.drafts import JSON

_LARGEST = 2**53 - 1  # beyond it canonical JSON has no whole numbers
# Control characters but tab and line ends; halves of a character; marks that turn the direction of what is shown.
_UNKEPT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def keepable(document: JSON) -> JSON:
    """The same document with such characters written as escapes (`\\u0000`), and numbers that are too large as text.

    PostgreSQL keeps no NUL and canonical JSON no half of a character: a file with one in a name would be a file
    whose findings cannot be recorded.
    """
    return {key: _kept(value) for key, value in _named(document).items()}


def keepable_text(value: str) -> str:
    """The same of one text."""
    return _UNKEPT.sub(lambda found: f"\\u{ord(found.group()):04x}", value)


def _named(found: dict[str, Any]) -> dict[str, Any]:
    """With keepable keys; two that would become the same stay two."""
    named: dict[str, Any] = {}
    for key, value in found.items():
        name = keepable_text(key)
        while name in named:
            name += "_"
        named[name] = value
    return named


def _kept(value: Any) -> Any:
    if isinstance(value, str):
        return keepable_text(value)
    if isinstance(value, dict):
        return {key: _kept(entry) for key, entry in _named(value).items()}
    if isinstance(value, list):
        return [_kept(entry) for entry in value]
    if isinstance(value, int) and abs(value) > _LARGEST:
        return str(value)
    return value
