"""Figures on pages and in the monthly summary: numbers, heads of their tables, and where their files are."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from urllib.parse import urlencode

from django import template
from django.http import HttpRequest
from django.template import Context
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from compliance.selectors.day_words import day_words
from compliance.types.days import month_of
from compliance.types.figures import Figure, Number

register = template.Library()
_THIN = "\u202f"


@register.filter
def figure_value(value: Number) -> str:
    """12345 -> "12 345"; a number with a point to two places, without zeros at the end; what is not known says so."""
    if value is None:
        return _("not known")
    if isinstance(value, Decimal):
        whole, _point, rest = f"{value:,.2f}".partition(".")
        rest = rest.rstrip("0")
        return (f"{whole}.{rest}" if rest else whole).replace(",", _THIN)
    return f"{value:,}".replace(",", _THIN)


@register.filter
def figure_label(label: str) -> str:
    """The words of a line: a day or a month that is kept as 2026-10-05 or 2026-10 as people write it, others as they are."""
    if month := month_of(label):
        return date_format(month, "F Y")
    try:
        return day_words(date.fromisoformat(label))
    except ValueError:
        return label


@register.simple_tag
def figure_columns(figure: Figure) -> list[dict[str, object]]:
    """Heads of the figure's table."""
    return [{"label": figure.head}, *({"label": name, "numeric": True} for name in figure.series)]


@register.simple_tag(takes_context=True)
def figure_file(context: Context, figure: Figure, kind: str) -> str:
    """The address of one figure as a file, with the filter that holds on the page."""
    request: HttpRequest = context["request"]
    asked = [(name, value) for name, value in request.GET.items() if name not in ("figure", "export")]
    return f"?{urlencode([*asked, ('figure', figure.key), ('export', kind)])}"
