"""Column mappings: saying what the columns of one log mean, with a preview, and the mappings there are."""

from __future__ import annotations

from operator import attrgetter, methodcaller
from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.choices import label
from compliance.rights import Verb, may
from compliance.services.errors import RefusedError
from compliance.types.errors import BadInputError
from compliance.web.base import Request, found, guarded, page_of, say, uuid_of
from compliance.web.exports import Column, exported, table_of, wanted
from scanning.ingest.mapping_preview import Head, Line, preview
from scanning.ingest.records import Fields, text_of
from scanning.models import ColumnMapping, Import
from scanning.selectors import lists, mapping_pages
from scanning.services import column_mappings, imports
from scanning.web.answers import see_other
from scanning.web.mapping_forms import (
    FIELD_LABELS,
    TIME_FORMATS,
    MappingForm,
    action_choices,
    guess_of,
    initial_of,
    outcome_choices,
)

SHOWN_LINES = 20
SHOWN_RECORDS = 5
SHOWN_COLUMNS = 40
TABLE = (
    Column(gettext_lazy("mapping"), attrgetter("name")),
    Column(gettext_lazy("source"), lambda row: row.definition["source"]),
    Column(gettext_lazy("layout"), methodcaller("get_layout_display")),
    Column(gettext_lazy("version"), attrgetter("version")),
    Column(gettext_lazy("made (UTC)"), attrgetter("created_at")),
    Column(gettext_lazy("made by"), attrgetter("made_by")),
    Column(gettext_lazy("imports"), lambda row: row.used or 0),
    Column(gettext_lazy("SHA-256"), attrgetter("sha256")),
    Column(gettext_lazy("identifier"), attrgetter("uuid")),
)


@guarded(Verb.MAP_COLUMNS, methods=("GET", "HEAD", "POST"))
def import_mapping(request: Request, uuid: UUID) -> HttpResponseBase:
    """Say what the columns of a log mean, see its first records read by that, and read the log."""
    document = found(request, lists.import_list(asker=request.user), uuid)
    try:
        head = column_mappings.beginning_of(evidence=document.evidence)
    except RefusedError as error:
        return render(request, "scanning/import_unmappable.html", {"reason": str(error), "trail": _trail(document)})
    if request.method == "POST" and request.POST.get("act") == "use":
        return _read_by(
            request, document, found(request, ColumnMapping.objects.all(), uuid_of(request.POST.get("mapping")))
        )
    bound = request.POST if request.method == "POST" else None
    form = MappingForm(head=head, data=bound, initial=_initial(request, document, head))
    if request.method == "POST" and request.POST.get("act") == "save" and form.is_valid():
        answer = _saved(request, document, form)
        if answer is not None:
            return answer
    if request.htmx:
        return render(request, "scanning/_mapping_result.html", _result(form))
    return render(request, "scanning/import_mapping.html", _page(document, head, form) | _result(form))


def _initial(request: Request, document: Import, head: Head) -> dict[str, Any]:
    """What the form begins with: the mapping asked for, the one that failed, or what the names of the columns suggest."""
    if "from" in request.GET:
        return initial_of(found(request, ColumnMapping.objects.all(), uuid_of(request.GET["from"])))
    return initial_of(document.mapping) if document.mapping else guess_of(head)


def _saved(request: Request, document: Import, form: MappingForm) -> HttpResponseBase | None:
    """Keep the mapping and read the log by it; None where it was refused, with the reason in the form."""
    given = form.cleaned_data
    try:
        mapping = column_mappings.make(
            name=given["name"],
            mapping=given["mapping"],
            columns=[column.pointer for column in form.head.columns],
            actor=request.user,
        )
    except RefusedError as error:
        form.add_error("name", str(error))
        return None
    return _read_by(request, document, mapping)


def _read_by(request: Request, document: Import, mapping: ColumnMapping) -> HttpResponseBase:
    again = imports.request(evidence=document.evidence, requested_format="", mapping=mapping, actor=request.user)
    say(
        request,
        _("“%(file)s” is read by the mapping “%(name)s”.") % {"file": document.evidence.filename, "name": mapping},
    )
    return see_other("import-detail", again.uuid)


def _result(form: MappingForm) -> dict[str, Any]:
    """What the mapping makes of the first records, as far as it is one yet."""
    lines: tuple[Line, ...] = ()
    problem = ""
    try:
        lines = preview(form.head, form.mapping(), most=SHOWN_LINES)
    except BadInputError as error:
        problem = str(error)
    return {
        "form": form,
        "lines": [(line, *_words_of(line)) for line in lines],
        "problem": problem,
        "events": sum(line.event is not None for line in lines),
        "passed_over": sum(bool(line.passed_over) for line in lines),
        "rejected": sum(bool(line.rejected) for line in lines),
        "action_choices": action_choices(),
        "outcome_choices": outcome_choices(),
        "columns": [
            {"label": _("Record")},
            {"label": _("When")},
            {"label": _("Who")},
            {"label": _("What")},
            {"label": _("Job")},
            {"label": _("Base model and inputs")},
            {"label": _("Not given by the source")},
        ],
    }


def _words_of(line: Line) -> tuple[str, list[str]]:
    """The class of an event and what its source does not give, in words."""
    if line.event is None:
        return "", []
    missing = [str(FIELD_LABELS.get(name, name.replace("_", " "))) for name in line.event.unknown_fields]
    return str(label(line.event.action_class)), missing


def _page(document: Import, head: Head, form: MappingForm) -> dict[str, Any]:
    shown = head.columns[:SHOWN_COLUMNS]
    return {
        "document": document,
        "known": column_mappings.fitting(head=head),
        "records_read": len(head.records),
        "record_columns": [{"label": _("Record")}, *({"label": column.label} for column in shown)],
        "records": [
            (record.locator, record.problem, [_cell(record.value, column.pointer) for column in shown])
            for record in head.records[:SHOWN_RECORDS]
        ],
        "shown_columns": len(shown),
        "more_columns": len(head.columns) - len(shown),
        "trail": _trail(document),
    }


def _trail(document: Import) -> list[dict[str, object]]:
    return [
        {"label": _("Imports"), "url": reverse("import-list")},
        {"label": document.evidence.filename, "url": reverse("import-detail", args=[document.uuid])},
        {"label": _("What its columns mean")},
    ]


def _cell(record: object, pointer: str) -> str:
    return text_of(Fields(record).peek(pointer)) if isinstance(record, dict) else ""


@guarded(Verb.VIEW_JOBS)
def column_mapping_list(request: Request) -> HttpResponseBase:
    """Column mappings, each by its latest version."""
    rows = mapping_pages.mapping_list(asker=request.user)
    if wanted(request):
        return exported(request, table_of("column-mappings", _("Column mappings"), TABLE, rows))
    context = {
        "page": page_of(request, rows),
        "columns": [
            {"label": _("Mapping")},
            {"label": _("Source")},
            {"label": _("Layout")},
            {"label": _("Version"), "numeric": True},
            {"label": _("Made")},
            {"label": _("Imports"), "numeric": True},
        ],
        "trail": [{"label": _("Imports"), "url": reverse("import-list")}, {"label": _("Column mappings")}],
    }
    return render(request, "scanning/column_mapping_list.html", context)


@guarded(Verb.VIEW_JOBS)
def column_mapping_detail(request: Request, uuid: UUID) -> HttpResponse:
    """One version of a mapping."""
    mapping = found(request, ColumnMapping.objects.select_related("made_by"), uuid)
    content = mapping_pages.mapping_page(mapping, request.user)
    context = {
        "mapping": mapping,
        "content": content,
        "fields": [(FIELD_LABELS[field.name], field) for field in content.fields],
        "time_format": dict(TIME_FORMATS)[mapping.definition["time_format"]],
        "field_columns": [{"label": _("Field")}, {"label": _("Taken from")}],
        "may_map": may(request.user, Verb.MAP_COLUMNS),
        "trail": [
            {"label": _("Imports"), "url": reverse("import-list")},
            {"label": _("Column mappings"), "url": reverse("column-mapping-list")},
            {"label": str(mapping)},
        ],
    }
    return render(request, "scanning/column_mapping_detail.html", context)


urls = [
    path("imports/<uuid:uuid>/mapping/", import_mapping, name="import-mapping"),
    path("column-mappings/", column_mapping_list, name="column-mapping-list"),
    path("column-mappings/<uuid:uuid>/", column_mapping_detail, name="column-mapping-detail"),
]
