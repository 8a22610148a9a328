"""The charts of a stage: what they draw, their title, and that no value can break them."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.packs.charts import Dot, Span, dot_chart, span_chart, strip_chart

pytestmark = pytest.mark.sqlite_only
FINITE = st.floats(min_value=-1e9, max_value=1e9, allow_nan=False)


def dots(*values: float | None) -> str:
    rows = [Dot(str(n), value, 1.0, marked=n == 0) for n, value in enumerate(values)]
    return dot_chart(rows, title="Scores", unit="score", axis="class")


def test_a_class_without_a_score_keeps_its_place_and_has_no_dot() -> None:
    drawn = dots(3.0, None, 1.0)
    assert drawn.count("<circle") == 2
    assert re.findall(r">(\d)</text>", drawn)[-3:] == ["0", "1", "2"]


def test_each_reference_is_a_line_and_the_model_a_dot() -> None:
    drawn = strip_chart([0.5, 0.7, 0.9], 3.0, title="Strip", words="among references")
    assert (drawn.count("<line"), drawn.count("<circle")) == (3, 1)
    assert "among references</text>" in drawn


def test_nothing_known_draws_nothing() -> None:
    empty = (dots(), dots(None, None), strip_chart([], 1.0, title="", words=""), span_chart([], title="Power"))
    assert set(empty) == {""}


@given(st.lists(FINITE, min_size=1, max_size=60))
def test_any_scores_stay_inside_the_picture(values: list[float]) -> None:
    root = ElementTree.fromstring(dots(*values))
    heights = [float(mark.attrib["cy"]) for mark in root.iter() if "cy" in mark.attrib]
    assert all(0 <= height <= 230 for height in heights)


@given(st.lists(FINITE, min_size=1, max_size=60), FINITE)
def test_any_references_stay_inside_the_strip(references: list[float], own: float) -> None:
    root = ElementTree.fromstring(strip_chart(references, own, title="Strip", words="among references"))
    places = [float(mark.attrib[key]) for mark in root.iter() for key in ("x1", "cx") if key in mark.attrib]
    assert all(0 <= place <= 640 for place in places)


def test_power_is_a_bar_with_its_interval_in_words() -> None:
    drawn = span_chart([Span("Patch <1 %>", "18 of 20", 0.9, 0.68, 0.99)], title="Power")
    assert "Patch &lt;1 %&gt;" in drawn
    assert 'width="568.8"' in drawn  # 90 % of the frame
    assert ElementTree.fromstring(drawn).attrib["role"] == "img"
