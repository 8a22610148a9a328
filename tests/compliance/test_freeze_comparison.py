"""Two freeze documents compared: nothing differs where nothing changed, and nothing that differs is passed over."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compliance.types.canonical import canonical_json
from compliance.types.freeze import Freeze, validate_freeze
from compliance.types.freeze_blob import Blob
from compliance.types.freeze_comparison import Change, Comparison, Told, compare
from compliance.types.freeze_mappings import FreezeAdditions
from tests.compliance.packs.example_completeness import completeness_lines, measured
from tests.compliance.packs.example_entitlements import assessed, entitlement_ways
from tests.compliance.packs.example_freeze import empty_freeze, example_freeze, uid

pytestmark = pytest.mark.sqlite_only
GOLDEN = Path(__file__).parents[1] / "samples" / "freeze_comparison" / "expected.json"
Edit = Callable[[Any], None]


def parsed(freeze: Freeze) -> dict[str, Any]:
    """As it comes out of storage."""
    found: dict[str, Any] = json.loads(canonical_json(freeze))
    return found


def edited(edit: Edit) -> Comparison:
    before = parsed(example_freeze())
    closed = {**before["findings"][0], "uuid": uid("closed"), "title": "Closed before", "state": "satisfied"}
    before["findings"].append({**closed, "severity": None})
    after = copy.deepcopy(before)
    edit(after)
    return compare(before, after)


def lines(comparison: Comparison) -> list[list[Any]]:
    """Every change as [section, change, title, path, before, after]."""
    return [
        [section.name, record.change.value, record.title, *([field.path, field.before, field.after] if field else [])]
        for section in comparison.sections
        for record in section.records
        for field in record.fields or (None,)
    ]


@pytest.mark.parametrize("freeze", [example_freeze(), empty_freeze()])
def test_two_freezes_of_the_same_state_differ_in_nothing(freeze: Freeze) -> None:
    before = parsed(freeze)
    later = copy.deepcopy(before)
    later |= {"frozen_at": "2027-01-02T00:00:00Z", "frozen_by": {"name": "Somebody else", "role": "Compliance officer"}}
    later["ledger"] |= {"events": 99, "unsealed": 0}
    later["generated_by"] = {"name": "Assay", "version": "9.9"}
    for entry in later["evidence"]:
        entry["ledger"] = None
    comparison = compare(before, later)
    assert not comparison.differs
    assert lines(comparison) == []
    assert comparison.after.frozen_by == "Somebody else"
    assert comparison.after.software == "Assay 9.9"


def everything(doc: Any) -> None:
    """One change in each part that the comparison speaks of."""
    doc["assessment"]["period_end"] = "2027-12-31"
    doc["technique"]["content_release"] = "2027.01"
    doc["catalogues"][0]["version"] = "2"
    answer = doc["questions"][0]["answer"]
    answer["statement"], answer["value"] = "Another statement.", "partly"
    answer["evidence"] = answer["evidence"][1:]
    dropped = doc["evidence"].pop()
    doc["evidence"].append({**dropped, "uuid": uid("new evidence"), "title": "A newer list", "state": "accepted"})
    doc["scans"][0]["verdict"] = "inconclusive"
    doc["coverage"][0]["cells"][0]["state"] = "stale"
    doc["job_log"]["recorded"] += 7
    doc["entitlements"]["statement"] = "Assessed by hand."
    standing = next(row for row in doc["findings"] if row["state"] == "not-satisfied")
    satisfied = next(row for row in doc["findings"] if row["state"] == "satisfied")
    standing["state"], satisfied["state"] = "satisfied", "not-satisfied"
    doc["findings"].append({**standing, "uuid": uid("new finding"), "title": "A new one", "state": "not-satisfied"})
    doc["remediation"][0]["state"] = "closed"
    doc["remediation"][0]["effort_spent"] = 12.5
    doc["reference_controls"][0]["approved_mappings"] += 1


def test_a_change_in_every_part_reads_as_the_golden_file(request: pytest.FixtureRequest) -> None:
    found = lines(edited(everything))
    assert found == json.loads(GOLDEN.read_text(encoding="utf-8"))


def test_findings_are_told_by_what_became_of_them() -> None:
    moves = edited(everything).findings
    assert (len(moves.opened), len(moves.closed), len(moves.reopened), len(moves.gone)) == (1, 1, 1, 0)
    assert moves.opened[0].startswith("A new one, ")

    def taken_away(doc: Any) -> None:
        doc["findings"] = [row for row in doc["findings"] if row["state"] == "satisfied"]

    assert len(edited(taken_away).findings.gone) >= 1


def test_added_and_removed_records_are_named() -> None:
    def edit(doc: Any) -> None:
        doc["models"].append({**doc["models"][0], "uuid": uid("new model"), "version": "99"})
        doc["remediation"].pop(0)

    found = {(row[0], row[1]) for row in lines(edited(edit))}
    assert found == {("models", "added"), ("remediation", "removed")}


def test_a_part_that_only_one_of_them_holds_is_said() -> None:
    older, newer = parsed(example_freeze()), parsed(example_freeze(suppliers={"records": [], "unrecorded": []}))
    assert {one.name: one.told for one in compare(older, newer).sections}["suppliers"] is Told.ONLY_AFTER
    back = compare(newer, older)
    assert {one.name: one.told for one in back.sections}["suppliers"] is Told.ONLY_BEFORE
    assert back.differs


def test_a_part_that_is_not_known_is_named_alike_or_not() -> None:
    before = parsed(example_freeze())
    alike = compare({**before, "weather": [1]}, {**before, "weather": [1]})
    assert (alike.unknown, alike.differs) == (("weather",), False)
    other = compare({**before, "weather": [1]}, {**before, "weather": [2]})
    assert (other.unknown, other.differs) == (("weather",), True)
    gone = compare({**before, "weather": [1]}, before)
    assert [one.told for one in gone.sections if one.name == "weather"] == [Told.UNKNOWN_DIFFERENT]


def test_a_field_that_nobody_told_the_comparison_of_is_seen_too() -> None:
    def edit(doc: Any) -> None:
        doc["evidence"][0]["smell"] = {"of": "roses"}

    (found,) = lines(edited(edit))
    assert found[3:] == ["smell", None, '{"of": "roses"}']


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a document that holds no other."""
    if isinstance(value, dict):
        return [leaf for key, inner in value.items() for leaf in leaves(inner, (*path, key))]
    if isinstance(value, list):
        return [leaf for n, inner in enumerate(value) for leaf in leaves(inner, (*path, n))]
    return [path]


def whole() -> dict[str, Any]:
    register = Blob(filename="a.jsonl", media_type="application/x-ndjson", sha256="0" * 64, size=1, rows=3)
    lines, ways = completeness_lines(3), entitlement_ways(3)
    entitlements = assessed(ways, register)
    return parsed(example_freeze(completeness=measured(lines, register), entitlements=entitlements))


def altered(value: Any) -> Any:
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    return value + 1 if isinstance(value, int | float) else f"{value}x"


BESIDE = {"schema", "generated_by", "frozen_at", "frozen_by", "ledger"}


def test_no_change_of_any_single_value_is_passed_over() -> None:
    before = whole()
    missed = []
    for path in leaves(before):
        if path[0] in BESIDE or (path[0] == "evidence" and "ledger" in path):
            continue
        after = copy.deepcopy(before)
        place = after
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = altered(place[path[-1]])
        if not compare(before, after).differs:
            missed.append(path)
    assert missed == []


def test_a_list_in_another_order_is_a_change_of_order() -> None:
    def edit(doc: Any) -> None:
        doc["scans"][0]["stages"][0]["limits"].reverse()

    if len(parsed(example_freeze())["scans"][0]["stages"][0]["limits"]) > 1:
        assert edited(edit).differs


def test_the_documents_are_left_as_they_are() -> None:
    before, after = parsed(example_freeze()), parsed(empty_freeze())
    kept = canonical_json(before), canonical_json(after)
    comparison = compare(before, after)
    assert (canonical_json(before), canonical_json(after)) == kept
    assert {record.change for section in comparison.sections for record in section.records} >= {Change.REMOVED}
    validate_freeze(before)


def test_every_part_that_a_freeze_may_hold_is_known() -> None:
    held = set(Freeze.__annotations__) | set(FreezeAdditions.__annotations__)
    before = {**parsed(example_freeze()), **{name: [] for name in held - parsed(example_freeze()).keys()}}
    before |= {"mappings": {"pairs": []}, "suppliers": {"records": []}}
    assert compare(before, before).unknown == ()
