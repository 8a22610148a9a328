"""The shipped content as frozen values: techniques, frameworks, reference controls, mapping pairs, questions, playbook.

`compliance.oscal.catalog_files` reads them from YAML, `compliance.oscal.catalog_diff` compares two, a service stores
them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogFile:
    """One content file as read: `content` is the whole document, JSON-shaped; `sha256` is of the file's bytes."""

    id: str
    version: str
    date: str
    language: str
    licence: str
    filename: str
    sha256: str
    content: JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class TechniqueEntry:
    """An ATLAS technique or sub-technique. `release` is the ATLAS content release that id and name belong to.

    family: True for AML.T0018 and its sub-techniques, False for a related technique. former_names: oldest first.
    mitigations: ids linked upstream in `release`. facts: platforms, maturity, dates, what was not verified.
    """

    id: str
    name: str
    release: str
    summary: str
    parent: str | None
    family: bool
    tactics: tuple[str, ...]
    mitigations: tuple[str, ...]
    former_names: tuple[str, ...]
    url: str
    facts: JSON = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class NameChange:
    """A name that an ATLAS id carried, and from and until which release; "" where that is open."""

    id: str
    name: str
    since: str
    until: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IdRedirect:
    """An ATLAS id that was replaced."""

    old: str
    new: str
    since: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TacticEntry:
    """A tactic and its names; `former_name` is "" where none is known, `renamed_in` the release of the change."""

    id: str
    name: str
    former_name: str
    renamed_in: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MitigationEntry:
    """An ATLAS mitigation. direct: linked upstream to the AML.T0018 family; `techniques` are those family ids."""

    id: str
    name: str
    release: str
    summary: str
    direct: bool
    techniques: tuple[str, ...]
    url: str
    facts: JSON = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseStudyEntry:
    """An ATLAS case study; kind is "exercise" or "incident". `techniques` are the family ids it employs."""

    id: str
    name: str
    kind: str
    date: str
    techniques: tuple[str, ...]
    url: str
    facts: JSON = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AtlasRelease:
    """An ATLAS content release that is known to exist. facts: totals and how it was seen."""

    release: str
    format: str
    date: str
    facts: JSON = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameworkEntry:
    """A framework, law or standard in one edition. `id_pattern` is a regular expression for a whole requirement id."""

    key: str
    title: str
    edition: str
    licence: str
    reproduction: str
    id_pattern: str
    facts: JSON = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairEntry:
    """A reference control against one requirement. state is always "draft" here: only a named person approves a pair.

    checked: "file", "excerpt" or "memory"; facts: kind, note, applies_to, applies_from, where the file gives them.
    """

    control: str
    framework: str
    requirement: str
    relation: str
    strength: str
    state: str
    rationale: str
    checked: str
    facts: JSON = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlEntry:
    """A reference objective. facts: population, assessment, evidence, automated_check, lead_role, pitfall …"""

    id: str
    title: str
    family: str
    objective: str
    tier: str
    is_key: bool
    control_type: str
    nature: str
    frequency: str
    person_days: float
    questions: tuple[int, ...]
    techniques: tuple[str, ...]
    facts: JSON = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimEntry:
    """A structured statement that an answer makes. kind: text, list, number, date, choice or yes_no."""

    key: str
    label: str
    kind: str
    help: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionEntry:
    """One audit question on a technique, what good evidence is, what an answer must say, and the controls it rests on.

    computed: names of `ComputedSide` shown beside the answer; checks: values of `CheckRule` that speak to it.
    """

    technique: str
    number: int
    key: str
    text: str
    guidance: str
    evidence: tuple[str, ...]
    claims: tuple[ClaimEntry, ...]
    controls: tuple[str, ...]
    if_partly: str
    if_no: str
    pitfalls: tuple[str, ...]
    computed: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionBlock:
    """One paragraph, or a list with an introduction. kind: "paragraph" or "list"; sources: ids of SourceEntry."""

    kind: str
    text: str
    entries: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybookStep:
    """One step of a task, with its share of the estimate."""

    title: str
    role: str
    low: float
    person_days: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybookTask:
    """One task of a remediation, in order, by the authors' own estimate: person_days is the likely one.

    controls: reference controls that it serves; steps: where it is told in steps, they add up to it.
    """

    key: str
    title: str
    detail: str
    role: str
    low: float
    person_days: float
    high: float
    controls: tuple[str, ...]
    steps: tuple[PlaybookStep, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DurationClaim:
    """What is said about how long all tasks of a section take, to be held against the record."""

    text: str
    weeks_low: int
    weeks_high: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SectionEntry:
    """One section of what Assay says about a technique, in the order of `position`; text is plain, without markup."""

    technique: str
    key: str
    title: str
    position: int
    blocks: tuple[SectionBlock, ...]
    tasks: tuple[PlaybookTask, ...] = ()
    claim: DurationClaim | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceEntry:
    """Where a fact was read. seen: "read", "mirror", "secondary" or "memory", or "own" for Assay's own judgement."""

    id: str
    title: str
    seen: str
    url: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogContent:
    """Everything that is loaded, read and checked. `atlas_release` is the content release of ids and names.

    `technique` is the one that the four shipped files are about; `files` holds those four and one file for each further
    technique.
    """

    files: tuple[CatalogFile, ...]
    technique: str
    atlas_release: str
    notice: str
    techniques: tuple[TechniqueEntry, ...]
    name_history: tuple[NameChange, ...]
    id_redirects: tuple[IdRedirect, ...]
    tactics: tuple[TacticEntry, ...]
    mitigations: tuple[MitigationEntry, ...]
    case_studies: tuple[CaseStudyEntry, ...]
    releases: tuple[AtlasRelease, ...]
    frameworks: tuple[FrameworkEntry, ...]
    controls: tuple[ControlEntry, ...]
    pairs: tuple[PairEntry, ...]
    questions: tuple[QuestionEntry, ...]
    sections: tuple[SectionEntry, ...]
    sources: tuple[SourceEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogChange:
    """One difference between two contents. kind: added, removed or changed; subject: "control", "pair", "technique" …

    key: the record's own key (a pair's is "BDM-01 · eu-ai-act · Art. 10(3)"). field: "" for added and removed.
    before, after: JSON text of the field, "" where there was none.
    """

    kind: str
    subject: str
    key: str
    field: str = ""
    before: str = ""
    after: str = ""
