"""OSCAL catalogues and profiles -> `FrameworkContent`. Pure; nothing is fetched, a profile's catalogues are given beside it.

JSON or YAML, OSCAL 1.x. Of a control only ids, titles and whether it is withdrawn are taken; its text stays in the file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from compliance.oscal.schema import OscalError, check_schema
from compliance.oscal.yaml_documents import bytes_of, read_plain
from compliance.types.canonical import sha256_hex
from compliance.types.errors import BadInputError
from compliance.types.frameworks import FrameworkContent, Requirement

JSON = dict[str, Any]
MAX_BYTES = 64 * 1024 * 1024
MAX_DEPTH = 64
_MOST_PROFILES = 8
_VERSION = re.compile(r"1\.\d+\.\d+(-[\w.]+)?")
_INSERT = re.compile(r"\{\{[^{}]*\}\}")


@dataclass(frozen=True, slots=True)
class _File:
    """A file that was read: its name, its model, what stands under the model's key, and its digest."""

    name: str
    model: str
    body: JSON
    sha256: str

    def error(self, place: str, problem: str) -> BadInputError:
        return BadInputError(f"{self.name}: {place} {problem}.")


def read_framework(path: Path, *, catalogs: Iterable[Path] = (), id_pattern: str = "") -> FrameworkContent:
    """The requirements of a catalogue, or those that a profile selects from `catalogs` (files it names by their names).

    id_pattern: regular expression for whole ids, as people write them; "" takes any. Raises BadInputError with one sentence
    naming file and place: another version, a repeated id or key, a link that leads nowhere, an id of another form.
    """
    file = _read(path)
    given = {one.name: _read(one) for one in catalogs}
    used: dict[str, str] = {file.name: file.sha256}
    requirements = _selected(file, given, id_pattern, used, depth=0)
    if not requirements:
        raise file.error(file.model, "holds no control; take the whole file")
    metadata = file.body["metadata"]
    return FrameworkContent(
        title=str(metadata["title"]),
        version=str(metadata["version"]),
        oscal_version=str(metadata["oscal-version"]),
        model=file.model,
        sha256=file.sha256,
        sources=used,
        requirements=tuple(requirements),
    )


# Reading ------------------------------------------------------------------------------------------------------------


def _read(path: Path) -> _File:
    if path.suffix.lower() in {".yaml", ".yml"}:
        raw, document = read_plain(path, max_bytes=MAX_BYTES, as_written=True, max_depth=MAX_DEPTH)
    else:
        raw = bytes_of(path, MAX_BYTES)
        document = _json(path.name, raw)
    models = [model for model in ("catalog", "profile") if model in document]
    if len(document) != 1 or not models or not isinstance(document[models[0]], dict):
        raise BadInputError(
            f"{path.name}: is no OSCAL catalogue or profile in JSON or YAML; its only key is to be catalog or profile."
        )
    file = _File(name=path.name, model=models[0], body=document[models[0]], sha256=sha256_hex(raw))
    metadata = file.body.get("metadata")
    version = metadata.get("oscal-version", "") if isinstance(metadata, dict) else ""
    if not _VERSION.fullmatch(str(version)):
        raise file.error(
            "metadata/oscal-version", f"is “{version}”; OSCAL 1.x is read: convert the file, or take another"
        )
    try:
        check_schema(document)
    except OscalError as error:
        raise BadInputError(f"{path.name}: {str(error).rstrip('.')}; correct the file or take it from its publisher.")
    return file


def _json(filename: str, raw: bytes) -> JSON:
    def once(pairs: list[tuple[str, Any]]) -> JSON:
        found = dict(pairs)
        if len(found) != len(pairs):
            names = [name for name, _value in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise BadInputError(f"{filename}: an object holds the key {twice} twice; keep one.")
        return found

    try:
        document = json.loads(raw.decode("utf-8-sig"), object_pairs_hook=once)
    except UnicodeDecodeError as error:
        raise BadInputError(f"{filename} is not UTF-8 at byte {error.start}; save it as UTF-8.")
    except json.JSONDecodeError as error:
        raise BadInputError(f"{filename} is not readable JSON at line {error.lineno}; take OSCAL in JSON or YAML.")
    except RecursionError:
        raise BadInputError(f"{filename} is nested too deeply; check its origin.")
    if not isinstance(document, dict):
        raise BadInputError(f"{filename} does not hold one object; take an OSCAL catalogue or profile.")
    return document


# Catalogues ---------------------------------------------------------------------------------------------------------


def _controls(holder: JSON, place: str, parent: str = "") -> Iterator[tuple[str, str, JSON]]:
    """Every control with its place and the OSCAL id of the control that it belongs to, in the order of the file."""
    for number, control in enumerate(holder.get("controls", [])):
        here = f"{place}/controls/{number}"
        yield here, parent, control
        yield from _controls(control, here, control["id"])
    for number, group in enumerate(holder.get("groups", [])):
        yield from _controls(group, f"{place}/groups/{number}", parent)


def _catalogue(file: _File, id_pattern: str) -> list[Requirement]:
    form = re.compile(id_pattern) if id_pattern else None
    labels: dict[str, str] = {}
    seen: dict[str, str] = {}
    found = []
    for place, parent, control in _controls(file.body, ""):
        label = _label(file, place, control, form)
        for identifier in {control["id"], label}:
            if identifier in seen:
                raise file.error(
                    place.lstrip("/"), f"has the id {identifier}, which is given at {seen[identifier]} already"
                )
            seen[identifier] = place.lstrip("/")
        labels[control["id"]] = label
        found.append(
            Requirement(
                id=label,
                oscal_id=control["id"],
                title=" ".join(_INSERT.sub("[…]", control["title"]).split()),
                parent=labels.get(parent, ""),
                is_withdrawn=_is_withdrawn(control),
            )
        )
    _check_links(file)
    return found


def _label(file: _File, place: str, control: JSON, form: re.Pattern[str] | None) -> str:
    """The id as people write it: the label that fits the form; NIST gives several, the plain one first."""
    props = [one for one in control.get("props", []) if one["name"] == "label"]
    plain_first = sorted(props, key=lambda one: "class" in one)
    offered = [str(one["value"]) for one in plain_first] + [str(control["id"])]
    if form is None:
        return offered[0]
    fitting = [label for label in offered if form.fullmatch(label)]
    if not fitting:
        shown = ", ".join(dict.fromkeys(offered))
        raise file.error(place.lstrip("/"), f"has the id {shown}, which is not of the form {form.pattern}")
    return fitting[0]


def _is_withdrawn(control: JSON) -> bool:
    return any(one["name"] == "status" and str(one["value"]).lower() == "withdrawn" for one in control.get("props", []))


def _check_links(file: _File) -> None:
    """Every link within the file leads to an id or uuid of the file."""
    targets = {value for key, _place, value in _named(file.body, "") if key in {"id", "uuid"}}
    for key, place, value in _named(file.body, ""):
        if key == "href" and value.startswith("#") and value[1:] not in targets:
            raise file.error(place.lstrip("/"), f"leads to {value}, which the file does not hold")


def _named(value: Any, place: str) -> Iterator[tuple[str, str, str]]:
    """Every text under a key, with its place."""
    if isinstance(value, dict):
        for key, child in value.items():
            if isinstance(child, str):
                yield key, f"{place}/{key}", child
            else:
                yield from _named(child, f"{place}/{key}")
    elif isinstance(value, list):
        for number, child in enumerate(value):
            yield from _named(child, f"{place}/{number}")


# Profiles -----------------------------------------------------------------------------------------------------------


def _selected(
    file: _File, given: Mapping[str, _File], id_pattern: str, used: dict[str, str], *, depth: int
) -> list[Requirement]:
    if file.model == "catalog":
        return _catalogue(file, id_pattern)
    if depth >= _MOST_PROFILES:
        raise file.error("imports", f"leads through more than {_MOST_PROFILES} profiles; give the resolved catalogue")
    found: dict[str, Requirement] = {}
    for number, wanted in enumerate(file.body["imports"]):
        place = f"imports/{number}"
        source = _source(file, wanted["href"], f"{place}/href", given)
        used[source.name] = source.sha256
        offered = _selected(source, given, id_pattern, used, depth=depth + 1)
        for one in _import(file, wanted, place, offered):
            found.setdefault(one.id, one)
    return list(found.values())


def _source(file: _File, href: str, place: str, given: Mapping[str, _File]) -> _File:
    """The file that an import names, directly or through the back matter, among those that were given."""
    hrefs = [href]
    if href.startswith("#"):
        resources = file.body.get("back-matter", {}).get("resources", [])
        resource = next((one for one in resources if one["uuid"] == href[1:]), None)
        if resource is None:
            raise file.error(place, f"leads to {href}, which the file does not hold")
        hrefs = [link["href"] for link in resource.get("rlinks", [])]
    names = [unquote(urlsplit(one).path).rsplit("/", 1)[-1] for one in hrefs]
    for name in names:
        if name in given:
            return given[name]
    raise file.error(place, f"imports {', '.join(names) or href}; give that file too (--catalog FILE)")


def _import(file: _File, wanted: JSON, place: str, offered: list[Requirement]) -> list[Requirement]:
    by_oscal_id = {one.oscal_id: one for one in offered}
    if "include-controls" in wanted:
        chosen = _matching(file, wanted["include-controls"], f"{place}/include-controls", offered)
    else:
        chosen = set(by_oscal_id)
    chosen -= _matching(file, wanted.get("exclude-controls", []), f"{place}/exclude-controls", offered)
    return [one for one in offered if one.oscal_id in chosen]


def _matching(file: _File, selections: list[JSON], place: str, offered: list[Requirement]) -> set[str]:
    known = {one.oscal_id for one in offered}
    found: set[str] = set()
    for number, selection in enumerate(selections):
        named = set(selection.get("with-ids", []))
        if unknown := sorted(named - known):
            raise file.error(f"{place}/{number}/with-ids", f"names {unknown[0]}, which the imported file does not hold")
        for match in selection.get("matching", []):
            named |= {one for one in known if fnmatchcase(one, match["pattern"])}
        if selection.get("with-child-controls") == "yes":
            named |= _descendants(named, offered)
        found |= named
    return found


def _descendants(named: set[str], offered: list[Requirement]) -> set[str]:
    ids = {one.id: one.oscal_id for one in offered}
    found = set(named)
    for one in offered:  # a parent comes before its children
        if ids.get(one.parent) in found:
            found.add(one.oscal_id)
    return found
