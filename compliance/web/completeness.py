"""How complete the job log is: coverage, integrity and reconciliation apart, each with what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compliance.choices import label
from compliance.models import AISystem, CompletenessReading, CompletenessRow
from compliance.rights import Verb, may, systems_for
from compliance.selectors.completeness_page import (
    CompletenessFilter,
    asked_reading,
    completeness_page,
    completeness_rows,
    readings,
)
from compliance.selectors.completeness_words import (
    coverage_words,
    integrity_words,
    key_words,
    kind_words,
    reconciliation_words,
    unit_words,
)
from compliance.services import completeness as completeness_service
from compliance.services.errors import RefusedError
from compliance.types.completeness import Part, RowState
from compliance.web.base import Request, found, guarded, page_of, refuse, say, uuid_of
from compliance.web.exports import Table, exported, wanted

_STATES = {
    Part.COVERAGE: (RowState.DELIVERS, RowState.NOT_DELIVERING, RowState.NOT_ASSESSED),
    Part.INTEGRITY: (
        RowState.CONSISTENT, RowState.LOGS_ABSENT, RowState.UNVERIFIED, RowState.NO_DIGEST, RowState.UNLISTED,
        RowState.BROKEN, RowState.NOT_ASSESSED,
    ),
    Part.RECONCILIATION: (RowState.NOT_IN_LOG, RowState.NOT_LISTED, RowState.VANISHED, RowState.NOT_ASSESSED),
}  # fmt: skip
ROWS = CompletenessReading.objects.select_related("system")


class CompletenessForm(forms.Form):
    """Filters of one figure's lines; the others come from links."""

    q = forms.CharField(label=gettext_lazy("Account, trail or job"), required=False, max_length=200)
    state = forms.ChoiceField(label=gettext_lazy("State"), required=False)
    part = forms.CharField(required=False, widget=forms.HiddenInput())
    reading = forms.UUIDField(required=False, widget=forms.HiddenInput())

    def __init__(self, data: Any, *, part: Part) -> None:
        super().__init__(data)
        states = [(state.value, label(state)) for state in _STATES[part]]
        self.fields["state"] = forms.ChoiceField(
            label=_("State"), required=False, choices=[("", _("any")), ("exceptions", _("exceptions alone")), *states]
        )


def _part(request: Request) -> Part:
    try:
        return Part(request.GET.get("part", ""))
    except ValueError:
        return Part.COVERAGE


def _asked(request: Request) -> CompletenessReading | None:
    """The reading that the address names, else the latest (of the system it names)."""
    if request.GET.get("reading"):
        return asked_reading(request.user, uuid=uuid_of(request.GET["reading"]))
    system = uuid_of(request.GET["system"]) if request.GET.get("system") else None
    return asked_reading(request.user, system=system)


@guarded(Verb.VIEW)
def completeness(request: Request) -> HttpResponseBase:
    """The three figures of one reading, and the lines of one of them."""
    return _page(request, _asked(request))


@guarded(Verb.VIEW)
def completeness_system(request: Request, uuid: UUID) -> HttpResponseBase:
    """The latest reading of an AI system."""
    system = found(request, AISystem.objects.all(), uuid)
    return _page(request, asked_reading(request.user, system=system.uuid))


def _page(request: Request, reading: CompletenessReading | None) -> HttpResponseBase:
    part = _part(request)
    context: dict[str, Any] = {
        "content": None,
        "may_read": list(systems_for(request.user, Verb.RUN_CHECKS).order_by("name")),
        "may_import": may(request.user, Verb.IMPORT_DOCUMENT),
        "trail": [{"label": _("Job log"), "url": reverse("job-log")}, {"label": _("Completeness")}],
    }
    if reading is None:
        return render(request, "compliance/completeness.html", context)
    form = CompletenessForm(request.GET, part=part)
    form.is_valid()
    asked = CompletenessFilter(part=part, state=form.cleaned_data.get("state", ""), text=form.cleaned_data.get("q", ""))
    rows = completeness_rows(reading, asked)
    if wanted(request):
        return exported(request, _table(rows, part), form, also=_which(reading))
    content = completeness_page(reading, request.user)
    context |= {
        "content": content,
        "part": part.value,
        "page": page_of(request, rows),
        "total": content.lines[part.value],
        "form": form,
        "active": asked != CompletenessFilter(part=part),
        "clear_url": f"?part={part.value}&reading={reading.uuid}",
        "tabs": _tabs(reading, part, content.lines),
        "words": _words(content.coverage, content.reconciliation, content.integrity),
        "may_compare": may(request.user, Verb.COMPARE_KEYS),
        "systems": _systems(request, reading),
        "columns": _columns(part),
        "part_columns": _part_columns(part),
    }
    return render(request, "compliance/completeness.html", context)


def _words(coverage: Any, reconciliation: Any, integrity: Any) -> dict[str, Any]:
    return {
        "coverage": coverage_words(coverage),
        "units": [
            {"words": unit_words(one), "lacking": one["in_scope"] - one["delivering"] - one["not_assessed"], **one}
            for one in coverage["units"]
        ],
        "integrity": integrity_words(integrity),
        "keys": [{"key": key, "words": key_words(key)} for key in integrity.keys],
        "reconciliation": reconciliation_words(reconciliation),
        "families": [
            {"title": kind_words(one["kind"]), "matched_sum": sum(one["matched"].values()), **one}
            for one in reconciliation["families"]
        ],
    }


def _tabs(reading: CompletenessReading, part: Part, lines: dict[str, int]) -> list[dict[str, Any]]:
    return [
        {
            "label": label(one),
            "url": f"{reverse('completeness')}?part={one.value}&reading={reading.uuid}",
            "active": one is part,
            "count": lines[one.value],
        }
        for one in Part
    ]


def _columns(part: Part) -> list[dict[str, object]]:
    heads = {
        Part.COVERAGE: (_("Account, region, subscription …"), _("State"), _("In words")),
        Part.INTEGRITY: (_("Account and region"), _("State"), _("From – to"), _("In words")),
        Part.RECONCILIATION: (_("Job"), _("State"), _("When"), _("In words")),
    }
    return [{"label": head} for head in heads[part]]


def _part_columns(part: Part) -> list[dict[str, object]]:
    """Heads of the table that sums a figure up."""
    words, numbers = {
        Part.COVERAGE: (
            (_("In scope"), _("Platform")), (_("Deliver"), _("Do not"), _("Not assessed"), _("Logs on record"))
        ),
        Part.INTEGRITY: ((), ()),
        Part.RECONCILIATION: (
            (_("Jobs"),),
            (
                _("Listed"), _("Of these in the log"), _("In no log"), _("In the log"), _("Not listed"),
                _("Gone from the list"), _("Not assessed"),
            ),
        ),
    }[part]  # fmt: skip
    return [{"label": head, "numeric": head in numbers} for head in (*words, *numbers)]


def _systems(request: Request, reading: CompletenessReading) -> list[dict[str, Any]]:
    rows = readings(request.user).exclude(system=reading.system_id).order_by("system__name")
    return [
        {"uuid": one["system__uuid"], "name": one["system__name"]}
        for one in rows.values("system__uuid", "system__name").distinct()
    ]


def _which(reading: CompletenessReading) -> tuple[tuple[str, str], ...]:
    return ((_("AI system"), reading.system.name), (_("Reading as of"), f"{reading.as_of:%Y-%m-%d %H:%M} UTC"))


def _table(rows: QuerySet[CompletenessRow], part: Part) -> Table:
    heads = (
        _("figure"), _("state"), _("platform"), _("place"), _("what"), _("from (UTC)"), _("to (UTC)"), _("in words")
    )  # fmt: skip
    title = _("Completeness of the job log: %s") % label(part)
    return Table(name=f"completeness-{part.value}", title=title, heads=heads, rows=_rows(rows))


def _rows(rows: QuerySet[CompletenessRow]) -> Iterator[tuple[object, ...]]:
    for row in rows.iterator(chunk_size=2000):
        yield (
            row.get_part_display(),
            row.get_state_display(),
            row.platform,
            row.place,
            row.name,
            row.starts_at,
            row.ends_at,
            row.sentence,
        )


@guarded(Verb.COMPARE_KEYS, methods=("POST",))
def completeness_compare(request: Request, uuid: UUID) -> HttpResponse:
    """Record that the auditor fetched a key by themselves, and whether it is the same."""
    reading = found(request, ROWS, uuid)
    try:
        told = completeness_service.compare_key(
            reading=reading,
            key_sha256=request.POST.get("key", ""),
            seen=request.POST.get("seen", ""),
            way=request.POST.get("way", ""),
            record_difference=bool(request.POST.get("differs")),
            actor=request.user,
        )
    except RefusedError as error:
        refuse(request, error)
    else:
        if told.matches:
            say(request, _("Recorded: you saw the same key."))
        else:
            say(request, _("Recorded: you saw another key. The figure says so from now on."))
    return HttpResponseRedirect(f"{reverse('completeness')}?part={Part.INTEGRITY.value}&reading={reading.uuid}")


urls = [
    path("completeness/", completeness, name="completeness"),
    path("completeness/of/<uuid:uuid>/", completeness_system, name="completeness-system"),
    path("completeness/<uuid:uuid>/compare/", completeness_compare, name="completeness-compare"),
]
