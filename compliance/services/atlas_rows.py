"""An imported ATLAS release -> the rows of the techniques that Assay speaks about.

What Assay wrote itself stays: summaries, sections, questions, links to controls. Names, tactics, links to mitigations and case
studies, new sub-techniques, and ids that are gone, come from the release.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from compliance.models import CaseStudy, Mitigation, Technique
from compliance.oscal.atlas_diff import moved_ids
from compliance.types.atlas import AtlasContent, AtlasTechnique, release_order
from compliance.types.drafts import JSON

RETIRED = "retired"
SITE = "https://atlas.mitre.org"


def store_release(content: AtlasContent, redirects: Mapping[str, str]) -> None:
    """Writes the release into the rows, in the caller's transaction; the same release again changes nothing."""
    rows = {row.atlas_id: row for row in Technique.objects.select_related("parent")}
    parents = {row.parent.atlas_id for row in rows.values() if row.parent}
    for one in content.techniques:
        if row := rows.get(one.id):
            _update(row, one, content)
        elif one.parent in parents and one.parent in rows:
            rows[one.id] = _create(rows[one.parent], one, content)
    _retire(rows, content, redirects)
    family = {key: row for key, row in rows.items() if row.facts.get("family") and not row.facts.get(RETIRED)}
    _store_mitigations(content, family)
    _store_case_studies(content, family)


def _update(row: Technique, one: AtlasTechnique, content: AtlasContent) -> None:
    facts = {**row.facts, "tactics": _tactics(row.facts.get("tactics", []), one, content), "maturity": one.maturity}
    facts.pop(RETIRED, None)
    facts.pop("replaced_by", None)
    is_newer = release_order(content.version) > release_order(row.atlas_release)
    if row.name != one.name and is_newer:
        facts |= _renamed(facts, row.name, one.name, content.version)
    changed = (row.name, row.atlas_release, row.facts) != (one.name, content.version, facts)
    if changed:
        row.name, row.atlas_release, row.facts = one.name, content.version, facts
        row.save(update_fields=["name", "atlas_release", "facts"])


def _renamed(facts: JSON, old: str, new: str, version: str) -> JSON:
    """The facts about names after a change: a name that comes back is no former one."""
    former = [name for name in facts.get("former_names", []) if name not in {old, new}]
    history = [dict(entry) for entry in facts.get("name_history", [])] or [{"name": old, "since": "", "until": ""}]
    history[-1]["until"] = f"before {version}"
    return {
        "former_names": [*former, old],
        "name_history": [*history, {"name": new, "since": version, "until": ""}],
    }


def _tactics(before: Iterable[JSON], one: AtlasTechnique, content: AtlasContent) -> list[JSON]:
    known = {entry["id"]: entry for entry in before}
    found = []
    for key in one.tactics:
        name = content.tactics[key]
        entry = dict(known.get(key, {"id": key, "name": name, "former_name": "", "renamed_in": ""}))
        if entry["name"] != name:
            entry |= {"name": name, "former_name": entry["name"], "renamed_in": content.version}
        found.append(entry)
    return found


def _create(parent: Technique, one: AtlasTechnique, content: AtlasContent) -> Technique:
    return Technique.objects.create(
        atlas_id=one.id,
        name=one.name,
        atlas_release=content.version,
        parent=parent,
        summary=one.summary or one.name,
        url=f"{SITE}/techniques/{one.id}",
        facts={
            "family": bool(parent.facts.get("family")),
            "parent_id": one.parent,
            "tactics": _tactics([], one, content),
            "maturity": one.maturity,
            "former_names": [],
            "name_history": [{"name": one.name, "since": content.version, "until": ""}],
            "former_ids": [],
            "summary_from": "MITRE ATLAS",
        },
    )


def _retire(rows: Mapping[str, Technique], content: AtlasContent, redirects: Mapping[str, str]) -> None:
    there = {one.id for one in content.techniques}
    for key, row in rows.items():
        if key in there:
            continue
        replaced_by = redirects.get(key, "")
        facts = {**row.facts, RETIRED: True, "replaced_by": replaced_by if replaced_by in there else ""}
        if facts != row.facts:
            row.facts = facts
            row.save(update_fields=["facts"])


def _store_mitigations(content: AtlasContent, family: Mapping[str, Technique]) -> None:
    linked: dict[str, list[Technique]] = {}
    for technique in content.techniques:
        for key in technique.mitigations if technique.id in family else ():
            linked.setdefault(key, []).append(family[technique.id])
    existing = {row.atlas_id: row for row in Mitigation.objects.all()}
    for one in content.mitigations:
        row = existing.get(one.id)
        if row is None and one.id not in linked:
            continue
        if row is None:
            row = Mitigation(atlas_id=one.id, summary=one.summary or one.name, url=f"{SITE}/mitigations/{one.id}")
        row.name, row.is_direct = one.name, one.id in linked
        row.save()
        row.techniques.set(linked.get(one.id, []))
    for key in existing.keys() - {one.id for one in content.mitigations}:
        existing[key].is_direct = False
        existing[key].save(update_fields=["is_direct"])
        existing[key].techniques.clear()


def _store_case_studies(content: AtlasContent, family: Mapping[str, Technique]) -> None:
    existing = {row.atlas_id: row for row in CaseStudy.objects.all()}
    for one in content.case_studies:
        used = [family[key] for key in one.techniques if key in family]
        row = existing.get(one.id)
        if row is None and not used:
            continue
        if row is None:
            row = CaseStudy(atlas_id=one.id, url=f"{SITE}/studies/{one.id}")
        row.name = one.name
        row.facts = {**row.facts, "kind": one.kind or row.facts.get("kind", ""), "date": one.date}
        row.save()
        row.techniques.set(used)


def all_redirects(before: AtlasContent, content: AtlasContent, known: Mapping[str, str]) -> dict[str, str]:
    """Replaced ids: those that are known, and those that the release itself shows by keeping an object's uuid."""
    return {**moved_ids(before, content), **known}
