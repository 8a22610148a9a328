"""What changed between two freezes of an AI system."""

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

from compliance.models import Assessment
from compliance.rights import Verb
from compliance.selectors import comparison_page as pages
from compliance.services import freeze_documents
from compliance.services.errors import RefusedError
from compliance.types.freeze_comparison import Comparison
from compliance.web.base import Request, found, guarded, uuid_of
from compliance.web.exports import Table, exported, wanted


class CompareForm(forms.Form):
    """Which freeze to compare with."""

    against = forms.ModelChoiceField(
        label=gettext_lazy("Compare with"), queryset=Assessment.objects.none(), to_field_name="uuid", empty_label=None
    )

    def __init__(self, *, rows: Any, initial: dict[str, Any]) -> None:
        super().__init__(initial=initial)
        field = self.fields["against"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = rows
        field.label_from_instance = _named  # type: ignore[assignment, method-assign]  # as Django's forms allow


def _named(assessment: Assessment) -> str:
    return _("%(title)s, frozen %(day)s") % {
        "title": assessment.title,
        "day": f"{assessment.freeze.created_at:%Y-%m-%d %H:%M} UTC",
    }


@guarded(Verb.VIEW)
def assessment_compare(request: Request, uuid: UUID) -> HttpResponseBase:
    """An assessment's freeze against another of its system: `?against=`, else the one before it."""
    assessment = found(request, Assessment.objects.select_related("system", "technique", "freeze"), uuid)
    rows = pages.candidates(assessment, request.user)
    context: dict[str, Any] = {"assessment": assessment, "trail": _trail(assessment), "form": None, "comparison": None}
    if not assessment.is_frozen or not rows.exists():
        return render(request, "compliance/assessment_compare.html", context)
    asked = request.GET.get("against")
    other = found(request, rows, uuid_of(asked)) if asked else pages.previous(assessment, rows) or rows[0]
    earlier, later = sorted((assessment, other), key=lambda one: (one.freeze.created_at, one.pk))
    context["form"] = CompareForm(rows=rows, initial={"against": other.uuid})
    try:
        comparison = freeze_documents.compared(
            before=earlier, after=later, most_bytes=freeze_documents.WHILE_SOMEBODY_WAITS
        )
    except RefusedError as error:
        return render(request, "compliance/assessment_compare.html", context | {"reason": str(error)}, status=409)
    if wanted(request):
        which = ((_("Earlier freeze"), _named(earlier)), (_("Later freeze"), _named(later)))
        return exported(request, _table(comparison), also=which)
    context |= {
        "earlier": earlier,
        "later": later,
        "comparison": comparison,
        "views": pages.views(comparison),
        "alike": pages.alike(comparison),
        "summary": pages.summary(comparison),
        "columns": [{"label": _("Record")}, {"label": _("What")}, {"label": _("Before")}, {"label": _("After")}],
        "shown_text": pages.SHOWN_TEXT,
    }
    return render(request, "compliance/assessment_compare.html", context)


def _table(comparison: Comparison) -> Table:
    heads = (_("part"), _("change"), _("record"), _("field"), _("before"), _("after"))
    return Table(name="comparison", title=_("What changed"), heads=heads, rows=_rows(comparison))


def _rows(comparison: Comparison) -> Iterator[tuple[object, ...]]:
    for section in comparison.sections:
        title, note = pages.title_of(section.name), pages.note_of(section)
        if note:
            yield title, note, "", "", section.before, section.after
        for row in pages.section_rows(section):
            yield title, row.change, row.record, row.path, row.before, row.after


def _trail(assessment: Assessment) -> list[dict[str, str]]:
    return [
        {"label": _("Assessments"), "url": reverse("assessment-list")},
        {"label": assessment.title, "url": reverse("assessment-detail", args=[assessment.uuid])},
        {"label": _("What changed")},
    ]


urls = [path("assessments/<uuid:uuid>/compare/", assessment_compare, name="assessment-compare")]
