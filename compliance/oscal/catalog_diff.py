"""What a changed content file would change, by record and field, to be shown before it is applied. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from compliance.oscal.catalog_checks import pair_key, question_key
from compliance.types.canonical import canonical_json
from compliance.types.catalog import CatalogChange, CatalogContent

Records = dict[str, dict[str, Any]]


def diff_catalog(old: CatalogContent | None, new: CatalogContent) -> tuple[CatalogChange, ...]:
    """Changes from `old` (None: nothing is loaded) to `new`, in the order of the files; empty when nothing differs.

    Only content is compared: a file with other bytes and the same content gives a change of its version or SHA-256 alone.
    """
    before = {} if old is None else _subjects(old)
    changes: list[CatalogChange] = []
    for subject, records in _subjects(new).items():
        changes += _diff_records(subject, before.get(subject, {}), records)
    return tuple(changes)


def _diff_records(subject: str, old: Records, new: Records) -> Iterable[CatalogChange]:
    for key in old:
        if key not in new:
            yield CatalogChange(kind="removed", subject=subject, key=key)
    for key, record in new.items():
        if key not in old:
            yield CatalogChange(kind="added", subject=subject, key=key)
            continue
        for name, value in record.items():
            before, after = _shown(old[key].get(name)), _shown(value)
            if before != after:
                yield CatalogChange(kind="changed", subject=subject, key=key, field=name, before=before, after=after)


def _shown(value: Any) -> str:
    """A text as it is, anything else as canonical JSON."""
    return value if isinstance(value, str) else canonical_json(value).decode("utf-8")


def _subjects(content: CatalogContent) -> dict[str, Records]:
    files = {
        file.id: {name: value for name, value in asdict(file).items() if name != "content"} for file in content.files
    }
    return {
        "file": files,
        "technique": {entry.id: asdict(entry) for entry in content.techniques},
        "name": {f"{entry.id} {entry.name}": asdict(entry) for entry in content.name_history},
        "redirect": {entry.old: asdict(entry) for entry in content.id_redirects},
        "tactic": {entry.id: asdict(entry) for entry in content.tactics},
        "mitigation": {entry.id: asdict(entry) for entry in content.mitigations},
        "case_study": {entry.id: asdict(entry) for entry in content.case_studies},
        "release": {entry.release: asdict(entry) for entry in content.releases},
        "framework": {entry.key: asdict(entry) for entry in content.frameworks},
        "control": {entry.id: asdict(entry) for entry in content.controls},
        "pair": {pair_key(entry): asdict(entry) for entry in content.pairs},
        "question": {question_key(entry): asdict(entry) for entry in content.questions},
        "section": {f"{entry.technique} {entry.key}": asdict(entry) for entry in content.sections},
        "source": {entry.id: asdict(entry) for entry in content.sources},
    }
