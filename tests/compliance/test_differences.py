"""Two texts, word by word."""

from __future__ import annotations

import pytest

from compliance.types.differences import MOST_WORDS, Piece, differences

pytestmark = pytest.mark.sqlite_only


def test_what_differs_is_marked_and_nothing_is_lost() -> None:
    left, right = "Three people may\nsubmit.", "Four people may\nnever submit."
    ours, theirs = differences(left, right)
    assert ("".join(p.text for p in ours), "".join(p.text for p in theirs)) == (left, right)
    assert [p.text for p in ours if p.differs] == ["Three"]
    assert [p.text.strip() for p in theirs if p.differs] == ["Four", "never"]


@pytest.mark.parametrize(
    ("left", "right", "marked"),
    [
        ("", "", ([], [])),
        ("same", "same", ([Piece("same", False)], [Piece("same", False)])),
        ("", "new", ([], [Piece("new", True)])),
        ("old", "", ([Piece("old", True)], [])),
    ],
)
def test_borders(left: str, right: str, marked: tuple[list[Piece], list[Piece]]) -> None:
    assert differences(left, right) == marked


def test_texts_too_long_to_compare_are_shown_whole() -> None:
    left, right = "a " * MOST_WORDS, "b " * MOST_WORDS
    assert differences(left, right) == ([Piece(left, True)], [Piece(right, True)])
