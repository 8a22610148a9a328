"""Content files -> one checked `CatalogContent`. Pure: reads files, knows no tables."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from compliance.oscal.catalog_checks import check_content
from compliance.oscal.yaml_documents import Place, read_document
from compliance.types.catalog import (
    AtlasRelease,
    CaseStudyEntry,
    CatalogContent,
    CatalogFile,
    ClaimEntry,
    ControlEntry,
    DurationClaim,
    FrameworkEntry,
    IdRedirect,
    MitigationEntry,
    NameChange,
    PairEntry,
    PlaybookStep,
    PlaybookTask,
    QuestionEntry,
    SectionBlock,
    SectionEntry,
    SourceEntry,
    TacticEntry,
    TechniqueEntry,
)
from compliance.types.errors import BadInputError
from compliance.types.questions import FIRST_TECHNIQUE

SHIPPED = Path(__file__).resolve().parent.parent / "catalogs"
ATLAS_FRAMEWORK = "mitre-atlas"
CATALOG_IDS = ("atlas", "controls", "questions", "playbook")
TECHNIQUE_PREFIX = "technique-"  # a file of one further technique, with its own questions


def read_catalog(
    folder: Path = SHIPPED, *, further: Iterable[Path] = (), kept: Iterable[CatalogFile] = ()
) -> CatalogContent:
    """The four content files of a folder and those of further techniques, parsed and checked against each other.

    Files of further techniques are those of the folder named technique-….yaml and `further`; `kept` are such files as
    they were loaded before, each left out where a file of the same id is read.

    Raises BadInputError with one sentence naming file and key: unreadable or hostile YAML, a missing or unfit value,
    an id that does not match its framework's pattern, a reference to something that no file defines.
    """
    files = [read_document(folder / f"{name}.yaml") for name in CATALOG_IDS]
    for name, file in zip(CATALOG_IDS, files, strict=True):
        if file.id != name:
            raise BadInputError(f"{file.filename}: catalog.id is {file.id} and should be {name}; correct it.")
    files += _technique_files([*sorted(folder.glob(f"{TECHNIQUE_PREFIX}*.yaml")), *further])
    read = {file.id for file in files}
    files += [file for file in kept if file.id not in read]
    content = catalog_of(tuple(files))
    check_content(content)
    return content


def _technique_files(paths: Iterable[Path]) -> list[CatalogFile]:
    files: dict[str, CatalogFile] = {}
    for path in paths:
        file = read_document(path)
        if not file.id.startswith(TECHNIQUE_PREFIX):
            told = f"is {file.id}; the file of a further technique has an id that begins with {TECHNIQUE_PREFIX}"
            raise BadInputError(f"{file.filename}: catalog.id {told}.")
        if file.id in files:
            raise BadInputError(f"{file.filename}: catalog.id {file.id} is that of {files[file.id].filename} too.")
        files[file.id] = file
    return list(files.values())


def catalog_of(files: tuple[CatalogFile, ...]) -> CatalogContent:
    """The content of the files, by their ids, not yet checked against each other. Raises BadInputError."""
    named = {file.id: file for file in files}
    if missing := [name for name in CATALOG_IDS if name not in named]:
        raise BadInputError(f"The catalogue has no file {missing[0]}; add it.")
    atlas, controls, questions, playbook = (_top(named[name]) for name in CATALOG_IDS)
    further = [_top(file) for file in files if file.id.startswith(TECHNIQUE_PREFIX)]
    return CatalogContent(
        files=files,
        technique=controls.text("technique"),
        atlas_release=atlas.text("atlas_release"),
        notice=atlas.text("notice"),
        techniques=_techniques(atlas, further),
        name_history=tuple(
            NameChange(id=p.text("id"), name=p.text("name"), since=p.text("since", ""), until=p.text("until", ""))
            for p in atlas.children("name_history")
        ),
        id_redirects=tuple(
            IdRedirect(old=p.text("old"), new=p.text("new"), since=p.text("since"))
            for p in atlas.children("id_redirects")
        ),
        tactics=tuple(_tactic(place) for place in atlas.children("tactics")),
        mitigations=tuple(_mitigation(place) for place in atlas.children("mitigations")),
        case_studies=tuple(_case_study(place) for place in atlas.children("case_studies")),
        releases=tuple(
            AtlasRelease(
                release=p.text("release"),
                format=p.text("format", ""),
                date=p.text("date", ""),
                facts=p.mapping("facts", {}),
            )
            for p in atlas.children("releases")
        ),
        frameworks=_frameworks(controls),
        controls=tuple(_control(place) for place in controls.children("controls")),
        pairs=_pairs(controls),
        questions=_questions([questions, *further]),
        sections=_sections([playbook, *further]),
        sources=tuple(
            SourceEntry(
                id=p.text("id"),
                title=p.text("title"),
                seen=p.text("seen"),
                url=p.text("url", ""),
                note=p.text("note", ""),
            )
            for file in (playbook, *further)
            for p in file.children("sources", ())
        ),
    )


def _top(file: CatalogFile) -> Place:
    return Place(file.filename, "", file.content)


def _techniques(atlas: Place, further: Iterable[Place]) -> tuple[TechniqueEntry, ...]:
    former: dict[str, list[str]] = {}
    for change in atlas.children("name_history"):
        if change.text("until", ""):
            former.setdefault(change.text("id"), []).append(change.text("name"))
    places = [*atlas.children("techniques"), *(p for file in further for p in file.children("techniques", ()))]
    return tuple(_technique(place, tuple(former.get(place.text("id"), ()))) for place in places)


def _technique(place: Place, former_names: tuple[str, ...]) -> TechniqueEntry:
    return TechniqueEntry(
        id=place.text("id"),
        name=place.text("name"),
        release=place.text("release"),
        summary=place.text("summary"),
        parent=place.text("parent", "") or None,
        family=place.flag("family"),
        tactics=place.texts("tactics"),
        mitigations=place.texts("mitigations"),
        former_names=former_names,
        url=place.text("url"),
        facts=place.mapping("facts", {}),
    )


def _tactic(place: Place) -> TacticEntry:
    return TacticEntry(
        id=place.text("id"),
        name=place.text("name"),
        former_name=place.text("former_name", ""),
        renamed_in=place.text("renamed_in", ""),
    )


def _mitigation(place: Place) -> MitigationEntry:
    return MitigationEntry(
        id=place.text("id"),
        name=place.text("name"),
        release=place.text("release"),
        summary=place.text("summary"),
        direct=place.flag("direct"),
        techniques=place.texts("techniques"),
        url=place.text("url"),
        facts=place.mapping("facts", {}),
    )


def _case_study(place: Place) -> CaseStudyEntry:
    return CaseStudyEntry(
        id=place.text("id"),
        name=place.text("name"),
        kind=place.text("kind"),
        date=place.text("date"),
        techniques=place.texts("techniques"),
        url=place.text("url"),
        facts=place.mapping("facts", {}),
    )


def _frameworks(controls: Place) -> tuple[FrameworkEntry, ...]:
    table = controls.child("frameworks")
    entries = []
    for key in table.names():
        place = table.child(key)
        entries.append(
            FrameworkEntry(
                key=key,
                title=place.text("title"),
                edition=place.text("edition"),
                licence=place.text("licence"),
                reproduction=place.text("reproduction"),
                id_pattern=place.text("id_pattern"),
                facts=place.mapping("facts", {}),
            )
        )
    return tuple(entries)


def _control(place: Place) -> ControlEntry:
    taken = (
        "id",
        "title",
        "family",
        "objective",
        "tier",
        "key",
        "control_type",
        "nature",
        "frequency",
        "questions",
        "effort",
        "atlas",
        "pairs",
    )
    effort = place.child("effort")
    return ControlEntry(
        id=place.text("id"),
        title=place.text("title"),
        family=place.text("family"),
        objective=place.text("objective"),
        tier=place.text("tier"),
        is_key=place.flag("key"),
        control_type=place.text("control_type"),
        nature=place.text("nature"),
        frequency=place.text("frequency"),
        person_days=effort.amount("person_days"),
        questions=place.wholes("questions"),
        techniques=place.child("atlas").texts("techniques"),
        facts={**place.rest(*taken), "lead_role": effort.text("lead_role")},
    )


def _pairs(controls: Place) -> tuple[PairEntry, ...]:
    """All pairs in the order of the file; ATLAS mitigations are pairs of the framework `mitre-atlas`."""
    cautions = controls.child("checked_meanings")
    pairs: list[PairEntry] = []
    for control in controls.children("controls"):
        by_framework = control.child("pairs")
        for framework in by_framework.names():
            pairs += [_pair(control, framework, place, cautions) for place in by_framework.children(framework)]
        mitigations = control.child("atlas").children("mitigations", ())
        pairs += [_pair(control, ATLAS_FRAMEWORK, place, cautions) for place in mitigations]
    return tuple(pairs)


def _pair(control: Place, framework: str, place: Place, cautions: Place) -> PairEntry:
    checked = place.text("checked")
    facts = place.rest("id", "relation", "strength", "status", "rationale", "checked")
    return PairEntry(
        control=control.text("id"),
        framework=framework,
        requirement=place.text("id"),
        relation=place.text("relation"),
        strength=place.text("strength"),
        state=place.text("status"),
        rationale=place.text("rationale"),
        checked=checked,
        facts={**facts, "caution": cautions.text(checked)},
    )


def _questions(files: Iterable[Place]) -> tuple[QuestionEntry, ...]:
    return tuple(
        _question(place, file.text("technique", FIRST_TECHNIQUE))
        for file in files
        for place in file.children("questions")
    )


def _question(place: Place, technique: str) -> QuestionEntry:
    return QuestionEntry(
        technique=technique,
        number=place.whole("number"),
        key=place.text("key"),
        text=place.text("text"),
        guidance=place.text("guidance"),
        evidence=place.texts("evidence"),
        claims=tuple(
            ClaimEntry(
                key=p.text("key"),
                label=p.text("label"),
                kind=p.text("kind"),
                help=p.text("help"),
                choices=p.texts("choices", ()),
            )
            for p in place.children("claims")
        ),
        controls=place.texts("controls"),
        if_partly=place.text("if_partly"),
        if_no=place.text("if_no"),
        pitfalls=place.texts("pitfalls"),
        computed=place.texts("computed", ()),
        checks=place.texts("checks", ()),
    )


def _sections(files: Iterable[Place]) -> tuple[SectionEntry, ...]:
    """Sections numbered from 1 within their technique, in the order of the file."""
    counted: dict[str, int] = {}
    entries = []
    for place in (place for file in files for place in file.children("sections", ())):
        technique = place.text("technique")
        counted[technique] = counted.get(technique, 0) + 1
        entries.append(
            SectionEntry(
                technique=technique,
                key=place.text("key"),
                title=place.text("title"),
                position=counted[technique],
                blocks=tuple(_block(block) for block in place.children("blocks")),
                tasks=tuple(_task(task) for task in place.children("tasks", ())),
                claim=_claim(place.child("claim")) if place.mapping("claim", {}) else None,
            )
        )
    return tuple(entries)


def _block(place: Place) -> SectionBlock:
    return SectionBlock(
        kind=place.text("kind"),
        text=place.text("text"),
        entries=place.texts("entries", ()),
        sources=place.texts("sources", ()),
    )


def _task(place: Place) -> PlaybookTask:
    days = place.amount("person_days")
    return PlaybookTask(
        key=place.text("key"),
        title=place.text("title"),
        detail=place.text("detail"),
        role=place.text("role"),
        low=place.amount("low", days),
        person_days=days,
        high=place.amount("high", days),
        controls=place.texts("controls"),
        steps=tuple(_step(step) for step in place.children("steps", ())),
    )


def _step(place: Place) -> PlaybookStep:
    return PlaybookStep(
        title=place.text("title"),
        role=place.text("role"),
        low=place.amount("low"),
        person_days=place.amount("person_days"),
        high=place.amount("high"),
    )


def _claim(place: Place) -> DurationClaim:
    return DurationClaim(
        text=place.text("text"), weeks_low=place.whole("weeks_low"), weeks_high=place.whole("weeks_high")
    )
