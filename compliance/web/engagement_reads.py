"""What auditors read for an engagement: shown to the organisation and to the team itself, filtered, as a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpResponseBase
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.choices import choices
from compliance.models import Engagement, User
from compliance.rights import Verb, visible
from compliance.selectors import read_page as pages
from compliance.types.engagements import ReadAct
from compliance.web.base import Request, found, guarded, page_of
from compliance.web.exports import Column, exported, table_of, wanted

TABLE = (
    Column(gettext_lazy("at (UTC)"), lambda line: line.read.read_at),
    Column(gettext_lazy("who"), lambda line: line.read.reader.name),
    Column(gettext_lazy("act"), lambda line: line.read.get_act_display()),
    Column(gettext_lazy("what"), lambda line: line.noun),
    Column(gettext_lazy("identifier"), lambda line: line.read.subject),
    Column(gettext_lazy("address"), lambda line: line.read.what),
    Column(gettext_lazy("by token"), lambda line: line.read.by_token),
    Column(gettext_lazy("engagement told"), lambda line: line.read.engagement_id is not None),
)


class ReadFilterForm(forms.Form):
    """Filters of the list."""

    reader = forms.ModelChoiceField(
        label=_("Person"), queryset=User.objects.none(), required=False, to_field_name="uuid", empty_label=_("anybody")
    )
    act = forms.ChoiceField(label=_("Act"), required=False, choices=[("", _("any")), *choices(ReadAct)])

    def __init__(self, *, team: Any, data: Any) -> None:
        super().__init__(data)
        field = self.fields["reader"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = team


def _in_portions(rows: Any) -> Iterator[pages.ReadLine]:
    """The lines of a list of any length, read as they are written."""
    for read in rows.iterator(chunk_size=500):
        yield from pages.lines([read])


@guarded(Verb.VIEW_ENGAGEMENTS)
def engagement_reads(request: Request, uuid: UUID) -> HttpResponseBase:
    """Every page, list and file that the team had, newest first."""
    engagement = found(request, Engagement.objects.all(), uuid)
    rows = visible(pages.reads_of(engagement), request.user)
    form = ReadFilterForm(team=User.objects.filter(reads__engagement=engagement).distinct(), data=request.GET)
    form.is_valid()
    given = form.cleaned_data
    shown = pages.filtered(rows, reader=given.get("reader"), act=given.get("act", ""))
    if wanted(request):
        title = _("What auditors read: %s") % engagement.title
        return exported(request, table_of("auditor-reads", title, TABLE, _in_portions(shown)), form)
    page = page_of(request, shown)
    context = {
        "engagement": engagement,
        "page": page,
        "lines": pages.lines(page),
        "total": rows.count(),
        "form": form,
        "active": bool(given.get("reader") or given.get("act")),
        "columns": [{"label": _("When")}, {"label": _("Who")}, {"label": _("Act")}, {"label": _("What")}],
        "trail": [
            {"label": _("Engagements"), "url": reverse("engagement-list")},
            {"label": engagement.title, "url": reverse("engagement-detail", args=[uuid])},
            {"label": _("What auditors read")},
        ],
    }
    return render(request, "compliance/engagement_reads.html", context)


urls = [path("engagements/<uuid:uuid>/reads/", engagement_reads, name="engagement-reads")]
