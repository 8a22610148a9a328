"""Template tags of the design system: words for verdicts, and figures, names and dates as people read them.

Nothing here reads a table. docs/design-system.md shows each tag and component in use.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from django import template
from django.core.paginator import Page
from django.core.serializers.json import DjangoJSONEncoder
from django.forms import BoundField, CheckboxInput, CheckboxSelectMultiple, FileInput, RadioSelect, Select
from django.http import HttpRequest
from django.template import Context
from django.templatetags.static import static
from django.utils import timezone
from django.utils.dates import MONTHS_3
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from compliance.rights import Verb
from compliance.templatetags.words import BADGES, KIND_OF_ENUM, Badge, unknown_badge

register = template.Library()

SORT_PARAMETER = "sort"
PAGE_PARAMETER = "page"
DIGEST_GROUP = 4
DIGEST_SHOWN = 16


@register.simple_tag
def badge_of(value: object, kind: str = "") -> Badge:
    """Word, icon and tone of one verdict or state.

    `kind` names the vocabulary (a key of `words.BADGES`); a member of a known enum carries its own.
    Raises `TemplateSyntaxError` for a kind that does not exist; a value that the kind does not know is shown as it is.
    """
    known_kind = kind or KIND_OF_ENUM.get(type(value), "")
    if known_kind not in BADGES:
        kinds = ", ".join(sorted(BADGES))
        raise template.TemplateSyntaxError(f"verdict: kind {known_kind!r} is unknown; state one of {kinds}.")
    key = "" if value is None else str(getattr(value, "value", value))
    return BADGES[known_kind].get(key) or unknown_badge(key)


@lru_cache(maxsize=1)
def _sprite() -> str:
    return static("vendor/bootstrap-icons/icons.svg")


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """One drawing of the sprite. Without a label it is decoration and hidden from screen readers."""
    href = f"{_sprite()}#{name}"
    if label:
        return format_html(
            '<svg class="icon" width="16" height="16" role="img" aria-label="{}"><use href="{}"/></svg>', label, href
        )
    return format_html(
        '<svg class="icon" width="16" height="16" aria-hidden="true" focusable="false"><use href="{}"/></svg>', href
    )


@register.filter
def digest_bare(value: object) -> str:
    """The hexadecimal digits of a digest, without its `sha256:` prefix and without blanks."""
    return str(value or "").rpartition(":")[2].replace(" ", "")


@register.filter
def digest_groups(value: object, shown: int = DIGEST_SHOWN) -> str:
    """A digest in groups of four, the first `shown` digits (0 = all), for eyes and fingers."""
    digits = digest_bare(value)
    visible = digits[: int(shown)] if int(shown) else digits
    return " ".join(visible[i : i + DIGEST_GROUP] for i in range(0, len(visible), DIGEST_GROUP))


@register.filter
def short_id(value: object) -> str:
    """First eight digits of a uuid, enough to tell rows apart on a page."""
    return str(value or "").replace("-", "")[:8]


@register.filter
def duration(value: timedelta | float | None) -> str:
    """A span of time in its two largest units: `0.4 s`, `42 s`, `3 min 20 s`, `2 h 5 min`, `4 d 1 h`. Empty for None."""
    if value is None or value == "":
        return ""
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if seconds < 0:
        return "−" + duration(-seconds)
    if seconds < 9.95 and round(seconds, 1) % 1:
        return _("%(n)s s") % {"n": number_format(round(seconds, 1), 1)}
    whole = round(seconds)
    steps = ((86_400, _("%(n)d d")), (3_600, _("%(n)d h")), (60, _("%(n)d min")), (1, _("%(n)d s")))
    parts: list[str] = []
    for index, (size, text) in enumerate(steps):
        if whole >= size:
            parts.append(text % {"n": whole // size})
            if index + 1 < len(steps) and (rest := whole % size // steps[index + 1][0]):
                parts.append(steps[index + 1][1] % {"n": rest})
            break
    return " ".join(parts) or steps[-1][1] % {"n": 0}


@register.filter
def filesize(value: int | str | None) -> str:
    """Bytes in binary units, exact below 1 KiB: `312 B`, `1.4 KiB`, `695 MiB`. Empty for None."""
    if value is None or value == "":
        return ""
    size = float(value)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size < 1024 or unit == "TiB":
            digits = 0 if unit == "B" or size >= 100 else 1
            return f"{number_format(size, digits)} {unit}"
        size /= 1024
    return ""


@register.filter
def count(value: int | str | None) -> str:
    """A whole number with thin groups of three (`12 345`), so that figures in a column compare by eye."""
    return "" if value is None or value == "" else f"{int(value):,}".replace(",", "\u202f")


@register.filter
def percent(done: float | None, total: float | None) -> str:
    """`done` of `total` in whole per cent; empty when the total is not known."""
    if not total or done is None:
        return ""
    return _("%(n)d %%") % {"n": int(100 * done / total)}


@register.filter
def initials(name: object) -> str:
    """First letters of the first and last word of a name, for the round mark beside it."""
    words = [word for word in str(name or "").replace("@", " ").split() if word[0].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper()


@register.filter
def person_name(person: object) -> str:
    """Full name of a user record where it has one, else its text. Empty for None."""
    if person is None or person == "":
        return ""
    full_name = getattr(person, "get_full_name", None)
    return (full_name() if callable(full_name) else "") or str(person)


@register.filter
def person_role(person: object) -> str:
    """The person's role as a word, where the record has one (`get_role_display` or `role`)."""
    display = getattr(person, "get_role_display", None)
    return str(display() if callable(display) else getattr(person, "role", "") or "")


@register.filter
def moment(value: datetime | date | None) -> str:
    """Date, time and zone as the reader's zone has them: `22 Nov 2026, 18:55 UTC`; a plain date stays a date."""
    if value is None or value == "":
        return ""
    if not isinstance(value, datetime):
        return _day(value)
    if timezone.is_naive(value):
        return _("%(moment)s, zone not stated") % {"moment": f"{_day(value)}, {value:%H:%M}"}
    local = timezone.localtime(value)
    return f"{_day(local)}, {local:%H:%M} {local.tzname()}"


@register.filter
def day(value: datetime | date) -> str:
    """The day alone, in the reader's zone, for rows in which the minute says nothing: `22 Nov 2026`."""
    return _day(timezone.localtime(value) if isinstance(value, datetime) else value)


def _day(value: date) -> str:
    """As Django's `j M Y`, at a tenth of its time: pages show hundreds."""
    return f"{value.day} {MONTHS_3[value.month].title()} {value.year}"


@register.filter
def machine_time(value: datetime | date | None) -> str:
    """ISO 8601 for the `datetime` attribute; an aware time in UTC."""
    if value is None or value == "":
        return ""
    if isinstance(value, datetime) and timezone.is_aware(value):
        return value.astimezone(UTC).isoformat(timespec="seconds")
    return value.isoformat()


@register.filter
def relative(value: datetime | date | None, now: datetime | None = None) -> str:
    """How long ago or ahead, in its largest unit: `3 hours ago`, `in 5 days`. Empty for None and for naive times."""
    if value is None or value == "" or (isinstance(value, datetime) and timezone.is_naive(value)):
        return ""
    present = now or timezone.now()
    if not isinstance(value, datetime):
        days = (value - timezone.localdate(present)).days
        return _("today") if days == 0 else _ahead_or_ago(_days(abs(days)), days > 0)
    seconds = int((value - present).total_seconds())
    size = abs(seconds)
    if size < 60:
        return _("less than a minute ago") if seconds <= 0 else _("in less than a minute")
    if size < 3_600:
        text = ngettext("%(n)d minute", "%(n)d minutes", size // 60) % {"n": size // 60}
    elif size < 86_400:
        text = ngettext("%(n)d hour", "%(n)d hours", size // 3_600) % {"n": size // 3_600}
    else:
        text = _days(size // 86_400)
    return _ahead_or_ago(text, seconds > 0)


def _days(n: int) -> str:
    return ngettext("%(n)d day", "%(n)d days", n) % {"n": n}


def _ahead_or_ago(text: str, ahead: bool) -> str:
    return (_("in %(span)s") if ahead else _("%(span)s ago")) % {"span": text}


@register.simple_tag(takes_context=True)
def query_with(context: Context, key: str, value: object) -> str:
    """The present query string with one key replaced, or left out when the value is empty.

    Any change but that of the page number goes back to the first page.
    """
    request: HttpRequest | None = context.get("request")
    if request is None:
        return "?"
    query = request.GET.copy()
    if key != PAGE_PARAMETER:
        query.pop(PAGE_PARAMETER, None)
    if value is None or value == "":
        query.pop(key, None)
    else:
        query[key] = str(value)
    return "?" + query.urlencode()


@dataclass(frozen=True, slots=True)
class Head:
    """One column head: `url` sorts by it, `direction` is an aria-sort value or empty."""

    label: str
    url: str
    direction: str
    numeric: bool
    hidden: bool


@register.simple_tag(takes_context=True)
def table_heads(context: Context, columns: Iterable[Mapping[str, Any]]) -> list[Head]:
    """Heads of a table from `{label, sort?, numeric?, hidden?}`; `sort` is the value of `?sort=` that orders by it."""
    request: HttpRequest | None = context.get("request")
    current = request.GET.get(SORT_PARAMETER, "") if request else ""
    heads: list[Head] = []
    for column in columns:
        key = str(column.get("sort", ""))
        direction = ""
        if key and current.removeprefix("-") == key:
            direction = "descending" if current.startswith("-") else "ascending"
        target = f"-{key}" if direction == "ascending" else key
        url = query_with(context, SORT_PARAMETER, target) if key else ""
        flags = bool(column.get("numeric")), bool(column.get("hidden"))
        heads.append(Head(str(column["label"]), url, direction, *flags))
    return heads


@register.filter
def page_numbers(page: Page[Any]) -> list[int | str]:
    """Page numbers to link, with an ellipsis where some are left out."""
    return list(page.paginator.get_elided_page_range(page.number, on_each_side=2, on_ends=1))


@register.filter
def widget_kind(field: BoundField) -> str:
    """How a form field is laid out: `hidden`, `group`, `checkbox`, `select`, `file` or `text`."""
    widget = field.field.widget
    if field.is_hidden:
        return "hidden"
    if isinstance(widget, (RadioSelect, CheckboxSelectMultiple)):
        return "group"
    if isinstance(widget, CheckboxInput):
        return "checkbox"
    if isinstance(widget, Select):
        return "select"
    return "file" if isinstance(widget, FileInput) else "text"


_WIDGET_CLASS = {
    "select": "form-select",
    "checkbox": "form-check-input",
    "text": "form-control",
    "file": "form-control",
}


@register.filter
def styled(field: BoundField) -> SafeString:
    """The field's widget with its class; Django adds aria-describedby and aria-invalid by the ids the parts use."""
    css = [_WIDGET_CLASS.get(widget_kind(field), ""), str(field.field.widget.attrs.get("class", ""))]
    if field.errors:
        css.append("is-invalid")
    return field.as_widget(attrs={"class": " ".join(filter(None, css))})


@register.filter
def verb_words(name: str) -> str:
    """What a token may do, by the name of the verb; the name itself where no such verb is left."""
    return Verb[name].value if name in Verb.__members__ else name


@register.filter
def as_json(value: object) -> str:
    """A value for a data attribute that a script reads; the template escapes it."""
    return json.dumps(value, cls=DjangoJSONEncoder)


@register.filter
def unlocalized(value: object) -> str:
    """A number as HTML attributes want it, whatever the reader's language."""
    return str(value)


@register.filter
def message_tone(level_tag: str) -> str:
    """Tone of a notice from the level of Django's messages."""
    return {"success": "good", "warning": "warn", "error": "bad"}.get(level_tag, "note")
