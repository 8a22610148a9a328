from __future__ import annotations

from datetime import UTC, datetime

import pytest

from compliance.types.drafts import AssetRef
from scanning.ingest.base import ParseContext
from scanning.ingest.report_scope import (
    known_digests,
    not_before,
    report_scope,
    sha256_of,
    split_position,
    split_source,
    stated_asset,
)

FILE = AssetRef(kind="model_file", name="a.pkl", digest="ab" * 32)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a.bin", ("a.bin", "")),
        ("a.bin:archive/data.pkl", ("a.bin", "archive/data.pkl")),
        ("a.zip:b.zip:c.pkl", ("a.zip", "b.zip:c.pkl")),
        (r"C:\models\a.bin:data.pkl", (r"C:\models\a.bin", "data.pkl")),
        ("https://host/a.bin:data.pkl", ("https://host/a.bin", "data.pkl")),
        ("", ("", "")),
    ],
)
def test_file_and_member(source: str, expected: tuple[str, str]) -> None:
    assert split_source(source) == expected


def test_a_position_is_taken_off_only_where_it_was_glued_on() -> None:
    assert split_position("a.pkl (pos 75)") == ("a.pkl", "pos 75")
    assert split_position("a (pos 75).pkl") == ("a (pos 75).pkl", "")


def test_a_digest_is_one_or_none() -> None:
    assert sha256_of("AB" * 32) == "ab" * 32
    assert sha256_of("ab" * 31) is None
    assert sha256_of(12) is None


def test_a_name_that_stands_for_two_paths_gives_no_digest() -> None:
    context = ParseContext(file_name="x", asset_digests={"a.pkl": "ab" * 32, "b.pkl": "cd" * 32})
    assert known_digests(["/x/a.pkl", "/y/a.pkl", r"C:\z\b.pkl"], context) == {r"C:\z\b.pkl": "cd" * 32}


def test_a_report_without_asset_is_about_itself_alone() -> None:
    context = ParseContext(file_name="out.txt")
    assert stated_asset(context, b"one") != stated_asset(context, b"two")
    assert stated_asset(ParseContext(file_name="out.txt", asset=FILE), b"one") is FILE


def test_a_time_without_zone_is_the_earliest_that_a_clock_on_a_wall_allows() -> None:
    assert not_before("2026-11-22T09:00:00") == datetime(2026, 11, 21, 19, tzinfo=UTC)
    assert not_before("2026-11-22T09:00:00+02:00") == datetime(2026, 11, 22, 7, tzinfo=UTC)
    assert not_before(1795340846.5) == datetime(2026, 11, 22, 9, 47, 26, 500000, tzinfo=UTC)
    assert not_before("yesterday") is None
    assert not_before(None) is None


def test_a_scope_is_complete_only_where_nothing_is_missing() -> None:
    def scope(**change: object) -> dict[str, object]:
        given: dict[str, object] = {
            "tool_version": "1",
            "assets": [FILE],
            "gaps": [],
            "made_at": "2026-11-22T09:00:00Z",
        }
        return report_scope(tool="t", **(given | change))  # type: ignore[arg-type]

    assert scope()["complete"] is True
    assert scope()["assets"] == [{"kind": "model_file", "name": "a.pkl", "digest": "ab" * 32}]
    lacking: tuple[dict[str, object], ...] = ({"tool_version": ""}, {"assets": []}, {"gaps": ["x"]}, {"made_at": None})
    for change in lacking:
        assert scope(**change)["complete"] is False
        assert scope(**change)["gaps"]


def test_assets_are_listed_once_and_rules_in_order() -> None:
    found = report_scope(
        tool="t", tool_version="1", assets=[FILE, FILE], gaps=(), made_at=1795340846, rules=["b", "a", "b"]
    )
    assert len(found["assets"]) == 1
    assert found["rules"] == ["a", "b"]
