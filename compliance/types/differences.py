"""Where two texts differ, word by word."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher

_WORDS = re.compile(r"\s+|[^\s]+")
MOST_WORDS = 4_000  # comparing takes the square of it; longer texts are shown without marks


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of one text; `differs` where the other text has not the same words there."""

    text: str
    differs: bool


def differences(left: str, right: str) -> tuple[list[Piece], list[Piece]]:
    """Both texts in pieces whose texts joined are the text itself. Very long ones are one piece that differs."""
    if left == right:
        return ([Piece(left, False)] if left else [], [Piece(right, False)] if right else [])
    a, b = _WORDS.findall(left), _WORDS.findall(right)
    if max(len(a), len(b)) > MOST_WORDS:
        return [Piece(left, True)], [Piece(right, True)]
    ours: list[Piece] = []
    theirs: list[Piece] = []
    for kind, a1, a2, b1, b2 in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if a2 > a1:
            ours.append(Piece("".join(a[a1:a2]), kind != "equal"))
        if b2 > b1:
            theirs.append(Piece("".join(b[b1:b2]), kind != "equal"))
    return ours, theirs
