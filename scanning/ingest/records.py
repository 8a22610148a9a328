"""Reading one parsed JSON record: its members as text, each with the place it stood at, and its time.

Places are JSON pointers (RFC 6901) within the record.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any

from compliance.types.canonical import NotCanonicalError, canonical_json, sha256_hex

Record = Mapping[str, Any]
_LONGEST = 1024
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_FIRST_YEAR, _LAST_YEAR = 2000, 2100
# Seconds, milliseconds, microseconds and nanoseconds of the years between differ by their magnitude alone.
_UNITS = ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6), (math.inf, 1e9))
_LOOSE = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d+)? ?(Z|UTC|[+-]\d\d:?\d\d)?")


class RejectedError(Exception):
    """This record cannot be taken; the message says why, as the end of "FILE, PLACE: …"."""


def clipped(text: str) -> str:
    """Text, shortened where it is longer than any field shows."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def text_of(value: object) -> str:
    """A string as it is and a number as JSON writes it; anything else is no text."""
    if isinstance(value, str):
        return clipped(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return clipped(repr(value))
    return ""


def object_of(value: object) -> Record:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def list_of(value: object) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def within_text(value: object) -> Any:
    """What a string holds as a JSON object or list; any other value as it is, as is text that no database would keep."""
    if not isinstance(value, str) or not value.startswith(("{", "[")):
        return value
    try:
        found = json.loads(value)
        content = json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return value
    return value if b"\\u0000" in content and _NUL.search(content) else found


def escaped(name: str) -> str:
    """A member name as a step of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


@cache
def _steps(pointer: str) -> tuple[str, ...]:
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in pointer.split("/")[1:])


def each(value: object, pointer: str) -> Iterator[tuple[str, Any]]:
    """(pointer, value) of all that a pointer leads to; the step `*` stands for every member of a list or an object."""
    if "*" not in pointer:
        yield from _one(value, pointer)
        return
    found: list[tuple[str, Any]] = [("", value)]
    for step in _steps(pointer):
        found = [one for place, holder in found for one in _members(place, holder, step)]
    yield from found


def _one(value: Any, pointer: str) -> Iterator[tuple[str, Any]]:
    """What a pointer without `*` leads to: the same several times as fast, for the fields that every record has."""
    for step in _steps(pointer):
        if isinstance(value, dict) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isascii() and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return
    yield pointer, value


def _members(place: str, holder: object, step: str) -> list[tuple[str, Any]]:
    if isinstance(holder, dict):
        names = list(holder) if step == "*" else [step] if step in holder else []
        return [(f"{place}/{escaped(str(name))}", holder[name]) for name in names]
    if isinstance(holder, list):
        if step == "*":
            return [(f"{place}/{index}", member) for index, member in enumerate(holder)]
        if step.isascii() and step.isdigit() and int(step) < len(holder):
            return [(f"{place}/{step}", holder[int(step)])]
    return []


class Fields:
    """The members of one record as fields of the normal form. `origins`: field -> pointer of what it was taken from."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.origins: dict[str, str] = {}

    def text(self, field: str, *pointers: str) -> str:
        """The first text that one of the pointers leads to, "" if none does; where it stood is noted under `field`."""
        for pointer in pointers:
            for place, value in each(self.record, pointer):
                if text := text_of(value):
                    self.origins[field] = place
                    return text
        return ""

    def peek(self, pointer: str) -> Any:
        """What a pointer leads to first, None if nothing; nothing is noted."""
        return next((value for _, value in each(self.record, pointer)), None)


def raw_digest(record: Record) -> str:
    """SHA-256 of a record's canonical form. Raises RejectedError for what no database keeps."""
    return sha256_hex(raw_content(record))


def raw_content(record: Record) -> bytes:
    """A record's canonical form. Raises RejectedError for what no database keeps."""
    try:
        content = canonical_json(record)
    except NotCanonicalError as error:
        raise RejectedError(f"it cannot be kept as it is: {error} (is the file UTF-8?)") from error
    except RecursionError as error:
        raise RejectedError("it is nested too deeply") from error
    if b"\\u0000" in content and _NUL.search(content):
        raise RejectedError("it holds a NUL character, which no database keeps")
    return content


def moment(
    value: object, name: str, *, assumed: timedelta | None = None, placed: Callable[[datetime], datetime] | None = None
) -> datetime:
    """A time in UTC: ISO 8601 text, or a count since 1970 whose unit (s, ms, µs, ns) shows in its magnitude.

    name: the member, for messages; assumed: offset of a source that is documented to write its times without one;
    placed: gives a time without zone its zone, where a person said which.
    Raises RejectedError for what is no time, names no zone, or lies outside 2000 to 2100 (a wrong clock or unit).
    """
    if isinstance(value, str) and re.fullmatch(r"\d{9,19}", value.strip()):
        value = int(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        found = _since_1970(float(value), name)
    elif isinstance(value, str):
        found = _written(
            value.strip(), name, placed or (partial(_shifted, by=assumed) if assumed is not None else None)
        )
    else:
        raise RejectedError(f"{name} is missing or no time")
    if not _FIRST_YEAR <= found.year < _LAST_YEAR:
        raise RejectedError(f"{name} {str(value)[:40]!r} lies in the year {found.year}: a wrong clock, or a wrong unit")
    return found


def _since_1970(value: float, name: str) -> datetime:
    unit = next(unit for limit, unit in _UNITS if abs(value) < limit) if math.isfinite(value) else 0.0
    try:
        return datetime.fromtimestamp(value / unit, tz=UTC)
    except (OverflowError, ValueError, OSError, ZeroDivisionError) as error:
        raise RejectedError(f"{name} {value!r} is not a time") from error


def _shifted(found: datetime, by: timedelta) -> datetime:
    return (found - by).replace(tzinfo=UTC)


def _written(value: str, name: str, placed: Callable[[datetime], datetime] | None) -> datetime:
    loose = _LOOSE.fullmatch(value)
    if loose:
        date, time, fraction, zone = loose.groups(default="")
        value = f"{date}T{time}{fraction}{'Z' if zone == 'UTC' else zone}"
    try:
        found = datetime.fromisoformat(value)
    except ValueError as error:
        raise RejectedError(f"{name} {value[:40]!r} is not a time") from error
    if found.tzinfo is None:
        if placed is None:
            raise RejectedError(f"{name} {value[:40]!r} names no time zone")
        found = placed(found)
    try:
        return found.astimezone(UTC)
    except OverflowError as error:
        raise RejectedError(f"{name} {value[:40]!r} is not a time") from error
