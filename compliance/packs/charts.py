"""Charts as inline SVG text, the same for pages and packs: ink only, no colour carries meaning, each with a title.

Colours are `currentColor`, so a chart follows light, dark and printed pages. A table with the same figures belongs beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from compliance.packs.chart_parts import (
    BOTTOM,
    DASHED,
    HEIGHT,
    LEFT,
    MOST_LABELS,
    RIGHT,
    TOP,
    WIDTH,
    at,
    line_of,
    svg_of,
    text_of,
    value_axis,
)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: a label below, a value in the chart's unit, and whether it stands out."""

    label: str
    value: float
    marked: bool = False


def _one_bar(bar: Bar, x: float, width: float, top: float) -> SafeString:
    height = bar.value / top * (HEIGHT - TOP - BOTTOM)
    shape = (
        '<rect x="{}" y="{}" width="{}" height="{}" fill="currentColor" fill-opacity="{}" '
        'stroke="currentColor" stroke-width="0.8"/>'
    )
    place = map(at, (x, HEIGHT - BOTTOM - height, width, height))
    return format_html(shape, *place, "0.85" if bar.marked else "0.12")


def bar_chart(
    bars: Sequence[Bar], *, title: str, unit: str, axis: str, line: float | None = None, line_label: str = ""
) -> SafeString:
    """Bars from zero with an optional dashed line at `line`. Marked bars are dark. Empty input gives no chart."""
    if not bars:
        return SafeString("")
    top = max([bar.value for bar in bars] + [line or 0]) * 1.12 or 1
    slot = (WIDTH - LEFT - RIGHT) / len(bars)
    every = -(-len(bars) // MOST_LABELS)
    parts: list[tuple[SafeString]] = [(value_axis(top, unit),)]
    for number, bar in enumerate(bars):
        x = LEFT + slot * number
        parts.append((_one_bar(bar, x + slot * 0.18, slot * 0.64, top),))
        if number % every == 0:
            weight = "700" if bar.marked else "400"
            parts.append((text_of(x + slot / 2, HEIGHT - BOTTOM + 14, bar.label[:12], weight=weight),))
    if line is not None:
        y = HEIGHT - BOTTOM - line / top * (HEIGHT - TOP - BOTTOM)
        parts.append((line_of(LEFT, y, WIDTH - RIGHT, y, DASHED),))
        parts.append((line_of(WIDTH - RIGHT - 26, TOP - 12, WIDTH - RIGHT, TOP - 12, DASHED),))
        parts.append((text_of(WIDTH - RIGHT - 32, TOP - 8, f"{line_label}: {line:.1f}", "end"),))
    parts.append((text_of(LEFT + (WIDTH - LEFT - RIGHT) / 2, HEIGHT - 3, axis),))
    return svg_of(WIDTH, HEIGHT, title, format_html_join("", "{}", parts))


_CELL = 22
# Each state is a shape of its own: filled, ringed, struck, dotted or empty.
_MARKS = {
    "finding": '<rect x="{x}" y="{y}" width="16" height="16" fill="currentColor"/>',
    "covered": '<circle cx="{cx}" cy="{cy}" r="7" fill="none" stroke="currentColor" stroke-width="2.2"/>',
    "not_covered": '<rect x="{x}" y="{y}" width="16" height="16" fill="none" stroke="currentColor" stroke-opacity="0.35"/>',
    "failed": '<path d="M{x} {y} l16 16 m0 -16 l-16 16" fill="none" stroke="currentColor" stroke-width="2.2"/>',
    "stale": '<circle cx="{cx}" cy="{cy}" r="7" fill="none" stroke="currentColor" stroke-width="2" stroke-dasharray="2 3"/>',
}


def coverage_grid(rows: Sequence[tuple[str, Sequence[str]]], *, columns: Sequence[str], title: str) -> SafeString:
    """Rows of (name, states) against `columns`; a state is a member of CoverageState."""
    if not rows:
        return SafeString("")
    left, parts = 190, [(text_of(190 + _CELL * 3 * n + 8, 12, column, "start"),) for n, column in enumerate(columns)]
    for number, (name, states) in enumerate(rows):
        y = 20 + _CELL * number
        parts.append((text_of(0, y + 12, name[:34], "start"),))
        for column, state in enumerate(states):
            x = left + _CELL * 3 * column + 8
            parts.append((SafeString(_MARKS[state].format(x=x, y=y, cx=x + 8, cy=y + 8)),))
    return svg_of(
        left + _CELL * 3 * len(columns), 24 + _CELL * len(rows), title, format_html_join("", "{}", parts), "coverage"
    )


@dataclass(frozen=True, slots=True)
class Dot:
    """One class: its score (None where it has none), how far the seeds lie apart, and whether it stands out most."""

    label: str
    value: float | None
    spread: float | None = None
    marked: bool = False


_ROW = 40


class _Scale:
    """Places values between a lowest and a highest on the height of a chart; both may be negative."""

    def __init__(self, values: Sequence[float]) -> None:
        low, high = min(values), max(values)
        margin = (high - low) * 0.08 or abs(high) * 0.1 or 1.0
        self.low, self.high = low - margin, high + margin

    def y(self, value: float) -> float:
        """Height of a value, from above."""
        share = (value - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    def ticks(self) -> list[float]:
        """Round values inside the scale, at most six."""
        width = self.high - self.low
        step = next(s * 10**p for p in range(-9, 12) for s in (1, 2, 5) if width / (s * 10**p) <= 5)
        return [n * step for n in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]


def _dot(x: float, y: float, *, marked: bool) -> SafeString:
    shape = '<circle cx="{}" cy="{}" r="{}" fill="currentColor" fill-opacity="{}" stroke="currentColor"/>'
    return format_html(shape, at(x), at(y), "5.5" if marked else "4", "1" if marked else "0.12")


def _class_dots(dots: Sequence[Dot], scale: _Scale, right: float) -> list[tuple[SafeString]]:
    slot, parts = (right - LEFT) / len(dots), list[tuple[SafeString]]()
    every = -(-len(dots) // MOST_LABELS)
    for number, dot in enumerate(dots):
        x = LEFT + slot * (number + 0.5)
        if dot.value is not None:
            if dot.spread:
                ends = scale.y(dot.value - dot.spread / 2), scale.y(dot.value + dot.spread / 2)
                parts.append((line_of(x, ends[0], x, ends[1], ' stroke-width="1.2"'),))
            parts.append((_dot(x, scale.y(dot.value), marked=dot.marked),))
        if number % every == 0 or dot.marked:
            weight = "700" if dot.marked else "400"
            parts.append((text_of(x, HEIGHT - BOTTOM + 14, dot.label[:12], weight=weight),))
    return parts


def dot_chart(dots: Sequence[Dot], *, title: str, unit: str, axis: str) -> SafeString:
    """A dot per class on one scale, which need not begin at zero; whiskers for the seeds. No known value, no chart."""
    known = [dot.value for dot in dots if dot.value is not None]
    if not known:
        return SafeString("")
    spreads = [v + s for d in dots if (v := d.value) is not None for s in ((d.spread or 0) / 2, -(d.spread or 0) / 2)]
    scale, right = _Scale([*known, *spreads]), WIDTH - RIGHT
    parts: list[tuple[SafeString]] = []
    for tick in scale.ticks():
        line = line_of(LEFT, scale.y(tick), right, scale.y(tick), ' stroke-opacity="0.18"')
        parts.append((line + text_of(LEFT - 6, scale.y(tick) + 4, f"{tick:g}", "end"),))
    parts.append((text_of(0, TOP - 8, unit, "start"),))
    parts += _class_dots(dots, scale, right)
    parts.append((text_of(LEFT + (right - LEFT) / 2, HEIGHT - 3, axis),))
    return svg_of(WIDTH, HEIGHT, title, format_html_join("", "{}", parts), "dots")


_STRIP = 62
_WIDEST_LINEAR = 60.0


def strip_chart(references: Sequence[float], own: float, *, title: str, words: str) -> SafeString:
    """A line per reference and a dot for the model's own value, from left to right; without references no chart.

    Values far apart are drawn on a compressed scale (inverse hyperbolic sine), so that near ones stay apart.
    """
    if not references:
        return SafeString("")
    is_wide = max(*references, own) - min(*references, own) > _WIDEST_LINEAR

    def placed(value: float) -> float:
        return math.asinh(value) if is_wide else value

    low, high = (pick(map(placed, [*references, own])) for pick in (min, max))
    width = (high - low) or 1.0

    def x(value: float) -> float:
        return 14 + (placed(value) - low) / width * (WIDTH - 28)

    parts = [(text_of(4, 11, words, "start"),)]
    parts += [(line_of(x(value), 20, x(value), 40, ' stroke-opacity="0.6"'),) for value in references]
    parts.append((_dot(x(own), 30, marked=True),))
    for value, anchor in ((min(references), "start"), (max(references), "middle")):
        place = 4 if anchor == "start" else x(value)
        parts.append((text_of(place, 56, f"{value:.3g}", anchor),))
    if abs(x(own) - x(max(references))) > 60:
        parts.append((text_of(min(x(own), WIDTH - 4), 56, f"{own:.3g}", "end", "700"),))
    return svg_of(WIDTH, _STRIP, title, format_html_join("", "{}", parts), "strip")


@dataclass(frozen=True, slots=True)
class Span:
    """A share between 0 and 1 with its interval, the words above it and those behind it."""

    label: str
    words: str
    share: float
    low: float
    high: float


def span_chart(spans: Sequence[Span], *, title: str) -> SafeString:
    """A bar from 0 to 100 % for each share, with a whisker over its interval. Empty input gives no chart."""
    if not spans:
        return SafeString("")
    width, parts = WIDTH - 8, list[tuple[SafeString]]()
    for number, span in enumerate(spans):
        y = 8 + _ROW * number
        parts.append((text_of(4, y + 8, span.label[:72], "start"),))
        parts.append((text_of(WIDTH - 4, y + 8, span.words, "end", "700"),))
        frame = '<rect x="4" y="{}" width="{}" height="11" fill="none" stroke="currentColor" stroke-opacity="0.35"/>'
        bar = '<rect x="4" y="{}" width="{}" height="11" fill="currentColor" fill-opacity="0.3"/>'
        parts.append((format_html(frame, at(y + 14), at(width)),))
        parts.append((format_html(bar, at(y + 14), at(span.share * width)),))
        left, right = 4 + span.low * width, 4 + span.high * width
        parts.append((line_of(left, y + 19.5, right, y + 19.5, ' stroke-width="1.6"'),))
        parts += [(line_of(x, y + 14, x, y + 25, ' stroke-width="1.6"'),) for x in (left, right)]
    return svg_of(WIDTH, 8 + _ROW * len(spans), title, format_html_join("", "{}", parts), "spans")
