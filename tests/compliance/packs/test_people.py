"""Marks in place of people: where a name stands alone, with a role, in a sentence, in a register; and what stays."""

from __future__ import annotations

from typing import Any, get_args, get_type_hints, is_typeddict

import pytest

from compliance.packs.people import Marks, line_for_external, meet_all, meet_in_line, shaped_for_external
from compliance.types.freeze import Freeze
from compliance.types.shape import Identity, Named
from tests.compliance.packs.example_freeze import example_freeze

# Who is told of there is an organisation, a program or a thing; or the field is a rule, a kind or a moment.
NOT_PEOPLE = {
    "dated_by", "principal_kind", "supplier", "producer", "issuer", "by_chance", "collected_how", "named_because", "obtained",
}  # fmt: skip
TELLING = ("_by", "owner", "performer", "reviewer", "preparer", "assignee", "delegate", "actor", "principal")


@pytest.fixture
def marks() -> Marks:
    met = Marks()
    met.named("Ada Lovelace (Compliance officer)")
    met.meet("Identity", "arn:aws:iam::1234:user/ada")
    met.meet("Identity", "root")
    return met


def test_a_name_is_the_same_mark_alone_and_with_a_role(marks: Marks) -> None:
    assert marks.named("Ada Lovelace") == "[Person 1]"
    assert marks.named("Ada Lovelace, Manager") == "[Person 1], Manager"
    assert marks.named("Charles Babbage (Auditor)") == "[Person 2] (Auditor)"
    assert marks.named("") == ""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Approved by Ada Lovelace.", "Approved by [Person 1]."),
        ("review_ada.csv of arn:aws:iam::1234:user/ada", "review_[Identity 1].csv of [Identity 1]"),
        ("Adamant, Ada Lovelaces, rooted", "Adamant, Ada Lovelaces, rooted"),
        ("root ran it", "[Identity 2] ran it"),
        (
            "from 10.20.30.40 and fe80::1 at 10:20:30Z, version 1.2.3",
            "from [Address 1] and [Address 2] at 10:20:30Z, version 1.2.3",
        ),
        ("write to Ada.L@example.org, not ada", "write to [Address 1], not [Identity 1]"),
    ],
)
def test_sentences_are_searched_for_whole_names_and_addresses(marks: Marks, text: str, told: str) -> None:
    assert marks.searched(text) == told


def test_a_longer_name_goes_before_the_shorter_one_in_it(marks: Marks) -> None:
    marks.named("Ada Lovelace King")
    assert marks.searched("Ada Lovelace King and Ada Lovelace") == "[Person 2] and [Person 1]"


def test_lines_of_registers_are_marked_by_their_columns_and_their_words(marks: Marks) -> None:
    line: dict[str, Any] = {
        "actor": "w.chen", "inputs": ["s3://bucket/w.chen/x.jsonl"], "raw_sha256": "root", "decided_by": "Ada Lovelace",
        "runs_as": ["root"], "rows": 3, "facts": {"who": "Ada Lovelace"}, "principal": "not recorded by the source",
    }  # fmt: skip
    meet_in_line(line, marks)
    assert line_for_external(line, marks) == {
        "actor": "[Identity 3]", "inputs": ["s3://bucket/[Identity 3]/x.jsonl"], "raw_sha256": "root",
        "decided_by": "[Person 1]", "runs_as": ["[Identity 2]"], "rows": 3, "facts": {"who": "[Person 1]"},
        "principal": "not recorded by the source",
    }  # fmt: skip


def test_words_of_publishers_are_left_alone() -> None:
    freeze: Any = example_freeze()
    freeze["evidence"][0]["collected_by"] = "MITRE"
    met = Marks()
    meet_all(freeze, met)
    given = shaped_for_external(freeze, Freeze, met)
    assert given["technique"] == freeze["technique"]
    assert given["catalogues"] == freeze["catalogues"]


def _fields(shape: Any, seen: set[Any]) -> list[tuple[str, str, Any]]:
    if is_typeddict(shape) and shape not in seen:
        seen.add(shape)
        found = []
        for name, hint in get_type_hints(shape, include_extras=True).items():
            found += [(shape.__name__, name, hint), *_fields(hint, seen)]
        return found
    return [field for inner in get_args(shape) for field in _fields(inner, seen)]


def test_every_field_of_a_freeze_that_tells_of_a_person_says_so() -> None:
    fields = _fields(Freeze, set())
    assert len(fields) > 200
    untold = [
        (shape, name)
        for shape, name, hint in fields
        if (name == "by" or name.endswith(TELLING)) and name not in NOT_PEOPLE and hint is str
    ]
    assert untold == []
    assert sum(hint == Named for _shape, _name, hint in fields) > 25
    assert sum(hint == Identity for _shape, _name, hint in fields) >= 2
