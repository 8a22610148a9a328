"""Words for keys and shares of a scan report."""

from __future__ import annotations

from django import template

from compliance.types.key_labels import label_of_key

register = template.Library()


@register.filter
def in_words(key: object) -> str:
    """`mask_norm` -> "Mask norm": a key of a report as a label."""
    return label_of_key(str(key))


@register.filter
def share(value: float | None) -> str:
    """0.984 -> "98.4 %", 0.95 -> "95 %": a share between 0 and 1."""
    return "" if value is None else f"{100 * value:.1f}".removesuffix(".0") + " %"
