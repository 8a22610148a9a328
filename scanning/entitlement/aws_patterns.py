"""IAM's patterns (`*` any text, `?` any one character): what fits one, which covers another, which two have texts in common."""

from __future__ import annotations

import re
from functools import lru_cache

_PARTS = 6
_ACCOUNT = re.compile(r"[0-9*?]*|aws")


@lru_cache(maxsize=1 << 16)
def fits(pattern: str, text: str) -> bool:
    """Whether a text without wildcards fits a pattern."""
    return _taken(pattern, text, barred="")


@lru_cache(maxsize=1 << 16)
def covers(outer: str, inner: str) -> bool:
    """Whether every text that fits `inner` surely fits `outer`. Wildcards of `inner` are taken as characters that only a
    wildcard as wide can stand for, so a few pairs that do cover each other are not seen: never the other way about."""
    return _taken(outer, _squeezed(inner), barred="*")


def _taken(pattern: str, text: str, *, barred: str) -> bool:
    """Whether a pattern takes a text whole, where `?` does not stand for what is barred. Goes back to the last `*` alone, so
    a pattern of many stars costs no more than their lengths multiplied."""
    at, place, star, mark = 0, 0, -1, 0
    while place < len(text):
        sign = pattern[at : at + 1]
        if sign == "*":
            star, mark, at = at, place, at + 1
        elif sign and (sign == text[place] or (sign == "?" and text[place] != barred)):
            at, place = at + 1, place + 1
        elif star >= 0:
            mark += 1
            at, place = star + 1, mark
        else:
            return False
    return not pattern[at:].strip("*")


def _squeezed(pattern: str) -> str:
    return re.sub(r"\*+", "*", pattern)


@lru_cache(maxsize=1 << 16)
def overlaps(first: str, second: str) -> bool:
    """Whether some text fits both patterns. Of two full ARNs each part is held against its own."""
    parts, others = first.split(":", _PARTS - 1), second.split(":", _PARTS - 1)
    if _is_arn(parts) and _is_arn(others):
        return all(_overlaps(one, other) for one, other in zip(parts, others, strict=True))
    return _overlaps(first, second)


def _is_arn(parts: list[str]) -> bool:
    """Whether all six parts of an ARN are written out, so that no wildcard reaches over a colon."""
    return len(parts) == _PARTS and parts[0] == "arn" and _ACCOUNT.fullmatch(parts[4]) is not None


def _overlaps(first: str, second: str) -> bool:
    first, second = _squeezed(first), _squeezed(second)
    if not _wild(first):
        return fits(second, first)
    if not _wild(second):
        return fits(first, second)
    if not _ends_agree(first, second) or not _ends_agree(first[::-1], second[::-1]):
        return False
    return _common(first, second)


def _wild(pattern: str) -> bool:
    return "*" in pattern or "?" in pattern


def _ends_agree(first: str, second: str) -> bool:
    """Whether the characters before the first `*` of both go together: most pairs of addresses differ there."""
    ends = zip(first.partition("*")[0], second.partition("*")[0], strict=False)
    return all(one == other or "?" in (one, other) for one, other in ends)


def _common(first: str, second: str) -> bool:
    """Row by row over the first pattern: at which places of the second both may stand."""
    places = _onward({0}, second)
    for char in first:
        if char == "*":
            # Any text: on from the leftmost place to every later one.
            places = set(range(min(places), len(second) + 1)) if places else places
        else:
            places = _onward(
                {
                    place if second[place] == "*" else place + 1
                    for place in places
                    if place < len(second) and (second[place] in ("*", "?", char) or char == "?")
                },
                second,
            )
    return len(second) in places


def _onward(places: set[int], pattern: str) -> set[int]:
    """The places, and those behind a `*` that stands for nothing."""
    return places | {place + 1 for place in places if place < len(pattern) and pattern[place] == "*"}
