"""Checks a JSON value against TypedDict annotations and says where it differs, in one sentence.

Understands TypedDict, list, Collection (a list, or rows read from a file), dict[str, T], Literal, StrEnum, unions with None,
the JSON scalars, and `Annotated[str, FORMAT]` for the formats below. Unknown and missing keys are errors: a document that
outlives its writer has no spare room; only keys that a `total=False` part of a TypedDict declares may be absent, because older
documents lack them.
"""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Literal, TypeGuard, Union, get_args, get_origin, get_type_hints, is_typeddict
from uuid import UUID

LONGEST_TEXT = 6_000_000  # more than any form or request brings, so that what was taken can be frozen
_HEX64 = re.compile(r"[0-9a-f]{64}")
_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z")

Sha256 = Annotated[str, "sha256"]
Uuid = Annotated[str, "uuid"]
UtcTime = Annotated[str, "utc"]
Day = Annotated[str, "day"]
Base64 = Annotated[str, "base64"]
# Who is meant, in plain text: packs for external recipients put a mark in its place.
Named = Annotated[str, "person"]
Identity = Annotated[str, "identity"]


class ShapeError(ValueError):
    """The value is not of the shape asked for; the message names the place."""


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def _is_time(text: str) -> bool:
    try:
        return bool(_UTC.fullmatch(text)) and datetime.fromisoformat(text).tzinfo == UTC
    except ValueError:
        return False


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


_FORMATS: dict[str, tuple[Callable[[str], bool], str]] = {
    "sha256": (lambda text: bool(_HEX64.fullmatch(text)), "64 lower-case hexadecimal digits"),
    "uuid": (_is_uuid, "a lower-case UUID"),
    "utc": (_is_time, "a UTC time such as 2026-11-22T18:00:00Z"),
    "day": (_is_day, "a day such as 2026-11-22"),
    "base64": (lambda text: bool(re.fullmatch(r"[A-Za-z0-9+/]*={0,2}", text)), "base64 text"),
    "person": (lambda _text: True, "a person's name, or none"),
    "identity": (lambda _text: True, "a principal of a platform"),
}


@cache
def _hints(shape: type) -> dict[str, Any]:
    return get_type_hints(shape, include_extras=True)


def _fail(place: str, wanted: str, found: object) -> ShapeError:
    shown = repr(found) if isinstance(found, (str, int, float, bool, type(None))) else type(found).__name__
    return ShapeError(f"{place or 'the document'}: expected {wanted}, found {shown[:80]}")


def _check_object(value: object, shape: type, place: str) -> None:
    if not isinstance(value, Mapping):
        raise _fail(place, "an object", value)
    hints = _hints(shape)
    for name in sorted(map(str, value.keys() - hints.keys())):
        raise ShapeError(f"{place or 'the document'}: unknown key {name!r}")
    for name, hint in hints.items():
        if name not in value:
            if name in shape.__optional_keys__:  # type: ignore[attr-defined]  # every TypedDict has it
                continue
            raise ShapeError(f"{place or 'the document'}: key {name!r} is missing")
        check_shape(value[name], hint, f"{place}.{name}".lstrip("."))


def _check_text(value: object, place: str) -> None:
    if not isinstance(value, str):
        raise _fail(place, "text", value)
    if len(value) > LONGEST_TEXT and not place.endswith(".png"):
        raise ShapeError(f"{place}: text of {len(value)} characters, at most {LONGEST_TEXT} are taken")


def _check_scalar(value: object, hint: Any, place: str) -> None:
    if hint is str:
        _check_text(value, place)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is float and not is_number:
        raise _fail(place, "a number", value)
    if hint is int and not (is_number and isinstance(value, int)):
        raise _fail(place, "a whole number", value)
    if hint is bool and not isinstance(value, bool):
        raise _fail(place, "true or false", value)


def _check_union(value: object, hint: Any, place: str) -> None:
    arms = [arm for arm in get_args(hint) if arm is not type(None)]
    if value is None:
        return None
    errors = []
    for arm in arms:
        try:
            return check_shape(value, arm, place)
        except ShapeError as error:
            errors.append(error)
    raise errors[0]


def _check_member(value: object, allowed: tuple[object, ...], place: str) -> None:
    if value not in allowed:
        raise _fail(place, "one of " + ", ".join(map(str, allowed)), value)


def _is_rows(value: object) -> TypeGuard[Collection[object]]:
    return isinstance(value, Collection) and not isinstance(value, str | bytes | Mapping)


def check_shape(value: object, hint: Any, place: str = "") -> None:
    """Raise ShapeError where `value` (parsed JSON) is not of the type `hint`; `place` prefixes the path in messages."""
    origin = get_origin(hint)
    if hint is Any:
        return
    if origin is Annotated:
        inner, name = get_args(hint)
        check_shape(value, inner, place)
        accepts, wanted = _FORMATS[name]
        if not accepts(str(value)):
            raise _fail(place, wanted, value)
    elif origin in (Union, types.UnionType):
        _check_union(value, hint, place)
    elif origin is Literal:
        _check_member(value, get_args(hint), place)
    elif origin in (list, Collection):
        if not (isinstance(value, list) or (origin is Collection and _is_rows(value))):
            raise _fail(place, "a list", value)
        for number, member in enumerate(value):
            check_shape(member, get_args(hint)[0], f"{place}[{number}]")
    elif origin is dict:
        if not isinstance(value, Mapping):
            raise _fail(place, "an object", value)
        for key, member in value.items():
            check_shape(member, get_args(hint)[1], f"{place}.{key}")
    elif is_typeddict(hint):
        _check_object(value, hint, place)
    elif isinstance(hint, type) and issubclass(hint, StrEnum):
        _check_member(value, tuple(member.value for member in hint), place)
    else:
        _check_scalar(value, hint, place)
