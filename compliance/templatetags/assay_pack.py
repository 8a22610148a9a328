"""Filters of the pack's templates; the wording itself is in compliance.packs.wording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from compliance.choices import conclusion_label
from compliance.packs import wording
from compliance.types.drafts import Progress
from compliance.types.key_labels import label_of_key
from compliance.types.testing import ControlTestConclusion, ControlTestKind

register = template.Library()
register.filter("day", wording.day)
register.filter("moment", wording.moment)
register.filter("stamp", wording.stamp)
register.filter("grouped", wording.grouped)
register.filter("bytes", wording.size)
register.filter("humane", label_of_key)


@register.simple_tag(takes_context=True)
def chapter(context: template.Context, name: str, level: str = "h1") -> SafeString:
    """{% chapter "job_log" %}: its heading, with number and title. `on_chapter` of the context, where there is one, is told
    that it is being composed.
    """
    pack = context["pack"]
    number, title = pack.numbers[name], dict(pack.sections)[name.replace("_", "-")]
    if told := context.get("on_chapter"):
        words = _("Chapter %(n)d of %(all)d: %(title)s") % {"n": number, "all": len(pack.numbers), "title": title}
        told(Progress(stage=words, done=number, total=len(pack.numbers)))
    return format_html("<{0}>{1}&ensp;{2}</{0}>", level, number, title)


@register.filter
def label(value: str | None, kind: str) -> str:
    """{{ stage.verdict|label:"StageVerdict" }}"""
    return wording.label(kind, value)


@register.filter
def test_words(conclusion: str, kind: str) -> str:
    """{{ test.conclusion|test_words:test.kind }}: what an auditor's test concludes, in the words that fit its kind."""
    return conclusion_label(ControlTestKind(kind), ControlTestConclusion(conclusion))


@register.filter
def percent(share: float) -> str:
    """0.992 -> "99.2 %", 0.95 -> "95 %"."""
    return f"{share * 100:.1f}".removesuffix(".0") + " %"


@register.filter
def number(value: float) -> str:
    """Three significant digits, without zeros at the end."""
    return f"{value:.3g}"


@register.filter
def significant(value: float) -> str:
    """Four significant digits, without zeros at the end: for p-values and scores."""
    return f"{value:.4g}"


@register.filter
def css_text(text: str) -> SafeString:
    """Text for inside a quoted CSS string: everything but letters, digits and spaces as an escape."""
    return SafeString("".join(c if c.isascii() and c.isalnum() else f"\\{ord(c):06x}" for c in text))


@register.filter
def table_columns(table: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """Heads of a stage's table, each with whether its column holds numbers."""
    return list(zip(table["heads"], table["numeric"], strict=True))


@register.filter
def table_cells(table: Mapping[str, Any], row: Sequence[str]) -> list[tuple[str, bool]]:
    """Cells of one row of a stage's table, each with whether its column holds numbers."""
    return list(zip(row, table["numeric"], strict=True))


@register.filter
def count(value: int) -> str:
    """12480 -> "12,480"."""
    return f"{value:,}"


@register.simple_tag
def ref(record: Mapping[str, Any], *more: str) -> SafeString:
    """The number of a record, linked where it stands on a page, and further words about it inside the link."""
    text = " ".join([record["no"], *(str(record[key]) for key in more)])
    return format_html('<a href="#{}">{}</a>', record["no"], text) if record["shown"] else format_html("{}", text)


@register.filter
def custody_act(act: str) -> str:
    """What was done to a piece of evidence, in words."""
    return wording.custody_act(act)
