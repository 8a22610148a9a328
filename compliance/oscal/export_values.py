"""Small values of OSCAL documents: identifiers that stay the same, texts of the form that OSCAL allows, props, hashes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid5

from compliance.types.freeze import Freeze

JSON = dict[str, Any]

OSCAL_VERSION = "1.2.3"
NAMESPACE = "urn:assay:oscal"
ATLAS = "https://atlas.mitre.org"
_IDENTIFIERS = UUID("6f1b2f5e-6a3c-5d0e-9a41-6d1f3c0f7a18")
_MARKUP = re.compile(r"([\\`*~^<\[])")
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NOT_IN_A_TOKEN = re.compile(r"[^\w.\-]")
_NIST_CONTROL = re.compile(r"([A-Z]{2}-\d{1,2})(?:\((\d{1,2})\))?")


@dataclass(frozen=True, slots=True)
class Frozen:
    """A freeze document and the SHA-256 of its canonical bytes: all that an export is made from."""

    doc: Freeze
    sha256: str


def identifier(kind: str, *names: str) -> str:
    """The UUID (version 5) of a thing: the same for the same kind and names, in every export."""
    return str(uuid5(_IDENTIFIERS, "/".join((kind, *names))))


def line(text: str, otherwise: str = "") -> str:
    """Text on one line without markup, for titles; `otherwise` where it is empty."""
    return _MARKUP.sub(r"\\\1", plain(text, otherwise))


def plain(text: str, otherwise: str = "") -> str:
    """Text on one line as it is, for values that are no markup; `otherwise` where it is empty."""
    return " ".join(_CONTROL_CHARACTERS.sub(" ", text).split()) or otherwise


def prose(text: str, otherwise: str) -> str:
    """Text of several lines: plain text stays plain, because what Markdown would read as markup is escaped."""
    shown = _CONTROL_CHARACTERS.sub(" ", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    return _MARKUP.sub(r"\\\1", shown) or otherwise


def prop(name: str, value: object, remarks: str = "") -> JSON:
    """A property in Assay's namespace. An empty value is said as “not stated”."""
    found: JSON = {"name": name, "ns": NAMESPACE, "value": plain(str(value), "not stated")}
    return {**found, "remarks": remarks} if remarks else found


def moment(day_or_time: str) -> str:
    """An ISO day as the start of that day in UTC; a time as it is."""
    return day_or_time if "T" in day_or_time else f"{day_or_time}T00:00:00Z"


def path_of(*parts: str) -> str:
    """A relative address whose parts may hold any character."""
    return "/".join(quote(part, safe="") for part in parts)


def file_resource(
    *,
    uuid: str,
    title: str,
    description: str,
    href: str,
    sha256: str,
    media_type: str,
    props: Iterable[JSON] = (),
    remarks: str = "",
) -> JSON:
    """A file in the back matter, known by its SHA-256."""
    found: JSON = {
        "uuid": uuid,
        "title": title,
        "description": description,
        "rlinks": [
            {"href": href, "media-type": media_type, "hashes": [{"algorithm": "SHA-256", "value": sha256}]},
        ],
    }
    if listed := list(props):
        found["props"] = listed
    return {**found, "remarks": remarks} if remarks else found


def control_token(framework: str, requirement: str) -> str:
    """A requirement's id in the form that OSCAL asks of control ids; NIST's own form for SP 800-53 (AC-2(7) -> ac-2.7).

    Other ids keep their letters, digits, points, hyphens and underscores; each other character becomes an underscore.
    """
    if framework.startswith("nist-sp-800-53") and (found := _NIST_CONTROL.fullmatch(requirement)):
        base, enhancement = found.groups()
        return f"{base.lower()}.{enhancement}" if enhancement else base.lower()
    token = _NOT_IN_A_TOKEN.sub("_", requirement)
    return token if token[:1].isalpha() or token.startswith("_") else f"_{token}"


def objective_id(control: str) -> str:
    """The id of the objective of one of our reference controls, as the exported catalogue holds it."""
    return f"{control_token('', control)}_obj"


def without_empty(value: JSON) -> JSON:
    """The object without keys whose list, object or text is empty: OSCAL allows none that is."""
    return {key: content for key, content in value.items() if content not in ([], {}, "", None)}
