"""Charts of several series over the same labels: bars side by side, bars on each other, lines. Ink only, with a legend.

Series differ by how dark a bar is, or by how a line is broken: they stay apart in print, in the dark and without colour.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from compliance.packs.chart_parts import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    at,
    line_of,
    svg_of,
    text_of,
    value_axis,
)

_LEGEND = 20  # height of the line of legends above the chart
_CHARACTER = 6.3  # width of one at the size of a chart's words
_SHADES = ("0.85", "0.55", "0.32", "0.16", "0.04")
_BREAKS = ("", "7 4", "2 3", "11 3 2 3", "1 5")
_ABOVE = 1.12  # room above the largest value
_FEWEST = 5.0
_SHORTEST = 14  # characters of a label that are shown however many labels there are
_WRAPPED, _MOST_LINES, _LINE = (
    8,
    3,
    12,
)  # characters of room from which labels are wrapped; lines of one, and their height


@dataclass(frozen=True, slots=True)
class Series:
    """One series: its name and a value for each label; None is not known, which is another thing than zero."""

    name: str
    values: Sequence[float | None]


def grouped_bars(labels: Sequence[str], series: Sequence[Series], *, title: str, unit: str) -> SafeString:
    """For each label a bar of every series, side by side. Without labels no chart."""
    top = _top(value for one in series for value in one.values)
    slot = _slot(labels)
    width = slot * 0.72 / max(len(series), 1)
    bars = [
        (_bar(LEFT + slot * (place + 0.14) + width * number, 0, value, width, top, number),)
        for number, one in enumerate(series)
        for place, value in enumerate(one.values)
        if value is not None
    ]
    return _chart(labels, [one.name for one in series], bars, top=top, title=title, unit=unit)


def stacked_bars(labels: Sequence[str], series: Sequence[Series], *, title: str, unit: str) -> SafeString:
    """For each label one bar, in which the series stand on each other. Without labels no chart."""
    sums = [sum(one.values[place] or 0 for one in series) for place in range(len(labels))]
    top, slot, bars = _top(sums), _slot(labels), list[tuple[SafeString]]()
    below = [0.0] * len(labels)
    for number, one in enumerate(series):
        for place, value in enumerate(one.values):
            if value:
                bars.append((_bar(LEFT + slot * (place + 0.18), below[place], value, slot * 0.64, top, number),))
                below[place] += value
    return _chart(labels, [one.name for one in series], bars, top=top, title=title, unit=unit)


def line_chart(labels: Sequence[str], series: Sequence[Series], *, title: str, unit: str) -> SafeString:
    """A line for each series from zero up; where a value is not known the line is interrupted. Without labels no chart."""
    top, slot = _top(value for one in series for value in one.values), _slot(labels)
    shape = '<polyline points="{}" fill="none" stroke="currentColor" stroke-width="2" stroke-dasharray="{}"/>'
    lines = [
        (format_html(shape, " ".join(f"{at(LEFT + slot * (place + 0.5))},{at(_y(value, top))}" for place, value in run),
                     _BREAKS[number % len(_BREAKS)]),)
        for number, one in enumerate(series)
        for run in _runs(one.values)
    ]  # fmt: skip
    return _chart(labels, [one.name for one in series], lines, top=top, title=title, unit=unit, lines=True)


def _runs(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """Known values with their places, in unbroken runs."""
    runs: list[list[tuple[int, float]]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((place, value))
    return [run for run in runs if run]


def _top(values: object) -> float:
    """Where the axis ends; of whole numbers never below five, so that no tick is a part of one."""
    known = [float(value) for value in values if value is not None]  # type: ignore[attr-defined]  # any iterable
    least = _FEWEST if all(value.is_integer() for value in known) else 0.0
    return max(*known, least) * _ABOVE if known else _FEWEST * _ABOVE


def _slot(labels: Sequence[object]) -> float:
    return (WIDTH - LEFT - RIGHT) / max(len(labels), 1)


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM)


def _bar(x: float, below: float, value: float, width: float, top: float, number: int) -> SafeString:
    upper, lower = _y(below + value, top), _y(below, top)
    shape = (
        '<rect x="{}" y="{}" width="{}" height="{}" fill="currentColor" fill-opacity="{}" '
        'stroke="currentColor" stroke-width="0.8"/>'
    )
    return format_html(shape, at(x), at(upper), at(width), at(lower - upper), _SHADES[number % len(_SHADES)])


def _chart(
    labels: Sequence[str],
    names: Sequence[str],
    marks: Sequence[tuple[SafeString]],
    *,
    top: float,
    title: str,
    unit: str,
    lines: bool = False,
) -> SafeString:
    if not labels:
        return SafeString("")
    room = int(_slot(labels) / _CHARACTER) - 1
    lines_of = [textwrap.wrap(label, max(room, 1), max_lines=_MOST_LINES, placeholder="…") for label in labels]
    below, high = (_wrapped(lines_of), max(map(len, lines_of))) if room >= _WRAPPED else (_labels(labels), 1)
    inside = value_axis(top, unit) + format_html_join("", "{}", marks) + below
    body = format_html('<g transform="translate(0 {})">{}</g>', _LEGEND, inside)
    height = HEIGHT + _LEGEND + _LINE * (high - 1)
    return svg_of(WIDTH, height, title, _legend(names, lines=lines) + body, "series")


def _wrapped(lines_of: Sequence[Sequence[str]]) -> SafeString:
    """Every label below, in lines that fit between its neighbours'."""
    slot = _slot(lines_of)
    shown = [
        (text_of(LEFT + slot * (place + 0.5), HEIGHT - BOTTOM + 16 + _LINE * number, words),)
        for place, lines in enumerate(lines_of)
        for number, words in enumerate(lines)
    ]
    return format_html_join("", "{}", shown)


def _labels(labels: Sequence[str]) -> SafeString:
    """As many labels below as have room, of many."""
    slot = _slot(labels)
    most = max(_SHORTEST, int(slot / _CHARACTER) - 1)
    words = [label if len(label) <= most else f"{label[: most - 1]}…" for label in labels]
    widest = max(map(len, words)) * _CHARACTER + 6
    every = max(1, -(-int(widest) // max(int(slot), 1)))
    shown = [
        (text_of(LEFT + slot * (place + 0.5), HEIGHT - BOTTOM + 16, word),)
        for place, word in enumerate(words)
        if place % every == 0
    ]
    return format_html_join("", "{}", shown)


def _legend(names: Sequence[str], *, lines: bool) -> SafeString:
    """A sample of each series with its name."""
    x, parts = float(LEFT), list[tuple[SafeString]]()
    for number, name in enumerate(names):
        if lines:
            dashes = _BREAKS[number % len(_BREAKS)]
            parts.append((line_of(x, 9, x + 26, 9, f' stroke-width="2" stroke-dasharray="{dashes}"'),))
        else:
            shape = '<rect x="{}" y="4" width="10" height="10" fill="currentColor" fill-opacity="{}" stroke="currentColor"/>'
            parts.append((format_html(shape, at(x), _SHADES[number % len(_SHADES)]),))
        x += 32 if lines else 16
        parts.append((text_of(x, 13, name, "start"),))
        x += len(name) * _CHARACTER + 18
    return format_html_join("", "{}", parts)
