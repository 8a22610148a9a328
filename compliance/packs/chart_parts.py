"""What charts are put together from: sizes, lines, texts, an axis from zero, the frame."""

from __future__ import annotations

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 640, 230, 44, 36, 24, 4
MOST_LABELS = 40
FONT_SIZE = 11
DASHED = ' stroke-width="1.4" stroke-dasharray="6 4"'


def ticks_to(top: float) -> list[float]:
    """Round values from zero to the top, at most six."""
    step = next(s * 10**p for p in range(-6, 12) for s in (1, 2, 5) if top / (s * 10**p) <= 5)
    return [step * n for n in range(int(top / step) + 1)]


def at(length: float) -> str:
    """A place as it is written."""
    return f"{length:.1f}"


def line_of(x1: float, y1: float, x2: float, y2: float, more: str = "") -> SafeString:
    """A line; more: attributes of our own."""
    shape = '<line x1="{}" y1="{}" x2="{}" y2="{}" stroke="currentColor"{}/>'
    return format_html(shape, *map(at, (x1, y1, x2, y2)), SafeString(more))


def text_of(x: float, y: float, words: str, anchor: str = "middle", weight: str = "400") -> SafeString:
    """Words at a place."""
    shape = '<text x="{}" y="{}" text-anchor="{}" font-size="{}" font-weight="{}" fill="currentColor">{}</text>'
    return format_html(shape, at(x), at(y), anchor, FONT_SIZE, weight, words)


def value_axis(top: float, unit: str) -> SafeString:
    """Lines across the chart from zero up to the top, with their values and the unit."""
    height = HEIGHT - TOP - BOTTOM
    rows = []
    for tick in ticks_to(top):
        y = HEIGHT - BOTTOM - tick / top * height
        rows.append(
            (
                line_of(LEFT, y, WIDTH - RIGHT, y, ' stroke-opacity="0.18"')
                + text_of(LEFT - 6, y + 4, f"{tick:g}", "end"),
            )
        )
    lines = format_html_join("", "{}", rows)
    return lines + text_of(0, TOP - 8, unit, "start")


def svg_of(width: int, height: int, title: str, inside: SafeString, kind: str = "bars") -> SafeString:
    """The whole chart with its title, which is read out in its place."""
    shape = (
        '<svg class="chart {}" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" role="img" '
        'font-family="Noto Sans, system-ui, sans-serif"><title>{}</title>{}</svg>'
    )
    return format_html(shape, kind, width, height, title, inside)
