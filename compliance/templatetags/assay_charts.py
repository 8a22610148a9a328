"""{% class_norm_chart … %} and {% coverage_chart … %}: the same inline SVG on pages and in packs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import template
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from compliance.packs.charts import Bar, bar_chart, coverage_grid

register = template.Library()


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
