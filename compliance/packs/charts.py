"""Charts as inline SVG text, the same for pages and packs: ink only, no colour carries meaning, each with a title.

Colours are `currentColor`, so a chart follows light, dark and printed pages. A table with the same figures belongs beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP, _RIGHT = 640, 230, 44, 36, 24, 4
_MOST_LABELS = 40
_FONT_SIZE = 11
_DASHED = ' stroke-width="1.4" stroke-dasharray="6 4"'


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: a label below, a value in the chart's unit, and whether it stands out."""

    label: str
    value: float
    marked: bool = False


def _ticks(top: float) -> list[float]:
    step = next(s * 10**p for p in range(-6, 12) for s in (1, 2, 5) if top / (s * 10**p) <= 5)
    return [step * n for n in range(int(top / step) + 1)]


def _at(length: float) -> str:
    return f"{length:.1f}"


def _line(x1: float, y1: float, x2: float, y2: float, more: str = "") -> SafeString:
    shape = '<line x1="{}" y1="{}" x2="{}" y2="{}" stroke="currentColor"{}/>'
    return format_html(shape, *map(_at, (x1, y1, x2, y2)), SafeString(more))


def _text(x: float, y: float, words: str, anchor: str = "middle", weight: str = "400") -> SafeString:
    shape = '<text x="{}" y="{}" text-anchor="{}" font-size="{}" font-weight="{}" fill="currentColor">{}</text>'
    return format_html(shape, _at(x), _at(y), anchor, _FONT_SIZE, weight, words)


def _axis(top: float, unit: str) -> SafeString:
    height = _HEIGHT - _TOP - _BOTTOM
    rows = []
    for tick in _ticks(top):
        y = _HEIGHT - _BOTTOM - tick / top * height
        rows.append(
            (
                _line(_LEFT, y, _WIDTH - _RIGHT, y, ' stroke-opacity="0.18"')
                + _text(_LEFT - 6, y + 4, f"{tick:g}", "end"),
            )
        )
    lines = format_html_join("", "{}", rows)
    return lines + _text(0, _TOP - 8, unit, "start")


def _one_bar(bar: Bar, x: float, width: float, top: float) -> SafeString:
    height = bar.value / top * (_HEIGHT - _TOP - _BOTTOM)
    shape = (
        '<rect x="{}" y="{}" width="{}" height="{}" fill="currentColor" fill-opacity="{}" '
        'stroke="currentColor" stroke-width="0.8"/>'
    )
    place = map(_at, (x, _HEIGHT - _BOTTOM - height, width, height))
    return format_html(shape, *place, "0.85" if bar.marked else "0.12")


def bar_chart(
    bars: Sequence[Bar], *, title: str, unit: str, axis: str, line: float | None = None, line_label: str = ""
) -> SafeString:
    """Bars from zero with an optional dashed line at `line`. Marked bars are dark. Empty input gives no chart."""
    if not bars:
        return SafeString("")
    top = max([bar.value for bar in bars] + [line or 0]) * 1.12 or 1
    slot = (_WIDTH - _LEFT - _RIGHT) / len(bars)
    every = -(-len(bars) // _MOST_LABELS)
    parts: list[tuple[SafeString]] = [(_axis(top, unit),)]
    for number, bar in enumerate(bars):
        x = _LEFT + slot * number
        parts.append((_one_bar(bar, x + slot * 0.18, slot * 0.64, top),))
        if number % every == 0:
            weight = "700" if bar.marked else "400"
            parts.append((_text(x + slot / 2, _HEIGHT - _BOTTOM + 14, bar.label[:12], weight=weight),))
    if line is not None:
        y = _HEIGHT - _BOTTOM - line / top * (_HEIGHT - _TOP - _BOTTOM)
        parts.append((_line(_LEFT, y, _WIDTH - _RIGHT, y, _DASHED),))
        parts.append((_line(_WIDTH - _RIGHT - 26, _TOP - 12, _WIDTH - _RIGHT, _TOP - 12, _DASHED),))
        parts.append((_text(_WIDTH - _RIGHT - 32, _TOP - 8, f"{line_label}: {line:.1f}", "end"),))
    parts.append((_text(_LEFT + (_WIDTH - _LEFT - _RIGHT) / 2, _HEIGHT - 3, axis),))
    return _svg(_WIDTH, _HEIGHT, title, format_html_join("", "{}", parts))


def _svg(width: int, height: int, title: str, inside: SafeString, kind: str = "bars") -> SafeString:
    shape = (
        '<svg class="chart {}" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" role="img" '
        'font-family="Noto Sans, system-ui, sans-serif"><title>{}</title>{}</svg>'
    )
    return format_html(shape, kind, width, height, title, inside)


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
    left, parts = 190, [(_text(190 + _CELL * 3 * n + 8, 12, column, "start"),) for n, column in enumerate(columns)]
    for number, (name, states) in enumerate(rows):
        y = 20 + _CELL * number
        parts.append((_text(0, y + 12, name[:34], "start"),))
        for column, state in enumerate(states):
            x = left + _CELL * 3 * column + 8
            parts.append((SafeString(_MARKS[state].format(x=x, y=y, cx=x + 8, cy=y + 8)),))
    return _svg(
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
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

    def ticks(self) -> list[float]:
        """Round values inside the scale, at most six."""
        width = self.high - self.low
        step = next(s * 10**p for p in range(-9, 12) for s in (1, 2, 5) if width / (s * 10**p) <= 5)
        return [n * step for n in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]


def _dot(x: float, y: float, *, marked: bool) -> SafeString:
    shape = '<circle cx="{}" cy="{}" r="{}" fill="currentColor" fill-opacity="{}" stroke="currentColor"/>'
    return format_html(shape, _at(x), _at(y), "5.5" if marked else "4", "1" if marked else "0.12")


def _class_dots(dots: Sequence[Dot], scale: _Scale, right: float) -> list[tuple[SafeString]]:
    slot, parts = (right - _LEFT) / len(dots), list[tuple[SafeString]]()
    every = -(-len(dots) // _MOST_LABELS)
    for number, dot in enumerate(dots):
        x = _LEFT + slot * (number + 0.5)
        if dot.value is not None:
            if dot.spread:
                ends = scale.y(dot.value - dot.spread / 2), scale.y(dot.value + dot.spread / 2)
                parts.append((_line(x, ends[0], x, ends[1], ' stroke-width="1.2"'),))
            parts.append((_dot(x, scale.y(dot.value), marked=dot.marked),))
        if number % every == 0 or dot.marked:
            weight = "700" if dot.marked else "400"
            parts.append((_text(x, _HEIGHT - _BOTTOM + 14, dot.label[:12], weight=weight),))
    return parts


def dot_chart(dots: Sequence[Dot], *, title: str, unit: str, axis: str) -> SafeString:
    """A dot per class on one scale, which need not begin at zero; whiskers for the seeds. No known value, no chart."""
    known = [dot.value for dot in dots if dot.value is not None]
    if not known:
        return SafeString("")
    spreads = [v + s for d in dots if (v := d.value) is not None for s in ((d.spread or 0) / 2, -(d.spread or 0) / 2)]
    scale, right = _Scale([*known, *spreads]), _WIDTH - _RIGHT
    parts: list[tuple[SafeString]] = []
    for tick in scale.ticks():
        line = _line(_LEFT, scale.y(tick), right, scale.y(tick), ' stroke-opacity="0.18"')
        parts.append((line + _text(_LEFT - 6, scale.y(tick) + 4, f"{tick:g}", "end"),))
    parts.append((_text(0, _TOP - 8, unit, "start"),))
    parts += _class_dots(dots, scale, right)
    parts.append((_text(_LEFT + (right - _LEFT) / 2, _HEIGHT - 3, axis),))
    return _svg(_WIDTH, _HEIGHT, title, format_html_join("", "{}", parts), "dots")


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
        return 14 + (placed(value) - low) / width * (_WIDTH - 28)

    parts = [(_text(4, 11, words, "start"),)]
    parts += [(_line(x(value), 20, x(value), 40, ' stroke-opacity="0.6"'),) for value in references]
    parts.append((_dot(x(own), 30, marked=True),))
    for value, anchor in ((min(references), "start"), (max(references), "middle")):
        place = 4 if anchor == "start" else x(value)
        parts.append((_text(place, 56, f"{value:.3g}", anchor),))
    if abs(x(own) - x(max(references))) > 60:
        parts.append((_text(min(x(own), _WIDTH - 4), 56, f"{own:.3g}", "end", "700"),))
    return _svg(_WIDTH, _STRIP, title, format_html_join("", "{}", parts), "strip")


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
    width, parts = _WIDTH - 8, list[tuple[SafeString]]()
    for number, span in enumerate(spans):
        y = 8 + _ROW * number
        parts.append((_text(4, y + 8, span.label[:72], "start"),))
        parts.append((_text(_WIDTH - 4, y + 8, span.words, "end", "700"),))
        frame = '<rect x="4" y="{}" width="{}" height="11" fill="none" stroke="currentColor" stroke-opacity="0.35"/>'
        bar = '<rect x="4" y="{}" width="{}" height="11" fill="currentColor" fill-opacity="0.3"/>'
        parts.append((format_html(frame, _at(y + 14), _at(width)),))
        parts.append((format_html(bar, _at(y + 14), _at(span.share * width)),))
        left, right = 4 + span.low * width, 4 + span.high * width
        parts.append((_line(left, y + 19.5, right, y + 19.5, ' stroke-width="1.6"'),))
        parts += [(_line(x, y + 14, x, y + 25, ' stroke-width="1.6"'),) for x in (left, right)]
    return _svg(_WIDTH, 8 + _ROW * len(spans), title, format_html_join("", "{}", parts), "spans")
