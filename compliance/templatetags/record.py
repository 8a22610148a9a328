"""Words for acts and keys of the record."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext_lazy as _

register = template.Library()

ACTS = {
    "written": _("Written"),
    "submitted": _("Sent for review"),
    "approved": _("Approved"),
    "returned": _("Returned"),
    "finding_linked": _("Finding named"),
}


@register.filter
def words(key: object) -> str:
    """An act or key as words: a known act by its label, any other by its underscores."""
    text = str(key or "")
    return str(ACTS.get(text, text.replace("_", " ").capitalize()))
