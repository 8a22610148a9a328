"""Finds calls of a function in a Snowflake SQL text, and the texts it was given: by tokens, never by searching the text.

Lexical rules: https://docs.snowflake.com/en/sql-reference/data-types-text (string constants, escapes, dollar quotes), and
identifiers and comments of the SQL reference. What is not a constant text (a variable, a column, a concatenation) is unknown,
not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_TOKEN = re.compile(
    r"(?P<space>\s+|--[^\n]*|//[^\n]*|/\*.*?\*/)"
    r"|(?P<text>'(?:[^'\\]|''|\\.)*+')"
    r"|(?P<dollar>\$\$.*?\$\$)"
    r"|(?P<quoted>\"(?:[^\"]|\"\")*+\")"
    r"|(?P<word>[A-Za-z_][\w$]*)"
    r"|(?P<open>\()"
    r"|(?P<close>\))"
    r"|(?P<comma>,)"
    r"|(?P<dot>\.)"
    r"|(?P<cut>'|\$\$|\"|/\*)"
    r"|(?P<other>.)",
    re.DOTALL,
)
_ESCAPE = re.compile(r"''|\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|(.))", re.DOTALL)
_NAMED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
# What JSON can hold and no database keeps: NUL, and halves of a character.
_UNKEPT = re.compile("[\0\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of SQL: its kind ("text", "word", "open" …), and what it says once quotes and escapes are taken off."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call. name: in capitals, as far as it is not quoted ("SNOWFLAKE.CORTEX.FINETUNE").

    arguments: constant texts, None where an argument is anything else; is_cut: the text ends before the call does, so that
    later arguments are not known.
    """

    name: str
    arguments: tuple[str | None, ...]
    is_cut: bool


def tokens(sql: str) -> tuple[Token, ...]:
    """The tokens of a text without space and comments. A quote that is never closed ends it, as one of the kind "cut"."""
    found = []
    for match in _TOKEN.finditer(sql):
        kind = str(match.lastgroup)
        if kind == "space":
            continue
        found.append(Token(kind, _value(kind, match.group())))
        if kind == "cut":
            break
    return tuple(found)


def _value(kind: str, text: str) -> str:
    if kind == "text":
        return _ESCAPE.sub(_unescaped, text[1:-1])
    if kind == "dollar":
        return text[2:-2]
    if kind == "quoted":
        return text[1:-1].replace('""', '"')
    return text.upper() if kind == "word" else text


def _unescaped(match: re.Match[str]) -> str:
    octal, hexadecimal, unicode, other = match.groups()
    if match.group() == "''":
        return "'"
    if octal:
        return chr(int(octal, 8))
    if code := hexadecimal or unicode:
        return chr(int(code, 16))
    return _NAMED.get(other, other)


def calls(sql: Sequence[Token], function: str) -> Iterator[Call]:
    """Every call of a function, by the last part of its name in capitals, in the order of the text; none within another's."""
    place = 0
    while place + 1 < len(sql):
        token = sql[place]
        place += 1
        if token.kind in ("word", "quoted") and token.value == function and sql[place].kind == "open":
            name = ".".join((*_qualifiers(sql, place - 1), function))
            arguments, is_cut, place = _arguments(sql, place + 1)
            yield Call(name, arguments, is_cut)


def _qualifiers(sql: Sequence[Token], end: int) -> tuple[str, ...]:
    """The names in front of the dot before a place, at most database and schema."""
    names: list[str] = []
    while end > 1 and len(names) < 2 and sql[end - 1].kind == "dot" and sql[end - 2].kind in ("word", "quoted"):
        names.insert(0, sql[end - 2].value)
        end -= 2
    return tuple(names)


def _arguments(sql: Sequence[Token], start: int) -> tuple[tuple[str | None, ...], bool, int]:
    """Arguments up to the bracket that closes the call, whether the text ended before it, and the place behind."""
    found: list[str | None] = []
    present: list[Token] = []
    depth = 0
    for place in range(start, len(sql)):
        token = sql[place]
        if depth == 0 and token.kind in ("comma", "close"):
            found.append(_constant(present))
            if token.kind == "close":
                return (tuple(found) if present or len(found) > 1 else ()), False, place + 1
            present = []
            continue
        depth += {"open": 1, "close": -1}.get(token.kind, 0)
        present.append(token)
    return tuple(found), True, len(sql)


def _constant(argument: list[Token]) -> str | None:
    only = argument[0] if len(argument) == 1 else None
    if only is None or only.kind not in ("text", "dollar") or _UNKEPT.search(only.value):
        return None
    return only.value
