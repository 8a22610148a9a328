"""Names of files as senders chose them: kept as a word about the file, and made harmless before they reach a header.

A name never decides where bytes lie. On its way out it may not end a header, leave a folder, or read other than it is.
"""

from __future__ import annotations

import re
import unicodedata

_LONGEST = 150
_SEPARATORS = re.compile(r"[/\\]")
_UNSEEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # control, format (direction marks), unassigned, line ends
_REFUSED = re.compile(r'["<>:|?*;%\x00-\x1f\x7f]')


def harmless(name: str, *, otherwise: str = "file") -> str:
    """The last part of the name without control, direction and separator characters, not too long, with its ending kept."""
    last = _SEPARATORS.split(unicodedata.normalize("NFC", name))[-1]
    plain = "".join(
        "_" if unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} else letter for letter in last
    )
    plain = _REFUSED.sub("_", plain).strip(" .")
    if len(plain) > _LONGEST:
        stem, dot, ending = plain.rpartition(".")
        kept = f"{dot}{ending}" if dot and len(ending) <= 16 else ""
        plain = (stem if kept else plain)[: _LONGEST - len(kept)] + kept
    return plain or otherwise
