"""Read one YAML content file defensively, and take typed values out of it with errors that name file and key."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from compliance.types.canonical import sha256_hex
from compliance.types.catalog import JSON, CatalogFile
from compliance.types.errors import BadInputError

MAX_BYTES = 2 * 1024 * 1024
MAX_DEPTH = 16
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_NO_DEFAULT: Any = object()


def read_document(path: Path) -> CatalogFile:
    """One content file: plain YAML of at most 2 MiB without tags, anchors or repeated keys. Raises BadInputError.

    The `catalog` mapping of the file gives id, version, date, language and licence.
    """
    raw, document = read_plain(path, max_bytes=MAX_BYTES)
    header = Place(path.name, "", document).child("catalog")
    date = header.text("date")
    if not _DATE.fullmatch(date):
        raise header.error("date", "is not a date like 2026-11-22; correct it")
    return CatalogFile(
        id=header.text("id"),
        version=header.text("version"),
        date=date,
        language=header.text("language"),
        licence=header.text("licence"),
        filename=path.name,
        sha256=sha256_hex(raw),
        content=document,
    )


def read_plain(
    path: Path, *, max_bytes: int, as_written: bool = False, max_depth: int = MAX_DEPTH
) -> tuple[bytes, JSON]:
    """The bytes of a YAML file and its mapping as JSON values, without tags, anchors or repeated keys. Raises BadInputError.

    as_written: dates and numbers with a point are read as the text that they are; otherwise a date is refused.
    """
    raw = bytes_of(path, max_bytes)
    return raw, _plain(path.name, raw, _AsWritten if as_written else yaml.CSafeLoader, max_depth)


def bytes_of(path: Path, max_bytes: int) -> bytes:
    """The bytes of a file that is no larger than `max_bytes`. Raises BadInputError."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(max_bytes + 1)
    except OSError as error:
        raise BadInputError(
            f"{path.name} cannot be read ({error.strerror}); check that the file is in {path.parent.name}."
        )
    if len(raw) > max_bytes:
        raise BadInputError(
            f"{path.name} is larger than {max_bytes} bytes; a content file is smaller, check its origin."
        )
    return raw


def _plain(filename: str, raw: bytes, loader: type[yaml.CSafeLoader], max_depth: int) -> JSON:
    """The document as JSON values; everything in YAML that JSON has not is refused before any value is built."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInputError(f"{filename} is not UTF-8 at byte {error.start}; save it as UTF-8.")
    try:
        _refuse_tricks(filename, text, max_depth)
        node = yaml.compose(text, Loader=loader)
        if not isinstance(node, yaml.MappingNode):
            raise BadInputError(f"{filename} does not hold one mapping of keys; check that it is a content file.")
        _refuse_repeated_keys(filename, node)
        # The safe loader in C: eight times as fast as yaml.safe_load, and the same values.
        document = yaml.load(text, Loader=loader)  # noqa: S506 - both loaders are safe ones # nosec B506
    except (yaml.YAMLError, ValueError) as error:
        if isinstance(error, BadInputError):
            raise
        raise BadInputError(f"{filename} is not readable YAML{_line_of(error)}; correct it there.")
    _refuse_other_types(filename, document, "")
    content: JSON = document
    return content


def _line_of(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    return "" if mark is None else f" at line {mark.line + 1}"


def _refuse_tricks(filename: str, text: str, max_depth: int) -> None:
    """Aliases can multiply a small file into a huge value, tags can name types: content needs neither."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        line = 0 if event.start_mark is None else event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise BadInputError(f"{filename} uses an anchor or alias at line {line}; write the value out.")
        if tag := getattr(event, "tag", None):
            raise BadInputError(f"{filename} uses the tag {tag} at line {line}; remove it.")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > max_depth:
            raise BadInputError(f"{filename} is nested deeper than {max_depth} levels at line {line}; flatten it.")


def _refuse_repeated_keys(filename: str, node: yaml.Node) -> None:
    if isinstance(node, yaml.SequenceNode):
        for child in node.value:
            _refuse_repeated_keys(filename, child)
    if not isinstance(node, yaml.MappingNode):
        return
    seen: set[str] = set()
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise BadInputError(f"{filename} has a key that is no text at line {line}; write a text.")
        if key.value in seen:
            raise BadInputError(f"{filename} has the key {key.value} twice, again at line {line}; keep one.")
        seen.add(key.value)
        _refuse_repeated_keys(filename, value)


def _refuse_other_types(filename: str, value: object, trail: str) -> None:
    """YAML also reads dates, binary and sets; records hold JSON alone."""
    if isinstance(value, dict):
        for key, child in value.items():
            if not isinstance(key, str):
                raise BadInputError(
                    f"{filename}: the key {key!r} at {trail or 'the top'} is no text; put it in quotes."
                )
            _refuse_other_types(filename, child, f"{trail}.{key}" if trail else key)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            _refuse_other_types(filename, child, f"{trail}[{index}]")
    elif not (value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))):
        raise BadInputError(f"{filename}: {trail} is read as {type(value).__name__}; put the value in quotes.")


class _AsWritten(yaml.CSafeLoader):
    """The safe loader, but dates and numbers with a point stay the text that they are: 2026.10 is no 2026.1."""


_READ_AS_TEXT = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:float")
_AsWritten.yaml_implicit_resolvers = {
    letter: [(tag, form) for tag, form in resolvers if tag not in _READ_AS_TEXT]
    for letter, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


class Place:
    """A mapping somewhere in a file. Each reader raises BadInputError naming file and key when the value is unfit."""

    def __init__(self, filename: str, trail: str, value: Mapping[str, Any]) -> None:
        self.filename = filename
        self.trail = trail
        self._value = value

    def error(self, key: str, problem: str) -> BadInputError:
        """The error to raise for a key of this place; `problem` completes the sentence without its full stop."""
        where = f"{self.trail}.{key}" if self.trail else key
        return BadInputError(f"{self.filename}: {where} {problem}.")

    def names(self) -> tuple[str, ...]:
        """Keys of this mapping, in the order of the file."""
        return tuple(self._value)

    def _get(self, key: str, expected: type, what: str, default: Any) -> Any:
        value = self._value.get(key, default)
        if value is _NO_DEFAULT:
            raise self.error(key, f"is missing; add {what}")
        if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
            raise self.error(key, f"is not {what}; correct it")
        return value

    def text(self, key: str, default: str = _NO_DEFAULT) -> str:
        """A text; empty only where the default allows it."""
        value: str = self._get(key, str, "a text", default)
        if not value.strip() and default is _NO_DEFAULT:
            raise self.error(key, "is empty; write its text")
        return value

    def flag(self, key: str) -> bool:
        """true or false."""
        value: bool = self._get(key, bool, "true or false", _NO_DEFAULT)
        return value

    def whole(self, key: str) -> int:
        """A whole number, zero or more."""
        value: int = self._get(key, int, "a whole number", _NO_DEFAULT)
        if value < 0:
            raise self.error(key, "is below zero; correct it")
        return value

    def amount(self, key: str, default: float = _NO_DEFAULT) -> float:
        """A number, zero or more."""
        value = self._get(key, int | float, "a number", default)  # type: ignore[arg-type]  # isinstance takes unions
        if value < 0:
            raise self.error(key, "is below zero; correct it")
        return float(value)

    def texts(self, key: str, default: tuple[str, ...] = _NO_DEFAULT) -> tuple[str, ...]:
        """A list of texts."""
        values = self._list(key, default)
        if not all(isinstance(value, str) and value.strip() for value in values):
            raise self.error(key, "holds something that is not a text; put it in quotes")
        return tuple(values)

    def wholes(self, key: str) -> tuple[int, ...]:
        """A list of whole numbers."""
        values = self._list(key, _NO_DEFAULT)
        if not all(isinstance(value, int) and not isinstance(value, bool) for value in values):
            raise self.error(key, "holds something that is not a whole number; correct it")
        return tuple(values)

    def child(self, key: str) -> Place:
        """The mapping under a key."""
        return Place(self.filename, f"{self.trail}.{key}" if self.trail else key, self.mapping(key))

    def mapping(self, key: str, default: JSON = _NO_DEFAULT) -> JSON:
        """The plain mapping under a key."""
        value: JSON = self._get(key, dict, "a mapping of keys", default)
        return value

    def children(self, key: str, default: tuple[str, ...] = _NO_DEFAULT) -> tuple[Place, ...]:
        """The mappings in a list, each named by its id, key or number where it has one."""
        places = []
        for index, value in enumerate(self._list(key, default)):
            trail = f"{self.trail}.{key}" if self.trail else key
            if not isinstance(value, dict):
                raise self.error(key, f"holds something that is no mapping at position {index + 1}; correct it")
            name = value.get("id", value.get("key", value.get("number", index + 1)))
            places.append(Place(self.filename, f"{trail}[{name}]", value))
        return tuple(places)

    def rest(self, *taken: str) -> JSON:
        """What this mapping holds beside the keys that were taken."""
        return {key: value for key, value in self._value.items() if key not in taken}

    def _list(self, key: str, default: Any) -> list[Any]:
        fallback = default if default is _NO_DEFAULT else list(default)
        values: list[Any] = self._get(key, list, "a list", fallback)
        return values
