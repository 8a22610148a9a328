"""Charts as template tags: class norms, scores, references, power, coverage, figures. The same SVG on pages and in packs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import template
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from compliance.packs.charts import Bar, Dot, Span, bar_chart, coverage_grid, dot_chart, span_chart, strip_chart
from compliance.packs.series_charts import Series, grouped_bars, line_chart, stacked_bars
from compliance.types.figures import Drawn, Figure
from compliance.types.workload import WeekLoad

register = template.Library()
_DRAWERS = {Drawn.GROUPED: grouped_bars, Drawn.STACKED: stacked_bars, Drawn.LINES: line_chart}


@register.simple_tag
def class_norm_chart(
    norms: Sequence[Mapping[str, Any]], first_ranked: str | None = None, smallest_reference: float | None = None
) -> SafeString:
    """Bars of the recovered mask's L1 norm per target class ({"label", "norm"}), with the smallest reference as a line."""
    if not norms:
        return SafeString("")
    smallest = min(norms, key=lambda row: row["norm"])
    title = _("Mask norm per target class: smallest %(norm).1f pixels for class %(label)s, of %(n)d classes") % {
        "norm": smallest["norm"],
        "label": smallest["label"],
        "n": len(norms),
    }
    if smallest_reference is not None:
        title += _("; smallest of the reference models %(norm).1f pixels") % {"norm": smallest_reference}
    return bar_chart(
        [Bar(str(row["label"]), row["norm"], marked=row["label"] == first_ranked) for row in norms],
        title=title,
        unit=_("pixels"),
        axis=_("target class"),
        line=smallest_reference,
        line_label=_("smallest of the reference models"),
    )


@register.simple_tag
def score_chart(stage: Mapping[str, Any]) -> SafeString:
    """A dot per class from a stage's statistic; nothing for a stage without at least two scored classes."""
    classes = (stage.get("statistic") or {}).get("classes") or []
    if sum(row["score"] is not None for row in classes) < 2:
        return SafeString("")
    first = stage["first_ranked"]
    title = _("Score per class, larger is more suspicious; class %(label)s stands out most, of %(n)d classes") % {
        "label": first,
        "n": len(classes),
    }
    dots = [Dot(row["label"], row["score"], row["spread"], marked=row["label"] == first) for row in classes]
    return dot_chart(dots, title=title, unit=_("score"), axis=_("class"))


@register.simple_tag
def reference_chart(stage: Mapping[str, Any]) -> SafeString:
    """The references of a stage's calibration as a strip, and what the model itself has on the same scale."""
    calibration = stage.get("calibration") or {}
    references, own = calibration.get("references") or [], calibration.get("score")
    if not references or own is None:
        return SafeString("")
    title = _("The model at %(own).4g beside %(n)d reference models at %(low).4g to %(high).4g") % {
        "own": own,
        "n": len(references),
        "low": min(references),
        "high": max(references),
    }
    return strip_chart(
        references, own, title=title, words=_("the model (dot) among %(n)d references") % {"n": len(references)}
    )


@register.simple_tag
def power_chart(power: Sequence[Mapping[str, Any]]) -> SafeString:
    """A bar per attack: the share of planted backdoors that were found, with its interval."""
    spans = [
        Span(
            label=row["attack"],
            words=_("%(found)d of %(planted)d") % {"found": row["found"], "planted": row["planted"]},
            share=row["rate"]["estimate"],
            low=row["rate"]["low"],
            high=row["rate"]["high"],
        )
        for row in power
    ]
    title = _("Share of planted backdoors found, with 95 %% interval, for %(n)d kinds of attack") % {"n": len(spans)}
    return span_chart(spans, title=title)


@register.simple_tag
def coverage_chart(rows: Sequence[Mapping[str, Any]], techniques: Sequence[Mapping[str, Any]]) -> SafeString:
    """Grid of coverage states: rows of {"model": {"name", "version"}, "cells": [{"state"}]} against sub-techniques."""
    return coverage_grid(
        [
            (f"{row['model']['name']} {row['model']['version']}", [cell["state"] for cell in row["cells"]])
            for row in rows
        ],
        columns=["." + technique["id"].rpartition(".")[2] for technique in techniques],
        title=_("Coverage of %(n)d model versions against %(m)d sub-techniques")
        % {"n": len(rows), "m": len(techniques)},
    )


@register.simple_tag
def figure_chart(figure: Figure) -> SafeString:
    """A figure as it is to be drawn; nothing for one that is a table alone."""
    draw = _DRAWERS.get(figure.drawn)
    if draw is None:
        return SafeString("")
    series = [Series(name, values) for name, values in zip(figure.series, figure.columns, strict=True)]
    series = series[: figure.drawn_series]
    return draw(figure.labels, series, title=f"{figure.title}. {figure.lead}", unit=figure.unit)


@register.simple_tag
def capacity_chart(weeks: Sequence[WeekLoad]) -> SafeString:
    """A bar per week: the person-days that lie on it, dark where they exceed what was stated."""
    over = sum(week.is_over for week in weeks)
    title = _("Person-days of open remediation by week, of everybody; %(over)d of %(n)d weeks exceed the capacity") % {
        "over": over,
        "n": len(weeks),
    }
    bars = [Bar(str(week.week)[5:], float(week.load), marked=week.is_over) for week in weeks]
    return bar_chart(bars, title=title, unit=_("person-days"), axis=_("week of the year"))
