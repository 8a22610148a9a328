"""What the records of Azure's logs share: member names in any case, JSON inside strings, and resource ids.

Azure writes one and the same thing as `operationName` and `OperationName`, as an object and as its text, and its resource ids
in any case (Azure Resource Manager compares them without regard to it).
"""

from __future__ import annotations

import json
import re
from typing import Any

from scanning.ingest.records import Fields, Record, RejectedError, escaped, object_of, text_of

_SUBSCRIPTION = re.compile(r"/subscriptions/([^/]+)", re.IGNORECASE)


class AzureFields(Fields):
    """Fields of a record of Azure. What stands in a string that holds JSON is noted at the string: no pointer leads further."""

    def __init__(self, record: Record) -> None:
        super().__init__(record)
        self._opened: dict[str, Any] = {}

    def text(self, field: str, *pointers: str) -> str:
        """The first text that one of the pointers leads to, "" if none does; where it stood is noted under `field`."""
        for pointer in pointers:
            place, value = self.reach(pointer)
            if text := text_of(value):
                self.origins[field] = place
                return text
        return ""

    def peek(self, pointer: str) -> Any:
        """What a pointer leads to, None if nothing; nothing is noted."""
        return self.reach(pointer)[1]

    def reach(self, pointer: str) -> tuple[str, Any]:
        """(place in the record, value) of what a pointer leads to; the value is None where it leads nowhere, or to text that
        no database keeps."""
        place, inside = "", False
        value: Any = self.record
        for step in pointer.split("/")[1:]:
            if isinstance(value, str):
                value, inside = self._open(value), True
            name = _name_in(value, step.replace("~1", "/").replace("~0", "~"))
            if name is None:
                return place, None
            value = value[name]
            place = place if inside else f"{place}/{escaped(name)}"
        return place, None if isinstance(value, str) and not is_storable(value) else value

    def opened(self, pointer: str) -> Record:
        """The object that a pointer leads to, as it is or as text; an empty one if there is none."""
        value = self.peek(pointer)
        return object_of(self._open(value) if isinstance(value, str) else value)

    def first(self, *pointers: str) -> str:
        """As `text`; nothing is noted."""
        return next((text for pointer in pointers if (text := text_of(self.peek(pointer)))), "")

    def typed(self, stated: str, *pointers: str) -> str:
        """A name as it stands, in another case, at one of the pointers; else as stated. Exports write names in upper case."""
        found = (text.rstrip("/") for pointer in pointers if (text := text_of(self.peek(pointer))))
        return next((text for text in found if text.lower() == stated.lower()), stated)

    def _open(self, text: str) -> Any:
        if text not in self._opened:
            self._opened[text] = _object_in(text)
        return self._opened[text]


def fields_of(value: object) -> AzureFields:
    """The fields of a record. Raises RejectedError for what is no record."""
    if not isinstance(value, dict):
        raise RejectedError("is not a JSON object")
    if isinstance(value.get("tables"), list):
        raise RejectedError(
            "it is the query API's answer in columns and rows; export rows as objects, as `az monitor log-analytics query "
            "-o json` writes them"
        )
    return AzureFields(value)


def _name_in(value: object, name: str) -> str | None:
    """How an object spells a member, as given rather than in another case."""
    if not isinstance(value, dict):
        return None
    if name in value:
        return name
    wanted = name.lower()
    return next((one for one in value if one.lower() == wanted), None)


def _object_in(text: str) -> object:
    if not text.startswith("{"):
        return None
    try:
        return json.loads(text, object_pairs_hook=_each_name_once)
    except (ValueError, RecursionError):
        return None


def _each_name_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object names a member twice")
    return found


def is_storable(text: str) -> bool:
    """Whether a database keeps the text; what was escaped inside a string may be a NUL or half a character."""
    if "\0" in text:
        return False
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def subscription(fields: Fields, *pointers: str) -> str:
    """The subscription, in lower case, that one of the pointers names by its id or by that of a resource; "" if none does."""
    for pointer in pointers:
        stated = fields.text("account", pointer)
        found = _SUBSCRIPTION.match(stated)
        if found or (stated and not stated.startswith("/")):
            return (found[1] if found else stated).lower()
        fields.origins.pop("account", None)
    return ""


def last_name(resource_id: str) -> str:
    """The name at the end of a resource id."""
    return resource_id.rstrip("/").rpartition("/")[2]
