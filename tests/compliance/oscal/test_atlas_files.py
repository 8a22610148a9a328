from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from compliance.oscal.atlas_diff import diff_atlas, moved_ids, touched
from compliance.oscal.atlas_files import MAX_BYTES, read_atlas
from compliance.types.atlas import AtlasContent, AtlasTechnique, release_order
from compliance.types.canonical import sha256_hex
from compliance.types.errors import BadInputError

pytestmark = pytest.mark.sqlite_only

SAMPLES = Path(__file__).resolve().parents[2] / "samples" / "atlas"
V5, V6 = SAMPLES / "ATLAS-v5.yaml", SAMPLES / "ATLAS-v6.yaml"
REDIRECTS = {"AML.T0019": "AML.T0115.000"}


@pytest.fixture(scope="module")
def old() -> AtlasContent:
    return read_atlas(V5)


@pytest.fixture(scope="module")
def new() -> AtlasContent:
    return read_atlas(V6)


def technique(content: AtlasContent, key: str) -> AtlasTechnique:
    return next(one for one in content.techniques if one.id == key)


def edited(tmp_path: Path, sample: Path, *edits: tuple[str, str]) -> Path:
    text = sample.read_text(encoding="utf-8")
    for before, after in edits:
        assert before in text
        text = text.replace(before, after, 1)
    path = tmp_path / "ATLAS.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def complaint(path: Path) -> str:
    with pytest.raises(BadInputError) as caught:
        read_atlas(path)
    return str(caught.value)


# --------------------------------------------------------------------------------------------------------- both formats


@pytest.mark.parametrize(("path", "version", "form"), [(V5, "5.6.0", "5.6.0"), (V6, "2026.10", "6.1.0")])
def test_a_release_is_known_by_versions_and_digest(path: Path, version: str, form: str) -> None:
    content = read_atlas(path)
    assert (content.version, content.format, content.sha256) == (version, form, sha256_hex(path.read_bytes()))


def test_links_are_read_from_the_objects_in_format_5(old: AtlasContent) -> None:
    poison = technique(old, "AML.T0018.000")
    assert (poison.parent, poison.tactics, poison.mitigations) == (
        "AML.T0018",
        ("AML.TA0001", "AML.TA0006"),
        ("AML.M0005",),
    )
    assert [(one.id, one.kind, one.date, one.techniques) for one in old.case_studies] == [
        ("AML.CS0031", "incident", "2025-02-25", ("AML.T0018.002",))
    ]


def test_links_are_read_from_the_relationships_in_format_6(new: AtlasContent) -> None:
    prompt = technique(new, "AML.T0018.003")
    assert (prompt.parent, prompt.tactics, prompt.mitigations) == ("AML.T0018", ("AML.TA0006",), ("AML.M0013",))
    assert technique(new, "AML.T0018.001").tactics == ("AML.TA0001", "AML.TA0006")  # those of its parent
    assert new.case_studies[0].techniques == ("AML.T0018.002",)
    assert prompt.identity == "10000000-0000-4000-8000-000000001803"


def test_descriptions_become_plain_text(old: AtlasContent) -> None:
    assert (
        technique(old, "AML.T0018").summary
        == "Changes to a model, see Poison AI Model and more.\n\nA second paragraph."
    )


def test_a_release_is_kept_and_read_again_unchanged(old: AtlasContent, new: AtlasContent) -> None:
    import json

    for content in (old, new):
        assert AtlasContent.from_json(json.loads(json.dumps(content.as_json()))) == content


def test_later_minors_of_format_6_are_accepted_with_what_they_add(tmp_path: Path) -> None:
    path = edited(
        tmp_path,
        V6,
        ("format-version: 6.1.0", "format-version: '6.9.3'\nnew-section: {a: 1}"),
        ("relationship-type: sequences", "relationship-type: invented-in-6.9"),
    )
    assert read_atlas(path).format == "6.9.3"


def test_ages_of_releases_compare_across_both_ways_of_counting() -> None:
    ages = ["4.9.0", "5.6.0", "2026.05", "2026.9", "2026.10", "2026.10.1"]
    assert all(release_order(one) < release_order(other) for one, other in pairwise(ages))


# ------------------------------------------------------------------------------------------------------------- bad input

WRONG = {
    "unknown major": (V6, ("format-version: 6.1.0", "format-version: 7.0.0"), "is of ATLAS format 7.0.0"),
    "older major": (V5, ("version: 5.6.0", "version: 4.9.0"), "is of ATLAS format 4.9.0"),
    "no version": (V6, ("format-version: 6.1.0", "format-version: newest"), "which is no version"),
    "another file": (V5, ("matrices:", "things:"), "is no ATLAS file"),
    "no content version": (V6, ("  version: 2026.10\n", ""), "collection.version is missing"),
    "duplicate in a list": (
        V5,
        ("id: AML.T0018.001", "id: AML.T0018.000"),
        "techniques[AML.T0018.000].id is given twice",
    ),
    "duplicate in a map": (V6, ("  AML.T0018.001:\n", "  AML.T0018.000:\n"), "has the key AML.T0018.000 twice"),
    "dangling parent": (
        V5,
        ("subtechnique-of: AML.T0018\n", "subtechnique-of: AML.T0999\n"),
        "techniques[AML.T0018.000].subtechnique-of names AML.T0999",
    ),
    "dangling tactic": (V5, ("    - AML.TA0003", "    - AML.TA0099"), "techniques[AML.T0019].tactics names AML.TA0099"),
    "dangling mitigation": (
        V5,
        ("    - id: AML.T0018.002\n      use", "    - id: AML.T0777\n      use"),
        "mitigations[AML.M0013].techniques[AML.T0777].id names AML.T0777",
    ),
    "dangling step": (
        V5,
        ("technique: AML.T0018.002", "technique: AML.T0778"),
        "case-studies[AML.CS0031].procedure[1]",
    ),
    "dangling link": (
        V6,
        ("source: AML.M0013, target: AML.T0018.003", "source: AML.M0013, target: AML.T0555"),
        "relationships.mitigations.AML.M0013[2].target names AML.T0555",
    ),
    "link of another kind": (
        V6,
        ("source: AML.T0018, target: AML.TA0006", "source: AML.T0018, target: AML.M0005"),
        "relationships.techniques.AML.T0018[1].target names AML.M0005",
    ),
    "no id": (V6, ("  AML.T0115:\n    uuid", "  T0115:\n    uuid"), "which is no id of a technique"),
    "no name": (V6, ("    name: Embed Malware\n", ""), "techniques.AML.T0018.002.name is missing"),
    "list for a map": (V6, ("collection:", "collection: []\nrest:"), "collection is not a mapping"),
}


@pytest.mark.parametrize(("sample", "edit", "said"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_file_is_refused_with_the_place(tmp_path: Path, sample: Path, edit: tuple[str, str], said: str) -> None:
    told = complaint(edited(tmp_path, sample, edit))
    assert told.startswith("ATLAS.yaml")
    assert said in told
    assert told.count(". ") == 0


HOSTILE = {
    "bomb": (b"format-version: 6.0.0\na: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]", "anchor or alias at line 2"),
    "tag": (b"format-version: !!python/object/apply:os.system ['true']", "uses the tag"),
    "depth": (b"format-version: 6.0.0\na: " + b"[" * 3000 + b"]" * 3000, "nested deeper"),
    "too large": (b"#" * (MAX_BYTES + 1), "larger than"),
    "text of a pointer": (b"../dist/v6/ATLAS-2026.10.yaml", "does not hold one mapping"),
}


@pytest.mark.parametrize(("raw", "said"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_yaml_is_refused_before_a_value_is_built(tmp_path: Path, raw: bytes, said: str) -> None:
    path = tmp_path / "ATLAS.yaml"
    path.write_bytes(raw)
    assert said in complaint(path)


# ------------------------------------------------------------------------------------------------------------------ diff


def told(old: AtlasContent, new: AtlasContent, **more: bool) -> set[tuple[str, str, str, str, str]]:
    return {(c.kind, c.id, c.field, c.before, c.after) for c in diff_atlas(old, new, REDIRECTS, **more)}


def test_the_same_release_changes_nothing(new: AtlasContent) -> None:
    assert told(new, new) == set()


def test_what_changed_between_the_formats_is_told_by_object(old: AtlasContent, new: AtlasContent) -> None:
    assert told(old, new) == {
        ("renamed", "AML.TA0001", "", "AI Attack Staging", "AI Attack Adaptation"),
        ("replaced", "AML.T0019", "", "Publish Poisoned Datasets", "AML.T0115.000"),
        ("added", "AML.T0018.003", "", "", "Modify Prompt Construction Logic"),
        ("added", "AML.T0115", "", "", "Publish Poisoned AI Artifacts"),
        ("added", "AML.T0115.000", "", "", "Datasets"),
    }


def test_an_id_that_is_gone_without_a_successor_is_removed(old: AtlasContent, new: AtlasContent) -> None:
    changes = diff_atlas(old, new, {})
    assert [(c.kind, c.before) for c in changes if c.id == "AML.T0019"] == [("removed", "Publish Poisoned Datasets")]


def test_an_object_that_keeps_its_uuid_is_followed_to_its_new_id(new: AtlasContent) -> None:
    moved = replace(technique(new, "AML.T0018.003"), id="AML.T0200")
    later = replace(new, techniques=tuple(moved if one.id == "AML.T0018.003" else one for one in new.techniques))
    assert moved_ids(new, later) == {"AML.T0018.003": "AML.T0200"}
    assert ("replaced", "AML.T0018.003", "", "Modify Prompt Construction Logic", "AML.T0200") in told(new, later)


def test_links_that_come_and_go_touch_both_ends(new: AtlasContent) -> None:
    changed = replace(technique(new, "AML.T0018.002"), mitigations=("AML.M0005",))
    later = replace(new, techniques=tuple(changed if one.id == changed.id else one for one in new.techniques))
    (change,) = diff_atlas(new, later, {})
    assert (change.kind, change.field, change.before, change.after) == (
        "relinked",
        "mitigations",
        "AML.M0013",
        "AML.M0005",
    )
    assert touched(change, {}) == {"AML.T0018.002", "AML.M0005", "AML.M0013"}


def test_a_new_sub_technique_touches_what_is_mapped_to_its_parent(old: AtlasContent, new: AtlasContent) -> None:
    change = next(c for c in diff_atlas(old, new, REDIRECTS) if c.id == "AML.T0018.003")
    assert touched(change, {one.id: one for one in new.techniques}) == {"AML.T0018.003", "AML.T0018"}


def test_of_an_extract_only_what_it_holds_is_compared(old: AtlasContent, new: AtlasContent) -> None:
    extract = replace(old, case_studies=(), mitigations=(), tactics={})
    found = told(extract, new, only_known=True)
    assert ("added", "AML.T0018.003", "", "", "Modify Prompt Construction Logic") in found
    assert not any(key in {"AML.T0115", "AML.M0005", "AML.CS0031"} for _kind, key, *_rest in found)
