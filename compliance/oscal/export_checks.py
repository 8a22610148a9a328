"""What must hold of an OSCAL document before it is handed out: the schema of OSCAL, and what no schema sees.

The schema is that of oscal-bindings (OSCAL 1.2.3). It lets pass, and we look for: an identifier used twice, a reference that
leads nowhere, a file without its digest, a word that OSCAL does not have, a time without a zone, another OSCAL version.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from compliance.oscal.export_values import JSON, OSCAL_VERSION
from compliance.oscal.schema import OscalError, check_schema
from compliance.oscal.streams import Stream, parts

_SHA256 = re.compile(r"[0-9a-f]{64}")
_ZONED = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_TIMES = ("published", "last-modified", "collected", "deadline", "start", "end", "date")

# The words of OSCAL 1.2, by the last names on the way to them.
ALLOWED: dict[tuple[str, ...], tuple[str, ...]] = {
    ("methods",): ("EXAMINE", "INTERVIEW", "TEST", "UNKNOWN"),
    ("observations", "types"): ("ssp-statement-issue", "control-objective", "mitigation", "historic", "discovery"),
    ("target", "type"): ("statement-id", "objective-id"),
    ("target", "status", "state"): ("satisfied", "not-satisfied"),
    ("target", "status", "reason"): ("pass", "fail", "other"),
    ("risks", "status"): (
        "open",
        "investigating",
        "remediating",
        "deviation-requested",
        "deviation-approved",
        "closed",
    ),
    ("remediations", "lifecycle"): ("recommendation", "planned", "completed"),
    ("actors", "type"): ("tool", "assessment-platform", "party"),
    ("tasks", "type"): ("milestone", "action"),
    ("maps", "relationship"): (
        "equal-to",
        "equivalent-to",
        "subset-of",
        "superset-of",
        "intersects-with",
        "no-relationship",
    ),
    ("mappings", "status"): ("complete", "not-complete", "draft", "deprecated", "superseded"),
    ("provenance", "status"): ("complete", "not-complete", "draft", "deprecated", "superseded"),
    ("sources", "type"): ("control", "statement"),
    ("targets", "type"): ("control", "statement"),
    ("parties", "type"): ("person", "organization"),
}


_BY_LAST_NAME: dict[str, list[tuple[tuple[str, ...], tuple[str, ...]]]] = {}
for _names, _allowed in ALLOWED.items():
    _BY_LAST_NAME.setdefault(_names[-1], []).append((_names, _allowed))


def check_document(document: JSON) -> None:
    """Raise OscalError at the first thing that does not hold. Streams are gone over, and not held."""
    for part in parts(document):
        check_schema(part)
    (body,) = document.values()
    if body["metadata"]["oscal-version"] != OSCAL_VERSION:
        raise OscalError(f"metadata/oscal-version: is not {OSCAL_VERSION}")
    _check_identity(document)


def _check_identity(document: JSON) -> None:
    """In one pass; what a reference leads to may come after it."""
    used: dict[str, str] = {}
    wanted: dict[str, str] = {}
    linked: dict[str, str] = {}
    for path, place, value in _leaves(document, (), ""):
        name = path[-1]
        if name == "uuid":
            if value in used:
                raise OscalError(f"{place}: the identifier {value} is used at {used[value]} already")
            used[value] = place
        if name.endswith(("-uuid", "-uuids")) or name == "member-of-organizations":
            wanted.setdefault(value, place)
        if name == "href" and value.startswith("#"):
            linked.setdefault(value, place)
        _check_word(path, place, value)
    for value, place in wanted.items():
        if value not in used:
            raise OscalError(f"{place}: {value} leads nowhere")
    for value, place in linked.items():
        if "/back-matter/" not in used.get(value[1:], ""):
            raise OscalError(f"{place}: {value} is no resource of the back matter")
    _check_files(document)


def _leaves(value: Any, path: tuple[str, ...], place: str) -> Iterator[tuple[tuple[str, ...], str, Any]]:
    """Every value with the last names on the way to it (list positions left out) and its place in words."""
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _leaves(child, (*path[-2:], key), f"{place}/{key}")
    elif isinstance(value, list | Stream):
        for index, child in enumerate(value):
            yield from _leaves(child, path, f"{place}/{index}")
    else:
        yield path, place, value


def _check_word(path: tuple[str, ...], place: str, value: Any) -> None:
    name = path[-1]
    if name in _TIMES and not _ZONED.fullmatch(value):
        raise OscalError(f"{place}: {value} is no time with a zone")
    for names, allowed in _BY_LAST_NAME.get(name, ()):
        if path[-len(names) :] == names and value not in allowed:
            raise OscalError(f"{place}: “{value}” is none of {', '.join(allowed)}")


def _check_files(document: JSON) -> None:
    (body,) = document.values()
    for number, resource in enumerate(body["back-matter"]["resources"]):
        for link in resource.get("rlinks", []):
            digests = [one["value"] for one in link.get("hashes", []) if one["algorithm"] == "SHA-256"]
            if not digests or not all(_SHA256.fullmatch(digest) for digest in digests):
                raise OscalError(f"back-matter/resources/{number}: the file {link['href']} has no SHA-256")
