"""What must hold between the content files: unique keys, ids of the right form, references that resolve, drafts only."""

from __future__ import annotations

import re
from collections.abc import Iterable

from compliance.types.catalog import CatalogContent, PairEntry, PlaybookStep, PlaybookTask, QuestionEntry, SectionEntry
from compliance.types.checks import CheckRule
from compliance.types.errors import BadInputError
from compliance.types.questions import ComputedSide

# OSCAL 1.2 mapping-collection.
RELATIONS = ("equal-to", "equivalent-to", "subset-of", "superset-of", "intersects-with", "no-relationship")
STRENGTHS = ("direct", "supporting", "context")
CHECKED = ("file", "excerpt", "memory")
CLAIM_KINDS = ("text", "list", "number", "date", "choice", "yes_no")
TIERS = ("core", "extended")
SEEN = ("read", "mirror", "secondary", "memory", "own")
_ROUNDING = 0.001  # person-days
_ATLAS_ID = re.compile(r"AML\.(T\d{4}(\.\d{3})?|M\d{4}|TA\d{4}|CS\d{4})")


def check_content(content: CatalogContent) -> None:
    """Raise BadInputError with the first thing that does not hold, naming file and key."""
    _check_unique(content)
    _check_atlas(content)
    _check_controls(content)
    _check_pairs(content)
    for question in content.questions:
        _check_question(content, question)
    for section in content.sections:
        _check_section(content, section)
    for source in content.sources:
        _one_of("playbook.yaml", f"sources[{source.id}].seen", source.seen, SEEN)
    _check_counts(content)


def _fail(filename: str, key: str, problem: str) -> BadInputError:
    return BadInputError(f"{filename}: {key} {problem}.")


def _one_of(filename: str, key: str, value: str, allowed: Iterable[str]) -> None:
    if value not in allowed:
        raise _fail(filename, key, f"is “{value}”, which is none of {', '.join(allowed)}; correct it")


def _known(filename: str, key: str, values: Iterable[object], defined: Iterable[object]) -> None:
    missing = sorted(str(value) for value in set(values) - set(defined))
    if missing:
        raise _fail(filename, key, f"names {', '.join(missing)}, which no content file defines; correct or add it")


def _check_unique(content: CatalogContent) -> None:
    keyed: tuple[tuple[str, str, list[object]], ...] = (
        ("atlas.yaml", "techniques", [entry.id for entry in content.techniques]),
        ("atlas.yaml", "mitigations", [entry.id for entry in content.mitigations]),
        ("atlas.yaml", "case_studies", [entry.id for entry in content.case_studies]),
        ("controls.yaml", "controls", [entry.id for entry in content.controls]),
        ("controls.yaml", "pairs", [pair_key(entry) for entry in content.pairs]),
        ("questions.yaml", "questions", [question_key(entry) for entry in content.questions]),
        ("playbook.yaml", "sections", [f"{entry.technique} {entry.key}" for entry in content.sections]),
        ("playbook.yaml", "sources", [entry.id for entry in content.sources]),
    )
    for filename, kind, keys in keyed:
        seen: set[object] = set()
        for key in keys:
            if key in seen:
                raise _fail(filename, kind, f"holds {key} twice; keep one")
            seen.add(key)


def pair_key(pair: PairEntry) -> str:
    """The key of a pair as it is shown and compared."""
    return f"{pair.control} · {pair.framework} · {pair.requirement}"


def question_key(question: QuestionEntry) -> str:
    """The key of a question as it is shown and compared."""
    return f"{question.technique} {question.number}"


def _check_atlas(content: CatalogContent) -> None:
    techniques = {entry.id for entry in content.techniques}
    mitigations = {entry.id for entry in content.mitigations}
    family = {entry.id for entry in content.techniques if entry.family}
    for identifier in techniques | mitigations | {entry.id for entry in content.case_studies}:
        if not _ATLAS_ID.fullmatch(identifier):
            raise _fail("atlas.yaml", identifier, "is no ATLAS id; write it like AML.T0018.000")
    for technique in content.techniques:
        key = f"techniques[{technique.id}]"
        if technique.family:
            _known("atlas.yaml", f"{key}.parent", {technique.parent} - {None}, techniques)
            _known("atlas.yaml", f"{key}.mitigations", technique.mitigations, mitigations)
            _known("atlas.yaml", f"{key}.tactics", technique.tactics, [entry.id for entry in content.tactics])
    for mitigation in content.mitigations:
        _known("atlas.yaml", f"mitigations[{mitigation.id}].techniques", mitigation.techniques, family)
    for study in content.case_studies:
        _known("atlas.yaml", f"case_studies[{study.id}].techniques", study.techniques, family)
    _known("atlas.yaml", "name_history", [entry.id for entry in content.name_history], techniques)
    _known("atlas.yaml", "id_redirects", [entry.new for entry in content.id_redirects], techniques)


def _check_controls(content: CatalogContent) -> None:
    numbers = [question.number for question in content.questions if question.technique == content.technique]
    techniques = [technique.id for technique in content.techniques]
    for control in content.controls:
        key = f"controls[{control.id}]"
        _one_of("controls.yaml", f"{key}.tier", control.tier, TIERS)
        _known("controls.yaml", f"{key}.questions", control.questions, numbers)
        _known("controls.yaml", f"{key}.atlas.techniques", control.techniques, techniques)


def _check_pairs(content: CatalogContent) -> None:
    patterns: dict[str, re.Pattern[str]] = {}
    for framework in content.frameworks:
        try:
            patterns[framework.key] = re.compile(framework.id_pattern)
        except re.error:
            key = f"frameworks.{framework.key}.id_pattern"
            raise _fail("controls.yaml", key, "is no regular expression; correct it")
    mitigations = [entry.id for entry in content.mitigations]
    for pair in content.pairs:
        key = f"controls[{pair.control}].pairs.{pair.framework}[{pair.requirement}]"
        _known("controls.yaml", key, [pair.framework], patterns)
        if not patterns[pair.framework].fullmatch(pair.requirement):
            raise _fail("controls.yaml", key, f"does not match the id pattern of {pair.framework}; correct the id")
        if pair.framework == "mitre-atlas":
            _known("controls.yaml", key, [pair.requirement], mitigations)
        _one_of("controls.yaml", f"{key}.relation", pair.relation, RELATIONS)
        _one_of("controls.yaml", f"{key}.strength", pair.strength, STRENGTHS)
        _one_of("controls.yaml", f"{key}.checked", pair.checked, CHECKED)
        if pair.state != "draft":
            problem = f"is “{pair.state}”, but a file can only bring drafts; a named person approves a pair in Assay"
            raise _fail("controls.yaml", f"{key}.status", problem)


def _check_question(content: CatalogContent, question: QuestionEntry) -> None:
    filename = filename_of(content, question.technique)
    key = f"questions[{question.number}]"
    _known(filename, "technique", [question.technique], [technique.id for technique in content.techniques])
    _known(filename, f"{key}.controls", question.controls, [control.id for control in content.controls])
    for name in question.computed:
        _one_of(filename, f"{key}.computed", name, list(ComputedSide))
    for name in question.checks:
        _one_of(filename, f"{key}.checks", name, list(CheckRule))
    for claim in question.claims:
        _one_of(filename, f"{key}.claims[{claim.key}].kind", claim.kind, CLAIM_KINDS)
        if (claim.kind == "choice") != bool(claim.choices):
            raise _fail(filename, f"{key}.claims[{claim.key}].choices", "go with the kind choice alone; correct it")
    if question.technique == content.technique:
        _check_tagged(content, question)


def _check_tagged(content: CatalogContent, question: QuestionEntry) -> None:
    """The shipped controls name the shipped questions, and those name the controls: two ways to read one link."""
    tagged = {control.id for control in content.controls if question.number in control.questions}
    if different := sorted(tagged ^ set(question.controls)):
        problem = f"and the questions in controls.yaml disagree on {', '.join(different)}; make them agree"
        raise _fail("questions.yaml", f"questions[{question.number}].controls", problem)


def filename_of(content: CatalogContent, technique: str) -> str:
    """The file that holds the questions of a technique."""
    if technique == content.technique:
        return "questions.yaml"
    return next((file.filename for file in content.files if file.content.get("technique") == technique), technique)


def _check_section(content: CatalogContent, section: SectionEntry) -> None:
    key = f"sections[{section.technique} {section.key}]"
    asked = {question.technique for question in content.questions}
    family = [technique.id for technique in content.techniques if technique.family or technique.id in asked]
    _known("playbook.yaml", f"{key}.technique", [section.technique], family)
    for block in section.blocks:
        _one_of("playbook.yaml", f"{key}.blocks.kind", block.kind, ("paragraph", "list"))
        if (block.kind == "list") != bool(block.entries):
            raise _fail("playbook.yaml", f"{key}.blocks.entries", "go with the kind list alone; correct it")
        _known("playbook.yaml", f"{key}.blocks.sources", block.sources, [source.id for source in content.sources])
    for task in section.tasks:
        names = [control.id for control in content.controls]
        _known("playbook.yaml", f"{key}.tasks[{task.key}].controls", task.controls, names)
        _check_estimate(f"{key}.tasks[{task.key}]", task)
    if section.claim and not 0 < section.claim.weeks_low <= section.claim.weeks_high:
        raise _fail("playbook.yaml", f"{key}.claim", "has weeks out of order; correct them")


def _check_estimate(place: str, task: PlaybookTask) -> None:
    """Low, likely and high in order, and steps that add up to their task."""
    rows: tuple[PlaybookTask | PlaybookStep, ...] = (task, *task.steps)
    for row in rows:
        if not 0 < row.low <= row.person_days <= row.high:
            raise _fail("playbook.yaml", place, f"has an estimate out of order at “{row.title}”; correct it")
    for name in ("low", "person_days", "high"):
        told, added = getattr(task, name), sum(getattr(step, name) for step in task.steps)
        if task.steps and abs(told - added) > _ROUNDING:
            raise _fail("playbook.yaml", f"{place}.{name}", f"is {told:g}, but its steps add up to {added:g}")


def _check_counts(content: CatalogContent) -> None:
    """The file states its own counts, so that a lost entry is noticed."""
    stated = next(file.content.get("counts") for file in content.files if file.id == "controls")
    counted = {
        "controls": len(content.controls),
        "core": sum(control.tier == "core" for control in content.controls),
        "pairs": len(content.pairs),
    }
    if stated != counted:
        raise _fail("controls.yaml", "counts", f"says {stated}, but the file holds {counted}; correct it")
