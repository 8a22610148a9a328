"""People in a document for external recipients: a mark stands for each, the same one wherever the person is named.

Which texts name somebody is said by the types of the freeze document (`Named`, `Identity`); every other text is searched for
the names found there, and for addresses. A name that the record nowhere keeps as one is not found: whoever approves the
release reads for those. Marks count by kind, in the order in which the document and its registers name people.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, TypedDict, Union, get_args, get_origin, get_type_hints, is_typeddict

from compliance.types.canonical import sha256_hex
from compliance.types.freeze import Freeze
from compliance.types.freeze_lines import Lines
from compliance.types.shape import Identity, Named

PERSON, IDENTITY, ADDRESS = "Person", "Identity", "Address"
# Words of Assay and of publishers: nobody is named there, and a name may be a word of theirs.
_PUBLIC = frozenset(
    {"technique", "catalogues", "figure_rules", "reference_controls", "ledger", "generated_by", "schema"}
)
# Of the lines of registers, which carry no types.
_IN_LINES = {"actor": IDENTITY, "principal": IDENTITY, "runs_as": IDENTITY, "decided_by": PERSON}
_NOBODY = frozenset({"", "not recorded by the source"})
_WORD = re.compile(r"[^\W_]+")
_ADDRESS = re.compile(
    r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+|(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])|[0-9A-Fa-f]*:[0-9A-Fa-f:]{2,}"
)
_SHORTEST = 3
_KEPT_TEXTS = 50_000


class Removed(TypedDict):
    """What one mark stands for. key: with it, and with it alone, the name can be shown to be the one that was removed."""

    mark: str
    kind: str
    name: str
    key: str
    sha256: str


@dataclass(slots=True)
class Marks:
    """Who was met so far. kept: names that stay, because somebody decided so."""

    kept: frozenset[str] = frozenset()
    _numbers: dict[str, dict[str, int]] = field(default_factory=lambda: {PERSON: {}, IDENTITY: {}, ADDRESS: {}})
    _spelled: dict[str, str] = field(default_factory=dict)
    _starts: dict[str, list[str]] = field(default_factory=dict)
    _texts: dict[str, str] = field(default_factory=dict)

    def meet(self, kind: str, name: str) -> str:
        """The mark of somebody, who gets one where they had none."""
        if name in _NOBODY or name in self.kept:
            return name
        if name in self._spelled:
            return self._spelled[name]
        numbers = self._numbers[kind]
        mark = f"[{kind} {numbers.setdefault(name, len(numbers) + 1)}]"
        self._learn(name, mark)
        if kind == IDENTITY and "/" in name:
            self._learn(name.rpartition("/")[2], mark)
        return mark

    def named(self, text: str) -> str:
        """A text that names one person, alone, as "Name (Role)" or as "Name, Role": the mark, and the role as it is."""
        if text in self._numbers[PERSON] or text in self.kept:
            return self.meet(PERSON, text)
        for known in (*self._numbers[PERSON], *self.kept):
            if text.startswith((f"{known} (", f"{known}, ")):
                return self.meet(PERSON, known) + text[len(known) :]
        name, role = _apart(text)
        return self.meet(PERSON, name) + role

    def searched(self, text: str) -> str:
        """A text with the mark of everybody in it whom the record knows, and of every address."""
        if len(text) < _SHORTEST:
            return text
        told = self._texts.get(text)
        if told is None:
            told = "".join(self._pieces(text))
            if len(self._texts) < _KEPT_TEXTS and len(text) < 1_000:
                self._texts[text] = told
        return told

    def removed(self, key: bytes) -> Iterator[Removed]:
        """Everybody for whom a mark stands, by kind and number. key: kept by the organisation alone."""
        for kind, numbers in self._numbers.items():
            for name, number in numbers.items():
                mark = f"[{kind} {number}]"
                own = hmac.digest(key, mark.encode(), "sha256")
                yield Removed(mark=mark, kind=kind, name=name, key=own.hex(), sha256=sha256_hex(own + name.encode()))

    def count(self, kind: str) -> int:
        """How many marks of a kind there are."""
        return len(self._numbers[kind])

    def _learn(self, spelled: str, mark: str) -> None:
        first = _WORD.search(spelled)
        if first is None or len(spelled) < _SHORTEST or spelled in self._spelled:
            return
        self._spelled[spelled] = mark
        starts = self._starts.setdefault(first.group(), [])
        starts.append(spelled)
        starts.sort(key=len, reverse=True)
        self._texts.clear()

    def _pieces(self, text: str) -> Iterator[str]:
        at = 0
        for found in _ADDRESS.finditer(text):
            if found.group() in self.kept or not _is_address(found.group()):
                continue
            yield self._without_names(text[at : found.start()])
            yield self._spelled.get(found.group()) or self.meet(ADDRESS, found.group())
            at = found.end()
        yield self._without_names(text[at:])

    def _without_names(self, text: str) -> str:
        pieces, at = [], 0
        for word in _WORD.finditer(text):
            if word.start() < at or (known := self._at(text, word, at)) is None:
                continue
            start, name = known
            pieces += [text[at:start], self._spelled[name]]
            at = start + len(name)
        return "".join([*pieces, text[at:]])

    def _at(self, text: str, word: re.Match[str], least: int) -> tuple[int, str] | None:
        """Who is named where this word stands, the longest name first, and where the name begins."""
        for name in self._starts.get(word.group(), ()):
            start = word.start() - name.index(word.group())
            end = start + len(name)
            whole = not (name[-1].isalnum() and text[end : end + 1].isalnum())
            if start >= least and whole and text.startswith(name, start):
                return start, name
        return None


def _apart(text: str) -> tuple[str, str]:
    """A name, and behind it a role in brackets."""
    name, bracket, role = text.rpartition(" (")
    return (name, bracket + role) if bracket and text.endswith(")") else (text, "")


def _is_address(text: str) -> bool:
    if "@" in text:
        return True
    try:
        return bool(ipaddress.ip_address(text))
    except ValueError:
        return False


@cache
def _hints(shape: type) -> dict[str, Any]:
    return dict(sorted(get_type_hints(shape, include_extras=True).items()))


def _meet(value: Any, hint: Any, marks: Marks, *, exact: bool) -> None:
    """Meet everybody whom the types say is named; exact: only where the name stands without a role behind it."""
    if hint == Identity and not exact:
        marks.meet(IDENTITY, value)
    elif hint == Named and not exact:
        marks.named(value)
    elif is_typeddict(hint):
        if exact and "role" in _hints(hint) and _hints(hint).get("name") == Named:
            marks.meet(PERSON, value["name"])
        for name, inner in _hints(hint).items():
            if name in value:
                _meet(value[name], inner, marks, exact=exact)
    elif isinstance(value, list | Lines):
        for member in value:
            _meet(member, get_args(hint)[0], marks, exact=exact)
    elif value is not None and (arms := _arms(hint)):
        _meet(value, arms[0], marks, exact=exact)


def _arms(hint: Any) -> list[Any]:
    """What a hint allows besides None, where it is a union with it."""
    is_union = get_origin(hint) is Union or type(hint).__name__ == "UnionType"
    return [arm for arm in get_args(hint) if arm is not type(None)] if is_union else []


def _given(value: Any, hint: Any, marks: Marks) -> Any:
    """The value as external recipients get it."""
    if value is None:
        return None
    if hint == Named:
        return marks.named(value)
    if hint == Identity:
        return marks.meet(IDENTITY, value)
    if hint is str:
        return marks.searched(value)
    if arms := _arms(hint):
        return _given(value, arms[0], marks)
    if is_typeddict(hint):
        hints = _hints(hint)
        return {
            name: inner
            if name not in hints or (hint is Freeze and name in _PUBLIC)
            else _given(inner, hints[name], marks)
            for name, inner in value.items()
        }
    if isinstance(value, Lines):
        return value.mapped(lambda row: _given(row, get_args(hint)[0], marks))
    if isinstance(value, list) and get_origin(hint) is not Annotated:
        return [_given(member, get_args(hint)[0], marks) for member in value]
    return value


def meet_all(freeze: Freeze, marks: Marks) -> None:
    """Meet everybody in a document, first those whose names stand alone."""
    _meet(freeze, Freeze, marks, exact=True)
    _meet(freeze, Freeze, marks, exact=False)


def meet_in_line(line: dict[str, Any], marks: Marks) -> None:
    """Meet everybody in a line of a register."""
    for key, kind in _IN_LINES.items():
        for name in _listed(line.get(key)):
            marks.meet(kind, name)


def _listed(value: Any) -> Iterable[str]:
    return [value] if isinstance(value, str) else value or ()


def line_for_external(line: dict[str, Any], marks: Marks) -> dict[str, Any]:
    """A line of a register with marks."""
    return {key: _line_value(key, value, marks) for key, value in line.items()}


def _line_value(key: str, value: Any, marks: Marks) -> Any:
    if isinstance(value, str):
        kind = _IN_LINES.get(key)
        return marks.meet(kind, value) if kind else value if key.endswith(("sha256", "_at")) else marks.searched(value)
    if isinstance(value, list):
        return [_line_value(key, member, marks) for member in value]
    return line_for_external(value, marks) if isinstance(value, dict) else value


def shaped_for_external(value: Any, shape: Any, marks: Marks) -> Any:
    """Any value of a known shape with marks: the document, and what an order says beside it."""
    return _given(value, shape, marks)
