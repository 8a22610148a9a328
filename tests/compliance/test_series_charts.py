"""Charts of several series: what they draw, that series stay apart without colour, and that no value can break them."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.packs.series_charts import Series, grouped_bars, line_chart, stacked_bars

pytestmark = pytest.mark.sqlite_only
DRAWERS = [grouped_bars, stacked_bars, line_chart]
VALUES = st.none() | st.floats(min_value=0, max_value=1e9, allow_nan=False)
SVG = "{http://www.w3.org/2000/svg}"


def places(drawn: str) -> list[float]:
    """Every height that something is drawn at."""
    root = ElementTree.fromstring(drawn)
    bars = [float(mark.attrib[key]) for mark in root.iter(f"{SVG}rect") for key in ("y",)]
    ends = [float(bar.attrib["y"]) + float(bar.attrib["height"]) for bar in root.iter(f"{SVG}rect")]
    points = [
        float(pair.split(",")[1]) for line in root.iter(f"{SVG}polyline") for pair in line.attrib["points"].split()
    ]
    return [*bars, *ends, *points]


@pytest.mark.parametrize("draw", DRAWERS)
@given(st.integers(1, 30).flatmap(lambda n: st.lists(st.lists(VALUES, min_size=n, max_size=n), min_size=1, max_size=5)))
def test_any_values_stay_inside_the_picture(draw: object, columns: list[list[float | None]]) -> None:
    labels = [str(n) for n in range(len(columns[0]))]
    series = [Series(f"S{n}", column) for n, column in enumerate(columns)]
    drawn = draw(labels, series, title="Figures", unit="items")  # type: ignore[operator]
    assert all(0 <= place <= 250.1 for place in places(drawn))


def test_grouped_bars_have_a_bar_for_each_known_value_and_stacked_ones_stand_on_each_other() -> None:
    series = [Series("Planned", [4.0, None]), Series("Spent", [1.0, 2.0])]
    grouped = ElementTree.fromstring(grouped_bars(["A", "B"], series, title="Effort", unit="days"))
    assert len(list(grouped.iter(f"{SVG}rect"))) == 3 + 2  # and one in the legend for each series
    stacked = ElementTree.fromstring(stacked_bars(["A", "B"], series, title="Effort", unit="days"))
    planned, spent = [bar for bar in stacked.iter(f"{SVG}rect") if bar.attrib["y"] != "4"][:2]
    assert float(spent.attrib["y"]) + float(spent.attrib["height"]) == pytest.approx(
        float(planned.attrib["y"]), abs=0.11
    )


def test_a_line_is_interrupted_where_nothing_is_known() -> None:
    drawn = line_chart(["a", "b", "c", "d"], [Series("Open", [1.0, None, 2.0, 3.0])], title="Burn-down", unit="items")
    assert drawn.count("<polyline") == 2


def test_series_differ_without_colour_and_say_their_names() -> None:
    series = [Series("Opened", [1.0]), Series("Closed", [1.0])]
    lines = ElementTree.fromstring(line_chart(["a"], series, title="Burn-up", unit="items"))
    assert len({line.attrib["stroke-dasharray"] for line in lines.iter(f"{SVG}polyline")}) == 2
    bars = grouped_bars(["a"], series, title="Flow", unit="items")
    assert 'fill-opacity="0.85"' in bars
    assert 'fill-opacity="0.55"' in bars
    assert ">Opened</text>" in bars
    assert "currentColor" in bars


@pytest.mark.parametrize("draw", DRAWERS)
def test_hostile_words_are_text_and_nothing_draws_nothing(draw: object) -> None:
    drawn = draw(["<b>"], [Series("<i>&", [1.0])], title="</title><script>", unit="<u>")  # type: ignore[operator]
    assert not {element.tag for element in ElementTree.fromstring(drawn).iter()} & {
        f"{SVG}b",
        f"{SVG}i",
        f"{SVG}script",
    }
    assert draw([], [], title="", unit="") == ""  # type: ignore[operator]


def texts(drawn: str) -> list[str]:
    """Everything that is written in a chart."""
    return [element.text or "" for element in ElementTree.fromstring(drawn).iter(f"{SVG}text")]


def test_every_one_of_a_few_long_labels_is_shown_in_lines_inside_the_picture() -> None:
    labels = [f"Reason {n} that somebody gave for it" for n in range(9)]
    drawn = grouped_bars(labels, [Series("Slips", [1.0] * 9)], title="Slips", unit="days")
    assert [words for words in texts(drawn) if words.startswith("Reason")] == [f"Reason {n}" for n in range(9)]
    root = ElementTree.fromstring(drawn)
    high = float(root.attrib["viewBox"].split()[3])
    assert all(float(one.attrib["y"]) + 20 <= high for one in root.iter(f"{SVG}text"))


def test_of_many_labels_those_are_shown_that_have_room() -> None:
    labels = [f"{n:02} May" for n in range(24)]
    drawn = line_chart(labels, [Series("Open", [1.0] * 24)], title="Open", unit="items")
    shown = [words for words in texts(drawn) if words.endswith("May")]
    assert 8 <= len(shown) < 24
