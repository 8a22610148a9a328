"""Frames the records of a JSON log as they stream by: arrays, wrapped arrays, one record, or one record a line.

Memory is bounded by twice the largest record allowed. Each record is found by the standard decoder, so a frame is exact;
records that a caller can tell to be irrelevant from their text alone are passed over without being decoded.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from compliance.types.errors import BadInputError

_SPACE = re.compile(r"[ \t\r\n]*")
_NEXT_LINE = re.compile(r"\n(?=\{\")")
_CHUNK = 1 << 20
_LONGEST_SKIP = 1 << 16
_MISSES = 16


@dataclass(frozen=True, slots=True)
class Framed:
    """One decoded record, or the reason why there is none. offset, raw: its bytes and where they begin, if they are asked for
    and the record stands by itself."""

    locator: str
    value: object
    problem: str = ""
    offset: int = -1
    raw: bytes = b""


class _BrokenError(Exception):
    """The text at the cursor is not the JSON that must come here. `cut`: because the text ends too soon."""

    def __init__(self, problem: str, *, cut: bool = False) -> None:
        super().__init__(problem)
        self.cut = cut


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _each_name_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"an object names {next(name for name in names if names.count(name) > 1)[:40]!r} twice")
    return found


def decode_record(content: bytes) -> object:
    """One record by itself, by the same strict rules. Raises ValueError, RecursionError."""
    text = content.decode("utf-8")
    value, end = _DECODE(text, 0)
    if end != len(text):
        raise ValueError(f"there is more at {end}")
    return value


_DECODE = json.JSONDecoder(parse_constant=_no_constant, object_pairs_hook=_each_name_once).raw_decode


class JsonRecords:
    """Iterates over the records of a document. Raises BadInputError where it is empty, breaks off, or is no JSON.

    read: gives decompressed bytes; array_keys: members of a wrapping object that hold the records; first_keys: what
    records usually begin with, by which reading finds its place again after a broken one; can_skip: told text, start and
    end of a probable record, answers whether it may be passed over.
    keep_raw: whether the bytes of each record are wanted.
    Bytes that are not UTF-8 become lone surrogates, which canonical JSON refuses: the record is lost, not the document.
    """

    def __init__(
        self,
        read: Callable[[int], bytes],
        *,
        file_name: str,
        array_keys: tuple[str, ...],
        first_keys: tuple[str, ...],
        max_record: int,
        can_skip: Callable[[str, int, int], bool],
        keep_raw: bool = False,
    ) -> None:
        self._read, self._name, self._keys, self._can_skip = read, file_name, array_keys, can_skip
        self._lookahead, self._keep_raw, self._measured = max_record, keep_raw, (0, 0)
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="surrogateescape")
        self._text, self._at, self._base, self._ended = "", 0, 0, False
        self._lines, self._counted, self._misses = 1, 0, 0
        self._wrapped = re.compile(r"\{\s*\"(?:" + "|".join(array_keys) + r")\"\s*:\s*\[")
        self._begins = re.compile(r",\s*(?=\{\s*\"(?:" + "|".join(first_keys) + r")\"\s*:)")
        self._delimiter = ',{"' + first_keys[0] + '"'

    def __iter__(self) -> Iterator[Framed]:
        if not self._next_char():
            raise BadInputError(f"{self._name} is empty; there is nothing to import.")
        while char := self._next_char():
            if char == "[":
                yield from self._array("")
            elif char == "{":
                yield from self._object()
            else:
                raise BadInputError(f"{self._name} is not JSON: expected a record at {self._place()}, found {char!r}.")

    # The window on the text.

    def _fill(self) -> None:
        """Have at least one whole record (or the end) ahead of the cursor."""
        if self._ended or len(self._text) - self._at >= self._lookahead:
            return
        passed, parts = self._text[: self._at], [self._text[self._at :]]
        self._base, self._measured = self._base + len(passed.encode("utf-8", "surrogateescape")), (0, 0)
        self._lines, self._counted = self._line_at(self._at), 0
        size = len(parts[0])
        while size < self._lookahead + _CHUNK and not self._ended:
            content = self._read(_CHUNK)
            self._ended = not content
            parts.append(self._decoder.decode(content, final=self._ended))
            size += len(parts[-1])
        self._text, self._at = "".join(parts), 0

    def _next_char(self) -> str:
        """The next character that is no space, or "" at the end."""
        while True:
            self._fill()
            found = _SPACE.match(self._text, self._at)
            assert found is not None
            self._at = found.end()
            if self._at < len(self._text) or self._ended:
                return self._text[self._at : self._at + 1]

    def _place(self, at: int | None = None) -> str:
        passed = self._text[: self._at if at is None else at]
        byte = self._base + len(passed.encode("utf-8", "surrogateescape"))
        return f"line {self._line_at(len(passed))}, byte {byte}"

    def _framed(self, locator: str, start: int, value: object) -> Framed:
        """The record that was decoded from `start` to the cursor."""
        if not self._keep_raw:
            return Framed(locator, value)
        at, size = self._measured
        size += len(self._text[at:start].encode("utf-8", "surrogateescape"))
        raw = self._text[start : self._at].encode("utf-8", "surrogateescape")
        self._measured = self._at, size + len(raw)
        return Framed(locator, value, offset=self._base + size, raw=raw)

    def _line(self) -> str:
        self._lines, self._counted = self._line_at(self._at), self._at
        return f"line {self._lines}"

    def _line_at(self, at: int) -> int:
        """Number of the line at a place of the window, counted on from the last one asked for: a log has many lines."""
        if at < self._counted:
            return self._lines - self._text.count("\n", at, self._counted)
        return self._lines + self._text.count("\n", self._counted, at)

    def _value(self) -> object:
        self._fill()
        try:
            value, self._at = _DECODE(self._text, self._at)
        except json.JSONDecodeError as error:
            cut = error.pos >= len(self._text.rstrip()) or error.msg.startswith("Unterminated")
            problem = f"{error.msg[0].lower()}{error.msg[1:]} at {self._place(error.pos)}"
            if cut and not self._ended:
                problem = f"the record at {self._place()} is longer than {self._lookahead} bytes"
            raise _BrokenError(problem, cut=cut and self._ended) from error
        except (ValueError, RecursionError) as error:
            reason = "is nested too deeply" if isinstance(error, RecursionError) else str(error)
            raise _BrokenError(f"the record at {self._place()}: {reason}") from error
        return value

    # Documents.

    def _object(self) -> Iterator[Framed]:
        line_end = self._text.find("\n", self._at, self._at + _LONGEST_SKIP)
        if line_end > 0 and self._text[line_end - 1] == "}" and self._can_skip(self._text, self._at, line_end):
            self._at = line_end
            return
        locator = self._line()
        try:
            if self._wrapped.match(self._text, self._at):
                yield from self._walk()
                return
            start = self._at
            try:
                value = self._value()
            except _BrokenError:
                self._at = start
                if not any(f'"{key}"' in self._text for key in self._keys):
                    raise
                yield from self._walk()
                return
        except _BrokenError as broken:
            yield self._recover_line(locator, broken)
            return
        wrapped = [key for key in self._keys if isinstance(value, dict) and isinstance(value.get(key), list)]
        if wrapped and self._keep_raw:
            self._at = start
            yield from self._walk()
        elif wrapped:
            yield from self._unfold(locator, value, wrapped)
        else:
            yield self._framed(locator, start, value)

    def _unfold(self, locator: str, value: object, wrapped: list[str]) -> Iterator[Framed]:
        for key in wrapped:
            assert isinstance(value, dict)
            for index, member in enumerate(value[key]):
                yield Framed(f"{locator}, {key}[{index}]", member)

    def _walk(self) -> Iterator[Framed]:
        """An object whose array of records is too large to decode at once: member by member."""
        self._at += 1
        found = False
        while True:
            if self._next_char() == "}":
                break
            key = self._value()
            if not isinstance(key, str) or self._next_char() != ":":
                raise _BrokenError(f"expected a member name at {self._place()}")
            self._at += 1
            if self._next_char() == "[" and key in self._keys:
                found = True
                yield from self._array(key)
            else:
                self._value()
            char = self._next_char()
            if char == ",":
                self._at += 1
            elif char != "}":
                raise _BrokenError(f"expected ',' or '}}' at {self._place()}")
        self._at += 1
        if not found:
            raise _BrokenError(f"no list of records before {self._place()}")

    def _recover_line(self, locator: str, broken: _BrokenError) -> Framed:
        """Go on with the next line of a log that has one record a line."""
        following = _NEXT_LINE.search(self._text, self._at)
        rest = self._text[self._at :]
        if following:
            self._at = following.end()
        elif self._ended and rest.find("\n") == len(rest) - 1 and self._line() == locator != "line 1":
            self._at = len(self._text)
        else:
            raise self._unusable(broken)
        return Framed(locator, None, str(broken))

    def _unusable(self, broken: _BrokenError) -> BadInputError:
        return BadInputError(f"{self._name} breaks off or is damaged: {broken}; fetch or export it again.")

    # Arrays.

    def _array(self, key: str) -> Iterator[Framed]:
        self._at += 1
        index = 0
        if self._next_char() == "]":
            self._at += 1
            return
        while True:
            self._fill()
            try:
                if not self._skip():
                    start, value = self._at, self._value()
                    yield self._framed(f"{key}[{index}]", start, value)
                index += 1
                char = self._next_char()
                if char == "]":
                    self._at += 1
                    return
                if char != ",":
                    raise _BrokenError(f"expected ',' or ']' at {self._place()}", cut=not char)
                self._at += 1
                self._next_char()
            except _BrokenError as broken:
                more = self._recover_array(broken)
                yield Framed(f"{key}[{index}]", None, str(broken))
                index += 1
                if not more:
                    return

    def _skip(self) -> bool:
        if self._misses > _MISSES:
            return False
        end = self._text.find(self._delimiter, self._at, self._at + _LONGEST_SKIP)
        if end < 0:
            self._misses += 1
            return False
        self._misses = 0
        if self._text[end - 1] != "}" or not self._can_skip(self._text, self._at, end):
            return False
        self._at = end
        return True

    def _recover_array(self, broken: _BrokenError) -> bool:
        """Move on to the next record (True), or to the end of an array whose last record is broken (False)."""
        while True:
            following = self._begins.search(self._text, self._at + 1)
            if following:
                self._at = following.end()
                return True
            if self._ended:
                break
            self._at = max(self._at + 1, len(self._text) - len(self._delimiter) - 64)
            self._fill()
        closing = re.search(r"\}\s*(\]\s*\}?\s*)$", self._text[-256:])
        if broken.cut or not closing:
            raise self._unusable(broken)
        self._at = len(self._text) - len(closing.group(1)) + 1
        return False
