from __future__ import annotations

import re
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from compliance.oscal.catalog_checks import check_content
from compliance.oscal.catalog_diff import diff_catalog
from compliance.oscal.catalog_files import CATALOG_IDS, SHIPPED, read_catalog
from compliance.oscal.yaml_documents import MAX_BYTES, read_document
from compliance.types.canonical import sha256_hex
from compliance.types.catalog import CatalogContent
from compliance.types.errors import BadInputError
from tests.test_house import misused

pytestmark = pytest.mark.sqlite_only

FAMILY = ("AML.T0018", "AML.T0018.000", "AML.T0018.001", "AML.T0018.002", "AML.T0018.003")
QUESTIONS = (
    "What is your training-data integrity verification process?",
    "Who can submit fine-tune jobs?",
    "Have you applied backdoor-detection methods to inherited models?",
    "Show me a recent fine-tune-job audit log",
)
SECTIONS = (
    "description", "risk", "detection", "remediation", "scenario", "cost_of_non_compliance", "questions", "mapping",
    "pitfalls", "business_value", "effort", "programme",
)  # fmt: skip


@pytest.fixture(scope="module")
def shipped() -> CatalogContent:
    return read_catalog()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in CATALOG_IDS:
        shutil.copy(SHIPPED / f"{name}.yaml", tmp_path)
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def complaint(folder: Path) -> str:
    with pytest.raises(BadInputError) as caught:
        read_catalog(folder)
    return str(caught.value)


# ------------------------------------------------------------------------------------------------------- what is shipped


def test_counts_are_those_of_the_files(shipped: CatalogContent) -> None:
    raw = yaml.safe_load((SHIPPED / "controls.yaml").read_text(encoding="utf-8"))
    pairs = sum(len(listed) for control in raw["controls"] for listed in control["pairs"].values())
    mitigations = sum(len(control["atlas"]["mitigations"]) for control in raw["controls"])
    assert (len(shipped.controls), len(shipped.questions)) == (25, 4)
    assert sum(control.tier == "core" for control in shipped.controls) == 20
    assert len(shipped.pairs) == pairs + mitigations == 586


def test_the_four_questions_are_verbatim_and_tell_what_good_evidence_is(shipped: CatalogContent) -> None:
    assert tuple(question.text for question in shipped.questions) == QUESTIONS
    for question in shipped.questions:
        assert question.guidance.startswith("Good evidence for this is")
        assert question.claims
        assert question.evidence


def test_every_question_names_shipped_controls_and_every_control_a_question(shipped: CatalogContent) -> None:
    named = {control for question in shipped.questions for control in question.controls}
    assert named == {control.id for control in shipped.controls}


def test_every_pair_matches_the_pattern_of_its_framework(shipped: CatalogContent) -> None:
    patterns = {framework.key: framework.id_pattern for framework in shipped.frameworks}
    wrong = [pair for pair in shipped.pairs if not re.fullmatch(patterns[pair.framework], pair.requirement)]
    assert wrong == []


def test_no_pair_is_shipped_as_approved_and_ids_from_memory_say_so(shipped: CatalogContent) -> None:
    assert {pair.state for pair in shipped.pairs} == {"draft"}
    from_memory = [pair for pair in shipped.pairs if pair.checked == "memory"]
    assert len(from_memory) == 68
    assert all("from memory" in pair.facts["caution"] for pair in from_memory)


def test_every_article_of_the_ai_act_says_to_whom_and_from_when(shipped: CatalogContent) -> None:
    articles = [pair for pair in shipped.pairs if pair.framework == "eu-ai-act"]
    assert len(articles) == 40
    assert all(pair.facts["applies_to"] and pair.facts["applies_from"] for pair in articles)


def test_logs_of_operation_are_not_mapped_to_controls_on_job_logs(shipped: CatalogContent) -> None:
    job_logs = {pair.requirement for pair in shipped.pairs if pair.control in {"BDM-10", "BDM-11"}}
    assert not any(re.match(r"Art\. (12|19)(\(|$)|Art\. 26\(6\)", requirement) for requirement in job_logs)


def test_technique_ids_carry_name_release_and_former_name(shipped: CatalogContent) -> None:
    techniques = {entry.id: entry for entry in shipped.techniques}
    assert tuple(entry.id for entry in shipped.techniques if entry.family) == FAMILY
    assert techniques["AML.T0018"].name == "Manipulate AI Model"
    assert techniques["AML.T0018"].former_names == ("Backdoor ML Model",)
    assert techniques["AML.T0018.003"].release == "2026.07"
    assert techniques["AML.T0018.003"].mitigations == ()


def test_mitigations_linked_upstream_are_told_from_adjacent_ones(shipped: CatalogContent) -> None:
    direct = {entry.id for entry in shipped.mitigations if entry.direct}
    linked = {one for entry in shipped.techniques if entry.family for one in entry.mitigations}
    assert direct == linked == {"AML.M0005", "AML.M0007", "AML.M0008", "AML.M0013", "AML.M0025", "AML.M0035"}
    assert all(not entry.techniques for entry in shipped.mitigations if not entry.direct)


def test_links_of_techniques_and_mitigations_agree(shipped: CatalogContent) -> None:
    from_techniques = {(t.id, one) for t in shipped.techniques if t.family for one in t.mitigations}
    from_mitigations = {(one, m.id) for m in shipped.mitigations for one in m.techniques}
    assert from_techniques == from_mitigations


def test_replaced_ids_lead_to_shipped_ones(shipped: CatalogContent) -> None:
    redirects = {entry.old: entry.new for entry in shipped.id_redirects}
    known = {entry.id for entry in shipped.techniques}
    assert redirects["AML.T0019"] == "AML.T0115.000"
    assert set(redirects) & known == set()
    assert set(redirects.values()) <= known


def test_one_case_study_is_an_incident(shipped: CatalogContent) -> None:
    assert [study.id for study in shipped.case_studies if study.kind == "incident"] == ["AML.CS0031"]


def test_every_technique_of_the_family_has_its_sections(shipped: CatalogContent) -> None:
    keys = {name: [s.key for s in shipped.sections if s.technique == name] for name in FAMILY}
    assert tuple(keys["AML.T0018"]) == SECTIONS
    assert all(keys[name] == ["description", "detection"] for name in FAMILY[1:])


def test_sections_are_readable_in_length_and_plain_text(shipped: CatalogContent) -> None:
    for section in shipped.sections:
        text = " ".join(part for block in section.blocks for part in (block.text, *block.entries))
        low, high = (120, 350) if section.technique == "AML.T0018" else (40, 120)
        assert low <= len(text.split()) <= high, section.key
        assert not re.search(r"[*_`#<>]|\]\(", text), section.key


def test_sections_that_speak_of_law_or_atlas_name_their_source(shipped: CatalogContent) -> None:
    for section in shipped.sections:
        text = " ".join(part for block in section.blocks for part in (block.text, *block.entries))
        sources = {source for block in section.blocks for source in block.sources}
        assert "Regulation (EU)" not in text or section.key == "mapping" or "ai-act" in sources, section.key
        assert "ATLAS rates" not in text or "atlas-2026-07" in sources, section.key


@pytest.mark.parametrize("name", CATALOG_IDS)
def test_content_never_overstates(name: str) -> None:
    text = " ".join((SHIPPED / f"{name}.yaml").read_text(encoding="utf-8").split())
    assert misused(text) == []


def test_the_dates_of_the_ai_act_are_those_of_its_amendment(shipped: CatalogContent) -> None:
    section = next(one for one in shipped.sections if one.key == "cost_of_non_compliance")
    text = " ".join(part for block in section.blocks for part in (block.text, *block.entries))
    for stated in ("2026/1744", "2 December 2027", "2 August 2028", "27 July 2026", "not legal advice"):
        assert stated in text


def test_the_effort_told_is_the_sum_of_the_controls(shipped: CatalogContent) -> None:
    days: Counter[str] = Counter()
    for control in shipped.controls:
        days[control.tier] += int(control.person_days)
    text = next(one for one in shipped.sections if one.key == "effort").blocks[0].text
    assert (days["core"], days["extended"]) == (63, 15)
    assert f"{days['core']} person-days" in text
    assert f"{days['extended']} person-days" in text


def test_the_remediation_has_ordered_tasks_with_roles_and_effort(shipped: CatalogContent) -> None:
    tasks = next(one for one in shipped.sections if one.key == "remediation").tasks
    assert [tasks[0].key, tasks[-1].key] == ["quarantine", "accept"]
    assert all(task.role and task.person_days > 0 and task.controls for task in tasks)


def test_the_programme_has_six_tasks_whose_steps_add_up_and_the_claim_it_is_held_against(
    shipped: CatalogContent,
) -> None:
    section = next(one for one in shipped.sections if one.key == "programme")
    assert [task.key for task in section.tasks] == [
        "data-provenance", "hash-verification", "fine-tune-authority", "inherited-detection", "signing-and-gates",
        "log-completeness",
    ]  # fmt: skip
    for task in section.tasks:
        assert task.low < task.person_days < task.high
        assert sum(step.person_days for step in task.steps) == task.person_days
    assert section.claim is not None
    assert (section.claim.weeks_low, section.claim.weeks_high) == (4, 6)
    assert {source for block in section.blocks for source in block.sources} == {"own-estimate"}


def test_each_file_is_known_by_version_and_digest(shipped: CatalogContent) -> None:
    assert [file.id for file in shipped.files] == list(CATALOG_IDS)
    for file in shipped.files:
        assert file.sha256 == sha256_hex((SHIPPED / file.filename).read_bytes())
        assert file.version
        assert file.language == "en"


# --------------------------------------------------------------------------------------------------- files that are wrong

HOSTILE = {
    "tag": (b"a: !!python/object/apply:os.system ['true']", "uses the tag"),
    "own tag": (b"a: !thing 1", "uses the tag"),
    "bomb": (b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]", "anchor or alias at line 1"),
    "depth": (b"a: " + b"[" * 5000 + b"]" * 5000, "nested deeper"),
    "repeated key": (b"a: 1\nb: 2\na: 3", "the key a twice, again at line 3"),
    "broken": (b"a: [1,\nb: 2", "not readable YAML at line"),
    "two documents": (b"a: 1\n---\nb: 2", "not readable YAML"),
    "not UTF-8": (b"a: \xff\xfe", "not UTF-8 at byte 3"),
    "zero byte": (b"a: \x00", "not readable YAML"),
    "empty": (b"", "does not hold one mapping"),
    "list": (b"- a", "does not hold one mapping"),
    "date": (b"a: 2026-11-22", "a is read as date"),
    "binary": (b"a: {b: .nan}", "a.b is read as float"),
    "endless number": (b"a: " + b"9" * 6000, "not readable YAML"),
    "list as key": (b"? [a]\n: 1", "a key that is no text"),
    "number as key": (b"1: a", "the key 1"),
    "no header": (b"a: 1", "catalog is missing"),
}


@pytest.mark.parametrize(("raw", "expected"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_yaml_gives_one_sentence_that_names_the_file(tmp_path: Path, raw: bytes, expected: str) -> None:
    path = tmp_path / "atlas.yaml"
    path.write_bytes(raw)
    with pytest.raises(BadInputError) as caught:
        read_document(path)
    said = str(caught.value)
    assert said.startswith("atlas.yaml")
    assert expected in said
    assert said.endswith(".")
    assert "\n" not in said


def test_a_huge_file_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "atlas.yaml"
    path.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(BadInputError, match="larger than"):
        read_document(path)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "playbook.yaml").unlink()
    assert "playbook.yaml cannot be read" in complaint(folder)


WRONG = {
    "id of another form": (
        "controls.yaml",
        "{id: CM-8,",
        "{id: CM8,",
        "does not match the id pattern of nist-sp-800-53",
    ),
    "approved in the file": ("controls.yaml", "status: draft", "status: approved", "a named person approves"),
    "unknown relation": ("controls.yaml", "relation: intersects-with", "relation: same", "none of equal-to"),
    "unknown checked": ("controls.yaml", "checked: excerpt}", "checked: seen}", "checked_meanings.seen is missing"),
    "lost control": ("controls.yaml", "controls: 25", "controls: 26", "counts says"),
    "no objective": (
        "controls.yaml",
        "  objective: Every model in use",
        "  aim: Every model in use",
        "objective is missing",
    ),
    "text for a number": (
        "controls.yaml",
        "person_days: 2\n",
        "person_days: two\n",
        "effort.person_days is not a number",
    ),
    "unknown control": ("questions.yaml", "controls: [BDM-02,", "controls: [BDM-99,", "BDM-99"),
    "question without tag": ("questions.yaml", "controls: [BDM-02, ", "controls: [", "disagree on BDM-02"),
    "question twice": ("questions.yaml", "number: 2", "number: 1", "twice"),
    "steps that do not add up": ("playbook.yaml", "person_days: 12\n", "person_days: 13\n", "inherited-detection"),
    "estimate out of order": (
        "playbook.yaml",
        "low: 0.25\n        high: 1\n",
        "low: 9\n        high: 1\n",
        "out of order",
    ),
    "unknown source": ("playbook.yaml", "sources: [badnets]", "sources: [hearsay]", "hearsay"),
    "unknown technique": ("playbook.yaml", "technique: AML.T0018.003", "technique: AML.T0018.009", "AML.T0018.009"),
    "unknown mitigation": ("atlas.yaml", "mitigations: [AML.M0005,", "mitigations: [AML.M9999,", "AML.M9999"),
    "wrong file": ("atlas.yaml", "id: atlas", "id: questions", "catalog.id is questions"),
    "no date": ("atlas.yaml", "'2026-11-22'", "'soon'", "catalog.date is not a date"),
}


@pytest.mark.parametrize(("name", "old", "new", "expected"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_entry_is_named_by_file_and_key(folder: Path, name: str, old: str, new: str, expected: str) -> None:
    edit(folder / name, old, new)
    said = complaint(folder)
    assert said.startswith(name)
    assert expected in said


# ------------------------------------------------------------------------------------------------------------------ diff


def test_the_same_content_gives_no_change(shipped: CatalogContent) -> None:
    assert diff_catalog(shipped, read_catalog()) == ()


def test_a_first_load_adds_everything(shipped: CatalogContent) -> None:
    changes = diff_catalog(None, shipped)
    assert {change.kind for change in changes} == {"added"}
    assert Counter(change.subject for change in changes)["pair"] == 586
    assert Counter(change.subject for change in changes)["file"] == 4


def test_a_changed_file_shows_record_field_before_and_after(shipped: CatalogContent, folder: Path) -> None:
    edit(folder / "controls.yaml", "title: AI asset inventory with base-model lineage", "title: Model inventory")
    changes = [change for change in diff_catalog(shipped, read_catalog(folder)) if change.subject != "file"]
    assert [(one.kind, one.subject, one.key, one.field) for one in changes] == [
        ("changed", "control", "BDM-01", "title")
    ]
    assert (changes[0].before, changes[0].after) == ("AI asset inventory with base-model lineage", "Model inventory")


def test_removed_and_added_records_are_told_apart(shipped: CatalogContent) -> None:
    renamed = replace(shipped.pairs[0], requirement="CM-9")
    changed = replace(shipped, pairs=(renamed, *shipped.pairs[1:]))
    check_content(changed)
    assert [(one.kind, one.key) for one in diff_catalog(shipped, changed)] == [
        ("removed", "BDM-01 · nist-sp-800-53-r5 · CM-8"),
        ("added", "BDM-01 · nist-sp-800-53-r5 · CM-9"),
    ]


def test_a_comment_changes_the_digest_alone(shipped: CatalogContent, folder: Path) -> None:
    edit(folder / "atlas.yaml", "catalog:\n", "# reviewed\ncatalog:\n")
    changes = diff_catalog(shipped, read_catalog(folder))
    assert [(one.subject, one.key, one.field) for one in changes] == [("file", "atlas", "sha256")]
