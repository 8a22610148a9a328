"""Checked content -> rows. Each record is written only where it differs; what the files no longer name is kept, retired.

Retired records carry {"retired": true} in their facts: answers, controls and packs of the past still point at them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any, TypeVar

from django.db.models import Model

from compliance.models import (
    AuditQuestion,
    CaseStudy,
    Framework,
    MappingPair,
    Mitigation,
    ReferenceControl,
    Technique,
    TechniqueSection,
)
from compliance.types.catalog import CatalogContent, ControlEntry, PairEntry, SectionEntry, TechniqueEntry
from compliance.types.drafts import JSON
from compliance.types.states import MappingState

RowT = TypeVar("RowT", bound=Model)
RETIRED = "retired"
_EDITORIAL_FACTS = {"caution", RETIRED}  # not part of what a person approves


def store(content: CatalogContent) -> tuple[MappingPair, ...]:
    """Writes all records in the caller's transaction; answers the decided pairs that went back to draft."""
    techniques = _store_techniques(content)
    _store_mitigations(content, techniques)
    _store_case_studies(content, techniques)
    _store_sections(content, techniques)
    questions = _store_questions(content, techniques)
    frameworks = _store_frameworks(content)
    controls = _store_controls(content, techniques, questions.values())
    return _store_pairs(content, controls, frameworks)


def _put(existing: Mapping[Any, RowT], model: type[RowT], identity: JSON, key: object, values: JSON) -> RowT:
    """The row under `key` with these values, saved only when something differs."""
    row = existing.get(key)
    if row is None:
        row = model(**identity, **values)
        row.save(force_insert=True)
        return row
    changed = [name for name, value in values.items() if getattr(row, name) != value]
    if changed:
        for name in changed:
            setattr(row, name, values[name])
        row.save(update_fields=changed)
    return row


def _retire(rows: Iterable[Technique | CaseStudy | AuditQuestion | Framework | ReferenceControl]) -> None:
    for row in rows:
        if not row.facts.get(RETIRED):
            row.facts = {**row.facts, RETIRED: True}
            row.save(update_fields=["facts"])


# ATLAS --------------------------------------------------------------------------------------------------------------


def _technique_facts(content: CatalogContent, entry: TechniqueEntry) -> JSON:
    tactics = {tactic.id: tactic for tactic in content.tactics}
    return {
        **entry.facts,
        "family": entry.family,
        "parent_id": entry.parent,
        "tactics": [asdict(tactics[name]) if name in tactics else {"id": name, "name": ""} for name in entry.tactics],
        "former_names": list(entry.former_names),
        "name_history": [
            {"name": change.name, "since": change.since, "until": change.until}
            for change in content.name_history
            if change.id == entry.id
        ],
        "former_ids": [
            {"id": redirect.old, "since": redirect.since}
            for redirect in content.id_redirects
            if redirect.new == entry.id
        ],
    }


def _store_techniques(content: CatalogContent) -> dict[str, Technique]:
    existing = {row.atlas_id: row for row in Technique.objects.all()}
    stored: dict[str, Technique] = {}
    for entry in sorted(content.techniques, key=lambda entry: entry.parent is not None):  # parents first
        values = {
            "name": entry.name,
            "atlas_release": entry.release,
            "parent": stored.get(entry.parent or ""),  # a related technique may come without its parent
            "summary": entry.summary,
            "url": entry.url,
            "facts": _technique_facts(content, entry),
        }
        stored[entry.id] = _put(existing, Technique, {"atlas_id": entry.id}, entry.id, values)
    _retire(row for key, row in existing.items() if key not in stored)
    return stored


def _store_mitigations(content: CatalogContent, techniques: Mapping[str, Technique]) -> None:
    existing = {row.atlas_id: row for row in Mitigation.objects.all()}
    for entry in content.mitigations:
        values = {"name": entry.name, "summary": entry.summary, "url": entry.url, "is_direct": entry.direct}
        row = _put(existing, Mitigation, {"atlas_id": entry.id}, entry.id, values)
        row.techniques.set([techniques[name] for name in entry.techniques])
    for key in existing.keys() - {entry.id for entry in content.mitigations}:
        existing[key].techniques.clear()  # a mitigation has no facts to be marked in: it is linked to nothing any more


def _store_case_studies(content: CatalogContent, techniques: Mapping[str, Technique]) -> None:
    existing = {row.atlas_id: row for row in CaseStudy.objects.all()}
    for entry in content.case_studies:
        facts = {**entry.facts, "kind": entry.kind, "date": entry.date}
        values = {"name": entry.name, "facts": facts, "url": entry.url}
        row = _put(existing, CaseStudy, {"atlas_id": entry.id}, entry.id, values)
        row.techniques.set([techniques[name] for name in entry.techniques])
    _retire(existing[key] for key in existing.keys() - {entry.id for entry in content.case_studies})


def _section_content(content: CatalogContent, entry: SectionEntry) -> JSON:
    """Blocks and tasks as in the file, and the sources they name."""
    named = {source for block in entry.blocks for source in block.sources}
    return {
        "blocks": [
            {**asdict(block), "entries": [*block.entries], "sources": [*block.sources]} for block in entry.blocks
        ],
        "tasks": [
            {**asdict(task), "controls": [*task.controls], "steps": [asdict(step) for step in task.steps]}
            for task in entry.tasks
        ],
        "claim": asdict(entry.claim) if entry.claim else None,
        "sources": [asdict(source) for source in content.sources if source.id in named],
    }


def _store_sections(content: CatalogContent, techniques: Mapping[str, Technique]) -> None:
    existing = {(row.technique_id, row.key): row for row in TechniqueSection.objects.all()}
    kept = set()
    for entry in content.sections:
        technique = techniques[entry.technique]
        values = {
            "title": entry.title,
            "position": entry.position,
            "content": _section_content(content, entry),
        }
        identity = {"technique": technique, "key": entry.key}
        _put(existing, TechniqueSection, identity, (technique.pk, entry.key), values)
        kept.add((technique.pk, entry.key))
    for key in existing.keys() - kept:
        row = existing[key]
        row.content = {**row.content, RETIRED: True}
        row.save(update_fields=["content"])


# Questions, frameworks, controls, pairs -----------------------------------------------------------------------------


def _store_questions(
    content: CatalogContent, techniques: Mapping[str, Technique]
) -> dict[tuple[int, int], AuditQuestion]:
    existing = {(row.technique_id, row.number): row for row in AuditQuestion.objects.all()}
    stored = {}
    for entry in content.questions:
        technique = techniques[entry.technique]
        facts = {
            "key": entry.key,
            "evidence": list(entry.evidence),
            "claims": [{**asdict(claim), "choices": [*claim.choices]} for claim in entry.claims],
            "controls": list(entry.controls),
            "if_partly": entry.if_partly,
            "if_no": entry.if_no,
            "pitfalls": list(entry.pitfalls),
            "computed": list(entry.computed),
            "checks": list(entry.checks),
        }
        values = {"text": entry.text, "guidance": entry.guidance, "facts": facts}
        identity, key = {"technique": technique, "number": entry.number}, (technique.pk, entry.number)
        stored[key] = _put(existing, AuditQuestion, identity, key, values)
    _retire(row for key, row in existing.items() if key not in stored)
    return stored


def _store_frameworks(content: CatalogContent) -> dict[str, Framework]:
    existing = {row.key: row for row in Framework.objects.all()}
    stored = {}
    for entry in content.frameworks:
        facts = {
            **entry.facts,
            "edition": entry.edition,
            "reproduction": entry.reproduction,
            "id_pattern": entry.id_pattern,
        }
        values = {"title": entry.title, "licence": entry.licence, "facts": facts}
        stored[entry.key] = _put(existing, Framework, {"key": entry.key}, entry.key, values)
    _retire(row for key, row in existing.items() if key not in stored and not row.facts.get("imported"))
    return stored


def _control_values(entry: ControlEntry) -> JSON:
    return {
        "title": entry.title,
        "family": entry.family,
        "objective": entry.objective,
        "tier": entry.tier,
        "is_key": entry.is_key,
        "control_type": entry.control_type,
        "nature": entry.nature,
        "frequency": entry.frequency,
        "person_days": Decimal(str(entry.person_days)),
        "facts": entry.facts,
    }


def _store_controls(
    content: CatalogContent, techniques: Mapping[str, Technique], questions: Iterable[AuditQuestion]
) -> dict[str, ReferenceControl]:
    existing = {row.control_id: row for row in ReferenceControl.objects.all()}
    asking = [(question, frozenset(question.facts["controls"])) for question in questions]
    stored = {}
    for entry in content.controls:
        row = _put(existing, ReferenceControl, {"control_id": entry.id}, entry.id, _control_values(entry))
        row.questions.set([question for question, controls in asking if entry.id in controls])
        row.techniques.set([techniques[name] for name in entry.techniques if name in techniques])
        stored[entry.id] = row
    _retire(row for key, row in existing.items() if key not in stored)
    return stored


def _store_pairs(
    content: CatalogContent, controls: Mapping[str, ReferenceControl], frameworks: Mapping[str, Framework]
) -> tuple[MappingPair, ...]:
    rows = MappingPair.objects.select_related("control", "framework")
    existing = {(row.control.control_id, row.framework.key, row.requirement_id): row for row in rows}
    own = {
        key for key, row in existing.items() if row.author_id is not None
    }  # what a person wrote, a file leaves alone
    returned: list[MappingPair] = []
    new: list[MappingPair] = []
    for entry in content.pairs:
        if (entry.control, entry.framework, entry.requirement) in own:
            continue
        row = existing.pop((entry.control, entry.framework, entry.requirement), None)
        if row is None:
            new.append(_new_pair(entry, controls[entry.control], frameworks[entry.framework]))
        elif _update_pair(row, _pair_values(entry)):
            returned.append(row)
    MappingPair.objects.bulk_create(new, batch_size=200)
    gone = [row for key, row in existing.items() if key not in own and not row.facts.get(RETIRED)]
    returned += [row for row in gone if _update_pair(row, {"facts": {**row.facts, RETIRED: True}}, is_gone=True)]
    return tuple(returned)


def _pair_values(entry: PairEntry) -> JSON:
    return {
        "relation": entry.relation,
        "strength": entry.strength,
        "rationale": entry.rationale,
        "checked": entry.checked,
        "facts": entry.facts,
    }


def _new_pair(entry: PairEntry, control: ReferenceControl, framework: Framework) -> MappingPair:
    return MappingPair(control=control, framework=framework, requirement_id=entry.requirement, **_pair_values(entry))


def pair_substance(pair: MappingPair) -> JSON:
    """What a person decides on when they decide on a pair."""
    facts = {name: value for name, value in pair.facts.items() if name not in _EDITORIAL_FACTS}
    return {
        "control": pair.control.control_id,
        "framework": pair.framework.key,
        "requirement": pair.requirement_id,
        "relation": pair.relation,
        "strength": pair.strength,
        "rationale": pair.rationale,
        "checked": pair.checked,
        "facts": facts,
    }


def _update_pair(row: MappingPair, values: JSON, *, is_gone: bool = False) -> bool:
    """Whether a decided pair went back to draft, because its substance is another or no file names it any more."""
    if all(getattr(row, name) == value for name, value in values.items()):
        return False
    before = pair_substance(row)
    for name, value in values.items():
        setattr(row, name, value)
    is_returned = row.state not in {MappingState.DRAFT, MappingState.RETIRED} and (
        is_gone or pair_substance(row) != before
    )
    if is_returned:
        row.state, row.decided_by, row.decided_at = MappingState.DRAFT, None, None
    row.save()
    return is_returned
