"""What differs between two freeze documents: pure, over parsed JSON, and never silent about a part that it does not know.

Each known section is a list of records with a key, or one object. Records are matched by key, objects field by field. What
differs by the nature of two freezes (when and by whom each was made, the head of the ledger) stands beside the comparison
and is no change. Sections that the table below does not name are reported as unknown, equal or not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, cast

from compliance.types.canonical import canonical_json

_OF_THE_FREEZE = frozenset({"schema", "generated_by", "frozen_at", "frozen_by", "assertion", "ledger"})
_NOT_SATISFIED = "not-satisfied"
_LONGEST_TITLE = 200


class Change(StrEnum):
    """What became of a record."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class Told(StrEnum):
    """How far a section could be compared."""

    COMPARED = "compared"
    ONLY_BEFORE = "only-before"
    ONLY_AFTER = "only-after"
    UNKNOWN_ALIKE = "unknown-alike"
    UNKNOWN_DIFFERENT = "unknown-different"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field that differs. path: dotted; before, after: as text, None where the field is absent."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class RecordChange:
    """One record that was added, removed or changed. key: what it was matched by; fields: empty unless it changed."""

    change: Change
    key: str
    title: str
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class SectionChanges:
    """One section. before, after: how many records it has, 1 for an object, 0 where it is absent."""

    name: str
    told: Told
    before: int
    after: int
    records: tuple[RecordChange, ...]

    @property
    def differs(self) -> bool:
        """Whether anything in it differs, or whether that cannot be told."""
        return bool(self.records) or self.told not in {Told.COMPARED, Told.UNKNOWN_ALIKE}


@dataclass(frozen=True, slots=True)
class FreezeFacts:
    """When, by whom and with which version a document was frozen."""

    assessment: str
    title: str
    frozen_at: str
    frozen_by: str
    software: str
    schema: str


@dataclass(frozen=True, slots=True)
class FindingMoves:
    """Titles of findings by what became of them. gone: on record before and not any more."""

    opened: tuple[str, ...]
    closed: tuple[str, ...]
    reopened: tuple[str, ...]
    gone: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two freezes, section by section, in the order of the table and then of the names."""

    before: FreezeFacts
    after: FreezeFacts
    sections: tuple[SectionChanges, ...]
    findings: FindingMoves

    @property
    def differs(self) -> bool:
        """Whether anything differs, or cannot be told."""
        return any(section.differs for section in self.sections)

    @property
    def unknown(self) -> tuple[str, ...]:
        """Names of sections that this version does not know."""
        return tuple(section.name for section in self.sections if section.told.startswith("unknown"))


@dataclass(frozen=True, slots=True)
class _Section:
    """How a section is read. key: path of what records are matched by, "" for one object; title: paths of its words;

    inside: the list within the section, where it is an object around one; quiet: fields that say nothing of the subject.
    """

    key: str = ""
    title: tuple[str, ...] = ()
    inside: str = ""
    quiet: frozenset[str] = frozenset()


# Fields by which objects within a record name themselves, the surest first.
_NAMES = ("uuid", "technique", "detector", "reference", "label", "title", "sha256", "name", "start")


@dataclass(frozen=True, slots=True)
class _Reading:
    """What is needed to read a value. words: uuid -> title of the record of that uuid."""

    words: Mapping[str, str]
    quiet: frozenset[str]


_TABLE: Mapping[str, _Section] = {
    "assessment": _Section(),
    "technique": _Section(),
    "organisation": _Section(),
    "demonstration": _Section(),
    "catalogues": _Section("id", ("title",)),
    "reference_controls": _Section("id", ("id", "title")),
    "implemented_controls": _Section("uuid", ("title",)),
    "questions": _Section("number", ("number", "text")),
    # Where an event stands in the ledger becomes known at the next sealing and tells nothing of the evidence.
    "evidence": _Section("uuid", ("title", "filename"), quiet=frozenset({"ledger", "custody"})),
    "models": _Section("uuid", ("name", "version")),
    "datasets": _Section("uuid", ("name", "version")),
    "coverage": _Section("model", ("model",)),
    "scans": _Section("uuid", ("model", "verdict", "finished_at")),
    "file_scans": _Section("uuid", ("path", "verdict")),
    "job_log": _Section(),
    "entitlements": _Section(),
    "completeness": _Section(),
    "findings": _Section("uuid", ("title", "asset")),
    "risks": _Section("uuid", ("title",)),
    "remediation": _Section("uuid", ("title",)),
    "closings": _Section("uuid", ("state", "proposed_at")),
    "waivers": _Section("uuid", ("producer", "rule")),
    "mappings": _Section("uuid", ("control", "framework", "requirement"), inside="pairs"),
    "suppliers": _Section("uuid", ("name",), inside="records"),
    "pre_audit": _Section("check", ("title",)),
    "engagements": _Section("uuid", ("title",)),
    "statements": _Section("uuid", ("framework", "version")),
    "audit_findings": _Section("uuid", ("title",)),
    "dataset_checks": _Section("uuid", ("at",)),
    "figure_rules": _Section("id", ("id",)),
}


def compare(before: Mapping[str, Any], after: Mapping[str, Any]) -> Comparison:
    """What differs between two valid freeze documents, the earlier one first."""
    names = [*_TABLE, *sorted((before.keys() | after.keys()) - _TABLE.keys() - _OF_THE_FREEZE)]
    words = _words((before, after))
    return Comparison(
        before=_facts(before),
        after=_facts(after),
        sections=tuple(
            _section(name, before.get(name), after.get(name), words)
            for name in names
            if name in before or name in after
        ),
        findings=_moves(before["findings"], after["findings"]),
    )


def _words(docs: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """What records are called that others refer to."""
    found: dict[str, str] = {}
    for doc in docs:
        found |= {row["uuid"]: f"{row['name']} {row['version']}" for row in doc["models"]}
        for register in ("evidence", "findings", "risks"):
            found |= {row["uuid"]: row["title"] for row in doc[register]}
    return found


def _facts(doc: Mapping[str, Any]) -> FreezeFacts:
    return FreezeFacts(
        assessment=doc["assessment"]["uuid"],
        title=doc["assessment"]["title"],
        frozen_at=doc["frozen_at"],
        frozen_by=doc["frozen_by"]["name"],
        software=f"{doc['generated_by']['name']} {doc['generated_by']['version']}",
        schema=doc["schema"],
    )


def _section(name: str, before: Any, after: Any, words: Mapping[str, str]) -> SectionChanges:
    """One section; None stands for an absent one, for no section of a freeze is null."""
    how = _TABLE.get(name)
    counts = _count(how, before), _count(how, after)
    if how is None:
        told = Told.UNKNOWN_ALIKE if before == after else Told.UNKNOWN_DIFFERENT
        return SectionChanges(name, told, *counts, ())
    if before is None or after is None:
        return SectionChanges(name, Told.ONLY_AFTER if before is None else Told.ONLY_BEFORE, *counts, ())
    reading = _Reading(words, how.quiet)
    if not how.key:
        fields = tuple(_differences(before, after, "", reading))
        changed = (RecordChange(Change.CHANGED, name, "", fields),) if fields else ()
        return SectionChanges(name, Told.COMPARED, *counts, changed)
    records = _records(how, _listed(how, before), _listed(how, after), reading)
    if how.inside:  # what stands beside the list
        rest = [{key: value for key, value in side.items() if key != how.inside} for side in (before, after)]
        if fields := tuple(_differences(rest[0], rest[1], "", reading)):
            records = (*records, RecordChange(Change.CHANGED, name, "", fields))
    return SectionChanges(name, Told.COMPARED, *counts, records)


def _listed(how: _Section, section: Any) -> Collection[Mapping[str, Any]]:
    return cast(Collection[Mapping[str, Any]], section[how.inside] if how.inside else section)


def _count(how: _Section | None, section: Any) -> int:
    if section is None:
        return 0
    return len(_listed(how, section)) if how is not None and how.key else 1


def _marks(how: _Section, rows: Iterable[Mapping[str, Any]]) -> dict[str, bytes]:
    """By key, in order, what stands for a row: large records are not held."""
    return {str(row[how.key]): hashlib.sha256(canonical_json(row)).digest() for row in rows}


def _records(
    how: _Section,
    before: Collection[Mapping[str, Any]],
    after: Collection[Mapping[str, Any]],
    reading: _Reading,
) -> tuple[RecordChange, ...]:
    """Removed and changed ones in the order of the earlier document, then added ones in that of the later."""
    old, new = _marks(how, before), _marks(how, after)
    changed = {str(row[how.key]): row for row in after if old.get(key := str(row[how.key]), new[key]) != new[key]}
    found = []
    for row in before:
        key = str(row[how.key])
        if key not in new:
            found.append(RecordChange(Change.REMOVED, key, _title(how, row, reading.words), ()))
        elif key in changed and (fields := tuple(_differences(row, changed[key], "", reading))):
            found.append(RecordChange(Change.CHANGED, key, _title(how, changed[key], reading.words), fields))
    found += [
        RecordChange(Change.ADDED, key, _title(how, row, reading.words), ())
        for row in after
        if (key := str(row[how.key])) not in old
    ]
    return tuple(found)


def _title(how: _Section, row: Mapping[str, Any], words: Mapping[str, str]) -> str:
    parts = (str(row[path]) for path in how.title if row.get(path) not in (None, ""))
    return ", ".join(words.get(part, part) for part in parts)[:_LONGEST_TITLE]


def _differences(before: Any, after: Any, path: str, how: _Reading) -> Iterable[FieldChange]:
    """Fields that differ, each at the deepest place where both sides have an object."""
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in [*before, *(name for name in after if name not in before)]:
            if name not in how.quiet:
                inner = f"{path}.{name}" if path else name
                yield from _differences(before.get(name), after.get(name), inner, how)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _list_differences(before, after, path, how)
    else:
        yield FieldChange(path, *(None if side is None else _text(side, how) for side in (before, after)))


def _list_differences(before: list[Any], after: list[Any], path: str, how: _Reading) -> Iterable[FieldChange]:
    """Objects that name themselves are matched by that; of other lists, what came and what went, or the new order."""
    name = _identity(before, after)
    if name:
        old, new = ({row[name]: row for row in side} for side in (before, after))
        for key in (key for key in old if key in new):
            yield from _differences(old[key], new[key], f"{path}[{how.words.get(key, key)}]", how)
        before, after = [old[key] for key in old if key not in new], [new[key] for key in new if key not in old]
    gone, come = [one for one in before if one not in after], [one for one in after if one not in before]
    if gone or come:
        yield FieldChange(path, _joined(gone, how), _joined(come, how))
    elif before != after:
        yield FieldChange(path, _joined(before, how), _joined(after, how))


def _identity(before: list[Any], after: list[Any]) -> str:
    """The field by which the objects of both lists are told apart and stand in the same order; "" where none is."""
    if not all(isinstance(row, Mapping) for row in (*before, *after)):
        return ""
    for name in _NAMES:
        old, new = [row.get(name) for row in before], [row.get(name) for row in after]
        texts = all(isinstance(key, str) for key in (*old, *new))
        if texts and len(set(old)) == len(old) and len(set(new)) == len(new):
            return name if [key for key in old if key in new] == [key for key in new if key in old] else ""
    return ""


def _joined(items: Iterable[Any], how: _Reading) -> str:
    return "; ".join(_text(item, how) for item in items)


def _text(value: Any, how: _Reading) -> str:
    if isinstance(value, str):
        return how.words.get(value, value)
    if isinstance(value, Mapping) and {"at", "by", "state"} <= value.keys():  # a step of an answer's history
        return " ".join(
            str(part) for part in (value["state"], value["at"], value["by"]["name"], value.get("note")) if part
        )
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


@dataclass(frozen=True, slots=True)
class _Side:
    """Findings of one document by uuid: what each is called, and whether it stands."""

    words: Mapping[str, str]
    standing: frozenset[str]


def _side(rows: Iterable[Mapping[str, Any]]) -> _Side:
    words, standing = {}, set()
    for row in rows:
        words[row["uuid"]] = f"{row['title']}, {row['asset']}"
        if row["state"] == _NOT_SATISFIED:
            standing.add(row["uuid"])
    return _Side(words, frozenset(standing))


def _moves(before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]]) -> FindingMoves:
    old, new = _side(before), _side(after)

    def titles(uuids: frozenset[str], side: _Side) -> tuple[str, ...]:
        return tuple(words for uuid, words in side.words.items() if uuid in uuids)

    return FindingMoves(
        opened=titles(new.standing - old.words.keys(), new),
        closed=titles((old.standing & new.words.keys()) - new.standing, new),
        reopened=titles((new.standing & old.words.keys()) - old.standing, new),
        gone=titles(old.standing - new.words.keys(), old),
    )
