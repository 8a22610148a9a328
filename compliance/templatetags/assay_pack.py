"""Filters of the pack's templates; the wording itself is in compliance.packs.wording."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString

from compliance.packs import wording

register = template.Library()
register.filter("day", wording.day)
register.filter("moment", wording.moment)
register.filter("stamp", wording.stamp)
register.filter("grouped", wording.grouped)
register.filter("bytes", wording.size)


@register.filter
def label(value: str | None, kind: str) -> str:
    """{{ stage.verdict|label:"StageVerdict" }}"""
    return wording.label(kind, value)


@register.filter
def percent(share: float) -> str:
    """0.992 -> "99.2 %"."""
    return f"{share * 100:.1f} %"


@register.filter
def css_text(text: str) -> SafeString:
    """Text for inside a quoted CSS string: everything but letters, digits and spaces as an escape."""
    return SafeString("".join(c if c.isascii() and c.isalnum() else f"\\{ord(c):06x}" for c in text))
