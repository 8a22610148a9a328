"""The charts of a stage: what they draw, their title, and that no value can break them."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.packs.charts import Dot, Span, dot_chart, span_chart

pytestmark = pytest.mark.sqlite_only
FINITE = st.floats(min_value=-1e9, max_value=1e9, allow_nan=False)


def dots(*values: float | None, **more: object) -> str:
    rows = [Dot(str(n), value, 1.0, marked=n == 0) for n, value in enumerate(values)]
    return dot_chart(rows, title="Scores", unit="score", axis="class", **more)  # type: ignore[arg-type]  # keywords


def test_a_class_without_a_score_keeps_its_place_and_has_no_dot() -> None:
    drawn = dots(3.0, None, 1.0)
    assert drawn.count("<circle") == 2
    assert re.findall(r">(\d)</text>", drawn)[-3:] == ["0", "1", "2"]


def test_references_are_a_line_each_beside_the_models_own_score() -> None:
    drawn = dots(3.0, 1.0, references=[0.5, 0.7, 0.9], own=3.0, strip_label="references")
    assert drawn.count('stroke-opacity="0.55"') == 3
    assert drawn.count("<circle") == 3
    assert "references</text>" in drawn


def test_nothing_known_draws_nothing() -> None:
    assert (dots(), dots(None, None), span_chart([], title="Power")) == ("", "", "")


@given(st.lists(FINITE, min_size=1, max_size=60), st.lists(FINITE, max_size=40))
def test_any_scores_stay_inside_the_picture(values: list[float], references: list[float]) -> None:
    root = ElementTree.fromstring(dots(*values, references=references, own=values[0]))
    heights = [float(mark.attrib["cy"]) for mark in root.iter() if "cy" in mark.attrib]
    assert all(0 <= height <= 230 for height in heights)


def test_power_is_a_bar_with_its_interval_in_words() -> None:
    drawn = span_chart([Span("Patch <1 %>", "18 of 20", 0.9, 0.68, 0.99)], title="Power")
    assert "Patch &lt;1 %&gt;" in drawn
    assert 'width="568.8"' in drawn  # 90 % of the frame
    assert ElementTree.fromstring(drawn).attrib["role"] == "img"
