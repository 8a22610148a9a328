"""How values are written in a pack: labels, days, times, digests, and text made safe to print."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from fontTools.ttLib import TTFont

from compliance import choices
from compliance.types import (
    engagements,
    handling,
    plans,
    provenance,
    risk_life,
    risk_priority,
    risk_transitions,
    statements,
    states,
    suppliers,
    testing,
    verdicts,
)
from compliance.types.freeze_lines import Lines

FONTS = Path(__file__).resolve().parents[1] / "static" / "fonts"
LONGEST_SHOWN = 20_000
LONGEST_WORD = 400
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_KEPT = {"\n", "\t"}
_BREAKS = re.compile(r"[\n\t]")
_LONG_WORDS = re.compile(rf"\S{{{LONGEST_WORD + 1},}}")
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


_HOMES = (
    plans, states, provenance, verdicts, suppliers, risk_life, risk_priority, risk_transitions, engagements, handling,
    statements, testing,
)  # fmt: skip


def label(kind: str, value: str | None) -> str:
    """Words for a member of an enumeration of compliance.types, for example label("StageVerdict", "failed")."""
    if value is None:
        return _("Nothing concluded")
    home = next(module for module in _HOMES if hasattr(module, kind))
    enumeration: type[StrEnum] = getattr(home, kind)
    return str(choices.label(enumeration(value)))


def day(text: str | None) -> str:
    """ "2026-11-22" -> "22 November 2026"; None -> "not stated"."""
    if not text:
        return _("not stated")
    moment = date.fromisoformat(text[:10])
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


def moment(text: str | None) -> str:
    """A UTC time to the minute, with its zone; None -> "not stated"."""
    if not text:
        return _("not stated")
    return f"{day(text)}, {datetime.fromisoformat(text):%H:%M} UTC"


def stamp(text: str | None) -> str:
    """A UTC time for narrow columns: "2026-11-22 18:00"; the column says that it is UTC."""
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M}" if text else "–"


def custody_act(act: str) -> str:
    """An act on a piece of evidence, the last word of its kind in the ledger."""
    known = {
        "received": _("received, hashed and stored"),
        "described": _("its description changed"),
        "accepted": _("accepted"),
        "rejected": _("rejected"),
        "linked": _("attached to an answer, finding, control or item"),
        "unlinked": _("taken away from an answer"),
        "labelled": _("its handling labelled"),
        "handed_out": _("the file taken by somebody, after a confirmation"),
        "classified": _("its retention class changed"),
        "superseded": _("superseded by a newer piece"),
        "disposed": _("its bytes disposed of; the digest stays"),
    }
    return known.get(act) or act.replace("_", " ")


def grouped(digest: str | None) -> str:
    """A digest in groups of four characters."""
    return " ".join(re.findall(r".{1,4}", digest or "")) or _("none")


def size(count: int) -> str:
    """A number of bytes for people: "48,211 bytes", "3.9 MB"."""
    if count < 100_000:
        return _("%(count)s bytes") % {"count": f"{count:,}"}
    return f"{count / 1_000_000:,.1f} MB"


@cache
def _printable() -> frozenset[int]:
    return frozenset(code for path in sorted(FONTS.glob("*.ttf")) for code in _codes(TTFont(path, lazy=True)))


def _codes(font: Any) -> Iterable[int]:
    """Code points that a font has. Its glyphs get numbers in place of names, which take longer to read than all else."""
    font.setGlyphOrder([str(number) for number in range(font["maxp"].numGlyphs)])
    codes: Iterable[int] = font.getBestCmap()
    return codes


def _is_shown(character: str) -> bool:
    if character in _KEPT:
        return True
    return unicodedata.category(character) not in _HIDDEN and ord(character) in _printable()


def code_point(character: str) -> str:
    """How a character that cannot be printed, or not be seen, stands on the page."""
    return f"⟨U+{ord(character):04X}⟩"


def _cut_word(match: re.Match[str]) -> str:
    return _cut(match[0], LONGEST_WORD)


def _cut(text: str, longest: int) -> str:
    rest = len(text) - longest
    told = ngettext(
        "[%(n)d character more, see the attached data]", "[%(n)d characters more, see the attached data]", rest
    )
    return f"{text[:longest]}… {told % {'n': rest}}"


def visible(text: str, replaced: set[str] | None = None) -> str:
    """Text as a reader may trust it: invisible, direction-changing and unprintable characters become their code points.

    Very long words and texts are cut, and say so; the attached data hold them whole. replaced: gets the characters that were.
    """
    if len(text) > LONGEST_SHOWN:
        text = _cut(text, LONGEST_SHOWN)
    if not (text.isascii() and _BREAKS.sub(" ", text).isprintable()):  # others are as they are, which most texts are
        text = unicodedata.normalize("NFC", text)
        hidden = {character for character in set(text) if not _is_shown(character)}
        text = text.translate({ord(character): code_point(character) for character in hidden})
        if replaced is not None:
            replaced |= hidden
    return text if len(text) <= LONGEST_WORD else _LONG_WORDS.sub(_cut_word, text)


def all_visible(value: Any, replaced: set[str] | None = None) -> Any:
    """The value with `visible` applied to each of its texts, pictures excepted."""
    if isinstance(value, str):
        return visible(value, replaced)
    if isinstance(value, list):
        return [all_visible(member, replaced) for member in value]
    if isinstance(value, Lines):
        return value.mapped(lambda row: all_visible(row, replaced))
    if isinstance(value, dict):
        return {key: member if key == "png" else all_visible(member, replaced) for key, member in value.items()}
    return value
