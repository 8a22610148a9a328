from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from compliance.oscal import framework_files
from compliance.oscal.framework_diff import diff_requirements
from compliance.oscal.framework_files import read_framework
from compliance.types.canonical import sha256_hex
from compliance.types.errors import BadInputError
from compliance.types.frameworks import Requirement

pytestmark = pytest.mark.sqlite_only

SAMPLES = Path(__file__).resolve().parents[2] / "samples" / "oscal"
CATALOG, PROFILE = SAMPLES / "catalog.json", SAMPLES / "profile.json"
NIST = r"^[A-Z]{2}-\d{1,2}(\(\d{1,2}\))?$"
Edit = Callable[[dict[str, Any]], None]


def changed(tmp_path: Path, sample: Path, edit: Edit) -> Path:
    document = json.loads(sample.read_text(encoding="utf-8"))
    edit(document)
    path = tmp_path / sample.name
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def complaint(path: Path, *catalogs: Path, id_pattern: str = NIST) -> str:
    with pytest.raises(BadInputError) as caught:
        read_framework(path, catalogs=catalogs, id_pattern=id_pattern)
    return str(caught.value)


def ids(path: Path, *catalogs: Path) -> list[str]:
    return [one.id for one in read_framework(path, catalogs=catalogs, id_pattern=NIST).requirements]


# ------------------------------------------------------------------------------------------------------------ catalogues


def test_a_catalogue_gives_ids_as_people_write_them_titles_and_parents() -> None:
    content = read_framework(CATALOG, id_pattern=NIST)
    assert (content.version, content.oscal_version, content.model) == ("5.2.0", "1.1.3", "catalog")
    assert content.sha256 == sha256_hex(CATALOG.read_bytes())
    told = [(one.id, one.oscal_id, one.title, one.parent, one.is_withdrawn) for one in content.requirements]
    assert told == [
        ("AC-2", "ac-2", "Account Management", "", False),
        ("AC-2(7)", "ac-2.7", "Privileged User Accounts", "AC-2", False),
        ("AC-2(10)", "ac-2.10", "Shared and Group Account Credential Change", "AC-2", True),
        ("CM-8", "cm-8", "System Component Inventory", "", False),
    ]


def test_the_text_of_a_control_is_not_taken() -> None:
    assert "Manage accounts" not in repr(read_framework(CATALOG, id_pattern=NIST))


def test_yaml_is_read_as_json_is(tmp_path: Path) -> None:
    path = tmp_path / "catalog.yaml"
    path.write_text(yaml.safe_dump(json.loads(CATALOG.read_text(encoding="utf-8"))), encoding="utf-8")
    assert sorted(ids(path)) == sorted(ids(CATALOG))


def test_without_a_form_the_plain_label_is_the_id_and_else_the_id_of_oscal(tmp_path: Path) -> None:
    def unlabelled(document: dict[str, Any]) -> None:
        del document["catalog"]["groups"][1]["controls"][0]["props"]

    content = read_framework(changed(tmp_path, CATALOG, unlabelled))
    assert [one.id for one in content.requirements] == ["AC-2", "AC-2(7)", "AC-2(10)", "cm-8"]


# -------------------------------------------------------------------------------------------------------------- profiles


def test_a_profile_gives_what_it_selects_in_the_order_of_the_catalogue() -> None:
    content = read_framework(PROFILE, catalogs=[CATALOG], id_pattern=NIST)
    assert [one.id for one in content.requirements] == ["AC-2", "AC-2(7)", "CM-8"]
    assert list(content.sources) == ["profile.json", "catalog.json"]
    assert content.sources["catalog.json"] == sha256_hex(CATALOG.read_bytes())


def test_a_profile_may_build_on_a_profile(tmp_path: Path) -> None:
    def nested(document: dict[str, Any]) -> None:
        document["profile"]["imports"] = [{"href": "profile.json", "include-controls": [{"with-ids": ["cm-8"]}]}]

    path = changed(tmp_path, PROFILE, nested)
    outer = path.rename(tmp_path / "outer.json")
    assert ids(outer, PROFILE, CATALOG) == ["CM-8"]


def test_a_profile_that_leads_to_itself_ends(tmp_path: Path) -> None:
    def circle(document: dict[str, Any]) -> None:
        document["profile"]["imports"] = [{"href": "profile.json", "include-all": {}}]

    path = changed(tmp_path, PROFILE, circle)
    assert "more than 8 profiles" in complaint(path, path)


# ------------------------------------------------------------------------------------------------------------- bad input


def _version(document: dict[str, Any]) -> None:
    document["catalog"]["metadata"]["oscal-version"] = "2.0.0"


def _no_metadata(document: dict[str, Any]) -> None:
    document["catalog"]["metadata"] = []


def _twice(document: dict[str, Any]) -> None:
    document["catalog"]["groups"][1]["controls"][0]["id"] = "ac-2.7"


def _label_twice(document: dict[str, Any]) -> None:
    document["catalog"]["groups"][1]["controls"][0]["props"][0]["value"] = "AC-2"


def _dangling(document: dict[str, Any]) -> None:
    document["catalog"]["groups"][0]["controls"][0]["links"][0]["href"] = "#cm-9"


def _form(document: dict[str, Any]) -> None:
    document["catalog"]["groups"][1]["controls"][0]["props"][0]["value"] = "CM.8"


def _field(document: dict[str, Any]) -> None:
    document["catalog"]["colour"] = "red"


def _no_title(document: dict[str, Any]) -> None:
    del document["catalog"]["groups"][1]["controls"][0]["title"]


def _empty(document: dict[str, Any]) -> None:
    del document["catalog"]["groups"]
    document["catalog"]["metadata"]["links"] = [{"href": "https://example.org"}]


def _another_model(document: dict[str, Any]) -> None:
    document["component-definition"] = document.pop("catalog")


WRONG: dict[str, tuple[Edit, str]] = {
    "another version": (_version, "metadata/oscal-version is “2.0.0”; OSCAL 1.x is read"),
    "no version": (_no_metadata, "metadata/oscal-version is “”"),
    "id twice": (_twice, "groups/1/controls/0 has the id ac-2.7, which is given at groups/0/controls/0/controls/0"),
    "label twice": (_label_twice, "groups/1/controls/0 has the id AC-2, which is given at groups/0/controls/0"),
    "dangling link": (_dangling, "groups/0/controls/0/links/0/href leads to #cm-9"),
    "another form": (_form, "groups/1/controls/0 has the id CM.8, cm-8, which is not of the form"),
    "unknown field": (_field, "catalog/colour: Extra inputs"),
    "no title": (_no_title, "title: Field required"),
    "no control": (_empty, "catalog holds no control"),
    "another model": (_another_model, "is no OSCAL catalogue or profile"),
}


@pytest.mark.parametrize(("edit", "said"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_catalogue_is_refused_with_the_place(tmp_path: Path, edit: Edit, said: str) -> None:
    told = complaint(changed(tmp_path, CATALOG, edit))
    assert told.startswith("catalog.json")
    assert said in told


def _unknown_id(document: dict[str, Any]) -> None:
    document["profile"]["imports"][0]["include-controls"][0]["with-ids"] = ["ac-99"]


def _unknown_resource(document: dict[str, Any]) -> None:
    document["profile"]["imports"][0]["href"] = "#84cbf061-eb87-4ec1-8112-1f529232e900"


def _another_file(document: dict[str, Any]) -> None:
    document["profile"]["imports"][0]["href"] = "https://example.org/other.json"


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (_unknown_id, "imports/0/include-controls/0/with-ids names ac-99"),
        (_unknown_resource, "imports/0/href leads to #84cbf061"),
        (_another_file, "imports/0/href imports other.json; give that file too (--catalog FILE)"),
    ],
)
def test_a_profile_that_leads_nowhere_is_refused_with_the_place(tmp_path: Path, edit: Edit, said: str) -> None:
    assert said in complaint(changed(tmp_path, PROFILE, edit), CATALOG)


HOSTILE = {
    "key twice": ("c.json", b'{"catalog": {"uuid": 1, "uuid": 2}}', "holds the key uuid twice"),
    "deep": ("c.json", b'{"catalog":' + b"[" * 200_000 + b"]" * 200_000 + b"}", "nested too deeply"),
    "not JSON": ("c.json", b'{"catalog": \n <xml/>}', "not readable JSON at line 2"),
    "not UTF-8": ("c.json", b'{"catalog": "\xff"}', "not UTF-8 at byte 13"),
    "list": ("c.json", b"[]", "does not hold one object"),
    "bomb": ("c.yaml", b"catalog: &a {b: &b [x, x], c: [*b, *b]}", "anchor or alias at line 1"),
    "tag": ("c.yml", b"catalog: !!python/name:os.system ''", "uses the tag"),
}


@pytest.mark.parametrize(("name", "raw", "said"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_files_give_one_sentence(tmp_path: Path, name: str, raw: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(raw)
    assert said in complaint(path)


def test_a_huge_file_is_refused_before_it_is_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framework_files, "MAX_BYTES", 10)
    assert "larger than 10 bytes" in complaint(CATALOG)


# ------------------------------------------------------------------------------------------------------------------ diff


def one(identifier: str, title: str = "Title", *, withdrawn: bool = False) -> Requirement:
    return Requirement(id=identifier, oscal_id=identifier, title=title, parent="", is_withdrawn=withdrawn)


def test_what_changed_is_told_by_id() -> None:
    old = [one("A"), one("B"), one("C"), one("D", withdrawn=True), one("E", "")]
    new = [one("A", "Other"), one("B", withdrawn=True), one("D"), one("E", "Now with a title"), one("F")]
    assert [(c.kind, c.id, c.before, c.after) for c in diff_requirements(old, new)] == [
        ("renamed", "A", "Title", "Other"),
        ("withdrawn", "B", "", ""),
        ("reinstated", "D", "", ""),
        ("added", "F", "", "Title"),
        ("removed", "C", "Title", ""),
    ]
